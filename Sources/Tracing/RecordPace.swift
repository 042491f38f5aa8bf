import MemoryModel

/// How much of what the kernel reports of one target is looked into, and how much told one by one.
struct RecordPace: Sendable {
    /// Looks that records cause come at most so often, which also bounds the transactions of the history …
    static let shortestPause: Int64 = 40_000
    /// … and take at most one part in so many of a processor.
    static let pausePerLook: Int64 = 25
    /// What is to be told waits so long for a look; if that is not enough, it is told without.
    static let patience: Int64 = 50_000
    /// Above so many records a second they are summed up, one event a kind and look …
    static let summariseAbove = 10_000
    /// … until there are fewer than this.
    static let summariseUntil = 5_000

    private(set) var isSummarising = false
    private(set) var nextLook = MonotonicTime(microseconds: .min)
    private var window = MonotonicTime(microseconds: 0)
    private var inWindow = 0

    func mayLook(at now: MonotonicTime) -> Bool { now >= nextLook }

    /// Whether a look comes soon enough to wait for it.
    func mayLookSoon(after now: MonotonicTime) -> Bool {
        nextLook < now.advanced(byMicroseconds: Self.patience)
    }

    /// A look has taken this long, in nanoseconds of CLOCK_MONOTONIC.
    mutating func looked(from began: Int64, to ended: Int64) {
        let cost = max(0, ended - began) / 1_000
        nextLook = MonotonicTime(nanoseconds: ended)
            .advanced(byMicroseconds: max(Self.shortestPause, min(cost, 3_600_000_000) * Self.pausePerLook))
    }

    /// So many records more, taken now.
    mutating func count(_ records: Int, at now: MonotonicTime) {
        if now.microseconds - window.microseconds >= 1_000_000 {
            isSummarising = inWindow >= Self.summariseUntil && isSummarising
            window = now
            inWindow = 0
        }
        inWindow += records
        if inWindow > Self.summariseAbove { isSummarising = true }
    }
}
