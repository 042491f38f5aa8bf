import Inspection
import MemoryModel
import ProcFS

// Targets to which nothing happens: most of them, most of the time.
extension TargetObserver {
    // MARK: Looks that may wait

    /// Puts the full look that is due off by one more interval, where it could find nothing; false if it is needed.
    mutating func putOffFullLook(at now: MonotonicTime) -> Bool {
        guard idleness.mayPutOff(directory) else { return false }
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

/// Whether a process has run since a look.
///
/// Whoever has not run has not changed its own memory. A process of one thread that was asleep when it was looked
/// at, and whose run time and number of time slices are still those of before that look, has not been on a
/// processor since. Nobody else changes its map: process_madvise(2) of others drops pages but moves no border, a
/// debugger's injected call runs in the process, and a vfork(2) child, which shares the memory, keeps its parent
/// in a sleep that does not count as one here. What is left are processes that share memory by a bare
/// clone(CLONE_VM), and names of files that others rename or unlink; statm, which is asked at each tick, shows
/// the sizes of the first, and for the rest a full look comes after thirty that were put off.
struct Idleness {
    /// Run time before the last look, if the process slept when that was over.
    private var runTime: RunTime?
    private var putOff = 0
    /// Microseconds.
    var fullLookEvery: Int64 = 10_000_000

    static let mostPutOff = 30

    /// - Parameter runTimeBefore: read before the look: whatever runs after that counts.
    mutating func looked(_ outcome: TargetInspector.Outcome, runTimeBefore: RunTime?) {
        runTime = outcome.isAccepted && outcome.isAsleep && outcome.previous == nil ? runTimeBefore : nil
        putOff = 0
    }

    func stillHolds(_ directory: ProcessDirectory) -> Bool {
        guard let runTime else { return false }
        return directory.runTime() == runTime
    }

    mutating func mayPutOff(_ directory: ProcessDirectory) -> Bool {
        guard putOff < Self.mostPutOff, stillHolds(directory) else { return false }
        putOff += 1
        return true
    }
}
