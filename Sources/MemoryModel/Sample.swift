/// What one look at a process found, without the regions themselves.
///
/// Sizes are bytes. A field that could not be read is nil, never 0.
package struct Sample: Hashable, Sendable {
    package var time: Timestamp
    package var pid: Int32
    /// VmSize: `/proc/[pid]/statm` field 1.
    package var vmSizeBytes: UInt64?
    /// VmRSS and its three parts: RssAnon, RssFile, RssShmem of `/proc/[pid]/status` (Linux 4.5).
    package var rssBytes: UInt64?
    package var rssAnonBytes: UInt64?
    package var rssFileBytes: UInt64?
    package var rssShmemBytes: UInt64?
    /// VmSwap.
    package var swapBytes: UInt64?
    /// VmPTE: page tables.
    package var pageTablesBytes: UInt64?
    package var threads: UInt32?
    /// How many regions the look found; nil where maps is not readable.
    package var regionCount: UInt32?
    /// The address behind the heap, rounded up to a page (the kernel shows no finer one);
    /// `start_brk` where the heap is empty; nil where `/proc/[pid]/stat` hides addresses.
    package var programBreak: UInt64?
    /// Soft RLIMIT_STACK; nil where unreadable, `UInt64.max` for unlimited.
    package var stackLimitBytes: UInt64?
    /// nil where maps is not readable.
    package var kinds: KindTotals?
    /// False where the process changed faster than three tries could follow, so that the
    /// kinds may not add up to ``vmSizeBytes``; and where the look was truncated.
    package var isConsistent: Bool

    package init(time: Timestamp, pid: Int32) {
        self.time = time
        self.pid = pid
        isConsistent = false
    }
}
