import MemwatchInterface
import Synchronization
import TestSupport
import Varlink
import VarlinkServing

/// A real Varlink server that answers `org.memwatch.Monitor` as the test says.
final class FakeDaemon: Sendable {
    let socket: String
    private let directory: TemporaryDirectory
    private let server: Task<Void, Never>
    private let service: Service

    init(_ answer: @escaping Answer) throws {
        directory = try TemporaryDirectory()
        socket = directory.file("socket")
        service = Service(answer)
        // Listens before anybody runs: a client that comes now waits in the kernel's queue.
        let listener = try VarlinkListener.bind(path: socket)
        let server = try VarlinkServer(
            info: ServiceInfo(vendor: "test", product: "fake", version: "0", url: ""), services: [service])
        self.server = Task { try? await server.run(listening: [listener]) }
    }

    deinit { server.cancel() }

    /// Ends it and waits until it has; open streams break off.
    func stop() async {
        server.cancel()
        await server.value
    }

    /// The calls it got: member and parameters.
    var calls: [(member: String, parameters: JSONObject)] { service.calls.withLock { $0 } }

    typealias Answer = @Sendable (VarlinkCall, VarlinkReplies) async throws -> Void

    private final class Service: VarlinkService {
        let interface = MonitorInterface.name
        let description = MonitorInterface.description
        let calls = Mutex<[(member: String, parameters: JSONObject)]>([])
        private let answer: Answer

        init(_ answer: @escaping Answer) { self.answer = answer }

        func handle(_ call: VarlinkCall, _ replies: VarlinkReplies) async throws {
            calls.withLock { $0.append((String(call.member), call.parameters)) }
            try await answer(call, replies)
        }
    }
}
