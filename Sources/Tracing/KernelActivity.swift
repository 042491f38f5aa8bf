import Synchronization

/// Which processes the kernel has reported something of since they were last asked about.
///
/// Filled by the thread that drains the rings, emptied by the tracer, at most every 20 ms.
final class KernelActivity: Sendable {
    private static let shortestPause: Int64 = 20_000

    private struct State {
        var pids: Set<Int32> = []
        var due = MonotonicTime(microseconds: .min)
        var wake: (@Sendable () -> Void)?
    }

    private let state = Mutex(State())

    /// What to call when there is something again; from any thread.
    func onFirst(_ wake: @escaping @Sendable () -> Void) { state.withLock { $0.wake = wake } }

    func add(_ pids: Set<Int32>) {
        let wake = state.withLock { state -> (@Sendable () -> Void)? in
            let isFirst = state.pids.isEmpty
            state.pids.formUnion(pids)
            return isFirst && !state.pids.isEmpty ? state.wake : nil
        }
        wake?()
    }

    /// When to take; nil while there is nothing.
    var due: MonotonicTime? { state.withLock { $0.pids.isEmpty ? nil : $0.due } }

    func take() -> Set<Int32> {
        state.withLock { state in
            state.due = MonotonicTime.now.advanced(byMicroseconds: Self.shortestPause)
            defer { state.pids = [] }
            return state.pids
        }
    }
}
