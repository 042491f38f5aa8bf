import MemoryModel
import Synchronization

/// Gathers the observations of one tick from the worker threads, until all are in or time is up.
///
/// What comes later is not lost: it waits in `stragglers` for the next tick. A target whose look hangs
/// (a process stuck in the kernel with its memory locked) so delays nobody but itself.
final class LookCollector: Sendable {
    private struct State {
        var observations: [Observation] = []
        var remaining: Int
        var isClosed = false
    }

    private let state: Mutex<State>
    private let stragglers: Stragglers
    private let allAreIn = WaitPoint()

    init(count: Int, stragglers: Stragglers) {
        var first = State(remaining: count)
        // Nearly all find something; the more there are, the dearer to move those that came before.
        first.observations.reserveCapacity(min(count, 1_024))
        state = Mutex(first)
        self.stragglers = stragglers
    }

    func add(_ observation: Observation?) {
        let isLast = state.withLock { state in
            state.remaining -= 1
            if let observation {
                if state.isClosed {
                    stragglers.add(observation)
                } else {
                    state.observations.append(observation)
                }
            }
            return state.remaining == 0 && !state.isClosed
        }
        if isLast { allAreIn.signal() }
    }

    /// Blocks until all are in, but not longer than `limit`, and takes what is there.
    func collect(within limit: Duration) -> [Observation] {
        if state.withLock({ $0.remaining > 0 }) { allAreIn.wait(until: .now.advanced(by: limit)) }
        return state.withLock { state in
            state.isClosed = true
            defer { state.observations = [] }
            return state.observations
        }
    }
}

/// Observations that came after their tick was delivered.
final class Stragglers: Sendable {
    private struct State {
        var observations: [Observation] = []
        var wake: (@Sendable () -> Void)?
    }

    private let state = Mutex(State())

    var isWaiting: Bool { state.withLock { !$0.observations.isEmpty } }

    /// What to call when there is one; from any thread.
    func onFirst(_ wake: @escaping @Sendable () -> Void) { state.withLock { $0.wake = wake } }

    func add(_ observation: Observation) {
        let wake = state.withLock { state -> (@Sendable () -> Void)? in
            state.observations.append(observation)
            return state.observations.count == 1 ? state.wake : nil
        }
        wake?()
    }

    func take() -> [Observation] {
        state.withLock { state in
            defer { state.observations = [] }
            return state.observations
        }
    }
}
