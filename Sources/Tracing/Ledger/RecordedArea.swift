import KernelEvents
import MemoryModel

/// A mapping record with its name interned: what the ledger compares with regions.
struct RecordedArea {
    enum Nature {
        case anonymous, heap, stack, kernel, file
    }

    var start: UInt64
    var end: UInt64
    var offset: UInt64
    var inode: UInt64
    var device: DeviceNumber
    var path: PathID
    var permissions: Permissions
    var nature: Nature
    /// As maps shows it; the same as the record's own on most file systems.
    var shown: FileIdentities.Identity

    /// nil for what no kernel reports: nothing, or memory outside any user space.
    init?(_ record: MappingRecord, _ paths: inout PathTable) {
        // No user space is larger: 56 bits on x86-64 with five levels, 52 on arm64. ([vsyscall] lies above.)
        guard record.start < record.end, record.end <= 1 << 57 else { return nil }
        start = record.start
        end = record.end
        offset = record.offset
        inode = record.inode
        device = record.device
        permissions = record.permissions
        switch record.name {
        case .anonymous: (nature, path) = (.anonymous, .none)
        case .heap: (nature, path) = (.heap, .none)
        case .stack: (nature, path) = (.stack, paths.intern(Array("[stack]".utf8)))
        case .kernel(let name): (nature, path) = (.kernel, paths.intern(name))
        case .file(let name): (nature, path) = (.file, paths.intern(Self.asInMaps(name)))
        }
        if nature != .file {
            // Records give anonymous memory its page number for an offset; maps gives 0.
            offset = 0
            inode = 0
            device = .none
        }
        shown = FileIdentities.Identity(device: device, inode: inode, path: path)
    }

    init(_ region: Region) {
        start = region.start
        end = region.end
        offset = region.offset
        inode = region.inode
        device = region.device
        path = region.path
        permissions = region.permissions
        nature = .file
        shown = FileIdentities.Identity(device: device, inode: inode, path: path)
    }

    /// maps writes a newline in a name as `\012` (`seq_file_path`), a record as it is.
    private static func asInMaps(_ name: [UInt8]) -> [UInt8] {
        guard name.contains(UInt8(ascii: "\n")) else { return name }
        return name.flatMap { $0 == UInt8(ascii: "\n") ? Array(#"\012"#.utf8) : [$0] }
    }

    /// True if the region is memory of the same origin: the same bytes under perhaps other permissions.
    func isSameBacking(as region: Region, _ paths: PathTable) -> Bool {
        switch nature {
        case .anonymous, .heap:
            return region.inode == 0 && region.device == .none && region.kind != .vdso
        case .stack:
            return region.kind == .stack
        case .kernel:
            return region.kind == .vdso
        case .file:
            return isSameFile(as: region, paths)
        }
    }

    /// True if the region shows the same bytes of the same file: the same inode of the same device; where
    /// devices differ (see ``FileIdentities``) the same inode or last path component is enough.
    func isSameFile(as region: Region, _ paths: PathTable) -> Bool {
        guard nature == .file, region.inode != 0, offset &- start == region.offset &- region.start else {
            return false
        }
        if inode == region.inode, device == region.device { return true }
        if shown.inode == region.inode, shown.device == region.device { return true }
        if device == region.device { return false }
        return inode == region.inode || Self.haveSameLastComponent(path, region.path, paths)
    }

    private static func haveSameLastComponent(_ a: PathID, _ b: PathID, _ paths: PathTable) -> Bool {
        if a == b { return true }
        return lastComponent(paths.bytes(of: a)).elementsEqual(lastComponent(paths.bytes(of: b)))
    }

    /// Without the ` (deleted)` that a name gets when the file is unlinked.
    private static func lastComponent(_ path: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let mark = Array(" (deleted)".utf8)
        let name =
            path.count > mark.count && path.suffix(mark.count).elementsEqual(mark)
            ? path.dropLast(mark.count) : path
        guard let slash = name.lastIndex(of: UInt8(ascii: "/")) else { return name }
        return name[(slash + 1)...]
    }
}
