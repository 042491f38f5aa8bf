import MemwatchInterface

/// What `map` draws: one process's regions, and what there is to know of its edges.
struct AddressSpace {
    var pid: Int32
    /// nil where only the daemon may look.
    var comm: String?
    /// Ascending, without overlap; `[vsyscall]` may be the last.
    var regions: [RegionRecord]
    var vmSize: UInt64?
    var rss: UInt64?
    var programBreak: UInt64?
    /// Soft RLIMIT_STACK, `UInt64.max` for none.
    var stackLimit: UInt64?

    /// Where the kernel's addresses begin: the first such border above everything that is mapped.
    var kernelStart: UInt64 {
        let highest = regions.last { !$0.isOutsideVmSize }?.end ?? 0
        return Self.borders.first { $0 >= highest } ?? .max
    }

    /// x86-64 splits at 2⁴⁷, with five levels of page tables at 2⁵⁶; arm64 at 2⁴⁸ and 2⁵², small systems at 2³⁹.
    #if arch(arm64)
        private static let borders: [UInt64] = [1 << 39, 1 << 48, 1 << 52]
    #else
        private static let borders: [UInt64] = [1 << 47, 1 << 56]
    #endif
}
