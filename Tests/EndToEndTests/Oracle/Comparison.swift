/// The ledger of a process against the trace of the same process.
///
/// - Recall (only where the kernel reports): each mmap and each growth of the break has a record of its own
///   in the ledger, of the same thread, over the same range, within 5 ms of the call.
/// - Precision: every byte of every change in the ledger was touched by a call within the time that the
///   ledger names.
/// - Sums: from the first sample to the last, the changes of each kind add up to the change of that kind, and all
///   of them to the change of VmSize.
struct Comparison {
    /// The issue's: an event is within so much of the trace's time.
    static let tolerance: Int64 = 5_000

    private(set) var births = 0
    private(set) var found = 0
    /// Of those found: as `protect`, where the memory was there before as far as the kernel's records tell.
    private(set) var foundAsProtect = 0
    private(set) var missing: [TracedCall] = []
    private(set) var events = 0
    private(set) var gaps = 0
    private(set) var unexplained: [Ledger.Entry] = []
    /// Of what was found, the time behind the stop before the call, in microseconds.
    private(set) var distances: [Int64] = []
    private(set) var samples = 0
    private(set) var wrongSums: [String] = []

    mutating func add(_ ledger: Ledger, _ calls: [TracedCall], isPerf: Bool) {
        let entries = ledger.entries.filter { Ledger.explainable.contains($0.type) }
        events += entries.count
        gaps += ledger.entries.count { $0.type == "gap" }
        if isPerf { findBirths(entries, calls) }
        explain(entries, calls, ledger)
        addUp(ledger)
    }

    /// A process of the trace that memwatch has nothing of.
    mutating func addUnknown(_ calls: [TracedCall], isPerf: Bool) {
        if isPerf { findBirths([], calls) }
    }

    // MARK: Recall

    /// What one record of the kernel's became: one event, or several where it touched regions of several kinds.
    private struct Record {
        var time: Int64
        var ranges: [Range<UInt64>]
        var types: Set<String>
        var isTaken = false
    }

    private mutating func findBirths(_ entries: [Ledger.Entry], _ calls: [TracedCall]) {
        var records: [Int32: [Record]] = [:]
        for entry in entries where entry.isPerf {
            guard let tid = entry.tid, let range = entry.range else { continue }
            if let last = records[tid]?.indices.last, records[tid]?[last].time == entry.time {
                records[tid]?[last].ranges.append(range)
                records[tid]?[last].types.insert(entry.type)
            } else {
                records[tid, default: []].append(
                    Record(time: entry.time, ranges: [range], types: [entry.type]))
            }
        }
        // A record is taken by one call only, and by the one in whose time it lies before one that is near. A
        // thread's calls do not overlap, so an mprotect that changed nothing takes nobody's.
        let recorded = calls.filter { $0.effect == .birth || $0.effect == .protection }
        var open = recorded
        for limit in [0, Self.tolerance] {
            open = open.filter { call in
                guard let index = nearest(records[call.tid] ?? [], call, limit) else { return true }
                records[call.tid]?[index].isTaken = true
                guard call.effect == .birth, let record = records[call.tid]?[index] else { return false }
                found += 1
                if !record.types.contains("mmap") && !record.types.contains("brk-grow") {
                    foundAsProtect += 1
                }
                distances.append(record.time - call.entry)
                return false
            }
        }
        births += recorded.count { $0.effect == .birth }
        missing += open.filter { $0.effect == .birth }
    }

    private func nearest(_ records: [Record], _ call: TracedCall, _ limit: Int64) -> Int? {
        let types: Set<String> =
            switch (call.name, call.effect) {
            case ("brk", _): ["brk-grow"]
            case (_, .birth): ["mmap", "protect"]
            default: ["protect", "mmap"]
            }
        return records.indices.filter { index in
            let record = records[index]
            return !record.isTaken && call.distance(to: record.time) <= limit
                && !record.types.isDisjoint(with: types) && record.ranges.contains { call.touches($0) }
        }.min { call.distance(to: records[$0].time) < call.distance(to: records[$1].time) }
    }

    // MARK: Precision

    private mutating func explain(_ entries: [Ledger.Entry], _ calls: [TracedCall], _ ledger: Ledger) {
        var open = entries.filter { entry in
            let since =
                entry.isPerf
                ? entry.time
                : entry.notBefore ?? ledger.samples.last { $0.isConsistent && $0.time < entry.time }?.time
                    ?? .min
            let possible = calls.filter { call in
                let isTheirs = !entry.isPerf || entry.tid == call.tid
                return isTheirs && call.entry <= entry.time + Self.tolerance
                    && (call.exit == .max || call.exit + Self.tolerance >= since)
            }
            return !isCovered(entry.range, by: possible)
        }
        // Memory that counts for another kind from now on: no call, and no byte more or less.
        for group in Dictionary(grouping: open, by: \.time).values {
            for entry in group {
                let same = group.filter { $0.range == entry.range }
                if same.count > 1, same.allSatisfy({ $0.event.delta != nil }),
                    same.reduce(0, { $0 + ($1.event.delta ?? 0) }) == 0
                {
                    open.removeAll { $0.event == entry.event }
                }
            }
        }
        unexplained += open
    }

    /// True if every byte of the range lies in what some call touched.
    private func isCovered(_ range: Range<UInt64>?, by calls: [TracedCall]) -> Bool {
        if calls.contains(where: { $0.ranges.isEmpty }) { return true }
        guard let range else { return false }
        var position = range.lowerBound
        for touched in calls.flatMap(\.ranges).sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if touched.lowerBound > position { break }
            position = max(position, touched.upperBound)
        }
        return position >= range.upperBound
    }

    // MARK: Sums

    private mutating func addUp(_ ledger: Ledger) {
        let known = ledger.samples.filter(\.isConsistent)
        samples += ledger.samples.count
        guard let first = known.first, let last = known.last else { return }
        var kinds = first.kinds
        var all: Int64 = 0
        for entry in ledger.entries where first.time < entry.time && entry.time <= last.time {
            guard let kind = entry.event.kind, let delta = entry.event.delta else { continue }
            kinds[kind, default: 0] += delta
            all += delta
        }
        if all != last.size - first.size {
            wrongSums.append("\(ledger.pid): all changes \(all), VmSize \(last.size - first.size)")
        }
        for kind in Set(kinds.keys).union(last.kinds.keys).sorted() {
            let wanted = last.kinds[kind] ?? 0
            if kinds[kind, default: 0] != wanted {
                wrongSums.append(
                    "\(ledger.pid): \(kind) \(kinds[kind, default: 0]) by events, \(wanted) by sample")
            }
        }
    }
}
