import CLinux
import Glibc
import MemoryModel
import SystemPackage

extension ProcessDirectory {
    /// Bytes in memory now of each of some ranges, which are ascending and do not overlap.
    ///
    /// By `PAGEMAP_SCAN` on `/proc/[pid]/pagemap` (Linux 6.7), opened once; where the kernel has none, by reading
    /// its eight bytes for each page, which do not tell the kernel's page of zeros (what was read and never
    /// written) from others: there it counts. Never smaps, which stalls the process.
    ///
    /// Either walks page tables with the process's memory locked against changes, so it goes in slices of less
    /// than half a millisecond and lets the process have twice that after each (4 GB resident in one call: 31 ms
    /// of stall). That makes it last: about 0.1 s for 4 GB.
    ///
    /// nil where pagemap may not be read (it needs ptrace access, and other users' needs root's file rights too),
    /// for addresses of the kernel, and, without `PAGEMAP_SCAN`, for what lies behind the first 64 GiB.
    package func residentBytes(of ranges: [Range<UInt64>]) -> [UInt64?] {
        residentBytes(of: ranges, scanning: KernelFeature.pagemapScan.isAllowed)
    }

    func residentBytes(of ranges: [Range<UInt64>], scanning: Bool) -> [UInt64?] {
        guard !ranges.isEmpty, let pagemap = try? openFile("pagemap") else {
            return Array(repeating: nil, count: ranges.count)
        }
        if scanning, let sums = Self.scan(pagemap, ranges) { return sums }
        return Self.readEntries(pagemap, ranges)
    }

    /// The same of one range; nil also where it is empty.
    package func residentBytes(start: UInt64, end: UInt64) -> UInt64? {
        start < end ? residentBytes(of: [start..<end])[0] : nil
    }

    // MARK: PAGEMAP_SCAN

    /// So much address space at most in one call, present or not: what is not mapped is passed over by whole
    /// page tables, what is swapped out page by page.
    private static var sliceBytes: UInt64 { 1 << 30 }

    /// nil where the kernel does not know the call.
    private static func scan(
        _ pagemap: borrowing OwnedDescriptor, _ ranges: [Range<UInt64>]
    ) -> [UInt64?]? {
        var sums = [UInt64?](repeating: nil, count: ranges.count)
        var pacer = SlicePacer()
        var first = 0
        while first < ranges.count {
            // Neighbours in one go: a process of 20,000 areas is not asked 20,000 times.
            var last = first
            while last + 1 < ranges.count, ranges[last + 1].lowerBound >= ranges[last].upperBound,
                ranges[last + 1].upperBound &- ranges[first].lowerBound <= sliceBytes
            {
                last += 1
            }
            switch scan(pagemap, ranges, first...last, into: &sums, &pacer) {
            case .unsupported: return nil
            // For a range alone it can be told which of them was the one.
            case .refused where last > first:
                for index in first...last {
                    if scan(pagemap, ranges, index...index, into: &sums, &pacer) == .refused {
                        sums[index] = nil
                    }
                }
            case .refused: sums[first] = nil
            case .done: break
            }
            first = last + 1
        }
        return sums
    }

    private enum Answer {
        case done, refused, unsupported
    }

    private static func scan(
        _ pagemap: borrowing OwnedDescriptor, _ ranges: [Range<UInt64>], _ chosen: ClosedRange<Int>,
        into sums: inout [UInt64?], _ pacer: inout SlicePacer
    ) -> Answer {
        let raw = pagemap.rawValue
        let end = ranges[chosen.upperBound].upperBound
        let zeroPages = UInt64(CLINUX_PAGE_IS_PFNZERO)
        for index in chosen { sums[index] = 0 }
        var position = ranges[chosen.lowerBound].lowerBound
        var current = chosen.lowerBound
        return withUnsafeTemporaryAllocation(of: clinux_page_region.self, capacity: 512) { found in
            while position < end {
                var scan = clinux_pagemap_scan()
                scan.start = position
                scan.end = min(end, position.addingReportingOverflow(sliceBytes).partialValue)
                guard scan.end > position else { return .refused }
                scan.max_pages = pacer.pages
                scan.vec = UInt64(UInt(bitPattern: found.baseAddress))
                scan.vec_len = UInt64(found.count)
                // Asked for, so that they count towards `max_pages`, and told apart.
                scan.category_mask = UInt64(CLINUX_PAGE_IS_PRESENT)
                scan.return_mask = UInt64(CLINUX_PAGE_IS_PRESENT | CLINUX_PAGE_IS_PFNZERO)
                let count: Int
                do throws(Errno) {
                    count = try retryingOnInterrupt { Int(clinux_pagemap_scan(raw, &scan)) }
                } catch {
                    return error == .inappropriateIOCTLForDevice ? .unsupported : .refused
                }
                guard count <= found.count, scan.walk_end > position else { return .refused }
                // The kernel has written that many, and the type is plain numbers. What was only read is the
                // kernel's one page of zeros, which no resident set counts.
                for stretch in found[0..<count] where stretch.categories & zeroPages == 0 {
                    while current < chosen.upperBound, ranges[current].upperBound <= stretch.start {
                        current += 1
                    }
                    var index = current
                    while index <= chosen.upperBound, ranges[index].lowerBound < stretch.end {
                        let low = max(stretch.start, ranges[index].lowerBound)
                        let high = min(stretch.end, ranges[index].upperBound)
                        if low < high { sums[index] = (sums[index] ?? 0) &+ (high &- low) }
                        index += 1
                    }
                }
                position = scan.walk_end
                pacer.pauseIfDue()
            }
            return .done
        }
    }

