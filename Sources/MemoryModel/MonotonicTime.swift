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

    /// Both clocks at one instant. Between two readings a busy machine may let tens of milliseconds pass, by which
    /// every record of the tick would be dated wrong.
    package static func withWallClock() -> (wall: Timestamp, monotonic: MonotonicTime) {
        var wall = Timestamp.now
        var monotonic = MonotonicTime.now
        var smallest = Int64.max
        for _ in 0..<10 {
            let before = MonotonicTime.nanoseconds
            let between = Timestamp.now
            let spread = MonotonicTime.nanoseconds &- before
            if spread < smallest {
                (wall, monotonic) = (between, MonotonicTime(nanoseconds: before &+ spread / 2))
                smallest = spread
            }
            if spread < 20_000 { break }
        }
        return (wall, monotonic)
    }

    package static func < (a: MonotonicTime, b: MonotonicTime) -> Bool { a.microseconds < b.microseconds }

    package func advanced(byMicroseconds amount: Int64) -> MonotonicTime {
        let (sum, overflow) = microseconds.addingReportingOverflow(amount)
        return MonotonicTime(microseconds: overflow ? (amount < 0 ? .min : .max) : sum)
    }

    /// Whole microseconds later, or as late as can be said.
    package func advanced(by duration: Duration) -> MonotonicTime {
        let (seconds, attoseconds) = duration.components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        return advanced(byMicroseconds: overflow ? (seconds < 0 ? .min : .max) : whole)
            .advanced(byMicroseconds: attoseconds / 1_000_000_000_000)
    }
}
