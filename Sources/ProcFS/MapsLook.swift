package import MemoryModel

/// What one look at a process's maps found. Used again for the next look at the same
/// process, so that its arrays keep their room.
package struct MapsLook: Sendable {
    /// The areas, ascending, never overlapping: in a torn look the later line gives way.
    ///
    /// Before a look those of the look before, if ``PathTable/mayForgetNames``: whose names are to be kept. Else
    /// nobody needs them.
    package var areas: [VMA] = []

    /// The names of the areas, and those of earlier looks at the same process, so that an
    /// id means the same name in the next look too. See ``translation``.
    package var paths = PathTable()

    /// Set by a look that began with throwing out names no area had any more. What is kept from the look
    /// before must be translated; its names are all still there. nil in nearly every look.
    package var translation: PathRenaming?

    /// True if statm gave the same size before and after, and the areas add up to it
    /// without overlap. No torn look passed this test (0 of 20,718); still, it is a
    /// test and not a promise that all areas existed at one instant.
    package var isConsistent = false

    /// True if the text was longer than the limit: the areas are the lower ones only.
    package var isTruncated = false

    /// Bytes of `[vsyscall]`, which is among the areas but not in VmSize.
    package var vsyscallBytes: UInt64 = 0

    /// VmSize, read after the areas; 0 where the process had lost its memory by then.
    package var sizeBytes: UInt64 = 0

    /// How often maps was read for this look.
    package var tries = 0

    /// Who owned `/proc/[pid]/maps` right after it was read; nil where that was not to be had.
    package var ownerUID: UInt32?

    package init() {}

    /// The id in ``paths`` of a name that had `id` in the look before.
    package func translated(_ id: PathID) -> PathID { translation?(id) ?? id }

    /// Makes room for so many areas at once, where that is known before.
    package mutating func reserve(_ count: Int) {
        if areas.capacity < count { areas.reserveCapacity(count) }
    }

    /// Makes ready for a look, while ``areas`` still are the last one's.
    mutating func begin() {
        translation = nil
        compactPathsIfWasteful()
        isConsistent = false
        isTruncated = false
        ownerUID = nil
        tries = 0
    }

    /// Empties for one reading of maps.
    mutating func clear() {
        // A process that shrank from very many areas should not cost us their room for ever.
        let isOversized = areas.capacity > 16_384 && areas.capacity / 8 > areas.count
        areas.removeAll(keepingCapacity: !isOversized)
        vsyscallBytes = 0
    }

    /// A process can map ever new files; the table must not remember all of them.
    private mutating func compactPathsIfWasteful() {
        guard paths.mayForgetNames else { return }
        var isLive = [Bool](repeating: false, count: paths.count)
        var liveCount = 1
        var liveBytes = 0
        for area in areas {
            let index = Int(area.path.rawValue)
            if index > 0, index < isLive.count, !isLive[index] {
                isLive[index] = true
                liveCount += 1
                liveBytes += paths.bytes(of: area.path).count
            }
        }
        guard paths.count > 4 * liveCount || paths.byteCount > 4 * liveBytes else { return }
        var kept = PathTable()
        var newIDs = [PathID](repeating: .none, count: paths.count)
        for index in isLive.indices where isLive[index] {
            let id = PathID(rawValue: UInt32(index))
            newIDs[index] = paths.withBytes(of: id) { kept.intern($0) }
        }
        paths = kept
        let renaming = PathRenaming(newIDs)
        for index in areas.indices { areas[index].path = renaming(areas[index].path) }
        translation = renaming
    }

    /// Puts torn areas in order and cuts off what overlaps, so that nothing downstream has
    /// to think of it.
    mutating func repair() {
        areas.sort { ($0.start, $0.end) < ($1.start, $1.end) }
        var end: UInt64 = 0
        var kept = 0
        for index in areas.indices {
            var area = areas[index]
            if area.start < end {
                // A file's offset goes with the start; anonymous memory has none.
                if area.inode != 0 { area.offset &+= end - area.start }
                area.start = end
            }
            guard area.start < area.end else { continue }
            end = area.end
            areas[kept] = area
            kept += 1
        }
        areas.removeSubrange(kept...)
    }
}
