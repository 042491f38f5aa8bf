package import MemoryModel

/// One difference between two region maps of the same process.
package struct MapChange: Hashable, Sendable {
    package var type: EventType
    package var kind: RegionKind
    /// Signed bytes of ``kind``. Summed by kind over all changes, they are the difference of the totals.
    package var delta: Int64
    /// Bytes afterwards: of the region; of the whole heap for brk changes; 0 where nothing is left.
    package var sizeAfter: UInt64
    /// The range that changed, not the whole region: for `mmap`, what is new; for `munmap`, what is gone.
    package var start: UInt64
    package var end: UInt64
    package var permissions: Permissions
    package var path: PathID
    package var tid: Int32
}

/// Which regions of the earlier map are no more, and which of the later one are new, as indices.
/// Any difference in any attribute makes a region a new one.
package struct IntervalChange: Hashable, Sendable {
    package var died: [Int] = []
    package var born: [Int] = []

    package var isEmpty: Bool { died.isEmpty && born.isEmpty }
}
