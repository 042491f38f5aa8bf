import Inspection
import KernelEvents
import MemoryModel
import ProcFS

// A huge map is not read at each tick (``LookPace``): what is known of it goes on by the kernel's records, by
// VmSize, and by questions about the places that changed last.
extension TargetObserver {
    /// True where a look at this map has to wait.
    func mustSpare(_ tick: Tick) -> Bool {
        guard lookPace.isHuge else { return false }
        return tick.monotonic < (canAccount && !awaitsLook ? lookPace.nextAccounted : lookPace.next)
    }

    /// The kernel reports this process's mappings, so that the shadow map can be followed without looks.
    private var canAccount: Bool { feed.map { !$0.queue.isPaused } ?? false }

    /// Tells what records say, finds what they do not say where that is possible, and makes a sample of it.
    ///
    /// The sample is consistent where the shadow map adds up to VmSize to the byte, by the same test as a look:
    /// then the map is stored, too. Else its sizes are true and its kinds are the last known, and the next look
    /// comes as soon as its cost allows.
    mutating func sparingLook(_ tick: Tick) throws(ProcError) -> Observation? {
        var observation = newObservation(tick)
        let (told, size, isAccounted, asked) = try followed(tick)
        let status = try directory.status()
        // No look has said whose memory the records tell of.
        observation.identification.join(directory.credentials(status))
        // Not now: what has been mapped since then is not in it.
        let tick = tick.advanced(to: MonotonicTime(nanoseconds: asked))
        observation.time = tick.time
        observation.events = events(told, tick)
        note(observation.events)
        guard var sample = latest else {
            lookPace.reset()
            return observation
        }
        sample.time = tick.time
        sample.read(status)
        sample.vmSizeBytes = size
        sample.kinds = ledger.totals
        sample.regionCount = UInt32(clamping: ledger.map.count)
        sample.programBreak = ledger.programBreak(from: inspector.startBrk) ?? sample.programBreak
        sample.isConsistent = isAccounted
        latest = sample
        isLedgerAhead = true
        isDirty = !isAccounted
        awaitsLook = !isAccounted
        lookPace.isSparing = !isAccounted
        store(sample, tick, &observation)
        return isWorthKeeping(observation) ? observation : nil
    }

    /// Applies records until VmSize agrees with the shadow map.
    ///
    /// The order is what makes it true: the kernel writes the record of a change before the change counts in
    /// VmSize. So when VmSize is read, and there are no records after that, everything that it counts has been
    /// told; what then is missing went without a record.
    /// - Returns: also when the size was asked for: no record of the time before is missing in what adds up.
    private mutating func followed(
        _ tick: Tick
    ) throws(ProcError) -> (told: [LedgerEvent], size: UInt64, isAccounted: Bool, asked: Int64) {
        var told: [LedgerEvent] = []
        var size: UInt64 = 0
        var asked = MonotonicTime.nanoseconds
        for _ in 0..<3 {
            let records = takeRecords(tick)
            told += applied(records, nil, nil)
            if records.contains(where: { $0.isExec || $0.isGap }) || ledger.group != nil {
                if records.contains(where: \.isExec) { lookPace.reset() }
                return (told, try directory.statm().sizeBytes, false, MonotonicTime.nanoseconds)
            }
            let suspects = canAccount ? ledger.suspects : []
            statm = try directory.statm()
            size = statm?.sizeBytes ?? 0
            var areas: [[VMA]]?
            if ledger.totals.total != size, !suspects.isEmpty {
                areas = directory.areas(overlapping: suspects)
                if areas != nil {
                    statm = try directory.statm()
                    size = statm?.sizeBytes ?? 0
                }
            }
            asked = MonotonicTime.nanoseconds
            feed?.source.drain()
            if feed?.hasRecords == true { continue }
            guard ledger.pendingCount == 0 else { return (told, size, false, asked) }
            if ledger.totals.total == size { return (told, size, true, asked) }
            guard let areas, let found = ledger.settle(suspects, with: areas, total: size, at: asked) else {
                return (told, size, false, asked)
            }
            return (told + found, size, true, asked)
        }
        return (told, size, false, asked)
    }

    /// Puts what has changed since the last time into the observation, for the history.
    mutating func storeChangedPlaces(_ observation: inout Observation) {
        isLookStored = false
        let paths = inspector.paths
        guard !ledger.changed.isEverywhere else {
            storeMap(ledger.map.elements, &observation)
            ledger.changed.clear()
            return
        }
        for place in ledger.changed.merged {
            let (old, new) = stored.grown(place, with: ledger.map)
            let (before, after) = (stored.elements(in: old), ledger.map.elements(in: new))
            let intervals = MapComparison.compare(from: before, to: after).intervals
            observation.died += intervals.died.map { ObservedRegion(before[$0], paths) }
            observation.born += intervals.born.map { ObservedRegion(after[$0], paths) }
            if !intervals.died.isEmpty || !intervals.born.isEmpty { stored.replace(old, with: after) }
        }
        ledger.changed.clear()
    }
}

extension KernelRecord {
    fileprivate var isGap: Bool {
        if case .gap = content { return true }
        return false
    }
}

extension Ledger {
    /// Where the heap ends, if it begins at `startBrk`; nil where that is not known.
    func programBreak(from startBrk: UInt64?) -> UInt64? {
        guard let startBrk else { return nil }
        guard totals[.heap] > 0 else { return startBrk }
        var index = map.firstIndex(endingAbove: startBrk)
        var end: UInt64?
        // Cut by mprotect it is several regions; behind it comes a gap.
        while index < map.count, map[index].kind == .heap, end == nil || map[index].start == end {
            end = map[index].end
            index &+= 1
        }
        return end
    }
}

extension AddressList<Region> {
    func elements(in range: Range<Int>) -> [Region] { range.map { self[$0] } }

    /// The elements of this list and of another that lie in a range, which is extended until no element of
    /// either crosses its ends.
    func grown(_ place: Range<UInt64>, with other: AddressList<Region>) -> (
        own: Range<Int>, other: Range<Int>
    ) {
        var (start, end) = (place.lowerBound, place.upperBound)
        while true {
            let own = indices(from: start, to: end)
            let others = other.indices(from: start, to: end)
            let before = (start, end)
            if !own.isEmpty {
                start = Swift.min(start, self[own.lowerBound].start)
                end = Swift.max(end, self[own.upperBound &- 1].end)
            }
            if !others.isEmpty {
                start = Swift.min(start, other[others.lowerBound].start)
                end = Swift.max(end, other[others.upperBound &- 1].end)
            }
            if before == (start, end) { return (own, others) }
        }
    }

    /// The elements that overlap the range.
    private func indices(from start: UInt64, to end: UInt64) -> Range<Int> {
        let first = firstIndex(endingAbove: start)
        var next = end > 0 ? firstIndex(endingAbove: end &- 1) : first
        if next < count, self[next].start < end { next &+= 1 }
        return first..<Swift.max(first, next)
    }
}

extension ChangedPlaces {
    /// The places in order, those that touch as one.
    var merged: [Range<UInt64>] {
        var result: [Range<UInt64>] = []
        for place in places.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = result.last, place.lowerBound <= last.upperBound {
                result[result.count - 1] = last.lowerBound..<max(last.upperBound, place.upperBound)
            } else {
                result.append(place)
            }
        }
        return result
    }
}
