package import MemoryModel

/// What happened to an address space between two looks.
///
/// Both maps are walked once, side by side, cut at every boundary of either, so that each piece of
/// address space has one region before (or none) and one after (or none). A piece that appeared
/// counts for its new kind, one that vanished against its old kind, one that changed for both; the
/// deltas therefore always add up to the difference of the two maps' totals, by kind, to the byte.
///
/// What a comparison cannot know: memory that came and went between the looks, and whether new
/// memory that the kernel merged into a neighbour came by `mmap` or by `mremap`. It goes by where
/// the neighbour lies: `mmap` fills the space below what is there, `mremap` extends upward.
package struct MapComparison {
    private let old: [Region]
    private let new: [Region]
    private var changes: [MapChange] = []
    private var intervals = IntervalChange()
    private var heap = HeapChange()

    /// Changes in order of address. Both maps must be ascending and without overlap, and their
    /// path ids must come from one table.
    package static func compare(
        from old: [Region], to new: [Region]
    ) -> (changes: [MapChange], intervals: IntervalChange) {
        var comparison = MapComparison(old: old, new: new)
        comparison.walk()
        comparison.finishHeap()
        return (comparison.changes, comparison.intervals)
    }

    private init(old: [Region], new: [Region]) {
        self.old = old
        self.new = new
    }

    private mutating func walk() {
        var i = 0
        var j = 0
        // Everything below is dealt with.
        var position: UInt64 = 0
        while i < old.count || j < new.count {
            if i < old.count, j < new.count, old[i] == new[j] {
                i += 1
                j += 1
                continue
            }
            // Without an own flag for "no more", a region at the last address would pass for one.
            let hasOld = i < old.count
            let hasNew = j < new.count
            let before = hasOld ? max(old[i].start, position) : .max
            let after = hasNew ? max(new[j].start, position) : .max
            let end: UInt64
            if hasOld, hasNew, before == after {
                end = min(old[i].end, new[j].end)
                changed(old[i], new[j], before, end)
            } else if hasOld, !hasNew || before < after {
                end = min(old[i].end, after)
                vanished(old[i], before, end)
            } else {
                end = min(new[j].end, before)
                appeared(new[j], after, end)
            }
            position = end
            // Whatever is equal in both maps was skipped above (no other region can lie inside it), so a
            // region whose end is reached here has changed.
            if i < old.count, old[i].end <= end {
                intervals.died.append(i)
                i += 1
            }
            if j < new.count, new[j].end <= end {
                intervals.born.append(j)
                j += 1
            }
        }
    }

    private mutating func appeared(_ region: Region, _ start: UInt64, _ end: UInt64) {
        let size = Int64(clamping: end &- start)
        switch region.kind {
        case .heap:
            heap.grew(region, size, start, end)
        case .stack:
            add(.stackGrow, region, size, start, end, sizeAfter: region.size)
        default:
            let extendsUpward = start > region.start && survives(region, below: start)
            add(extendsUpward ? .resize : .mmap, region, size, start, end, sizeAfter: region.size)
        }
    }

    private mutating func vanished(_ region: Region, _ start: UInt64, _ end: UInt64) {
        let size = -Int64(clamping: end &- start)
        let left = region.size &- (end &- start)
        switch region.kind {
        case .heap:
            heap.shrank(region, size, start, end)
        case .stack:
            add(.resize, region, size, start, end, sizeAfter: left)
        default:
            let isTailCut = start > region.start && end == region.end
            add(isTailCut ? .resize : .munmap, region, size, start, end, sizeAfter: left)
        }
    }

    private mutating func changed(_ old: Region, _ new: Region, _ start: UInt64, _ end: UInt64) {
        guard isSameBacking(old, new) else {
            vanished(old, start, end)
            appeared(new, start, end)
            return
        }
        let isProtect = old.permissions != new.permissions
        if old.kind == new.kind {
            if isProtect { add(.protect, new, 0, start, end, sizeAfter: new.size) }
            return
        }
        // The bytes stay where they are and count for another kind from now on.
        let size = Int64(clamping: end &- start)
        if old.kind == .heap, !isProtect {
            heap.shrank(old, -size, start, end)
        } else {
            add(
                isProtect ? .protect : .resize, old, -size, start, end,
                sizeAfter: old.size &- (end &- start))
        }
        if new.kind == .heap, !isProtect {
            heap.grew(new, size, start, end)
        } else {
            add(isProtect ? .protect : .resize, new, size, start, end, sizeAfter: new.size)
        }
    }

    /// True if the part of `region` directly below `address` was there before, with the same backing.
    private func survives(_ region: Region, below address: UInt64) -> Bool {
        var low = 0
        var high = old.count
        while low < high {
            let middle = (low + high) / 2
            if old[middle].end < address { low = middle + 1 } else { high = middle }
        }
        return low < old.count && old[low].start < address && isSameBacking(old[low], region)
    }

    /// Anonymous memory is the same wherever it stays; file memory must show the same bytes there. A file that
    /// is renamed or unlinked while it is mapped changes its path (` (deleted)`) and nothing else.
    private func isSameBacking(_ a: Region, _ b: Region) -> Bool {
        guard a.inode == b.inode, a.device == b.device else { return false }
        return a.inode == 0 || a.offset &- a.start == b.offset &- b.start
    }

    private mutating func add(
        _ type: EventType, _ region: Region, _ delta: Int64, _ start: UInt64, _ end: UInt64,
        sizeAfter: UInt64
    ) {
        changes.append(
            MapChange(
                type: type, kind: region.kind, delta: delta, sizeAfter: sizeAfter, start: start, end: end,
                permissions: region.permissions, path: region.path, tid: region.tid))
    }

    private mutating func finishHeap() {
        let size = new.reduce(into: UInt64(0)) { if $1.kind == .heap { $0 &+= $1.size } }
        let before = changes.count
        if let growth = heap.growth { changes.append(growth.change(.brkGrow, sizeAfter: size)) }
        if let shrinkage = heap.shrinkage { changes.append(shrinkage.change(.brkShrink, sizeAfter: size)) }
        if changes.count > before { changes.sort { $0.start < $1.start } }
    }
}

/// The heap may be cut into several areas by mprotect, but has one break: its changes are one.
private struct HeapChange {
    struct Part {
        var region: Region
        var delta: Int64
        var start: UInt64
        var end: UInt64

        func change(_ type: EventType, sizeAfter: UInt64) -> MapChange {
            MapChange(
                type: type, kind: .heap, delta: delta, sizeAfter: sizeAfter, start: start, end: end,
                permissions: region.permissions, path: region.path, tid: 0)
        }
    }

    var growth: Part?
    var shrinkage: Part?

    mutating func grew(_ region: Region, _ delta: Int64, _ start: UInt64, _ end: UInt64) {
        Self.extend(&growth, region, delta, start, end)
    }

    mutating func shrank(_ region: Region, _ delta: Int64, _ start: UInt64, _ end: UInt64) {
        Self.extend(&shrinkage, region, delta, start, end)
    }

    private static func extend(
        _ part: inout Part?, _ region: Region, _ delta: Int64, _ start: UInt64, _ end: UInt64
    ) {
        guard var known = part else {
            part = Part(region: region, delta: delta, start: start, end: end)
            return
        }
        known.delta = known.delta.addingSaturating(delta)
        known.start = min(known.start, start)
        known.end = max(known.end, end)
        part = known
    }
}
