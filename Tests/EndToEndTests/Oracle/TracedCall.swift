/// A call of the trace that succeeded, with what of the address space it touched.
struct TracedCall: Sendable {
    enum Effect: Sendable {
        /// mmap, or brk that moved the break up: the kernel writes a record of it.
        case birth
        /// mprotect: the kernel writes a record where it changed something.
        case protection
        /// munmap, mremap, brk that moved the break down: no record.
        case unrecorded
        /// The kernel's own mappings of a new program.
        case exec
        /// Unknown what: the thread was gone before strace saw the end of the call.
        case unknown
    }

    var name: String
    var pid: Int32
    var tid: Int32
    /// The stop before the call, and the latest that the stop behind it can have been; microseconds since 1970.
    var entry: Int64
    var exit: Int64
    var effect: Effect
    /// Page-aligned; two for mremap. Empty for exec and for what is unknown: anywhere.
    var ranges: [Range<UInt64>]
    /// The line as strace wrote it (the first of two).
    var text: String

    /// How far `time` is from the time in which the call happened.
    func distance(to time: Int64) -> Int64 { max(entry - time, time - exit, 0) }

    func touches(_ range: Range<UInt64>) -> Bool {
        ranges.isEmpty || ranges.contains { $0.overlaps(range) }
    }
}
