import Glibc
import Synchronization

/// A connection to a Varlink server, used by blocking calls.
///
/// A command-line program makes one call and prints the answer: an event loop and its threads would cost
/// it more than the call. One call is made at a time; further ones, from other threads, wait for the end
/// of those before them. From any thread ``abort()`` ends the waiting.
package final class VarlinkClient: Sendable {
    private static let maximumDepth = 64

    private let socket: ClientSocket
    private let frames: Mutex<FrameReader>
    private let maximumReplyBytes: Int

    private init(_ socket: ClientSocket, maximumReplyBytes: Int) {
        self.socket = socket
        self.maximumReplyBytes = maximumReplyBytes
        frames = Mutex(FrameReader(limit: maximumReplyBytes))
    }

    /// Connects to the socket at `path`.
    ///
    /// A socket that any user could have put there is no daemon: its file's owner, whoever made a link
    /// on the way to it, and the process that listens on it (`SO_PEERCRED`, as of its last `listen()`)
    /// must all satisfy `requireOwner`, or the connection is closed before a byte was sent.
    /// - Parameters:
    ///   - patience: A server that is silent for longer while it owes an answer is
    ///     ``VarlinkClientError/silent(_:)``; nil for none, as for a stream that goes on when something happens.
    ///   - maximumReplyBytes: What is longer is ``VarlinkClientError/malformedReply(reason:)``.
    package static func connect(
        path: String, requireOwner: OwnerRequirement = .rootOrSelf, patience: Duration? = nil,
        maximumReplyBytes: Int = 32 << 20
    ) throws(VarlinkClientError) -> VarlinkClient {
        guard path.utf8.count <= UnixSocket.maximumPathBytes else { throw .pathTooLong(path: path) }
        guard UnixSocket.isUsable(path) else { throw .pathUnusable }
        return VarlinkClient(
            try ClientSocket(connectedTo: path, requireOwner: requireOwner, patience: patience),
            maximumReplyBytes: maximumReplyBytes)
    }

    /// Calls a method and returns its reply's parameters.
    /// - Throws: ``VarlinkError`` where the reply is an error, ``VarlinkClientError`` where there
    ///   is none.
    package func call(_ method: String, _ parameters: JSONObject = JSONObject()) throws -> JSONObject {
        var answer = JSONObject()
        try exchange(CallMessage(method: method, parameters: parameters)) { reply in
            guard !reply.continues else {
                throw MalformedMessage(reason: "a stream that was not asked for")
            }
            answer = reply.parameters
        }
        return answer
    }

    /// Calls a method with `more`, and `body` with each reply; returns behind the one that does not continue.
    ///
    /// The socket is read only as fast as `body` returns. Where it throws, the connection is closed, as
    /// Varlink has no other way to say "no more"; the error passes through.
    /// - Parameter body: Must not call the same client: it would wait for itself.
    package func callMore(
        _ method: String, _ parameters: JSONObject = JSONObject(), _ body: (VarlinkReply) throws -> Void
    ) throws {
        try exchange(CallMessage(method: method, parameters: parameters, more: true), body)
    }

    /// Calls a method that gives no reply; returns when the kernel has taken the call.
    package func callOneway(_ method: String, _ parameters: JSONObject = JSONObject()) throws {
        let message = CallMessage(method: method, parameters: parameters, oneway: true).serialized()
        try frames.withLock { _ in try socket.send(message) }
    }

    /// Has whoever waits for a reply, and every later call, find the connection closed.
    package func abort() { socket.shutDown() }

    /// Closes the connection. To be called when no call is waiting; see ``abort()``.
    package func close() {
        abort()
        frames.withLock { _ in socket.close() }
    }

    private func exchange(_ message: CallMessage, _ body: (VarlinkReply) throws -> Void) throws {
        try frames.withLock { frames in
            do {
                try socket.send(message.serialized())
                while try receive(&frames, body) {}
            } catch let error as VarlinkError {
                throw error
            } catch let error as MalformedMessage {
                socket.shutDown()
                throw VarlinkClientError.malformedReply(reason: error.reason)
            } catch {
                // What else the server has to say belongs to a call that nobody waits for any more.
                socket.shutDown()
                throw error
            }
        }
    }

    /// Whether more replies follow the one that was received.
    private func receive(_ frames: inout FrameReader, _ body: (VarlinkReply) throws -> Void) throws -> Bool {
        while true {
            let taken: Bool?
            do {
                taken = try frames.take { frame in
                    let reply = try VarlinkReply(frame: frame, maximumDepth: Self.maximumDepth)
                    try body(reply)
                    return reply.continues
                }
            } catch is FrameReader.TooLong {
                throw MalformedMessage(reason: "it is longer than \(maximumReplyBytes) bytes")
            }
            if let taken { return taken }
            try frames.fill { (room) throws(VarlinkClientError) in try socket.receive(into: room) }
        }
    }
}
