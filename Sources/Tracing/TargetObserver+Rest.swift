import Inspection
import MemoryModel
import ProcFS

// Targets to which nothing happens: most of them, most of the time.
extension TargetObserver {
    // MARK: Looks that may wait

    /// Puts the full look that is due off by one more interval, where it could find nothing; false if it is needed.
    mutating func putOffFullLook(at now: MonotonicTime) -> Bool {
        guard idleness.mayPutOff() else { return false }
        fullLookDue = now.advanced(byMicroseconds: idleness.fullLookEvery)
        return true
    }

    mutating func scheduleFullLook(_ tick: Tick) {
        let isFirst = fullLookDue.microseconds == .min
        idleness.fullLookEvery = tick.fullLookEvery
        fullLookDue = tick.monotonic.advanced(
            byMicroseconds: isFirst ? spread(tick.fullLookEvery) : tick.fullLookEvery)
    }

    /// Half of a period and up to as much again: a thousand targets that were attached at once would all be due
    /// in the same tick for ever, and make it late.
    func spread(_ period: Int64) -> Int64 {
        let phase = Int64(truncatingIfNeeded: (target.rawValue &* 0x9e37_79b9_7f4a_7c15) >> 54)
        return period / 2 &+ period / 2 / 1024 &* phase
    }

    // MARK: Maps at rest

    /// Keeps the map once, packed, and not three times as it is: by the inspector, the ledger, and as what the
    /// history has.
    mutating func rest() {
        guard !isAtRest, isLookStored, !isLedgerAhead, !awaitsLook, ledger.mayRest else { return }
        inspector.rest()
        ledger.rest()
        stored = AddressList()
        isAtRest = true
    }

    /// Unpacks the map for whatever needs it.
    mutating func wake() {
        guard isAtRest else { return }
        inspector.wake()
        wake(inspector.regions)
    }

    /// The same with the map as it was, where a look has unpacked it already and found another.
    mutating func wake(_ regions: [Region]) {
        guard isAtRest else { return }
        isAtRest = false
        stored = AddressList(regions)
        ledger.wake(stored)
    }
}

/// Whether a process has run since it was looked at.
///
/// Whoever has not run has not changed its own memory, and has the statm that it had. A process of one thread that
/// was asleep when it was looked at, and whose CPU clock is still that of before the look, has not been on a
/// processor since: its full looks are put off, and if then it runs, it is looked at without waiting. (The clock may
/// not yet show a thread that has been on a processor for a few milliseconds. The next tick sees it.)
///
/// Nobody else changes its map: process_madvise(2) of others drops pages but moves no border, a debugger's injected
/// call runs in the process, and a vfork(2) child, which shares the memory, keeps its parent in a sleep that does not
/// count as one here. What is left are processes that share memory by a bare clone(CLONE_VM); pages that others take
/// from it or put into it (reclaim, userfaultfd(2)); and names of files that others rename or unlink. No full look is
/// put off without asking statm, which shows the first two; for the rest a full look comes after thirty put off.
struct Idleness {
    /// Time on processors before the last look, if the process slept when that was over.
    private var ranBeforeLook: UInt64?
    /// The same before statm was as it is still known; whoever changes what is known has asked it later.
    var ranBeforeStatm: UInt64?
    private let clock: ProcessClock?
    private var isFewThreads = false
    private var putOff = 0
    /// Microseconds.
    var fullLookEvery: Int64 = 10_000_000

    static let mostPutOff = 30

    init(clock: ProcessClock?) { self.clock = clock }

    /// Nanoseconds; nil where to ask would take longer than to ask statm, since the clock goes through all threads.
    var ran: UInt64? { isFewThreads ? clock?.nanoseconds : nil }

    /// True, once, where the last full look that was due has been put off, and now the process has run.
    mutating func hasEnded(_ ran: UInt64?) -> Bool {
        guard putOff > 0, ran == nil || ran != ranBeforeLook else { return false }
        putOff = 0
        ranBeforeLook = nil
        return true
    }

    /// - Parameter ranBefore: read before the look: whatever runs after that counts.
    mutating func looked(_ outcome: TargetInspector.Outcome, ranBefore: UInt64?) {
        ranBeforeLook = outcome.isAccepted && outcome.isAsleep && outcome.previous == nil ? ranBefore : nil
        // Further ones do not begin without its running, and then they are seen with the look that follows.
        isFewThreads = outcome.sample.threads.map { $0 <= 4 } ?? false
        putOff = 0
    }

    var stillHolds: Bool {
        guard let ranBeforeLook else { return false }
        return ran == ranBeforeLook
    }

    mutating func mayPutOff() -> Bool {
        guard putOff < Self.mostPutOff, stillHolds else { return false }
        putOff += 1
        return true
    }
}
