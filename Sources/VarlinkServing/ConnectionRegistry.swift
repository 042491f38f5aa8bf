import NIOCore
import Varlink

/// All connections of a running server, and what each user has of them.
///
/// `@unchecked Sendable`: the server runs on one event loop, and every stored variable is used
/// on it only; ``log(_:)``, the one function called from elsewhere, hops there first.
final class ConnectionRegistry: @unchecked Sendable {
    let router: CallRouter
    let limits: VarlinkLimits
    private let eventLoop: any EventLoop
    private let hook: @Sendable (VarlinkServerEvent) -> Void

    private struct Account {
        var connections = 0
        var outgoingBytes = 0
        var isEmpty: Bool { connections == 0 && outgoingBytes == 0 }
    }

    private var connections: [VarlinkConnectionID: ServerConnection] = [:]
    private var accounts: [UInt32: Account] = [:]
    private var lastID: UInt64 = 0
    var turns = ReadingTurns()
    private var emptied: EventLoopPromise<Void>?
    private var logWindow = (start: NIODeadline.distantPast, told: 0, suppressed: 0)

    init(
        router: CallRouter, limits: VarlinkLimits, eventLoop: any EventLoop,
        log: @escaping @Sendable (VarlinkServerEvent) -> Void
    ) {
        self.router = router
        self.limits = limits
        self.eventLoop = eventLoop
        hook = log
    }

    // MARK: Connections

    struct Refused: Error {}

    /// Makes a connection of an accepted channel, or refuses it: before a byte of it was read.
    func admit(_ channel: any Channel) throws {
        let peer: PeerCredentials
        do {
            let credentials = try channel.pipeline.syncOperations.withUnsafeTransportIfAvailable {
                (descriptor: NIOBSDSocket.Handle) in
                UnixSocket.takeUrgentBytesInline(descriptor)
                return try PeerCredentials(ofPeerOf: descriptor, keepsProcess: true)
            }
            guard let credentials else { throw Refused() }
            peer = credentials
        } catch {
            log(.connectionRefused(uid: nil, reason: "its credentials cannot be read: \(error)"))
            throw Refused()
        }
        let allowed = limits.connections + (peer.uid == 0 ? limits.connectionsReservedForRoot : 0)
        guard emptied == nil else { throw Refused() }
        guard connections.count < allowed else {
            log(.connectionRefused(uid: peer.uid, reason: "there are \(connections.count) already"))
            throw Refused()
        }
        guard accounts[peer.uid, default: Account()].connections < limits.connectionsPerUser else {
            log(.connectionRefused(uid: peer.uid, reason: "it has \(limits.connectionsPerUser) already"))
            throw Refused()
        }
        lastID += 1
        let connection = ServerConnection(
            id: VarlinkConnectionID(rawValue: lastID), peer: peer, channel: channel, registry: self)
        connections[connection.id] = connection
        accounts[peer.uid, default: Account()].connections += 1
        channel.closeFuture.whenComplete { _ in connection.channelClosed() }
        try channel.pipeline.syncOperations.addHandler(connection)
    }

    /// A connection is closed and its last call has ended.
    func remove(_ connection: ServerConnection) {
        guard connections.removeValue(forKey: connection.id) != nil else { return }
        update(connection.peer.uid) { $0.connections -= 1 }
        if connections.isEmpty { emptied?.succeed() }
    }

    // MARK: Bytes that clients have not taken

    func reserve(_ bytes: Int, for uid: UInt32) -> Bool {
        // One reply always passes, so that the limit on replies is the only one on their length.
        let outgoing = accounts[uid, default: Account()].outgoingBytes
        guard outgoing == 0 || outgoing + bytes <= limits.outgoingBytesPerUser else { return false }
        update(uid) { $0.outgoingBytes += bytes }
        return true
    }

    func release(_ bytes: Int, for uid: UInt32) { update(uid) { $0.outgoingBytes -= bytes } }

    private func update(_ uid: UInt32, _ change: (inout Account) -> Void) {
        var account = accounts[uid, default: Account()]
        change(&account)
        accounts[uid] = account.isEmpty ? nil : account
    }

    // MARK: Stopping

    /// Admits nobody any more and ends everything in good order.
    /// - Returns: What succeeds when the last connection is gone.
    func stop() -> EventLoopFuture<Void> {
        if let emptied { return emptied.futureResult }
        let emptied = eventLoop.makePromise(of: Void.self)
        self.emptied = emptied
        if connections.isEmpty { emptied.succeed() }
        for connection in Array(connections.values) { connection.stop() }
        let deadline = eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(limits.stopDeadline)) {
            for connection in Array(self.connections.values) { connection.abort() }
        }
        emptied.futureResult.whenComplete { _ in deadline.cancel() }
        return emptied.futureResult
    }

    // MARK: Telling

    /// Strangers decide how often most of these happen, hence the limit of ten a second.
    func log(_ event: VarlinkServerEvent) {
        guard eventLoop.inEventLoop else { return eventLoop.execute { self.log(event) } }
        let now = NIODeadline.now()
        if now - logWindow.start >= .seconds(1) {
            if logWindow.suppressed > 0 { hook(.suppressed(count: logWindow.suppressed)) }
            logWindow = (now, 0, 0)
        }
        guard logWindow.told < 10 else {
            logWindow.suppressed += 1
            return
        }
        logWindow.told += 1
        hook(event)
    }
}
