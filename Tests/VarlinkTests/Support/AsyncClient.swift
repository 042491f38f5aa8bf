import Synchronization

@testable import Varlink

/// Our blocking client for tests that are asynchronous: it waits on threads of its own, as the few of
/// the concurrency runtime are what the server's handlers run on.
final class AsyncClient: Sendable {
    let blocking: VarlinkClient

    private init(_ client: VarlinkClient) { blocking = client }

    deinit { blocking.close() }

    static func connect(
        path: String, requireOwner: VarlinkClient.OwnerRequirement = .rootOrSelf,
        maximumReplyBytes: Int = 32 << 20
    ) async throws -> AsyncClient {
        try await onThread {
            AsyncClient(
                try VarlinkClient.connect(
                    path: path, requireOwner: requireOwner, maximumReplyBytes: maximumReplyBytes))
        }
    }

    func call(_ method: String, _ parameters: JSONObject = JSONObject()) async throws -> JSONObject {
        try await onThread { try self.blocking.call(method, parameters) }
    }

    func callMore(
        _ method: String, _ parameters: JSONObject = JSONObject(),
        _ body: @escaping @Sendable (VarlinkReply) throws -> Void
    ) async throws {
        try await onThread { try self.blocking.callMore(method, parameters, body) }
    }

    /// All replies' parameters, and whether each said that others follow.
    func replies(
        _ method: String, _ parameters: JSONObject = JSONObject()
    ) async throws -> [(parameters: JSONObject, continues: Bool)] {
        try await onThread {
            var replies: [(parameters: JSONObject, continues: Bool)] = []
            try self.blocking.callMore(method, parameters) { replies.append(($0.parameters, $0.continues)) }
            return replies
        }
    }

    func callOneway(_ method: String, _ parameters: JSONObject = JSONObject()) async throws {
        try await onThread { try self.blocking.callOneway(method, parameters) }
    }

    func close() async { blocking.close() }
}
