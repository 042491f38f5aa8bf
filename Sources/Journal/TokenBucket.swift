/// A token bucket as one number: the time at which it would be full again (the "generic cell rate
/// algorithm"). It needs no refilling, and a bucket whose time is past is the same as a new one, so
/// idle targets cost nothing.
struct TokenBucket {
    /// Monotonic nanoseconds at which all tokens are back.
    private(set) var fullAt: UInt64 = 0

    func admits(_ rate: JournalWriter.Rate, now: UInt64) -> Bool {
        max(fullAt, now) &- now <= rate.toleranceNanoseconds
    }

    mutating func take(_ rate: JournalWriter.Rate, now: UInt64) {
        fullAt = max(fullAt, now).addingSaturating(rate.intervalNanoseconds)
    }

    func isFull(now: UInt64) -> Bool { fullAt <= now }
}

extension JournalWriter {
    /// A burst, and what flows on afterwards.
    package struct Rate: Hashable, Sendable {
        /// Entries that may come at once.
        package let burst: UInt32
        /// Entries a second, on average, after the burst.
        package let perSecond: UInt32

        /// 0 counts as 1: a limit that lets nothing through is `enabled = false`.
        package init(burst: UInt32, perSecond: UInt32) {
            self.burst = max(1, burst)
            self.perSecond = max(1, perSecond)
        }

        var intervalNanoseconds: UInt64 { 1_000_000_000 / UInt64(perSecond) }
        /// 2^32 × 10^9 fits in 64 bits.
        var toleranceNanoseconds: UInt64 { UInt64(burst - 1) * intervalNanoseconds }
    }
}
