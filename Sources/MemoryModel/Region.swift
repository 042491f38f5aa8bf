/// A stretch of address space with its kind.
///
/// Mostly one ``VMA``, but the kernel merges neighbours of equal protection without
/// regard to where they came from (bss with the heap behind it, a new arena with the
/// anonymous memory below it), so classification may cut one area into several regions.
/// Regions never overlap, and together they cover exactly the areas.
package struct Region: Hashable, Sendable {
    package var start: UInt64
    package var end: UInt64
    /// Offset into the file of ``start``, in bytes.
    package var offset: UInt64
    package var inode: UInt64
    package var device: DeviceNumber
    package var path: PathID
    /// The thread whose stack this is; 0 where not a thread's stack or not known.
    package var tid: Int32
    package var permissions: Permissions
    package var kind: RegionKind

    package init(_ vma: VMA, kind: RegionKind, tid: Int32 = 0) {
        start = vma.start
        end = vma.end
        offset = vma.offset
        inode = vma.inode
        device = vma.device
        path = vma.path
        permissions = vma.permissions
        self.kind = kind
        self.tid = tid
    }

    package init(
        start: UInt64, end: UInt64, permissions: Permissions, offset: UInt64, device: DeviceNumber,
        inode: UInt64, path: PathID, kind: RegionKind, tid: Int32 = 0
    ) {
        self.start = start
        self.end = end
        self.offset = offset
        self.inode = inode
        self.device = device
        self.path = path
        self.tid = tid
        self.permissions = permissions
        self.kind = kind
    }

    /// Bytes of address space.
    package var size: UInt64 { end &- start }

    /// `[vsyscall]` is printed in every process's maps, but is the kernel's own page
    /// and not part of VmSize. It is the only area at the very top half of the space.
    package var isOutsideVmSize: Bool { start >= 0xffff_ffff_ff60_0000 && kind == .vdso }

    /// By hand and inlinable, because comparing two looks compares every region: called through the
    /// synthesized witness of another module it was 3 % of a look.
    @inlinable
    package static func == (a: Region, b: Region) -> Bool {
        a.start == b.start && a.end == b.end && a.offset == b.offset && a.inode == b.inode
            && a.device.rawValue == b.device.rawValue && a.path.rawValue == b.path.rawValue && a.tid == b.tid
            && a.permissions.rawValue == b.permissions.rawValue && a.kind == b.kind
    }
}
