import CLinux
import SystemPackage

extension ProcessDirectory {
    /// Bytes between two addresses that are in memory now, by `PAGEMAP_SCAN` (Linux 6.7).
    ///
    /// nil where the kernel cannot do it, where `/proc/[pid]/pagemap` may not be read (it needs
    /// ptrace access, and other users' needs root's file rights too), and for addresses of
    /// the kernel. Never smaps, which stalls the process: this walks page tables, in slices,
    /// because one call over everything costs the process up to 31 ms.
    package func residentBytes(start: UInt64, end: UInt64) -> UInt64? {
        guard start < end, let pagemap = try? openFile("pagemap") else { return nil }
        var sum: UInt64 = 0
        var position = start
        while position < end {
            let slice = min(end, position.addingReportingOverflow(Self.sliceBytes).partialValue)
            guard slice > position,
                let (bytes, reached) = Self.scan(pagemap, from: position, to: slice), reached > position
            else { return nil }
            sum &+= bytes
            position = reached
        }
        return sum
    }

    private static var sliceBytes: UInt64 { 64 << 20 }

    /// The present bytes from `start` to where the scan came, which is `end` unless there were
    /// more stretches than room for them.
    private static func scan(
        _ pagemap: borrowing OwnedDescriptor, from start: UInt64, to end: UInt64
    ) -> (bytes: UInt64, reached: UInt64)? {
        let raw = pagemap.rawValue
        return withUnsafeTemporaryAllocation(of: clinux_page_region.self, capacity: 512) { found in
            var scan = clinux_pagemap_scan()
            scan.start = start
            scan.end = end
            scan.vec = UInt64(UInt(bitPattern: found.baseAddress))
            scan.vec_len = UInt64(found.count)
            scan.category_mask = UInt64(CLINUX_PAGE_IS_PRESENT)
            scan.return_mask = UInt64(CLINUX_PAGE_IS_PRESENT)
            let count = try? retryingOnInterrupt { Int(clinux_pagemap_scan(raw, &scan)) }
            guard let count, count <= found.count else { return nil }
            // The kernel has written that many, and the type is plain numbers.
            let bytes = found[0..<count].reduce(UInt64(0)) { $0 &+ ($1.end &- $1.start) }
            return (bytes, scan.walk_end)
        }
    }
}
