import Synchronization

/// The replies to one call, in order; it ends after the one that does not continue.
///
/// It can be iterated once. An iterator throws ``VarlinkError`` where the server answers with an
/// error, ``VarlinkClientError`` where the connection fails, and `CancellationError`.
package struct VarlinkReplySequence: AsyncSequence, Sendable {
    package typealias Element = VarlinkReply
    package typealias Failure = any Error

    private let call: OpenCall

    init(_ connection: ClientConnection, _ message: CallMessage, client: VarlinkClient) {
        call = OpenCall(connection, message, client: client)
    }

    package func makeAsyncIterator() -> Iterator { Iterator(call: call) }

    package struct Iterator: AsyncIteratorProtocol {
        fileprivate let call: OpenCall

        package mutating func next() async throws -> VarlinkReply? { try await call.next() }
    }
}

/// A call that may still be answered. Its end of life is the end of interest in the answer.
private final class OpenCall: Sendable {
    private enum State {
        case notMade
        case open(ClientConnection.Ticket)
        case ended
    }

    private let connection: ClientConnection
    private let message: CallMessage
    /// Keeps the connection while somebody iterates, even if he keeps only the sequence.
    private let client: VarlinkClient
    private let state = Mutex(State.notMade)

    init(_ connection: ClientConnection, _ message: CallMessage, client: VarlinkClient) {
        self.connection = connection
        self.message = message
        self.client = client
    }

    deinit {
        if case .open = state.withLock({ $0 }) { connection.close() }
    }

    func next() async throws -> VarlinkReply? {
        let ticket: ClientConnection.Ticket? = state.withLock { state in
            switch state {
            case .notMade:
                let ticket = connection.begin(message)
                state = .open(ticket)
                return ticket
            case .open(let ticket): return ticket
            case .ended: return nil
            }
        }
        guard let ticket else { return nil }
        do {
            let frame = try await withTaskCancellationHandler {
                try await connection.nextFrame(for: ticket)
            } onCancel: {
                connection.close()
            }
            switch try VarlinkReply.parse(frame, maximumDepth: connection.maximumDepth) {
            case .success(let reply):
                if !reply.continues { end(ticket) }
                return reply
            case .failure(let error):
                end(ticket)
                throw error
            }
        } catch let error as VarlinkError {
            throw error
        } catch {
            state.withLock { $0 = .ended }
            connection.close()
            try Task.checkCancellation()
            if let error = error as? MalformedMessage {
                throw VarlinkClientError.malformedReply(reason: error.reason)
            }
            throw error
        }
    }

    private func end(_ ticket: ClientConnection.Ticket) {
        state.withLock { $0 = .ended }
        connection.end(ticket)
    }
}
