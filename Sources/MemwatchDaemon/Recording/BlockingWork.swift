import NIOPosix

/// Threads for what waits for a disk. Swift's own few threads must never do that: one slow write
/// would stop every task of the daemon.
package struct BlockingWork: Sendable {
    private let pool: NIOThreadPool

    package init(threads: Int) {
        pool = NIOThreadPool(numberOfThreads: threads)
        pool.start()
    }

    /// A task that prefers a thread of its own (the tracer's) waits there: to wake up another thread and be woken by
    /// it takes longer than most writes.
    @concurrent
    package func run<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
        if withUnsafeCurrentTask(body: { $0?.unownedTaskExecutor != nil }) { return try work() }
        return try await pool.runIfActive(work)
    }

    package func stop() async { try? await pool.shutdownGracefully() }
}
