package import Glibc

/// The few calls on Unix stream sockets that both sides need.
package enum UnixSocket {
    /// `sun_path` holds 108 bytes, the last of which is the NUL (unix(7)).
    package static let maximumPathBytes = 107

    /// A new close-on-exec, non-blocking stream socket.
    package static func make() throws(SystemCallError) -> Int32 {
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let descriptor = socket(AF_UNIX, type, 0)
        guard descriptor >= 0 else { throw SystemCallError("socket") }
        takeUrgentBytesInline(descriptor)
        return descriptor
    }

    /// Makes bytes sent with MSG_OOB (Linux 5.15) part of the stream.
    ///
    /// Otherwise a single such byte makes a socket readable for ever, while `recv` says EAGAIN:
    /// any peer could keep an event loop turning at 100 % CPU, or trap on its assertions.
    package static func takeUrgentBytesInline(_ descriptor: Int32) {
        var on: Int32 = 1
        _ = setsockopt(descriptor, SOL_SOCKET, SO_OOBINLINE, &on, socklen_t(MemoryLayout<Int32>.size))
    }

    /// Whether `path` fits into an address: not empty, not too long, no NUL inside.
    package static func isUsable(_ path: String) -> Bool {
        (1...maximumPathBytes).contains(path.utf8.count) && !path.utf8.contains(0)
    }

    /// Calls `body` with the address of `path`, which must be usable.
    package static func withAddress<Result>(
        of path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) {
            $0.copyBytes(from: path.utf8.prefix(maximumPathBytes))
        }
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }

    /// `connect`; 0 or the errno. On a Unix socket it never takes time: it succeeds, fails, or
    /// says EAGAIN where the listener's queue is full.
    package static func connect(_ descriptor: Int32, to path: String) -> Int32 {
        withAddress(of: path) { Glibc.connect(descriptor, $0, $1) } == 0 ? 0 : errno
    }

    /// `stat`, or `lstat` where links are not to be followed; nil where it fails, with errno set.
    package static func status(of path: String, followingLinks: Bool) -> stat? {
        var status = stat()
        let result = followingLinks ? stat(path, &status) : lstat(path, &status)
        return result == 0 ? status : nil
    }
}

extension stat {
    package var isSocket: Bool { st_mode & S_IFMT == S_IFSOCK }
}
