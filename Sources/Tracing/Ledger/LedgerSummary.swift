import MemoryModel

extension Ledger {
    /// One event for each type, kind and source in place of each one: for processes that map faster than
    /// anyone can read, or that a history should hold.
    ///
    /// The deltas are added up, so that sums stay exact; `count` says how many there were. The range is from
    /// the lowest to the highest, the time the last one's, `notBefore` the earliest time of any. Size and
    /// permissions are the last one's, and thread and name are kept where they are the same for all. Events
    /// of the whole process (exec, fork, gap) stay as they are, and an exec ends a summary.
    package static func summarise(_ events: [LedgerEvent]) -> [LedgerEvent] {
        struct Key: Hashable {
            var type: EventType
            var kind: RegionKind?
            var source: EventSource
        }
        var result: [LedgerEvent] = []
        var places: [Key: Int] = [:]
        for event in events {
            switch event.type {
            case .mmap, .munmap, .brkGrow, .brkShrink, .stackGrow, .protect, .resize: break
            case .exec:
                places.removeAll()
                result.append(event)
                continue
            default:
                result.append(event)
                continue
            }
            let key = Key(type: event.type, kind: event.kind, source: event.source)
            if let place = places[key] {
                result[place].absorb(event)
            } else {
                places[key] = result.count
                result.append(event)
            }
        }
        return result
    }

    /// The difference to a map that some events told before are not part of, without telling these again.
    ///
    /// How much those were is known for each kind, not which areas. So what looks have found is told in one piece
    /// for such a kind: from what had been told to what is there now, with the range that it lies in.
    func leavingOut(
        _ toldBefore: [RegionKind: Int64], from events: [LedgerEvent], at nanoseconds: Int64
    ) -> [LedgerEvent] {
        var result: [LedgerEvent] = []
        var found: [RegionKind: LedgerEvent] = [:]
        for event in events {
            guard let kind = event.kind, toldBefore[kind] != nil, event.source == .sample, event.type != .exec
            else {
                result.append(event)
                continue
            }
            if found[kind] == nil { found[kind] = event } else { found[kind]?.absorb(event) }
        }
        for (kind, before) in toldBefore.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            let delta = (found[kind]?.delta ?? 0).subtractingSaturating(before)
            if delta == 0 { continue }
            let grows: EventType = kind == .heap ? .brkGrow : .mmap
            let shrinks: EventType = kind == .heap ? .brkShrink : .munmap
            var event = LedgerEvent(
                delta > 0 ? grows : shrinks, kind: kind, delta: delta, nanoseconds: nanoseconds,
                source: .sample)
            event.sizeAfter = totals[kind]
            event.start = found[kind]?.start
            event.end = found[kind]?.end
            event.count = found[kind]?.count
            result.append(event)
        }
        return result
    }
}

extension LedgerEvent {
    fileprivate mutating func absorb(_ next: LedgerEvent) {
        let earliest = min(notBefore ?? nanoseconds, next.notBefore ?? next.nanoseconds)
        let (sum, _) = (count ?? 1).addingReportingOverflow(next.count ?? 1)
        count = sum
        notBefore = earliest
        delta = (delta ?? 0).addingSaturating(next.delta ?? 0)
        nanoseconds = max(nanoseconds, next.nanoseconds)
        sizeAfter = next.sizeAfter
        permissions = next.permissions
        if let low = next.start { start = min(start ?? low, low) }
        if let high = next.end { end = max(end ?? high, high) }
        if tid != next.tid { tid = nil }
        if path != next.path { path = .none }
    }
}
