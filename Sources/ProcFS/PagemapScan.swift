import CLinux
import SystemPackage

/// Resident bytes of ranges by `PAGEMAP_SCAN` (Linux 6.7), which gives pages of a kind as stretches.
///
/// Neighbours are asked about in one go: a process of 20,000 areas is not asked 20,000 times.
struct PagemapScan {
    let ranges: [Range<UInt64>]
    /// nil of a range that is not through, or was refused.
    private(set) var sums: [UInt64?]

    /// The ranges that are asked about together, in the end none.
    private var group: Range<Int> = 0..<0
    /// What was found of them, until the last of them is through.
    private var found: [UInt64] = []
    /// Where the next slice begins.
    private var position: UInt64 = 0
    /// The first range that may reach beyond it, of `group`.
    private var current = 0
    /// Ranges below this one are asked about alone, because together they were refused.
    private var aloneBelow = 0

    enum Progress {
        case more, done
        /// The kernel does not know the call.
        case unsupported
    }

    /// So much address space in the next call: more, the longer there has been nothing in it. Runtimes reserve
    /// terabytes, which the kernel passes over by whole page tables; but tables may be there and empty, and these it
    /// goes through entry by entry.
    private var span = leastSpan
    private static let leastSpan: UInt64 = 1 << 30
    private static let mostSpan: UInt64 = 16 << 30

    init(_ ranges: [Range<UInt64>]) {
        self.ranges = ranges
        sums = Array(repeating: nil, count: ranges.count)
        beginGroup(at: 0)
    }

    /// Goes on by one call.
    ///
    /// - Parameter pages: so many pages at most that are present or swapped out.
    mutating func slice(of pagemap: Int32, pages: Int) -> Progress {
        guard !group.isEmpty else { return .done }
        let end = ranges[group.upperBound - 1].upperBound
        if position < end {
            switch scan(pagemap, to: end, pages: pages) {
            case .unsupported: return .unsupported
            // Of a range alone it can be told whether it was the one.
            case .refused where group.count > 1:
                aloneBelow = group.upperBound
                beginGroup(at: group.lowerBound)
                return .more
            case .refused:
                beginGroup(at: group.upperBound)
                return .more
            case .read where position < end: return .more
            case .read: break
            }
        }
        for index in group { sums[index] = found[index - group.lowerBound] }
        beginGroup(at: group.upperBound)
        return .more
    }

    private mutating func beginGroup(at first: Int) {
        guard first < ranges.count else {
            group = 0..<0
            return
        }
        var end = first + 1
        while first >= aloneBelow, end < ranges.count, ranges[end].lowerBound >= ranges[end - 1].upperBound,
            ranges[end].upperBound &- ranges[first].lowerBound <= Self.leastSpan
        {
            end += 1
        }
        group = first..<end
        found = Array(repeating: 0, count: group.count)
        position = ranges[first].lowerBound
        current = first
    }

    private enum Answer {
        case read, refused, unsupported
    }

    private mutating func scan(_ pagemap: Int32, to end: UInt64, pages: Int) -> Answer {
        withUnsafeTemporaryAllocation(of: clinux_page_region.self, capacity: 512) { stretches in
            var scan = clinux_pagemap_scan()
            scan.start = position
            scan.end = min(end, position.addingReportingOverflow(span).partialValue)
            guard scan.end > position else { return .refused }
            scan.max_pages = UInt64(pages)
            scan.vec = UInt64(UInt(bitPattern: stretches.baseAddress))
            scan.vec_len = UInt64(stretches.count)
            // Pages of zeros and what is swapped out are asked for so that they count towards `max_pages`, and told
            // apart.
            scan.category_anyof_mask = UInt64(CLINUX_PAGE_IS_PRESENT | CLINUX_PAGE_IS_SWAPPED)
            scan.return_mask = UInt64(
                CLINUX_PAGE_IS_PRESENT | CLINUX_PAGE_IS_SWAPPED | CLINUX_PAGE_IS_PFNZERO)
            let count: Int
            do throws(Errno) {
                count = try retryingOnInterrupt { Int(clinux_pagemap_scan(pagemap, &scan)) }
            } catch {
                return error == .inappropriateIOCTLForDevice ? .unsupported : .refused
            }
            guard count <= stretches.count, scan.walk_end > position else { return .refused }
            // The kernel has written that many, and the type is plain numbers.
            for stretch in stretches[0..<count] { add(stretch) }
            position = scan.walk_end
            span = count == 0 ? min(span * 2, Self.mostSpan) : Self.leastSpan
            return .read
        }
    }

    private mutating func add(_ stretch: clinux_page_region) {
        // What was only read is the kernel's one page of zeros, which no resident set counts.
        let decisive = UInt64(CLINUX_PAGE_IS_PRESENT | CLINUX_PAGE_IS_PFNZERO)
        guard stretch.categories & decisive == UInt64(CLINUX_PAGE_IS_PRESENT) else { return }
        while current < group.upperBound - 1, ranges[current].upperBound <= stretch.start { current += 1 }
        var index = current
        while index < group.upperBound, ranges[index].lowerBound < stretch.end {
            let low = max(stretch.start, ranges[index].lowerBound)
            let high = min(stretch.end, ranges[index].upperBound)
            if low < high { found[index - group.lowerBound] &+= high &- low }
            index += 1
        }
    }
}
