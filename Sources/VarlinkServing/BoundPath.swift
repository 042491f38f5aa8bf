import Glibc
import Synchronization
import Varlink

/// A socket file's name while this process owns it.
///
/// Ownership is an flock on a file beside the socket. The socket itself cannot carry it: it
/// has to be removed before it can be bound again, and between looking whether somebody still
/// listens and removing it another starting daemon could have bound its own.
final class BoundPath: Sendable {
    private struct FileIdentity: Equatable {
        let device: UInt64
        let inode: UInt64

        init(_ status: stat) {
            device = UInt64(status.st_dev)
            inode = UInt64(status.st_ino)
        }
    }

    let path: String
    private let lockPath: String
    private let lock: Int32
    private let socketFile = Mutex<FileIdentity?>(nil)

    /// Takes the lock; `inUse` where another process has it.
    init(locking path: String) throws(VarlinkListenerError) {
        self.path = path
        lockPath = path + ".lock"
        while true {
            // O_NOFOLLOW: a link planted at the lock's name would otherwise make us create its target.
            let descriptor = open(lockPath, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o600)
            guard descriptor >= 0 else {
                throw errno == ELOOP
                    ? .notASocket(lockPath) : .system(path: path, SystemCallError("open \(lockPath)"))
            }
            guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
                let error = SystemCallError("flock \(lockPath)")
                _ = close(descriptor)
                throw error.errno == EWOULDBLOCK ? .inUse(path) : .system(path: path, error)
            }
            // The last owner removes the lock file; a lock on a removed file excludes nobody.
            var held = stat()
            if fstat(descriptor, &held) == 0,
                let named = UnixSocket.status(of: lockPath, followingLinks: false),
                FileIdentity(held) == FileIdentity(named)
            {
                lock = descriptor
                return
            }
            _ = close(descriptor)
        }
    }

    /// Removes what a dead process left, binds and listens.
    func bind(mode: UInt32) throws(VarlinkListenerError) -> Int32 {
        try removeStaleSocket()
        do throws(SystemCallError) {
            let descriptor = try UnixSocket.make()
            do throws(SystemCallError) {
                try bind(descriptor, mode: mode)
                return descriptor
            } catch {
                unlinkIfOurs()
                _ = close(descriptor)
                throw error
            }
        } catch {
            throw error.errno == EADDRINUSE ? .inUse(path) : .system(path: path, error)
        }
    }

    private func bind(_ descriptor: Int32, mode: UInt32) throws(SystemCallError) {
        // The file is created with the socket's mode less the umask, so that it is never, not
        // even for a moment, open to more than `mode` says. The umask belongs to the whole
        // process and is not ours to change, hence the chmod afterwards.
        guard fchmod(descriptor, mode) == 0 else { throw SystemCallError("fchmod") }
        // bind follows no link at the name itself: whatever is there makes it fail.
        guard UnixSocket.withAddress(of: path, { Glibc.bind(descriptor, $0, $1) }) == 0 else {
            throw SystemCallError("bind")
        }
        guard let status = UnixSocket.status(of: path, followingLinks: false), status.isSocket else {
            throw SystemCallError("stat")
        }
        socketFile.withLock { $0 = FileIdentity(status) }
        guard fchmodat(AT_FDCWD, path, mode, AT_SYMLINK_NOFOLLOW) == 0 else {
            throw SystemCallError("chmod")
        }
        guard listen(descriptor, VarlinkLimits().backlog) == 0 else { throw SystemCallError("listen") }
    }

    private func removeStaleSocket() throws(VarlinkListenerError) {
        guard let status = UnixSocket.status(of: path, followingLinks: false) else {
            guard errno == ENOENT else { throw .system(path: path, SystemCallError("stat")) }
            return
        }
        guard status.isSocket else { throw .notASocket(path) }
        do throws(SystemCallError) {
            let probe = try UnixSocket.make()
            defer { _ = close(probe) }
            switch UnixSocket.connect(probe, to: path) {
            case ECONNREFUSED: break
            // EAGAIN: its queue is full. EPROTOTYPE: it is a datagram socket. Alive both.
            case 0, EAGAIN, EPROTOTYPE: throw SystemCallError("connect", errno: EADDRINUSE)
            case let other: throw SystemCallError("connect", errno: other)
            }
            guard unlink(path) == 0 || errno == ENOENT else { throw SystemCallError("unlink") }
        } catch {
            throw error.errno == EADDRINUSE ? .inUse(path) : .system(path: path, error)
        }
    }

    /// Removes the socket file unless another one stands there by now.
    func unlinkIfOurs() {
        let ours = socketFile.withLock { file in
            defer { file = nil }
            return file
        }
        guard let ours, let status = UnixSocket.status(of: path, followingLinks: false),
            FileIdentity(status) == ours
        else { return }
        _ = unlink(path)
    }

    /// Gives the lock up; to be called once, when the socket is closed.
    func release() {
        _ = unlink(lockPath)
        _ = close(lock)
    }
}
