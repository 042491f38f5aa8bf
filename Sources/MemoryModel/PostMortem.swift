/// What a process's memory was when it exited, as the last look before it found it.
///
/// The exit itself leaves nothing to look at: `/proc/[pid]/maps` of a zombie is empty.
package struct PostMortem: Hashable, Sendable {
    package var pid: Int32
    /// Raw bytes, as ``MemoryEvent/comm``.
    package var comm: [UInt8]
    package var unit: String?
    /// When the exit was seen (or the kernel reported it).
    package var time: Timestamp
    /// When the last look was taken, whose region map this is; nil where there never was one.
    package var lookTime: Timestamp?
    /// VmSize at that look.
    package var vmSizeBytes: UInt64?
    /// nil where maps was not readable.
    package var kinds: KindTotals?
    /// The largest regions, largest first, ``mostRegions`` at most.
    package var largest: [LargeRegion] = []
    /// The last event by which the process got memory; nil where none was seen.
    package var lastGrowth: MemoryEvent?
    /// Whether the control group counted an out-of-memory kill (`memory.events`, `oom_kill`) while the
    /// process was watched; nil where that is not known.
    package var oomKilled: Bool?

    package init(pid: Int32, comm: [UInt8], unit: String?, time: Timestamp) {
        self.pid = pid
        self.comm = comm
        self.unit = unit
        self.time = time
    }

    package static let mostRegions = 5

    /// A region that outlives the look that found it.
    package struct LargeRegion: Hashable, Sendable {
        package var start: UInt64
        package var sizeBytes: UInt64
        package var kind: RegionKind
        /// Raw bytes as maps prints them; nil for memory without a name.
        package var path: [UInt8]?

        package init(start: UInt64, sizeBytes: UInt64, kind: RegionKind, path: [UInt8]?) {
            self.start = start
            self.sizeBytes = sizeBytes
            self.kind = kind
            self.path = path
        }
    }

    /// Sums up a region map: the totals by kind and the largest regions.
    ///
    /// - Parameter paths: the table that the regions' path ids belong to.
    package mutating func setRegions(_ regions: [Region], paths: borrowing PathTable) {
        kinds = KindTotals(of: regions)
        var chosen: [Region] = []
        for region in regions where !region.isOutsideVmSize {
            let place = chosen.firstIndex { $0.size < region.size } ?? chosen.count
            guard place < Self.mostRegions else { continue }
            chosen.insert(region, at: place)
            if chosen.count > Self.mostRegions { chosen.removeLast() }
        }
        largest = []
        for region in chosen {
            let name = paths.bytes(of: region.path)
            largest.append(
                LargeRegion(
                    start: region.start, sizeBytes: region.size, kind: region.kind,
                    path: name.isEmpty ? nil : Array(name)))
        }
    }
}
