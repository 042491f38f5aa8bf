/// Entries that did not reach the journal, counted until one entry tells of them all.
struct DropTally {
    private(set) var count: UInt64 = 0
    /// Monotonic nanoseconds.
    private var first: UInt64 = 0
    private var last: UInt64 = 0

    mutating func add(_ entries: UInt64 = 1, now: UInt64) {
        if count == 0 { first = now }
        last = now
        count &+= entries
    }

    var isEmpty: Bool { count == 0 }

    /// When to tell: after `quiet` nanoseconds without another drop (it is over), and at the latest
    /// twelve times that after the first (it goes on, and nobody should have to wait for its end).
    func due(quiet: UInt64) -> UInt64? {
        guard count > 0 else { return nil }
        return min(last.addingSaturating(quiet), first.addingSaturating(quiet.multipliedSaturating(by: 12)))
    }

    /// `5.2 s`, the time between the first and the last.
    var duration: String {
        let tenths = (last &- first) / 100_000_000
        return "\(tenths / 10).\(tenths % 10) s"
    }
}

extension UInt64 {
    func addingSaturating(_ other: UInt64) -> UInt64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }

    func multipliedSaturating(by other: UInt64) -> UInt64 {
        let (product, overflow) = multipliedReportingOverflow(by: other)
        return overflow ? .max : product
    }
}
