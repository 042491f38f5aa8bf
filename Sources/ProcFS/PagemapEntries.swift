import Glibc
import SystemPackage

/// Resident bytes of ranges by the entries of `/proc/[pid]/pagemap`, eight bytes a page (Linux 2.6.25).
///
/// They do not tell the kernel's page of zeros (what was read and never written) from others: here it counts.
struct PagemapEntries {
    private let ranges: [Range<UInt64>]
    /// nil of a range that is not through, lies behind the end of user space, or behind the first 64 GiB.
    private(set) var sums: [UInt64?]

    /// The range that is read, and how far.
    private var current = 0
    private var page: UInt64 = 0
    private var present: UInt64 = 0
    /// So many more pages are looked at.
    private var rest: UInt64 = (64 << 30) / pageBytes

    init(_ ranges: [Range<UInt64>]) {
        self.ranges = ranges
        sums = Array(repeating: nil, count: ranges.count)
        begin(0)
    }

    private mutating func begin(_ index: Int) {
        current = index
        present = 0
        page = index < ranges.count ? ranges[index].lowerBound / pageBytes : 0
    }

    /// Goes on by one read. False at the end.
    mutating func slice(of pagemap: Int32, pages: Int) -> Bool {
        guard current < ranges.count else { return false }
        let end = ranges[current].upperBound / pageBytes
        guard page < end, end &- page <= rest, end <= UInt64(Int64.max) / 8,
            // Behind the end of user space there is nothing to read.
            let read = read(pagemap, Int(min(end &- page, UInt64(pages))))
        else {
            begin(current + 1)
            return true
        }
        page &+= UInt64(read)
        rest &-= UInt64(read)
        if page == end {
            sums[current] = present &* pageBytes
            begin(current + 1)
        }
        return true
    }

    /// How many entries were read; nil if none.
    private mutating func read(_ pagemap: Int32, _ wanted: Int) -> Int? {
        withUnsafeTemporaryAllocation(of: UInt64.self, capacity: wanted) { entries in
            let offset = off_t(page &* 8)
            let bytes = try? retryingOnInterrupt { pread(pagemap, entries.baseAddress, wanted * 8, offset) }
            guard let bytes, bytes >= 8 else { return nil }
            // Bit 63 of an entry: the page is present (Documentation/admin-guide/mm/pagemap.rst).
            for entry in entries[0..<(bytes / 8)] { present &+= entry >> 63 }
            return bytes / 8
        }
    }
}
