import KernelEvents
import MemoryModel

/// A record by which nothing is new: something was unmapped unseen, and mapped again at the same place.
///
/// What exactly went and came back is not in the record, which only shows the merged area. The ledger claims
/// the least that explains it, always as two events that cancel out, so that no sum is ever wrong:
///
/// - Where the area now begins in the middle of what was one: there is a hole below, and the kernel, which
///   fills holes from above, has put the new memory at the area's beginning, up to the end of what was
///   born there last. The same from the other side, where the area ends in the middle.
/// - Else the youngest birth within the area. A program that maps, unmaps and maps again does it with what it
///   mapped last; a thousand such pairs are a thousand births of the right size, whatever they merge with.
/// - Where all of the area was there before the watch: the area itself if it now stands alone inside what was
///   one area; else one page, at the edge where it is cut off from the rest, or at its beginning, where the
///   kernel, which fills the space from above, would have put it.
/// - Of the heap: the break was lowered and raised again. Where it stands as high as after a growth that is
///   remembered, that growth was taken back and made again; else it was at least one page. What is above the
///   new break is gone.
///
/// (`mmap` with MAP_FIXED over memory of the same kind, and `pkey_mprotect`, leave the same record.)
extension Ledger {
    /// - Parameter covered: the regions of the shadow map that the record covers, all alike.
    mutating func rebirth(
        _ area: RecordedArea, _ covered: Range<Int>, _ record: KernelRecord, _ round: inout LedgerRound
    ) {
        guard !covered.isEmpty, !round.isSilent else { return }
        if let top = heapTop(area, covered) {
            raiseBreakAgain(area, covered, top: top, record, &round)
            return
        }
        let (start, end) = leastRange(area, covered, round.context)
        guard start < end else { return }
        for index in covered where map[index].end > start && map[index].start < end {
            let old = map[index]
            let gone = old.part(from: max(old.start, start), to: min(old.end, end))
            tell(
                .munmap, gone, -Int64(clamping: gone.size), old.size &- gone.size, record, &round,
                isUnseen: true)
        }
        for index in covered where map[index].end > start && map[index].start < end {
            let old = map[index]
            let back = old.part(from: max(old.start, start), to: min(old.end, end))
            tell(
                area.nature == .stack ? .stackGrow : .mmap, back, Int64(clamping: back.size),
                area.end &- area.start, record, &round)
        }
        births.add(start, end, at: record.nanoseconds)
    }

    private func leastRange(
        _ area: RecordedArea, _ covered: Range<Int>, _ context: LedgerContext
    ) -> (start: UInt64, end: UInt64) {
        let isCutBelow = map[covered.lowerBound].start < area.start
        let isCutAbove = map[covered.upperBound &- 1].end > area.end
        if isCutBelow, let birth = births.first(from: area.start, to: area.end) {
            return (area.start, birth.start > area.start ? birth.start : birth.end)
        }
        if isCutAbove, let birth = births.last(from: area.start, to: area.end) {
            return (birth.end < area.end ? birth.end : birth.start, area.end)
        }
        if let birth = births.youngest(from: area.start, to: area.end) { return (birth.start, birth.end) }
        if isCutBelow, isCutAbove { return (area.start, area.end) }
        let page = min(max(context.pageBytes, 1), area.end &- area.start)
        return isCutAbove ? (area.end &- page, area.end) : (area.start, area.start &+ page)
    }

    // MARK: The heap

    /// The known break, if the record is the area that ends at the break.
    private func heapTop(_ area: RecordedArea, _ covered: Range<Int>) -> UInt64? {
        guard area.nature == .heap || area.nature == .anonymous else { return nil }
        var index = covered.upperBound &- 1
        guard map[index].kind == .heap else { return nil }
        var top = map[index].end
        while index &+ 1 < map.count, map[index &+ 1].start == top, map[index &+ 1].kind == .heap {
            // A heap that mprotect has cut: its lower areas do not end at the break.
            if map[index].end == area.end { return nil }
            index &+= 1
            top = map[index].end
        }
        return top
    }

    private mutating func raiseBreakAgain(
        _ area: RecordedArea, _ covered: Range<Int>, top: UInt64, _ record: KernelRecord,
        _ round: inout LedgerRound
    ) {
        var lowest = covered.upperBound &- 1
        while lowest > covered.lowerBound, map[lowest &- 1].kind == .heap { lowest &-= 1 }
        let bottom = max(map[lowest].start, area.start)
        let page = min(max(round.context.pageBytes, 1), area.end &- bottom)
        var lowered = area.end &- page
        // As high again as after a growth that is still remembered: then it was that growth once more.
        if let birth = births.last(from: bottom, to: area.end), birth.end == area.end {
            lowered = birth.start
        }
        guard lowered < area.end, lowered < top else { return }

        var shrunk = map[covered.upperBound &- 1]
        let lastPage = max(lowered, top &- min(page, top))
        let known = births.lastKnown(from: lastPage, to: top, otherwise: lastLook)
        shrunk.start = lowered
        shrunk.end = top
        totals[.heap] &-= top &- lowered
        tell(
            .brkShrink, shrunk, -Int64(clamping: top &- lowered), totals[.heap], record, &round,
            isUnseen: true)
        // The break was at the top when the top was last known, whatever lies below.
        round.events[round.events.count &- 1].notBefore = known.map { min($0, record.nanoseconds) }

        var grown = shrunk
        grown.end = area.end
        totals[.heap] &+= area.end &- lowered
        tell(.brkGrow, grown, Int64(clamping: area.end &- lowered), totals[.heap], record, &round)

        births.remove(lowered, top)
        births.add(lowered, area.end, at: record.nanoseconds)
        if top > area.end {
            var above = covered.upperBound
            while above < map.count, map[above].start < top { above &+= 1 }
            let last = map[covered.upperBound &- 1]
            replace(
                covered.upperBound &- 1..<above,
                with: CollectionOfOne(last.part(from: last.start, to: min(last.end, area.end))))
        }
    }
}
