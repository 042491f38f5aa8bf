import Logging
import ServiceLifecycle

/// The metrics server among the daemon's services: where it cannot listen it says so, and the daemon goes on.
struct MetricsService: Service {
    let server: MetricsServer
    /// What is wrong, for the journal.
    let complain: @Sendable (String) -> Void

    func run() async throws {
        await cancelWhenGracefulShutdown {
            do {
                try await server.run()
            } catch {
                complain("metrics are not served at \(server.address): \(error)")
                // A service that ends would end the daemon.
                try? await gracefulShutdown()
            }
        }
    }
}
