import MemoryModel

/// Everything the rules look at, prepared once: areas in order, names understood.
struct Look {
    /// Ascending, not empty, without overlap.
    let areas: [VMA]
    /// By ``PathID``.
    private let names: [AreaName]
    /// The thread that a name of ``AreaName/namedThreadStack`` tells, by ``PathID`` raw value.
    private let namedThreads: [UInt32: Int32]
    let evidence: ProcessEvidence
    let pageSize: UInt64

    init(areas: [VMA], paths: borrowing PathTable, evidence: ProcessEvidence) {
        self.areas = Self.isOrdered(areas) ? areas : Self.ordered(areas)
        var names: [AreaName] = []
        var namedThreads: [UInt32: Int32] = [:]
        names.reserveCapacity(paths.count)
        paths.withNames { bytes, ends in
            var start = 0
            for end in ends {
                let text = UnsafeRawBufferPointer(rebasing: bytes[start..<Int(end)])
                let name = AreaName(text)
                if name == .namedThreadStack {
                    namedThreads[UInt32(truncatingIfNeeded: names.count)] = AreaName.threadID(text)
                }
                names.append(name)
                start = Int(end)
            }
        }
        self.names = names
        self.namedThreads = namedThreads
        self.evidence = evidence
        let claimed = evidence.pageSize
        pageSize = claimed != 0 && claimed & (claimed &- 1) == 0 ? claimed : 4096
    }

    func name(_ area: VMA) -> AreaName {
        let index = Int(area.path.rawValue)
        return index < names.count ? names[index] : .file
    }

    func namedThread(_ area: VMA) -> Int32 { namedThreads[area.path.rawValue] ?? 0 }

    /// No file behind it. Some filesystems number an inode 0, so the device counts too.
    func isAnonymous(_ area: VMA) -> Bool { area.inode == 0 && area.device.rawValue == 0 }

    /// Private anonymous memory that the kernel gave no name: what a program got from mmap,
    /// or the tail of an image.
    func isPlain(_ area: VMA) -> Bool {
        guard isAnonymous(area), !area.permissions.isShared else { return false }
        switch name(area) {
        case .none, .named, .namedArena, .namedThreadStack: return true
        default: return false
        }
    }

    /// Address space set aside: plain and PROT_NONE.
    func isInaccessible(_ area: VMA) -> Bool { area.permissions.isNone && isPlain(area) }

    /// The index of the area that holds `address`.
    func index(containing address: UInt64) -> Int? {
        var low = 0
        var high = areas.count
        while low < high {
            let middle = (low + high) / 2
            if areas[middle].end <= address { low = middle + 1 } else { high = middle }
        }
        return low < areas.count && areas[low].start <= address ? low : nil
    }

    /// Whether area `index` begins where the one before it ends.
    func touchesPrevious(_ index: Int) -> Bool {
        index > 0 && areas[index - 1].end == areas[index].start
    }

    func pageFloor(_ address: UInt64) -> UInt64 { address & ~(pageSize &- 1) }

    /// Saturates at the last page boundary.
    func pageCeiling(_ address: UInt64) -> UInt64 {
        let (sum, overflow) = address.addingReportingOverflow(pageSize &- 1)
        return pageFloor(overflow ? .max : sum)
    }

    private static func isOrdered(_ areas: [VMA]) -> Bool {
        var last: UInt64 = 0
        for area in areas {
            if area.start < last || area.end <= area.start { return false }
            last = area.end
        }
        return true
    }

    /// A torn look may show an area twice. The first showing wins, and the rest is clipped,
    /// so that regions never overlap.
    private static func ordered(_ areas: [VMA]) -> [VMA] {
        var result: [VMA] = []
        result.reserveCapacity(areas.count)
        var last: UInt64 = 0
        for area in areas.sorted(by: { ($0.start, $0.end) < ($1.start, $1.end) }) where area.end > last {
            var area = area
            if area.start < last {
                if area.inode != 0 { area.offset &+= last &- area.start }
                area.start = last
            }
            if area.end <= area.start { continue }
            result.append(area)
            last = area.end
        }
        return result
    }
}
