import Glibc

/// An instant of CLOCK_MONOTONIC in microseconds: for scheduling and measuring, since it never steps.
package struct MonotonicTime: Hashable, Comparable, Sendable {
    package var microseconds: Int64

    package init(microseconds: Int64) { self.microseconds = microseconds }

    /// From the nanoseconds that kernel records carry.
    package init(nanoseconds: Int64) { microseconds = nanoseconds / 1_000 }

    package static var now: MonotonicTime { MonotonicTime(nanoseconds: nanoseconds) }

    /// CLOCK_MONOTONIC now, in the unit of kernel records.
    package static var nanoseconds: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }

    package static func < (a: MonotonicTime, b: MonotonicTime) -> Bool { a.microseconds < b.microseconds }

    package func advanced(byMicroseconds amount: Int64) -> MonotonicTime {
        let (sum, overflow) = microseconds.addingReportingOverflow(amount)
        return MonotonicTime(microseconds: overflow ? (amount < 0 ? .min : .max) : sum)
    }
}
