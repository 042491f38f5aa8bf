import NIOPosix

/// Threads for what waits for a disk. Swift's own few threads must never do that: one slow write
/// would stop every task of the daemon.
package struct BlockingWork: Sendable {
    private let pool: NIOThreadPool

    package init(threads: Int) {
        pool = NIOThreadPool(numberOfThreads: threads)
        pool.start()
    }

    /// Runs to its end, whoever asked for it and is gone meanwhile: what was begun of a change is not theirs to take
    /// back, nor is it a failure of the disk's.
    ///
    /// A task that prefers a thread of its own (the tracer's) waits there: to wake up another thread and be woken by
    /// it takes longer than most writes.
    @concurrent
    package func run<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
        if withUnsafeCurrentTask(body: { $0?.unownedTaskExecutor != nil }) { return try work() }
        return try await withCheckedThrowingContinuation { continuation in
            pool.submit { state in
                switch state {
                case .active: continuation.resume(with: Result(catching: work))
                // The pool has been shut down.
                case .cancelled: continuation.resume(throwing: CancellationError())
                }
            }
        }
    }

    /// The same for an answer, which nobody needs any more once the caller is gone: left out then if it has not begun.
    @concurrent
    package func runUnlessCancelled<Value: Sendable>(
        _ work: @escaping @Sendable () throws -> Value
    ) async throws -> Value {
        try await pool.runIfActive(work)
    }

    package func stop() async { try? await pool.shutdownGracefully() }
}
