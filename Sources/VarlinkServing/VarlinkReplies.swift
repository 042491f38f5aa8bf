import Synchronization
package import Varlink

/// The way back to the caller of one call.
package struct VarlinkReplies: Sendable {
    /// What a handler did wrong or what became of its caller. Handlers may let it pass through.
    package enum Failure: Error, Hashable, Sendable, CustomStringConvertible {
        /// The caller has gone, or was cut off for reading too slowly.
        case disconnected
        /// The last reply was sent before.
        case alreadyAnswered
        /// The reply is longer than ``VarlinkLimits/maximumReplyBytes``.
        case tooLong(bytes: Int)

        package var description: String {
            switch self {
            case .disconnected: "the caller has gone"
            case .alreadyAnswered: "the call was answered before"
            case .tooLong(let bytes): "a reply of \(bytes) bytes is too long"
            }
        }
    }

    private let sink: ReplySink

    init(_ sink: ReplySink) { self.sink = sink }

    /// Sends the only or the last reply; suspends until the kernel has taken it.
    package func send(_ parameters: some JSONWritable & Sendable) async throws {
        try await sink.send(ReplyMessage.success(parameters, continues: false), isLast: true)
    }

    /// Sends a reply that others follow; suspends until the kernel has taken it, so that a
    /// handler never runs ahead of its reader by more than this reply and the socket's buffer.
    /// - Throws: ``VarlinkError/expectedMore`` where the caller did not ask for a stream;
    ///   ``Failure/disconnected`` where it has gone.
    package func sendMore(_ parameters: some JSONWritable & Sendable) async throws {
        guard sink.more || sink.oneway else { throw VarlinkError.expectedMore }
        try await sink.send(ReplyMessage.success(parameters, continues: true), isLast: false)
    }
}

/// What has been answered to one call.
final class ReplySink: Sendable {
    let more: Bool
    let oneway: Bool
    private let connection: ServerConnection
    private let isAnswered = Atomic(false)

    init(_ connection: ServerConnection, for call: VarlinkCall) {
        self.connection = connection
        more = call.more
        oneway = call.oneway
    }

    func send(_ frame: [UInt8], isLast: Bool) async throws {
        guard frame.count <= connection.limits.maximumReplyBytes else {
            throw VarlinkReplies.Failure.tooLong(bytes: frame.count)
        }
        if isLast {
            guard !isAnswered.exchange(true, ordering: .relaxed) else {
                throw VarlinkReplies.Failure.alreadyAnswered
            }
        } else {
            guard !isAnswered.load(ordering: .relaxed) else { throw VarlinkReplies.Failure.alreadyAnswered }
        }
        if oneway { return }
        try Task.checkCancellation()
        try await connection.send(frame)
    }

    /// Ends the call with an error; nothing happens where the last reply was sent before.
    func fail(_ error: VarlinkError) async throws {
        guard !isAnswered.exchange(true, ordering: .relaxed), !oneway else { return }
        try await connection.send(ReplyMessage.failure(error))
    }

    /// Ends the call without parameters; nothing happens where the last reply was sent before.
    func finish() async throws {
        guard !isAnswered.exchange(true, ordering: .relaxed), !oneway else { return }
        try await connection.send(ReplyMessage.success(nil as JSON?, continues: false))
    }
}
