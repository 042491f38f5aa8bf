import Glibc
import Synchronization

/// The socket of a client: connected to somebody it may trust, blocking, closed once.
final class ClientSocket: Sendable {
    private let descriptor: Int32
    /// How long one wait for the server may be.
    private let patience: Duration?
    /// So that a number that was closed, and may by now be another file's, is never used.
    private let isClosed = Mutex(false)

    init(
        connectedTo path: String, requireOwner: VarlinkClient.OwnerRequirement, patience: Duration?
    ) throws(VarlinkClientError) {
        self.patience = patience
        do throws(SystemCallError) { descriptor = try UnixSocket.make() } catch {
            throw .system(path: path, error)
        }
        do throws(VarlinkClientError) {
            try connect(to: path, requireOwner)
        } catch {
            close()
            throw error
        }
    }

    deinit { close() }

    private func connect(
        to path: String, _ requireOwner: VarlinkClient.OwnerRequirement
    ) throws(VarlinkClientError) {
        if let link = requireOwner.strangersLink(on: path) {
            throw .forgedOwner(path: link.path, uid: link.uid)
        }
        if let status = UnixSocket.status(of: path, followingLinks: true), status.isSocket,
            !requireOwner.allows(status.st_uid)
        {
            throw .forgedOwner(path: path, uid: status.st_uid)
        }
        try connect(to: path)
        let listener: PeerCredentials
        do throws(SystemCallError) { listener = try PeerCredentials(ofPeerOf: descriptor) } catch {
            throw .system(path: path, error)
        }
        guard requireOwner.allows(listener.uid) else { throw .forgedOwner(path: path, uid: listener.uid) }
        // Only `connect` must not block: where the listener's queue stays full it would for ever.
        guard fcntl(descriptor, F_SETFL, 0) == 0 else {
            throw .system(path: path, SystemCallError("fcntl F_SETFL"))
        }
        if let patience { limitWaits(to: patience) }
    }

    private func limitWaits(to patience: Duration) {
        let (seconds, attoseconds) = patience.components
        // Zero would be for ever.
        var time = timeval(
            tv_sec: Int(clamping: max(0, seconds)),
            tv_usec: max(1, Int(clamping: attoseconds / 1_000_000_000_000)))
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            _ = setsockopt(descriptor, SOL_SOCKET, option, &time, socklen_t(MemoryLayout<timeval>.size))
        }
    }

    private func failure() -> VarlinkClientError {
        if errno == EAGAIN || errno == EWOULDBLOCK, let patience { return .silent(patience) }
        return .disconnected
    }

    private func connect(to path: String) throws(VarlinkClientError) {
        // A full queue empties within microseconds when the server lives; after 2 s it does not.
        for _ in 0..<200 {
            switch UnixSocket.connect(descriptor, to: path) {
            case 0: return
            case ENOENT, ECONNREFUSED, ENOTDIR: throw .notListening(path: path)
            case EACCES, EPERM: throw .denied(path: path)
            case EAGAIN: usleep(10_000)
            case let other: throw .system(path: path, SystemCallError("connect", errno: other))
            }
        }
        throw .busy(path: path)
    }

    /// Hands all of it to the kernel.
    func send(_ bytes: [UInt8]) throws(VarlinkClientError) {
        guard !isClosed.withLock({ $0 }) else { throw .disconnected }
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                Glibc.send(
                    descriptor, buffer.baseAddress.map { $0 + sent }, buffer.count - sent, Int32(MSG_NOSIGNAL)
                )
            }
            if count >= 0 { sent += count } else if errno != EINTR { throw failure() }
        }
    }

    /// Waits for bytes; at least one.
    func receive(into room: UnsafeMutableRawBufferPointer) throws(VarlinkClientError) -> Int {
        while true {
            let count = recv(descriptor, room.baseAddress, room.count, 0)
            if count > 0 { return count }
            if count == 0 { throw .disconnected }
            if errno != EINTR { throw failure() }
        }
    }

    /// Ends both directions; whoever waits in ``receive(into:)`` is woken.
    func shutDown() {
        isClosed.withLock { isClosed in
            if !isClosed { _ = Glibc.shutdown(descriptor, Int32(SHUT_RDWR)) }
        }
    }

    func close() {
        isClosed.withLock { isClosed in
            if !isClosed { _ = Glibc.close(descriptor) }
            isClosed = true
        }
    }
}
