import KernelEvents
import MemoryModel

/// What one mapping record changes.
///
/// The record is the whole area after the call. Against the shadow map each piece of it is new, the same
/// under other permissions, something else's until now, or nothing new at all; if all of it is nothing new,
/// see ``Ledger/rebirth(_:_:_:_:)``.
extension Ledger {
    mutating func fold(
        _ record: MappingRecord, _ event: KernelRecord, _ round: inout LedgerRound, _ paths: inout PathTable
    ) {
        guard var area = RecordedArea(record, &paths) else { return }
        if area.nature == .file { area.shown = files.identity(of: area, in: round, map, paths) }
        let first = map.firstIndex(endingAbove: area.start)
        var next = first
        // What is new and not yet dealt with begins here.
        var newStart = area.start
        var isChanged = false
        round.parts.removeAll(keepingCapacity: true)
        if first < map.count, map[first].start < area.start {
            append(map[first].part(from: map[first].start, to: area.start), &round)
        }
        while next < map.count, map[next].start < area.end {
            let old = map[next]
            let start = max(old.start, area.start)
            let end = min(old.end, area.end)
            next &+= 1
            if area.isSameBacking(as: old, paths) {
                if newStart < start {
                    birth(area, newStart, start, event, &round, &paths)
                    isChanged = true
                }
                newStart = end
                if old.permissions == area.permissions {
                    append(old.part(from: start, to: end), &round)
                } else {
                    protect(area, old, start, end, event, &round, paths)
                    isChanged = true
                }
            } else {
                // Memory of another origin was here. It may have been replaced by this call or unmapped
                // before it: all that is proved is that it is gone by now.
                death(old, start, end, event, &round)
            }
        }
        if newStart < area.end {
            birth(area, newStart, area.end, event, &round, &paths)
            isChanged = true
        }
        guard isChanged else {
            rebirth(area, first..<next, event, &round)
            return
        }
        if next > first, map[next &- 1].end > area.end {
            // Not merged with the part below it: that part is one area, this is another.
            round.parts.append(map[next &- 1].part(from: area.end, to: map[next &- 1].end))
        }
        replace(first..<next, with: round.parts)
    }

    // MARK: The four outcomes for a piece

    private mutating func birth(
        _ area: RecordedArea, _ start: UInt64, _ end: UInt64, _ record: KernelRecord,
        _ round: inout LedgerRound, _ paths: inout PathTable
    ) {
        let shown = shown(area, start, end, round, paths)
        let kind =
            shown?.kind ?? birthKind(area, start, end, below: lowerNeighbour(of: start, round), &round, paths)
        var region = Region(
            start: start, end: end, permissions: area.permissions,
            offset: area.nature == .file ? area.offset &+ (start &- area.start) : 0,
            device: area.shown.device, inode: area.shown.inode, path: area.shown.path, kind: kind)
        if let shown {
            region.path = shown.path
            region.tid = shown.tid
        } else if kind == .heap {
            region.path = paths.intern(Self.heapName)
        }
        let size = region.size
        totals[kind] &+= size
        births.add(start, end, at: record.nanoseconds)
        append(region, &round)
        let sizeAfter = kind == .heap ? totals[.heap] : area.end &- area.start
        let type: EventType =
            switch kind {
            case .heap: .brkGrow
            case .stack: .stackGrow
            default: .mmap
            }
        tell(type, region, Int64(clamping: size), sizeAfter, record, &round)
    }

    /// The region that the new memory at `start` lies directly on.
    private func lowerNeighbour(of start: UInt64, _ round: LedgerRound) -> Region? {
        if let last = round.parts.last { return last.end == start ? last : nil }
        let index = map.firstIndex(endingAbove: start)
        guard index > 0, map[index &- 1].end == start else { return nil }
        return map[index &- 1]
    }

    private mutating func death(
        _ old: Region, _ start: UInt64, _ end: UInt64, _ record: KernelRecord, _ round: inout LedgerRound
    ) {
        let gone = old.part(from: start, to: end)
        totals[old.kind] &-= gone.size
        tell(
            .munmap, gone, -Int64(clamping: gone.size), old.size &- gone.size, record, &round, isUnseen: true)
        births.remove(start, end)
    }

    private mutating func protect(
        _ area: RecordedArea, _ old: Region, _ start: UInt64, _ end: UInt64, _ record: KernelRecord,
        _ round: inout LedgerRound, _ paths: PathTable
    ) {
        let before = old.part(from: start, to: end)
        var after = before
        after.permissions = area.permissions
        if let shown = shown(area, start, end, round, paths) {
            after.kind = shown.kind
            after.tid = shown.tid
        } else {
            let below = round.parts.last.flatMap { $0.end == start && start > area.start ? $0 : nil }
            after.kind = protectedKind(of: old, area.permissions, below: below)
            if after.kind != .threadStack { after.tid = 0 }
        }
        append(after, &round)
        if after.kind == before.kind {
            tell(.protect, after, 0, area.end &- area.start, record, &round)
            return
        }
        let size = Int64(clamping: before.size)
        totals[before.kind] &-= before.size
        totals[after.kind] &+= after.size
        tell(.protect, before, -size, old.size &- before.size, record, &round)
        tell(.protect, after, size, area.end &- area.start, record, &round)
    }

    /// Adds a region to what the record makes, as the kernel merged it: all within one record is one area.
    private func append(_ region: Region, _ round: inout LedgerRound) {
        if let last = round.parts.indices.last, round.parts[last].continues(as: region) {
            round.parts[last].end = region.end
        } else {
            round.parts.append(region)
        }
    }

    // MARK: Telling

    /// - Parameter isUnseen: the record proves it, but did not do it.
    func tell(
        _ type: EventType, _ region: Region, _ delta: Int64, _ sizeAfter: UInt64, _ record: KernelRecord,
        _ round: inout LedgerRound, isUnseen: Bool = false
    ) {
        if round.isSilent { return }
        var event = LedgerEvent(
            type, kind: region.kind, delta: delta, nanoseconds: record.nanoseconds,
            source: isUnseen ? .sample : .perf, tid: isUnseen || record.tid == 0 ? nil : record.tid)
        event.sizeAfter = sizeAfter
        event.start = region.start
        event.end = region.end
        event.permissions = region.permissions
        event.path = region.path
        if isUnseen {
            event.notBefore = births.lastKnown(from: region.start, to: region.end, otherwise: lastLook)
                .map { min($0, record.nanoseconds) }
        }
        round.events.append(event)
    }

    static let heapName = Array("[heap]".utf8)
}

extension Region {
    /// A piece of the region; of a file, with the offset that belongs to it.
    func part(from start: UInt64, to end: UInt64) -> Region {
        var part = self
        part.start = start
        part.end = end
        if inode != 0 { part.offset = offset &+ (start &- self.start) }
        return part
    }

    /// True if `next` is more of the same, directly above.
    func continues(as next: Region) -> Bool {
        end == next.start && kind == next.kind && permissions == next.permissions && inode == next.inode
            && device == next.device && path == next.path && tid == next.tid
            && (inode == 0 || next.offset &- next.start == offset &- start)
    }
}
