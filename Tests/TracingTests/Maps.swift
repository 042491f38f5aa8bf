import MemoryModel
import Tracing

/// Region maps written by hand, in pages. One page is 0x1000 bytes.
let page: UInt64 = 0x1000

func region(
    _ start: UInt64, _ end: UInt64, _ kind: RegionKind, _ permissions: Permissions = [.read, .write],
    inode: UInt64 = 0, offset: UInt64 = 0, path: UInt32 = 0, tid: Int32 = 0
) -> Region {
    Region(
        start: start * page, end: end * page, permissions: permissions, offset: offset * page,
        device: DeviceNumber(rawValue: inode == 0 ? 0 : 1), inode: inode, path: PathID(rawValue: path),
        kind: kind, tid: tid)
}

/// One change as a line: `mmap anon +3 10-13 → 3`, in pages.
func line(_ change: MapChange) -> String {
    let delta = change.delta / Int64(page)
    let sign = delta > 0 ? "+" : ""
    return "\(change.type.name) \(change.kind.name) \(sign)\(delta)"
        + " \(change.start / page)-\(change.end / page) → \(change.sizeAfter / page)"
}
