import Glibc
import NIOCore
import NIOPosix

/// A connection to a Varlink server.
///
/// Calls may be made from several tasks; the server answers them in the order they were made,
/// so a call waits for those before it, and behind an open stream it waits for the stream's end.
/// Cancelling a task that waits for a reply, or abandoning a stream before its end, closes the
/// connection: Varlink has no other way to say "no more".
package final class VarlinkClient: Sendable {
    /// Who may own the socket a client connects to.
    package enum OwnerRequirement: Hashable, Sendable {
        case rootOrSelf
        /// These uids, root and one's own.
        case rootSelfOr(Set<UInt32>)
        case anyone

        func allows(_ uid: UInt32) -> Bool {
            switch self {
            case .anyone: true
            case .rootOrSelf: uid == 0 || uid == geteuid()
            case .rootSelfOr(let others): uid == 0 || uid == geteuid() || others.contains(uid)
            }
        }
    }

    /// One thread for all clients of the process, started with the first and never stopped:
    /// stopping it would delay every short-lived command's exit.
    private static let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)

    private let connection: ClientConnection

    private init(_ connection: ClientConnection) { self.connection = connection }

    deinit { connection.close() }

    /// Connects to the socket at `path`.
    ///
    /// A socket that any user could have put there is no daemon: its file's owner and the
    /// process that listens on it (`SO_PEERCRED`, as of its `listen()`) must both satisfy
    /// `requireOwner`, or the connection is closed before a byte was sent.
    /// - Parameter maximumReplyBytes: What is longer is ``VarlinkClientError/malformedReply(reason:)``.
    package static func connect(
        path: String, requireOwner: OwnerRequirement = .rootOrSelf, maximumReplyBytes: Int = 32 << 20
    ) async throws(VarlinkClientError) -> VarlinkClient {
        guard path.utf8.count <= UnixSocket.maximumPathBytes else { throw .pathTooLong(path: path) }
        guard UnixSocket.isUsable(path) else { throw .pathUnusable }
        let descriptor = try await connectedSocket(to: path, requireOwner: requireOwner)
        do {
            let connection = ClientConnection(eventLoop: group.next(), maximumReplyBytes: maximumReplyBytes)
            _ = try await ClientBootstrap(group: group)
                .channelOption(.autoRead, value: false)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture { try connection.attach(to: channel) }
                }
                .withConnectedSocket(descriptor)
                .get()
            return VarlinkClient(connection)
        } catch {
            throw .disconnected
        }
    }

    private static func connectedSocket(
        to path: String, requireOwner: OwnerRequirement
    ) async throws(VarlinkClientError) -> Int32 {
        let descriptor: Int32
        do throws(SystemCallError) { descriptor = try UnixSocket.make() } catch {
            throw .system(path: path, error)
        }
        do throws(VarlinkClientError) {
            if let status = UnixSocket.status(of: path, followingLinks: true), status.isSocket,
                !requireOwner.allows(status.st_uid)
            {
                throw .forgedOwner(path: path, uid: status.st_uid)
            }
            try await connect(descriptor, to: path)
            let listener: PeerCredentials
            do throws(SystemCallError) {
                listener = try PeerCredentials(ofPeerOf: descriptor)
            } catch { throw .system(path: path, error) }
            guard requireOwner.allows(listener.uid) else {
                throw .forgedOwner(path: path, uid: listener.uid)
            }
            return descriptor
        } catch {
            _ = Glibc.close(descriptor)
            throw error
        }
    }

    private static func connect(_ descriptor: Int32, to path: String) async throws(VarlinkClientError) {
        // A full queue empties within microseconds when the server lives; after 2 s it does not.
        for _ in 0..<200 {
            switch UnixSocket.connect(descriptor, to: path) {
            case 0: return
            case ENOENT, ECONNREFUSED, ENOTDIR: throw .notListening(path: path)
            case EACCES, EPERM: throw .denied(path: path)
            case EAGAIN:
                do { try await Task.sleep(for: .milliseconds(10)) } catch { throw .busy(path: path) }
            case let other: throw .system(path: path, SystemCallError("connect", errno: other))
            }
        }
        throw .busy(path: path)
    }

    /// Calls a method and returns its reply's parameters.
    /// - Throws: ``VarlinkError`` where the reply is an error, ``VarlinkClientError`` where there
    ///   is none, `CancellationError`.
    package func call(
        _ method: String, _ parameters: JSONObject = JSONObject()
    ) async throws -> JSONObject {
        let replies = VarlinkReplySequence(
            connection, CallMessage(method: method, parameters: parameters), client: self)
        for try await reply in replies {
            guard !reply.continues else {
                connection.close()
                throw VarlinkClientError.malformedReply(reason: "a stream that was not asked for")
            }
            return reply.parameters
        }
        throw VarlinkClientError.disconnected
    }

    /// Calls a method with `more`; the call is made when the first reply is asked for, and the
    /// socket is read only as far as replies are asked for.
    package func callMore(
        _ method: String, _ parameters: JSONObject = JSONObject()
    ) -> VarlinkReplySequence {
        VarlinkReplySequence(
            connection, CallMessage(method: method, parameters: parameters, more: true), client: self)
    }

    /// Calls a method that gives no reply; returns when the kernel has taken the call.
    package func callOneway(_ method: String, _ parameters: JSONObject = JSONObject()) async throws {
        try await connection.send(CallMessage(method: method, parameters: parameters, oneway: true))
    }

    /// Closes the connection and waits until it is closed. Calls that wait are `disconnected`.
    package func close() async { await connection.closeAndWait() }
}