    // MARK: Entry by entry

    private static var entriesAtOnce: Int { 4096 }
    private static var mostPages: UInt64 { (64 << 30) / pageBytes }

    private static func readEntries(
        _ pagemap: borrowing OwnedDescriptor, _ ranges: [Range<UInt64>]
    ) -> [UInt64?] {
        let raw = pagemap.rawValue
        var pacer = SlicePacer()
        var rest = mostPages
        return withUnsafeTemporaryAllocation(of: UInt64.self, capacity: entriesAtOnce) { entries in
            ranges.map { range in
                var page = range.lowerBound / pageBytes
                let end = range.upperBound / pageBytes
                guard page < end, end &- page <= rest, end <= UInt64(Int64.max) / 8 else { return nil }
                rest &-= end &- page
                var present: UInt64 = 0
                while page < end {
                    let wanted = Int(min(end &- page, UInt64(entries.count)))
                    let offset = off_t(page &* 8)
                    let bytes = try? retryingOnInterrupt {
                        pread(raw, entries.baseAddress, wanted * 8, offset)
                    }
                    // Behind the end of user space there is nothing to read.
                    guard let bytes, bytes >= 8 else { return nil }
                    // Bit 63 of an entry: the page is present (Documentation/admin-guide/mm/pagemap.rst).
                    for entry in entries[0..<(bytes / 8)] { present &+= entry >> 63 }
                    page &+= UInt64(bytes / 8)
                    pacer.pauseIfDue()
                }
                return present &* pageBytes
            }
        }
    }
}

/// Leaves the process twice the time that a scan takes from it, in turns, and finds how much to ask for in one.
///
/// A process that maps while it is scanned waits for each slice to end, and is woken up then, which costs it some
/// 50 µs more: 4 GB in slices of 4096 pages cost a process that maps without a pause 48 ms, in slices of 16,384
/// pages 34 ms, and hardly less in one go (31 ms). Slices of half a millisecond are none of its longest waits.
private struct SlicePacer {
    /// So many present pages at most in the next call: 20 to 30 ns each here, more where memory is far away.
    private(set) var pages: UInt64 = 4096
    private var began = MonotonicTime.nanoseconds
    private var spent = SlicePacer.threadNanoseconds

    private static let fewestPages: UInt64 = 512
    private static let mostPages: UInt64 = 16_384
    private static let longest: Int64 = 500_000
    /// Below this the process does not notice, and a pause would take longer than it is asked to.
    private static let shortest: Int64 = 100_000

    mutating func pauseIfDue() {
        let elapsed = MonotonicTime.nanoseconds &- began
        guard elapsed >= Self.shortest else { return }
        resize(Self.threadNanoseconds &- spent)
        var pause = timespec(tv_sec: 0, tv_nsec: Int(min(elapsed * 2, 10_000_000)))
        nanosleep(&pause, nil)
        began = MonotonicTime.nanoseconds
        spent = Self.threadNanoseconds
    }

    /// By what the scan took of the processor: how long it waited for the process says nothing of the next slice.
    private mutating func resize(_ taken: Int64) {
        if taken > Self.longest {
            pages = max(pages / 2, Self.fewestPages)
        } else if taken < Self.longest / 2 {
            pages = min(pages * 2, Self.mostPages)
        }
    }

    private static var threadNanoseconds: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }
}
