/// One line of `/proc/[pid]/maps`: a virtual memory area, before anyone has said
/// what it is. A plain value of 48 bytes without references, so that a look at a
/// process of 65,530 areas is one array and no allocation per area.
package struct VMA: Hashable, Sendable {
    /// First address.
    package var start: UInt64
    /// First address after it. Never below ``start`` in anything ProcFS returns.
    package var end: UInt64
    /// Offset into the file, in bytes; 0 for anonymous memory.
    package var offset: UInt64
    /// Inode number of the file; 0 for anonymous memory.
    package var inode: UInt64
    package var device: DeviceNumber
    /// The name at the line's end, interned in the look's ``PathTable``.
    package var path: PathID
    package var permissions: Permissions

    package init(
        start: UInt64, end: UInt64, permissions: Permissions, offset: UInt64 = 0,
        device: DeviceNumber = .none, inode: UInt64 = 0, path: PathID = .none
    ) {
        self.start = start
        self.end = end
        self.offset = offset
        self.inode = inode
        self.device = device
        self.path = path
        self.permissions = permissions
    }

    /// Bytes of address space.
    package var size: UInt64 { end &- start }

    /// By hand and inlinable: see ``Region``.
    @inlinable
    package static func == (a: VMA, b: VMA) -> Bool {
        a.start == b.start && a.end == b.end && a.offset == b.offset && a.inode == b.inode
            && a.device.rawValue == b.device.rawValue && a.path.rawValue == b.path.rawValue
            && a.permissions.rawValue == b.permissions.rawValue
    }
}
