import MemoryModel

/// What all looks of one tick have in common.
struct Tick: Sendable {
    enum Cause: Sendable {
        /// The target's interval is over: what is found is stored.
        case interval
        /// The kernel reported changes, or something was left open at the look before. Samples and regions
        /// are then stored at most ten times an interval, so that a busy target does not fill the history.
        case records
    }

    var cause = Cause.interval
    /// The wall clock, for storing and showing.
    var time: Timestamp
    var monotonic: MonotonicTime
    var fullLookEvery: Int64
    var sampleEvery: Int64
    var sparing = LookPace.Rule()
    let counters: TracerCounters

    /// The same tick at a later instant. The wall clock is taken to have run on evenly since the tick began;
    /// a step meanwhile shows with the next tick.
    func advanced(to instant: MonotonicTime) -> Tick {
        var tick = self
        tick.time = time(of: instant)
        tick.monotonic = instant
        return tick
    }

    /// When something happened on the wall clock that this tick goes by.
    func time(of instant: MonotonicTime) -> Timestamp {
        Timestamp(
            microseconds: time.microseconds.addingSaturating(
                instant.microseconds.subtractingSaturating(monotonic.microseconds)))
    }
}
