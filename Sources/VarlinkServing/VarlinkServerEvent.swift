package import Varlink

/// What a server wants to be heard of. The log hook gets at most ten a second; the number of
/// those it did not get comes with the next.
package enum VarlinkServerEvent: Sendable, CustomStringConvertible {
    /// A handler threw something other than a ``VarlinkError``; the caller was told `InternalError`.
    case handlerFailed(method: String, peer: PeerCredentials, error: any Error)
    /// A connection was closed at once: a limit is reached, or the kernel does not say whose it is.
    case connectionRefused(uid: UInt32?, reason: String)
    /// A connection was closed because of what came, or did not come, by it.
    case connectionDropped(peer: PeerCredentials, reason: String)
    /// Descriptors or memory have run out; accepting goes on after a pause.
    case acceptPaused(errno: Int32)
    /// Events that were not told, since there were too many.
    case suppressed(count: Int)

    package var description: String {
        switch self {
        case .handlerFailed(let method, let peer, let error):
            "\(method), called by uid \(peer.uid) (pid \(peer.pid)), failed: \(error)"
        case .connectionRefused(let uid?, let reason): "refused a connection of uid \(uid): \(reason)"
        case .connectionRefused(nil, let reason): "refused a connection: \(reason)"
        case .connectionDropped(let peer, let reason):
            "closed a connection of uid \(peer.uid) (pid \(peer.pid)): \(reason)"
        case .acceptPaused(let errno):
            "accepting connections pauses: \(SystemCallError.text(of: errno))"
        case .suppressed(let count): "\(count) more such events in the last second"
        }
    }
}
