import Glibc

/// An instant of CLOCK_MONOTONIC in microseconds: for scheduling and measuring, since it never steps.
package struct MonotonicTime: Hashable, Comparable, Sendable {
    package var microseconds: Int64

    package init(microseconds: Int64) { self.microseconds = microseconds }

    package static var now: MonotonicTime {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return MonotonicTime(microseconds: Int64(time.tv_sec) &* 1_000_000 &+ Int64(time.tv_nsec) / 1_000)
    }

    package static func < (a: MonotonicTime, b: MonotonicTime) -> Bool { a.microseconds < b.microseconds }

    package func advanced(byMicroseconds amount: Int64) -> MonotonicTime {
        let (sum, overflow) = microseconds.addingReportingOverflow(amount)
        return MonotonicTime(microseconds: overflow ? (amount < 0 ? .min : .max) : sum)
    }
}
