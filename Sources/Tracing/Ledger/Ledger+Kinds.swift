import KernelEvents
import MemoryModel

/// What new memory is called until a look has been classified: by the look where it already shows the
/// memory, else by what the record alone tells. The classification's later and better word is an event of
/// its own (``Ledger/settle(with:at:isNewImage:)``).
extension Ledger {
    /// The one region of the round's look that covers the range with the same permissions and backing.
    func shown(
        _ area: RecordedArea, _ start: UInt64, _ end: UInt64, _ round: LedgerRound, _ paths: PathTable
    ) -> Region? {
        let index = round.look.firstIndex(endingAbove: start)
        guard index < round.look.count else { return nil }
        let region = round.look[index]
        guard region.start <= start, region.end >= end, region.permissions == area.permissions,
            area.isSameBacking(as: region, paths)
        else { return nil }
        return region
    }

    /// `below` is the region that ends where the new memory begins.
    mutating func birthKind(
        _ area: RecordedArea, _ start: UInt64, _ end: UInt64, below: Region?, _ round: inout LedgerRound,
        _ paths: PathTable
    ) -> RegionKind {
        switch area.nature {
        case .kernel: return .vdso
        case .stack: return .stack
        case .heap:
            guard let startBrk = round.startBrk else { return .heap }
            return end > startBrk ? .heap : Self.anonymousKind(area.permissions)
        case .anonymous:
            let isHeap =
                beginsHeap(start, round) || below.map { $0.kind == .heap && $0.end == start } ?? false
            if isHeap, area.permissions.contains(.write) { return .heap }
            return Self.anonymousKind(area.permissions)
        case .file:
            return fileKind(area, &round, paths)
        }
    }

    /// The first growth of an empty heap is reported as `//anon`: its place alone tells it.
    ///
    /// Where nobody could read `start_brk` (a process that ended too soon), the kernel's rule for it does:
    /// behind the program's segments, by a random distance of at most 1 GiB (`arch_randomize_brk`).
    private func beginsHeap(_ start: UInt64, _ round: LedgerRound) -> Bool {
        guard let startBrk = round.startBrk, startBrk != 0 else {
            guard let programEnd, totals[.heap] == 0 else { return false }
            return start >= programEnd && start &- programEnd <= 1 << 30
        }
        let mask = max(round.context.pageBytes, 1) &- 1
        return (startBrk &+ mask) & ~mask == start
    }

    static func anonymousKind(_ permissions: Permissions) -> RegionKind {
        if permissions.contains(.execute) { return .jit }
        return permissions.isInaccessible ? .reserved : .anon
    }

    private mutating func fileKind(
        _ area: RecordedArea, _ round: inout LedgerRound, _ paths: PathTable
    ) -> RegionKind {
        let permissions = area.permissions
        let named = paths.withBytes(of: area.path) { RecordedName.kind($0, permissions) }
        if let named { return named }
        if permissions.contains(.shared) { return .file }
        if permissions.contains(.execute) { return .text }
        guard round.isExec || isImage(area, &round) else { return .file }
        return permissions.contains(.write) ? .data : .rodata
    }

    private func isImage(_ area: RecordedArea, _ round: inout LedgerRound) -> Bool {
        let key = FileKey(area.shown.device, area.shown.inode)
        if round.images == nil {
            var found: Set<FileKey> = []
            for region in round.look where region.isImage {
                found.insert(FileKey(region.device, region.inode))
            }
            for index in 0..<map.count where map[index].isImage {
                found.insert(FileKey(map[index].device, map[index].inode))
            }
            round.images = found
        }
        return round.images?.contains(key) ?? false
    }

    /// What memory of a known kind becomes by other permissions. `below` is the region under it that has
    /// these permissions already and that the kernel has merged it with.
    func protectedKind(of old: Region, _ permissions: Permissions, below: Region?) -> RegionKind {
        switch old.kind {
        case .heap, .stack, .bss, .shared, .hugetlb, .device, .vdso:
            return old.kind
        case .text, .rodata, .data:
            if permissions.contains(.execute) { return .text }
            return permissions.contains(.write) ? .data : .rodata
        case .file:
            return permissions.contains(.execute) && !permissions.contains(.shared) ? .text : .file
        case .anon, .arena, .threadStack, .guardPages, .reserved, .jit:
            if permissions.isInaccessible { return old.kind == .guardPages ? .guardPages : .reserved }
            if permissions.contains(.execute) { return .jit }
            if old.kind == .arena || old.kind == .threadStack { return old.kind }
            // A glibc arena grows by making more of its reserve accessible.
            return below?.kind == .arena ? .arena : .anon
        }
    }
}

extension Region {
    fileprivate var isImage: Bool {
        inode != 0 && (kind == .text || kind == .rodata || kind == .data)
    }
}

/// What a name that is no ordinary file's says.
enum RecordedName {
    static func kind(_ name: UnsafeRawBufferPointer, _ permissions: Permissions) -> RegionKind? {
        guard let first = name.first else { return nil }
        // `anon_inode:[io_uring]`, `socket:[…]`: no path at all, so no file.
        guard first == UInt8(ascii: "/") else {
            return starts(name, "[anon_shmem:") ? .shared : first == UInt8(ascii: "[") ? nil : .device
        }
        if starts(name, "/dev/") {
            if starts(name, "/dev/zero (deleted)") { return .shared }
            if starts(name, "/dev/shm/") { return permissions.contains(.shared) ? .shared : .file }
            if starts(name, "/dev/zero"), !permissions.contains(.shared) {
                return Ledger.anonymousKind(permissions)
            }
            return .device
        }
        if starts(name, "/memfd:") || starts(name, "/SYSV") || starts(name, "/secretmem") { return .shared }
        if starts(name, "/anon_hugepage") { return .hugetlb }
        if starts(name, "/dmabuf") || starts(name, "/[aio]") || starts(name, "/drm mm object")
            || starts(name, "/i915")
        {
            return .device
        }
        return nil
    }

    private static func starts(_ name: UnsafeRawBufferPointer, _ text: StaticString) -> Bool {
        guard name.count >= text.utf8CodeUnitCount else { return false }
        for index in 0..<text.utf8CodeUnitCount where name[index] != text.utf8Start[index] { return false }
        return true
    }
}
