package import MemoryModel

/// Finding what the kernel does not report without looking at the whole map.
///
/// Memory that goes is mostly memory that came lately (a block that is freed, a buffer that is resized), and
/// what VmSize says is known at once. So where VmSize and the shadow map differ, the places that changed last
/// are asked about, one by one. If what they answer makes up the difference to the byte, it is what happened;
/// if not, nothing is concluded from them, and the next look at the whole map tells.
extension Ledger {
    /// The places that lately appeared, grew or went, for ``settle(_:with:at:)``: whole regions with room for
    /// what grew beside them, ascending, without overlap.
    package var suspects: [Range<UInt64>] {
        var ranges: [Range<UInt64>] = []
        for place in recent.places {
            let index = map.firstIndex(endingAbove: place.lowerBound)
            var start = place.lowerBound
            var end = place.upperBound
            if index < map.count, map[index].start < end { start = min(start, map[index].start) }
            // What was cut off above grows there again.
            if index > 0, map[index &- 1].end == start { start = map[index &- 1].start }
            let last = map.firstIndex(endingAbove: end &- 1)
            if last < map.count, map[last].start < end { end = max(end, map[last].end) }
            ranges.append(start..<end)
        }
        ranges.sort { $0.lowerBound < $1.lowerBound }
        var merged: [Range<UInt64>] = []
        for range in ranges {
            if let last = merged.last, range.lowerBound <= last.upperBound {
                merged[merged.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
            } else {
                merged.append(range)
            }
        }
        return merged
    }

    /// Brings the shadow map to what was found at some places, as ``settle(with:at:isNewImage:)`` brings all of
    /// it to a look. Nothing else about looks changes: what was not asked about was seen when it was seen.
    ///
    /// - Parameters:
    ///   - ranges: of ``suspects``, which this shadow map still has as they were.
    ///   - areas: what is mapped there now, for each range.
    ///   - total: VmSize once the areas were asked for, without any record since.
    /// - Returns: what happened; nil, and nothing is changed, where what the areas hold of what is known from
    ///   before does not make up the difference.
    package mutating func settle(
        _ ranges: [Range<UInt64>], with areas: [[VMA]], total: UInt64, at nanoseconds: Int64
    ) -> [LedgerEvent]? {
        guard isKnown, group == nil, ranges.count == areas.count else { return nil }
        var trial = self
        var events: [LedgerEvent] = []
        for (range, found) in zip(ranges, areas) {
            // A place that holds something unknown may have nothing to do with the difference: the sum tells.
            events += trial.settle(range, with: found, at: nanoseconds) ?? []
        }
        guard trial.totals.total == total else { return nil }
        self = trial
        return events
    }

    private mutating func settle(
        _ range: Range<UInt64>, with areas: [VMA], at nanoseconds: Int64
    ) -> [LedgerEvent]? {
        let first = map.firstIndex(endingAbove: range.lowerBound)
        var next = first
        var old: [Region] = []
        while next < map.count, map[next].start < range.upperBound {
            old.append(map[next])
            next &+= 1
        }
        let below = first > 0 ? map[first &- 1].end : 0
        let above = next < map.count ? map[next].start : .max
        guard let new = Self.regions(of: areas, knowing: old, from: below, to: above) else { return nil }
        if new == old { return [] }
        // The heap's events tell the whole heap's size.
        if (old + new).contains(where: { $0.kind == .heap }) { return nil }
        let events = differences(from: old, to: new, at: nanoseconds)
        for event in events {
            guard let start = event.start, let end = event.end, let delta = event.delta else { continue }
            if delta < 0 { births.remove(start, end) } else { births.add(start, end, at: nanoseconds) }
        }
        let (before, after) = (KindTotals(of: old), KindTotals(of: new))
        for kind in RegionKind.allCases { totals[kind] = totals[kind] &- before[kind] &+ after[kind] }
        replace(first..<next, with: new)
        return events
    }

    /// What is known of the areas: nil where one of them is not what was there before, or more of it.
    ///
    /// - Parameters:
    ///   - below: where the region before the first of `old` ends: what an area has below that is that region's.
    ///   - above: where the region behind the last begins.
    private static func regions(
        of areas: [VMA], knowing old: [Region], from below: UInt64, to above: UInt64
    ) -> [Region]? {
        var new: [Region] = []
        var index = 0
        for area in areas {
            var position = max(area.start, below)
            let end = min(area.end, above)
            while index < old.count, old[index].end <= position { index &+= 1 }
            while position < end {
                if index < old.count, old[index].start <= position {
                    let known = old[index]
                    guard known.permissions == area.permissions, known.inode == area.inode,
                        known.device == area.device,
                        known.inode == 0
                            || known.offset &- known.start == area.offset &- area.start
                    else { return nil }
                    let stop = min(end, known.end)
                    new.append(known.part(from: position, to: stop))
                    position = stop
                    if known.end <= position { index &+= 1 }
                } else {
                    // More of what lies directly below, up to what is known next: mremap(2).
                    guard let last = new.last, last.end == position, position > area.start,
                        last.kind != .stack
                    else { return nil }
                    let stop = index < old.count ? min(end, old[index].start) : end
                    new[new.count - 1].end = stop
                    position = stop
                }
            }
        }
        return new
    }
}

/// The places of a map that changed last, the newest last: where something is most likely to go unseen next.
struct RecentPlaces: Sendable {
    static let limit = 64

    private(set) var places: [Range<UInt64>] = []

    mutating func add(_ event: LedgerEvent) {
        switch event.type {
        case .mmap, .munmap, .resize: break
        default: return
        }
        guard let start = event.start, let end = event.end, start < end else { return }
        // The same block in another size is one place.
        places.removeAll { $0.lowerBound < end && start < $0.upperBound }
        if places.count >= Self.limit { places.removeFirst() }
        places.append(start..<end)
    }
}
