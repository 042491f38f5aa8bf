import Glibc
import MemwatchInterface

/// Reads the files configuration is made of, and refuses what is not one.
///
/// Symbolic links are followed, of the file and of what is in `conf.d`: configuration managers
/// and container volumes are made of them, and whoever may place a link in /etc could as well
/// place the file. What is at the end must be a regular file that not everybody may write to.
enum ConfigurationFile {
    static let largestBytes = 1 << 20
    /// In one `conf.d`.
    static let mostFiles = 256

    enum Outcome {
        case content([UInt8])
        case missing
        case refused(String)
    }

    static func read(_ path: String) -> Outcome {
        // O_NONBLOCK: opening a FIFO that nobody writes to would wait for ever.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else {
            let code = errno
            if code == ENOENT || code == ENOTDIR { return .missing }
            return .refused(
                "cannot be opened: \(reason(code))" + (code == EACCES ? "; let the daemon read it" : ""))
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return .refused("cannot be read: \(reason(errno))") }
        guard status.st_mode & S_IFMT == S_IFREG else {
            return .refused("is not a regular file; write one in its place")
        }
        guard status.st_mode & S_IWOTH == 0 else {
            return .refused("can be changed by every user; take that away with chmod o-w")
        }
        var content: [UInt8] = []
        while content.count <= largestBytes {
            // The size that fstat gave may be another by now, so that only read says what there is.
            var failure: Int32 = 0
            let chunk = [UInt8](unsafeUninitializedCapacity: 64 << 10) { buffer, count in
                let got = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
                failure = got < 0 ? errno : 0
                count = max(got, 0)
            }
            if failure == EINTR { continue }
            guard failure == 0 else { return .refused("cannot be read: \(reason(failure))") }
            if chunk.isEmpty { return .content(content) }
            content += chunk
        }
        return .refused(
            "is larger than \(SizeText.exact(UInt64(largestBytes))); split it up, or see what it is")
    }

    /// The names of `*.toml` in a directory, in byte order, hidden ones left out. A missing directory has none.
    static func list(_ directory: String) -> Result<[String], ListFailure> {
        guard let stream = opendir(directory) else {
            let code = errno
            if code == ENOENT || code == ENOTDIR { return .success([]) }
            return .failure(ListFailure(message: "cannot be listed: \(reason(code))"))
        }
        defer { closedir(stream) }
        var names: [[UInt8]] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
            guard name.first != UInt8(ascii: "."), name.count > 5, name.suffix(5).elementsEqual(".toml".utf8)
            else { continue }
            names.append(name)
            guard names.count <= mostFiles else {
                return .failure(ListFailure(message: "has more than \(mostFiles) files; put them together"))
            }
        }
        names.sort { $0.lexicographicallyPrecedes($1) }
        return .success(names.map { String(decoding: $0, as: UTF8.self) })
    }

    struct ListFailure: Error {
        var message: String
    }

    private static func reason(_ code: Int32) -> String { String(cString: strerror(code)) }
}
