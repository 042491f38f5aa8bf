import CLinux
import Glibc
import MemwatchInterface

/// Reads the files configuration is made of, and refuses what is not one.
///
/// Symbolic links of root's, or of the daemon's own user's, are followed: configuration managers and
/// container volumes are made of them. One that anybody else has planted is refused: it would have a
/// privileged daemon open, and quote in a complaint, a file that its owner may not read. What is at the
/// end must be a regular file that not everybody may write to.
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
        let descriptor: Int32
        do throws(Unopened) {
            descriptor = try openThroughTrustedLinks(path)
        } catch {
            guard case .system(let code) = error else {
                return .refused(
                    "is a symbolic link that belongs to neither root nor the daemon's user; "
                        + "remove it, or give it to root with chown -h")
            }
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

    private enum Unopened: Error {
        case plantedLink
        case system(Int32)
    }

    /// Opens a file for reading. Links at its own name are followed one by one, each read through the
    /// descriptor whose owner was looked at: nobody can exchange it in between.
    private static func openThroughTrustedLinks(_ path: String) throws(Unopened) -> Int32 {
        var path = path
        // As many as the kernel itself follows (path_resolution(7)).
        for _ in 0..<40 {
            // O_NONBLOCK: opening a FIFO that nobody writes to would wait for ever.
            let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
            if descriptor >= 0 { return descriptor }
            guard errno == ELOOP else { throw .system(errno) }
            let link = open(path, CLINUX_O_PATH | O_NOFOLLOW | O_CLOEXEC)
            guard link >= 0 else { throw .system(errno) }
            defer { close(link) }
            var status = stat()
            guard fstat(link, &status) == 0 else { throw .system(errno) }
            guard status.st_mode & S_IFMT == S_IFLNK else { continue }
            guard status.st_uid == 0 || status.st_uid == geteuid() else { throw .plantedLink }
            var target = [UInt8](repeating: 0, count: Int(PATH_MAX))
            let length = target.withUnsafeMutableBytes { buffer in
                buffer.baseAddress.map {
                    readlinkat(link, "", $0.assumingMemoryBound(to: CChar.self), buffer.count)
                } ?? -1
            }
            guard length > 0 else { throw .system(errno) }
            let name = String(decoding: target.prefix(length), as: UTF8.self)
            let directory = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
            path = name.hasPrefix("/") ? name : directory + name
        }
        throw .system(ELOOP)
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
