import GRDB
import Glibc

/// The directory that holds the history, opened once and held, with its lock.
///
/// SQLite would create the database with mode 0644 under the usual umask and would follow
/// a symbolic link planted in its place; so the directory is opened without following a
/// link, every file SQLite will touch is looked at first, and the database is created here.
final class StateDirectory: Sendable {
    static let databaseName = "history.sqlite"
    private static let lockName = "history.lock"

    let path: String
    private let descriptor: Int32
    private let lock: Int32

    var databasePath: String { path + "/" + Self.databaseName }

    func path(_ name: String) -> String { path + "/" + name }

    init(_ directory: String) throws(HistoryError) {
        var path = directory
        while path.utf8.count > 1, path.utf8.last == UInt8(ascii: "/") { path.removeLast() }
        let descriptor = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else {
            let error = errno
            var info = stat()
            // With O_DIRECTORY a link gives ENOTDIR, not ELOOP.
            if lstat(path, &info) == 0, info.st_mode & S_IFMT == S_IFLNK {
                throw .symlink(path: path)
            }
            throw error == ENOENT || error == ENOTDIR
                ? .stateDirectoryMissing(path: path) : .notWritable(path: path, errno: error)
        }
        let lock: Int32
        do throws(HistoryError) {
            lock = try Self.takeLock(in: descriptor, path: path + "/" + Self.lockName)
        } catch {
            Glibc.close(descriptor)
            throw error
        }
        self.path = path
        self.descriptor = descriptor
        self.lock = lock
    }

    deinit {
        // Closing gives up the lock.
        Glibc.close(lock)
        Glibc.close(descriptor)
    }

    /// flock(2) and not a pid file: the kernel releases it however the daemon dies.
    private static func takeLock(in directory: Int32, path: String) throws(HistoryError) -> Int32 {
        let lock = openat(directory, lockName, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0o600)
        guard lock >= 0 else {
            if errno == ELOOP { throw .symlink(path: path) }
            throw .notWritable(path: path, errno: errno)
        }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            let error = errno
            var digits = [UInt8](repeating: 0, count: 16)
            let count = digits.withUnsafeMutableBytes { pread(lock, $0.baseAddress, $0.count, 0) }
            Glibc.close(lock)
            guard error == EWOULDBLOCK else { throw .notWritable(path: path, errno: error) }
            let text = String(decoding: digits.prefix(max(0, count)).prefix { $0 != 10 }, as: UTF8.self)
            throw .locked(path: path, byPid: Int32(text))
        }
        // Only a hint for the message above; the lock holds without it, on a full disk too.
        let text = Array("\(getpid())\n".utf8)
        _ = ftruncate(lock, 0)
        _ = text.withUnsafeBytes { pwrite(lock, $0.baseAddress, $0.count, 0) }
        return lock
    }

    /// Gives the lock up early; nothing may be written afterwards.
    func unlock() { flock(lock, LOCK_UN) }

    /// Size of a file in the directory, nil where it is absent. Anything but a regular file
    /// of one name is refused.
    func size(of name: String) throws(HistoryError) -> Int64? {
        var info = stat()
        guard fstatat(descriptor, name, &info, AT_SYMLINK_NOFOLLOW) == 0 else {
            if errno == ENOENT { return nil }
            throw .notWritable(path: path(name), errno: errno)
        }
        switch info.st_mode & S_IFMT {
        case S_IFREG: return Int64(info.st_size)
        case S_IFLNK: throw .symlink(path: path(name))
        default: throw .notAFile(path: path(name))
        }
    }

    /// Refuses links and other oddities at every name SQLite is going to open.
    func refusePlantedFiles() throws(HistoryError) {
        for suffix in ["", "-wal", "-shm", "-journal"] { _ = try size(of: Self.databaseName + suffix) }
    }

    /// The first bytes of a file, at most `count`.
    func prefix(of name: String, count: Int) throws(HistoryError) -> [UInt8] {
        let file = openat(descriptor, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { throw .notWritable(path: path(name), errno: errno) }
        defer { Glibc.close(file) }
        var bytes = [UInt8](repeating: 0, count: count)
        let read = bytes.withUnsafeMutableBytes { pread(file, $0.baseAddress, $0.count, 0) }
        guard read >= 0 else { throw .notWritable(path: path(name), errno: errno) }
        return Array(bytes.prefix(read))
    }

    /// Creates or opens a regular file, mode 0600, never through a link. The caller closes it.
    func create(_ name: String) throws(HistoryError) -> Int32 {
        let file = openat(descriptor, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0o600)
        guard file >= 0 else {
            if errno == ELOOP { throw .symlink(path: path(name)) }
            if errno == ENOSPC || errno == EDQUOT { throw .diskFull(path: path(name)) }
            throw .notWritable(path: path(name), errno: errno)
        }
        return file
    }

    func exists(_ name: String) -> Bool { faccessat(descriptor, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0 }

    func remove(_ name: String) { unlinkat(descriptor, name, 0) }

    func rename(_ from: String, to: String) throws(HistoryError) {
        guard renameat(descriptor, from, descriptor, to) == 0 else {
            throw .notWritable(path: path(from), errno: errno)
        }
    }

    /// Makes renames and new names survive a power cut.
    func synchronize() { fsync(descriptor) }

    /// Waits until the disk has what was written to a file, which need not be there.
    func flush(_ name: String) throws(HistoryError) {
        let file = openat(descriptor, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else {
            if errno == ENOENT { return }
            if errno == ELOOP { throw .symlink(path: path(name)) }
            throw .notWritable(path: path(name), errno: errno)
        }
        defer { Glibc.close(file) }
        guard fdatasync(file) == 0 else {
            let error = errno
            if error == ENOSPC || error == EDQUOT { throw .diskFull(path: path(name)) }
            throw .failed(path: path(name), reason: "cannot be flushed: \(HistoryError.text(error))")
        }
    }

    /// Bytes free on the file system to this user; nil where the kernel will not say.
    func availableBytes() -> Int64? {
        var info = statvfs()
        guard fstatvfs(descriptor, &info) == 0 else { return nil }
        let (bytes, overflow) = UInt64(info.f_bavail).multipliedReportingOverflow(by: UInt64(info.f_frsize))
        return overflow ? .max : Int64(clamping: bytes)
    }
}
