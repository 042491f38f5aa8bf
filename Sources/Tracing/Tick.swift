import MemoryModel

/// What all looks of one tick have in common.
struct Tick: Sendable {
    /// The wall clock, for storing and showing.
    var time: Timestamp
    var monotonic: MonotonicTime
    var fullLookEvery: Int64
    var sampleEvery: Int64
    let counters: TracerCounters
}
