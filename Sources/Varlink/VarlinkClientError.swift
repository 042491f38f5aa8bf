/// Why a client got no answer; an answer that is an error is a ``VarlinkError`` instead.
package enum VarlinkClientError: Error, Hashable, Sendable, CustomStringConvertible {
    /// There is no socket at the path, or nobody listens at it.
    case notListening(path: String)
    /// The file's mode, or that of a directory above it, does not let us connect.
    case denied(path: String)
    /// `sun_path` has room for 107 bytes.
    case pathTooLong(path: String)
    /// Empty, or with a NUL inside.
    case pathUnusable
    /// The socket belongs to somebody who has no business to answer here.
    case forgedOwner(path: String, uid: UInt32)
    /// The server's queue of waiting connections stayed full.
    case busy(path: String)
    /// The server closed the connection before it answered.
    case disconnected
    /// Not a byte came, or could be sent, for so long.
    case silent(Duration)
    /// What came is not a Varlink reply.
    case malformedReply(reason: String)
    case system(path: String, SystemCallError)

    package var description: String {
        switch self {
        case .notListening(let path): "nothing listens at \(path)"
        case .denied(let path): "no permission to connect to \(path)"
        case .pathTooLong(let path):
            "the socket path is too long (\(path.utf8.count) bytes, the kernel takes "
                + "\(UnixSocket.maximumPathBytes)): \(path)"
        case .pathUnusable: "the socket path is empty or contains a NUL"
        case .forgedOwner(let path, let uid):
            "the socket \(path) belongs to uid \(uid), who should not be answering there"
        case .busy(let path): "the server at \(path) has too many connections waiting"
        case .silent(let time): "the server did not answer for \(time)"
        case .disconnected: "the server closed the connection without an answer"
        case .malformedReply(let reason): "the server's answer cannot be understood: \(reason)"
        case .system(let path, let error): "cannot connect to \(path): \(error)"
        }
    }
}
