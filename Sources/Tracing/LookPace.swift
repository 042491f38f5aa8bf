import MemoryModel

/// How often a huge map is read in whole.
///
/// A look costs some 300 ns of a processor for each area, and the process looked at some of its speed meanwhile:
/// a process of 30,000 areas looked at ten times a second would take a tenth of a processor. So looks at it are
/// spread by what they cost; in between, its sizes are asked for each time, and its map is followed by the
/// kernel's records (``TargetObserver/sparingLook(_:_:)``).
struct LookPace: Sendable {
    struct Rule: Hashable, Sendable {
        /// Up to here a look is so cheap that the interval is the user's own choice.
        var hugeRegions = 4_096
        /// Looks take one part in so many of a processor, while something is known to have changed unseen …
        var pausePerLook: Int64 = 400
        /// … and while all that has changed is accounted for.
        var pausePerLookAccounted: Int64 = 600
    }

    private(set) var isHuge = false
    /// Not before this at all.
    private(set) var next = MonotonicTime(microseconds: .min)
    /// Not before this while there is no need.
    private(set) var nextAccounted = MonotonicTime(microseconds: .min)
    private var looks = 0
    /// The last change was put off because of the cost.
    var isSparing = false

    /// A look has taken this many nanoseconds of processor time.
    mutating func looked(
        cost nanoseconds: Int64, regions: Int, at ended: MonotonicTime, _ rule: Rule,
        atLeastEvery longest: Int64
    ) {
        isHuge = regions > rule.hugeRegions
        isSparing = false
        guard isHuge else {
            (next, nextAccounted) = (ended, ended)
            return
        }
        let cost = max(0, min(nanoseconds / 1_000, 3_600_000_000))
        // What changes again and again is known only after the second look, and then need not be looked for.
        let pause = looks == 0 ? rule.pausePerLook / 8 : rule.pausePerLook
        looks = 1
        next = ended.advanced(byMicroseconds: min(cost * pause, longest))
        nextAccounted = ended.advanced(byMicroseconds: min(cost * rule.pausePerLookAccounted, longest))
    }

    /// Whatever was spared for is another map by now (exec).
    mutating func reset() { self = LookPace() }
}
