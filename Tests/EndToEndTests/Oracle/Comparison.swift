/// The ledger of a process against the trace of the same process.
///
/// - Recall (only where the kernel reports): each mmap and each growth of the break has a record of its own
///   in the ledger, of the same thread, within 5 ms of the call, at its place.
/// - Precision: every byte of every change in the ledger was touched by a call within the time that the
///   ledger names.
/// - Sums: from the first sample to the last, the changes of each kind add up to the change of that kind, and all
///   of them to the change of VmSize.
///
/// What the kernel records is not the call but the whole area after it was merged with its neighbours. Where
/// something was unmapped before, which no record tells, that may be nothing new at all: then the ledger knows
/// that, when and by whom something came back, and where within the area it says by a rule. Such a pair of
/// events (gone, and come back at the same instant, with no change in sum) is held against the area, not the
/// range; ``atOtherPlace`` counts them.
struct Comparison {
    /// The issue's: an event is within so much of the trace's time.
    static let tolerance: Int64 = 5_000

    private(set) var births = 0
    private(set) var found = 0
    /// Of those found: told as `protect`, because the records do not tell `MAP_FIXED` over memory that is there,
    /// or what was unmapped unseen before, from mprotect.
    private(set) var asProtect = 0
    /// Of those found: somewhere else in the area.
    private(set) var atOtherPlace = 0
    private(set) var missing: [TracedCall] = []
    private(set) var events = 0
    private(set) var gaps = 0
    private(set) var unexplained: [Ledger.Entry] = []
    /// Pieces of a record that its own call did not touch, but another since the last sample: mremap leaves no
    /// record, and shows in the next one that the kernel writes of the area.
    private(set) var byOthers = 0
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
        var entries: [Ledger.Entry]
        var isTaken = false

        func has(_ types: Set<String>) -> Bool { entries.contains { types.contains($0.type) } }
        func touches(_ call: TracedCall) -> Bool {
            entries.contains { $0.range.map { call.touches($0) } ?? false }
        }
        func sharesArea(with call: TracedCall) -> Bool { entries.contains { $0.sharesArea(with: call) } }
    }

    private mutating func findBirths(_ entries: [Ledger.Entry], _ calls: [TracedCall]) {
        var records: [Int32: [Record]] = [:]
        for entry in entries where entry.isPerf {
            guard let tid = entry.tid else { continue }
            if let last = records[tid]?.indices.last, records[tid]?[last].time == entry.time {
                records[tid]?[last].entries.append(entry)
            } else {
                records[tid, default: []].append(Record(time: entry.time, entries: [entry]))
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
                if !record.has(["mmap", "brk-grow"]) { asProtect += 1 }
                if !record.touches(call) { atOtherPlace += 1 }
                distances.append(record.time - call.entry)
                return false
            }
        }
        births += recorded.count { $0.effect == .birth }
        missing += open.filter { $0.effect == .birth }
    }

    private func nearest(_ records: [Record], _ call: TracedCall, _ limit: Int64) -> Int? {
        let types: Set<String> = call.name == "brk" ? ["brk-grow"] : ["mmap", "protect"]
        return records.indices.filter { index in
            let record = records[index]
            return !record.isTaken && call.distance(to: record.time) <= limit && record.has(types)
                && (record.touches(call) || record.sharesArea(with: call))
        }.min { call.distance(to: records[$0].time) < call.distance(to: records[$1].time) }
    }

    // MARK: Precision

    private mutating func explain(_ entries: [Ledger.Entry], _ calls: [TracedCall], _ ledger: Ledger) {
        let atOnce = Dictionary(grouping: entries, by: \.time)
        for entry in entries {
            let since = entry.notBefore ?? lastSample(of: ledger, before: entry.time)
            let sinceKnown = happening(calls, from: since, to: entry.time)
            let possible =
                entry.isPerf
                ? happening(calls, from: entry.time, to: entry.time).filter {
                    // What exec maps is told as exec.
                    $0.tid == entry.tid && $0.effect != .exec
                }
                : sinceKnown
            if isCovered(entry.range, by: possible) { continue }
            let together = atOnce[entry.time, default: []]
            if isPair(entry, together, calls) { continue }
            if isBreakDownAndUp(entry, together, calls, sinceKnown) { continue }
            let isOfRecord = together.contains { $0.tid == entry.tid && isRecorded($0, calls) }
            if entry.isPerf, isOfRecord, isCovered(entry.range, by: sinceKnown) {
                byOthers += 1
            } else {
                unexplained.append(entry)
            }
        }
    }

    private func lastSample(of ledger: Ledger, before time: Int64) -> Int64 {
        ledger.samples.last { $0.isConsistent && $0.time < time }?.time ?? .min
    }

    private func happening(_ calls: [TracedCall], from earliest: Int64, to latest: Int64) -> [TracedCall] {
        calls.filter { call in
            // What explains everything must not explain more than it must.
            let tolerance = call.ranges.isEmpty ? 0 : Self.tolerance
            if call.entry > latest + tolerance { return false }
            return call.exit == .max || earliest == .min || call.exit + tolerance >= earliest
        }
    }

    /// Memory that counts for another kind from now on, or that went and came back: not one byte more or less. The
    /// second must have been done by a call, in the same area.
    private func isPair(_ entry: Ledger.Entry, _ together: [Ledger.Entry], _ calls: [TracedCall]) -> Bool {
        let pair = together.filter { $0.range == entry.range }
        guard pair.count > 1 else { return false }
        var sum: Int64 = 0
        for one in pair {
            guard let delta = one.event.delta else { return false }
            sum += delta
        }
        guard sum == 0 else { return false }
        guard let back = pair.first(where: \.isPerf) else { return true }
        return isRecorded(back, calls)
    }

    /// The break that went down unseen and up again: how far down the records do not tell. What they tell is where it
    /// was, where it is, and who moved it up.
    private func isBreakDownAndUp(
        _ entry: Ledger.Entry, _ together: [Ledger.Entry], _ calls: [TracedCall], _ sinceKnown: [TracedCall]
    ) -> Bool {
        guard let down = together.first(where: { $0.type == "brk-shrink" && !$0.isPerf }),
            let up = together.first(where: { $0.type == "brk-grow" && $0.isPerf }),
            entry.range == down.range || entry.range == up.range,
            let before = down.range, let after = up.range, before.lowerBound == after.lowerBound
        else { return false }
        let low = min(before.upperBound, after.upperBound)
        let high = max(before.upperBound, after.upperBound)
        return isRecorded(up, calls) && (low == high || isCovered(low..<high, by: sinceKnown))
    }

    /// True if a call of the same thread, at that time, may have left a record of the area.
    private func isRecorded(_ entry: Ledger.Entry, _ calls: [TracedCall]) -> Bool {
        calls.contains { call in
            call.tid == entry.tid && call.distance(to: entry.time) <= Self.tolerance
                && entry.sharesArea(with: call)
        }
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

extension Ledger.Entry {
    /// True if an area as large as the event says has room for what changed and for what the call touched.
    func sharesArea(with call: TracedCall) -> Bool {
        guard let range, let size = event.size, let touched = call.ranges.first else { return false }
        let low = min(range.lowerBound, touched.lowerBound)
        return max(range.upperBound, touched.upperBound) - low <= UInt64(clamping: size)
    }
}
