import Glibc
import Synchronization
package import Varlink

/// A listening Unix socket: one that was bound here, or one that a service manager passed on.
package final class VarlinkListener: Sendable {
    /// The socket file; nil for a socket that was adopted.
    package let path: String?
    let descriptor: Int32
    private let bound: BoundPath?
    private let isClosed = Atomic(false)

    private init(path: String?, descriptor: Int32, bound: BoundPath?) {
        self.path = path
        self.descriptor = descriptor
        self.bound = bound
    }

    deinit { close() }

    /// Binds a socket file and listens.
    ///
    /// A stale socket file (nobody listens any more) is replaced. One that answers, even by
    /// being too busy to answer, is left alone, and so is anything else that stands at the path:
    /// a file, a directory, a link. Two daemons that start together are told apart by an flock
    /// on `path.lock`, which the kernel gives up with the process, however it ends.
    /// - Parameter mode: Who may connect: `connect` needs write permission on the file (unix(7)).
    package static func bind(path: String, mode: UInt32 = 0o666) throws(VarlinkListenerError)
        -> VarlinkListener
    {
        guard path.utf8.count <= UnixSocket.maximumPathBytes else { throw .pathTooLong(path) }
        guard UnixSocket.isUsable(path) else { throw .pathUnusable(path) }
        let bound = try BoundPath(locking: path)
        do throws(VarlinkListenerError) {
            let descriptor = try bound.bind(mode: mode)
            return VarlinkListener(path: path, descriptor: descriptor, bound: bound)
        } catch {
            bound.release()
            throw error
        }
    }

    /// Takes over a listening socket, as systemd passes them (`LISTEN_FDS`, sd_listen_fds(3)).
    /// Its file stays when it is closed: it belongs to the one that made it.
    package static func adopt(descriptor: Int32) throws(VarlinkListenerError) -> VarlinkListener {
        func option(_ name: Int32) -> Int32? {
            var value: Int32 = 0
            var length = socklen_t(MemoryLayout<Int32>.size)
            return getsockopt(descriptor, SOL_SOCKET, name, &value, &length) == 0 ? value : nil
        }
        guard option(SO_DOMAIN) == AF_UNIX, option(SO_TYPE) == Int32(SOCK_STREAM.rawValue),
            option(SO_ACCEPTCONN) == 1
        else { throw .notAListeningSocket(descriptor: descriptor) }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        return VarlinkListener(path: nil, descriptor: descriptor, bound: nil)
    }

    /// Stops listening, and removes the socket file if it is still the one that was bound here.
    package func close() {
        guard isClosed.compareExchange(expected: false, desired: true, ordering: .relaxed).exchanged else {
            return
        }
        bound?.unlinkIfOurs()
        _ = Glibc.close(descriptor)
        bound?.release()
    }
}

/// Why nothing listens.
package enum VarlinkListenerError: Error, Hashable, Sendable, CustomStringConvertible {
    /// `sun_path` has room for 107 bytes.
    case pathTooLong(String)
    /// Empty, or with a NUL inside.
    case pathUnusable(String)
    /// A live process listens there, or is about to.
    case inUse(String)
    /// Something that is not a socket stands there.
    case notASocket(String)
    case notAListeningSocket(descriptor: Int32)
    case system(path: String, SystemCallError)

    package var description: String {
        switch self {
        case .pathTooLong(let path):
            "the socket path is too long (\(path.utf8.count) bytes, the kernel takes "
                + "\(UnixSocket.maximumPathBytes)): \(path)"
        case .pathUnusable: "the socket path is empty or contains a NUL"
        case .inUse(let path): "another process already listens at \(path)"
        case .notASocket(let path): "\(path) exists and is not a socket; it is left alone"
        case .notAListeningSocket(let descriptor):
            "descriptor \(descriptor) is not a listening Unix stream socket"
        case .system(let path, let error): "cannot listen at \(path): \(error)"
        }
    }
}
