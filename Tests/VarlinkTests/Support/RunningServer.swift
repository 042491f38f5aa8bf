import Synchronization

@testable import Varlink
@testable import VarlinkServing

/// A server that runs for as long as the test's body does.
struct RunningServer: Sendable {
    let path: String
    let service: TestService
    /// What the server told its log.
    let events: AsyncStream<VarlinkServerEvent>

    func connect() async throws -> AsyncClient { try await AsyncClient.connect(path: path) }

    func raw() async throws -> RawConnection { try await onThread { try RawConnection(path) } }

    /// Whether another client still gets its answer.
    func answers() async throws -> Bool {
        let client = try await connect()
        let reply = try await client.call("org.example.test.Echo", ["text": "still there"])
        await client.close()
        return reply["text"] == "still there"
    }

    /// The reason of the next connection that the server dropped.
    func nextDrop() async -> String? {
        for await event in events {
            if case .connectionDropped(_, let reason) = event { return reason }
        }
        return nil
    }
}

let testInfo = ServiceInfo(
    vendor: "memwatch", product: "Varlink tests", version: "1", url: "https://example.org")

/// Runs a server, then `body`, then stops the server and checks that it left nothing behind.
func withServer<Value>(
    also others: [any VarlinkService] = [], _ adjust: (inout VarlinkLimits) -> Void = { _ in },
    _ body: (RunningServer) async throws -> Value
) async throws -> Value {
    let directory = try TemporaryDirectory()
    let path = directory.file("socket")
    var limits = VarlinkLimits()
    // A busy machine must not make a deadline pass that the test is not about.
    limits.frameDeadline = .seconds(86_400)
    limits.idleDeadline = .seconds(86_400)
    limits.slowReaderDeadline = .seconds(86_400)
    adjust(&limits)
    let service = TestService()
    let (events, log) = AsyncStream.makeStream(of: VarlinkServerEvent.self)
    let server = try VarlinkServer(info: testInfo, services: [service] + others, limits: limits) {
        log.yield($0)
    }
    let listener = try VarlinkListener.bind(path: path)
    let task = Task { try await server.run(listening: [listener]) }
    let result: Result<Value, any Error>
    do {
        result = .success(try await body(RunningServer(path: path, service: service, events: events)))
    } catch {
        result = .failure(error)
    }
    task.cancel()
    try await task.value
    guard directory.contents.isEmpty else { throw TestFailure("left behind: \(directory.contents)") }
    return try result.get()
}
