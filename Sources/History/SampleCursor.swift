import MemoryModel

/// How far a reading of samples has got.
///
/// A position on the process's own time line and not a time of day, so that a reading goes on where it
/// was also where the wall clock stepped back.
package struct SampleCursor: Sendable {
    let process: Int64
    let pid: Int32
    let timeline: Timeline
    /// What is left: runs of the clock, each to be read tier by tier.
    private var ranges: ArraySlice<ClosedRange<Int64>>
    private var tiers = SampleTier.oldestFirst[...]
    private var next: Int64?

    init(process: Int64, pid: Int32, timeline: Timeline, ranges: [ClosedRange<Int64>]) {
        self.process = process
        self.pid = pid
        self.timeline = timeline
        self.ranges = ranges[...]
        next = ranges.first?.lowerBound
    }

    /// Where to read next; nil at the end.
    var current: (tier: SampleTier, range: ClosedRange<Int64>)? {
        guard let tier = tiers.first, let range = ranges.first, let next else { return nil }
        return (tier, max(next, range.lowerBound)...range.upperBound)
    }

    /// - Parameters:
    ///   - moment: the last that was read; nil where nothing was.
    ///   - isTierDone: the tier holds no more in this run of the clock. What a finer tier holds lies
    ///     behind what the coarser one held.
    mutating func advance(past moment: Int64?, isTierDone: Bool) {
        if let moment { next = moment.addingSaturating(1) }
        if isTierDone { tiers = tiers.dropFirst() }
        guard let range = ranges.first, let position = next else { return }
        if tiers.isEmpty || position > range.upperBound {
            ranges = ranges.dropFirst()
            tiers = SampleTier.oldestFirst[...]
            next = ranges.first?.lowerBound
        }
    }
}
