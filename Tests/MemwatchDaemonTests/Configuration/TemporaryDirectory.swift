import Glibc

/// A directory of its own for one test, gone with it.
final class TemporaryDirectory {
    let path: String

    init() throws {
        var template = Array("/tmp/memwatch-test-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else { throw TestFailure("mkdtemp: errno \(errno)") }
        path = String(cString: made)
        // For clients and targets of other users.
        chmod(path, 0o755)
    }

    deinit { Self.remove(path) }

    /// Writes a file, with the directories on the way to it, and returns its path.
    @discardableResult
    func write(_ name: String, _ content: some Sequence<UInt8>, mode: mode_t = 0o644) throws -> String {
        let file = path + "/" + name
        if let slash = name.lastIndex(of: "/") { mkdir(path + "/" + name[..<slash], 0o755) }
        let descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw TestFailure("open \(file): errno \(errno)") }
        defer { close(descriptor) }
        let bytes = Array(content)
        guard Glibc.write(descriptor, bytes, bytes.count) == bytes.count, fchmod(descriptor, mode) == 0 else {
            throw TestFailure("write \(file): errno \(errno)")
        }
        return file
    }

    @discardableResult
    func write(_ name: String, _ text: String, mode: mode_t = 0o644) throws -> String {
        try write(name, Array(text.utf8), mode: mode)
    }

    private static func remove(_ path: String) {
        if let stream = opendir(path) {
            while let entry = readdir(stream) {
                let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                    String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
                }
                if name == "." || name == ".." { continue }
                if entry.pointee.d_type == UInt8(DT_DIR) {
                    remove(path + "/" + name)
                } else {
                    unlink(path + "/" + name)
                }
            }
            closedir(stream)
        }
        rmdir(path)
    }
}

struct TestFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
