import MemoryModel
import Synchronization

/// Which processes the kernel has reported something of since they were last asked about, and which are to
/// be looked at again soon without that.
///
/// Filled by the thread that drains the rings, emptied by the tracer, at most every 20 ms.
final class KernelActivity: Sendable {
    private static let shortestPause: Int64 = 20_000
    /// Records wait so long for a tick that comes anyway: to wake up is most of what either costs.
    static let patience: Int64 = 100_000

    private struct State {
        var pids: Set<Int32> = []
        /// When to look again, whether or not there are records.
        var later: [Int32: MonotonicTime] = [:]
        var notBefore = MonotonicTime(microseconds: .min)
        /// When whoever is to be woken wakes up by itself; long ago while it is awake, and asks before it sleeps.
        var wakesAt: MonotonicTime?
        var wake: (@Sendable () -> Void)?

        var due: MonotonicTime? {
            guard let first = pids.isEmpty ? later.values.min() : notBefore else { return nil }
            return max(first, notBefore)
        }
    }

    private let state = Mutex(State())

    /// What to call when something is due sooner than before; from any thread.
    func onFirst(_ wake: @escaping @Sendable () -> Void) { state.withLock { $0.wake = wake } }

    func add(_ pids: Set<Int32>) {
        let wake = state.withLock { state -> (@Sendable () -> Void)? in
            let isFirst = state.pids.isEmpty
            state.pids.formUnion(pids)
            guard isFirst, !state.pids.isEmpty else { return nil }
            let soon = MonotonicTime.now.advanced(byMicroseconds: Self.patience)
            return state.wakesAt.map { $0 <= soon } ?? false ? nil : state.wake
        }
        wake?()
    }

    func add(_ pid: Int32, at time: MonotonicTime) {
        let wake = state.withLock { state -> (@Sendable () -> Void)? in
            let before = state.due
            state.later[pid] = min(state.later[pid] ?? time, time)
            return before.map { time < $0 } ?? true ? state.wake : nil
        }
        wake?()
    }

    /// The one to be woken sleeps until then; nil for ever.
    func sleeps(until time: MonotonicTime?) { state.withLock { $0.wakesAt = time } }

    func isAwake() { state.withLock { $0.wakesAt = MonotonicTime(microseconds: .min) } }

    /// Those reported since the last ``take(at:)``, which stay: a tick asks ten thousand targets about one set
    /// instead of each target's own queue, which would have to come into the processor's cache for it.
    var reported: Set<Int32> { state.withLock { $0.pids } }

    /// When to take; nil while there is nothing.
    var due: MonotonicTime? { state.withLock { $0.due } }

    func take(at now: MonotonicTime) -> Set<Int32> {
        state.withLock { state in
            state.notBefore = now.advanced(byMicroseconds: Self.shortestPause)
            var taken = state.pids
            state.pids = []
            for (pid, time) in state.later where time <= now {
                taken.insert(pid)
                state.later[pid] = nil
            }
            return taken
        }
    }
}
