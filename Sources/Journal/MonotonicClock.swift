import MemoryModel

/// CLOCK_MONOTONIC: the clock of systemd's MONOTONIC_USEC, of poll(2)'s timeouts and of rate limits,
/// which must not run wild when the wall clock steps.
enum MonotonicClock {
    static var nanoseconds: UInt64 {
        UInt64(clamping: MonotonicTime.nanoseconds)
    }
}

extension Duration {
    /// Whole nanoseconds, 0 for negative ones.
    var nanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        return UInt64(seconds).multipliedSaturating(by: 1_000_000_000)
            .addingSaturating(UInt64(attoseconds) / 1_000_000_000)
    }
}
