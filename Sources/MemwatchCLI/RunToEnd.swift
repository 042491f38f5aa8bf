import Dispatch
import Synchronization

/// Runs asynchronous work to its end from the synchronous main function.
///
/// Main stays synchronous because most of what a look at /proc costs is starting: without the
/// threads of the concurrency runtime, `memwatch regions` starts about as fast as pmap.
///
/// - Parameter started: Gets the task, for those who may want to cancel it.
func runToEnd(
    _ work: @escaping @Sendable () async throws(Failure) -> Void,
    started: (Task<Void, Never>) -> Void = { _ in }
) throws(Failure) {
    let outcome = Outcome()
    let task = Task {
        do throws(Failure) { try await work() } catch { outcome.failure.withLock { $0 = error } }
        outcome.isThere.signal()
    }
    started(task)
    outcome.isThere.wait()
    if let failure = outcome.failure.withLock({ $0 }) { throw failure }
}

private final class Outcome: Sendable {
    let failure = Mutex<Failure?>(nil)
    let isThere = DispatchSemaphore(value: 0)
}
