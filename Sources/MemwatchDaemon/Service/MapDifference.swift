import History
import MemoryModel
import MemwatchInterface
import Tracing

/// What changed between two region maps of one process, for people: the differences that the tracer
/// would have told as events, as what became of the regions.
///
/// Pure. The deltas are those of ``MapComparison``, which add up by kind, to the byte.
struct MapDifference {
    private(set) var changes: [ChangeRecord] = []
    let kinds: KindChanges
    private let old: [Region]
    private let new: [Region]

    /// - Parameters:
    ///   - before: ascending and without overlap, as ``HistoryStore/regions(of:at:)`` gives it.
    ///   - after: the same of a later instant.
    init(from before: [HistoryRegion], to after: [HistoryRegion]) {
        var paths = PathTable()
        old = Self.regions(before, &paths)
        new = Self.regions(after, &paths)
        kinds = KindChanges(before: KindTotals(of: old), after: KindTotals(of: new))
        changes = MapComparison.compare(from: old, to: new).changes.map { record($0, paths) }
    }

    /// Without `[vsyscall]`, which is no part of the sums.
    private static func regions(_ regions: [HistoryRegion], _ paths: inout PathTable) -> [Region] {
        regions.filter { !$0.isOutsideVmSize }.map { region in
            var plain = region.region
            plain.path = paths.intern(region.path ?? [])
            return plain
        }
    }

    private func record(_ change: MapChange, _ paths: borrowing PathTable) -> ChangeRecord {
        let before = Self.region(at: change.start, in: old)
        let after = Self.region(at: change.start, in: new)
        var what = ChangeRecord.Change.protected
        var permissionsBefore: Permissions?
        if change.type == .protect {
            permissionsBefore = before?.permissions
        } else if change.delta > 0 {
            what = isKnown(change, to: old, as: after) ? .grew : .appeared
        } else {
            what = isKnown(change, to: new, as: before) ? .shrank : .vanished
        }
        return ChangeRecord(
            what, kind: change.kind, delta: change.delta, size: what == .vanished ? 0 : change.sizeAfter,
            start: change.start, end: change.end,
            permissions: change.type == .protect
                ? after?.permissions ?? change.permissions : change.permissions,
            permissionsBefore: permissionsBefore, path: Array(paths.bytes(of: change.path)), tid: change.tid)
    }

    /// Whether the region that the change is a part of has another part in `map`. The heap is one, however
    /// many areas mprotect has cut it into.
    private func isKnown(_ change: MapChange, to map: [Region], as region: Region?) -> Bool {
        if change.kind == .heap { return map.contains { $0.kind == .heap } }
        guard let region else { return false }
        var index = Self.firstIndex(endingAfter: region.start, in: map)
        while index < map.count, map[index].start < region.end {
            let other = map[index]
            if other.kind == region.kind, Self.isSameBacking(other, region) { return true }
            index += 1
        }
        return false
    }

    private static func isSameBacking(_ a: Region, _ b: Region) -> Bool {
        guard a.inode == b.inode, a.device == b.device else { return false }
        return a.inode == 0 || (a.path == b.path && a.offset &- a.start == b.offset &- b.start)
    }

    private static func region(at address: UInt64, in map: [Region]) -> Region? {
        let index = firstIndex(endingAfter: address, in: map)
        guard index < map.count, map[index].start <= address else { return nil }
        return map[index]
    }

    private static func firstIndex(endingAfter address: UInt64, in map: [Region]) -> Int {
        var low = 0
        var high = map.count
        while low < high {
            let middle = (low + high) / 2
            if map[middle].end <= address { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
