import MemoryModel
import Synchronization

extension JournalSender {
    private enum Work {
        case send([Item])
        case tell([RateLimiter.Suppressed], losses: DropTally)
        case wait(until: UInt64?)
        case end
    }

    /// The thread's life: tell of drops that are over, send what waits, wait.
    func run() {
        while true {
            switch nextWork() {
            case .send(let items): send(items)
            case .tell(let suppressed, let losses): tell(suppressed, losses)
            case .wait(let time): if wake.wait(until: time) { wake.reset() }
            case .end:
                finished.set()
                return
            }
        }
    }

    private func nextWork() -> Work {
        let now = MonotonicClock.nanoseconds
        return state.withLock { state in
            if state.isAbandoned { return .end }
            let isLast = state.isStopping && state.waiting.isEmpty
            let quiet = state.limits.summaryDelay.nanoseconds
            let suppressed = state.limiter.takeDue(quiet: quiet, now: now, force: isLast)
            var losses = DropTally()
            if let time = state.losses.due(quiet: quiet), isLast || time <= now {
                swap(&losses, &state.losses)
            }
            if !suppressed.isEmpty || !losses.isEmpty { return .tell(suppressed, losses: losses) }
            if isLast { return .end }
            if !state.waiting.isEmpty {
                let items = state.waiting
                state.waiting = []
                state.inHand = items.count
                return .send(items)
            }
            let times = [state.limiter.nextDue(quiet: quiet), state.losses.due(quiet: quiet)]
            let next = times.compactMap(\.self).min()
            state.hasTimer = next != nil
            return .wait(until: next)
        }
    }

    private func send(_ items: [Item]) {
        for item in items {
            let outcome = JournalSocket.send(JournalEntry.of(item))
            let now = MonotonicClock.nanoseconds
            let isAbandoned = state.withLock { state in
                guard !state.isAbandoned else { return true }
                state.inHand -= 1
                state.count(outcome)
                if outcome != .sent { state.losses.add(now: now) }
                return false
            }
            if isAbandoned { return }
        }
    }

    /// Losses that could not be told either go back to be told later, with what was lost since.
    private func tell(_ suppressed: [RateLimiter.Suppressed], _ losses: DropTally) {
        for one in suppressed {
            let limits = state.withLock { $0.limits }
            let outcome = JournalSocket.send(JournalEntry.of(one, limits: limits))
            state.withLock { $0.count(outcome) }
        }
        guard !losses.isEmpty else { return }
        let outcome = JournalSocket.send(JournalEntry.of(losses: losses))
        let now = MonotonicClock.nanoseconds
        state.withLock { state in
            state.count(outcome)
            if outcome != .sent, !state.isStopping { state.losses.add(losses.count, now: now) }
        }
    }
}

extension JournalSender.State {
    fileprivate mutating func count(_ outcome: JournalSocket.Outcome) {
        guard !isAbandoned else { return }
        if outcome == .sent { statistics.sent &+= 1 } else { statistics.failed &+= 1 }
    }
}
