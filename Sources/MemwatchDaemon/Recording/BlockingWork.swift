import NIOPosix

/// Threads for what waits for a disk. Swift's own few threads must never do that: one slow write
/// would stop every task of the daemon.
package struct BlockingWork: Sendable {
    private let pool: NIOThreadPool

    package init(threads: Int) {
        pool = NIOThreadPool(numberOfThreads: threads)
        pool.start()
    }

    package func run<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await pool.runIfActive(work)
    }

    package func stop() async { try? await pool.shutdownGracefully() }
}
