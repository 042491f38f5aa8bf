/// What a size did over a span of time, and what that looks like.
package struct Growth: Sendable, Hashable {
    /// The shapes that memory over time has, each with another advice.
    package enum Shape: String, Sendable, CaseIterable {
        /// It changed by next to nothing.
        case flat
        /// It rises to this moment, and gave next to nothing back: a leak looks like this, and so does a cache that is
        /// still filling.
        case growing
        /// It rose and then stayed: a cache that is full, or a program that has started.
        case filled
        /// It rises and falls, and comes back to where it was.
        case sawtooth
        /// It rises and falls, and comes back to ever more.
        case risingFloor = "rising-floor"
        /// It is less than before, and has not come back.
        case shrunk
        /// Too few looks to tell one from another.
        case unclear
    }

    /// How sure it is that what grows goes on doing so.
    package enum Confidence: String, Sendable, CaseIterable {
        case low
        case medium
        case high
    }

    package var shape: Shape
    package var first: UInt64
    package var last: UInt64
    package var minimum: UInt64
    package var maximum: UInt64
    /// The sums of all steps up, and of all steps down.
    package var risen: UInt64
    package var fallen: UInt64
    /// Steps up.
    package var steps: Int
    /// Seconds from the first look until it last was higher than ever before; nil where it never was.
    package var grewUntil: Double?
    package var span: Double
    /// nil with fewer than three looks.
    package var slope: RobustSlope?

    /// Less than this, and less than a hundredth of what there was, is no growth: allocators move by pages.
    private static let noise: Double = 64 * 1024

    /// nil without any point.
    package init?(_ series: Series) {
        let points = series.points
        guard let first = points.first, let last = points.last else { return nil }
        var (low, high, risen, fallen) = (first.bytes, first.bytes, 0.0, 0.0)
        var (steps, grewUntil) = (0, Double?.none)
        for (earlier, later) in zip(points, points.dropFirst()) {
            let change = later.bytes - earlier.bytes
            if change > 0 {
                risen += change
                steps += 1
            } else {
                fallen -= change
            }
            low = min(low, later.bytes)
            if later.bytes > high {
                // A page more than ever is not yet growth.
                if later.bytes - high > Self.noise / 16 || grewUntil == nil {
                    grewUntil = later.seconds - first.seconds
                }
                high = later.bytes
            }
        }
        self.first = UInt64(saturating: first.bytes)
        self.last = UInt64(saturating: last.bytes)
        minimum = UInt64(saturating: low)
        maximum = UInt64(saturating: high)
        self.risen = UInt64(saturating: risen)
        self.fallen = UInt64(saturating: fallen)
        self.steps = steps
        self.grewUntil = grewUntil
        span = series.span
        let filled = points.count >= 3 ? series.filled(60) : series
        slope = RobustSlope(filled)
        shape = .unclear
        shape = judged(filled, looks: points.count)
    }

    /// Signed bytes from the first look to the last.
    package var net: Int64 { Int64(clamping: last) - Int64(clamping: first) }

    /// A leak is suspected where it still grows and never gave back more than a tenth.
    package var isLeakSuspected: Bool {
        shape == .growing && Double(fallen) <= Double(risen) / 10 || shape == .risingFloor
    }

    /// nil where it does not grow.
    package var confidence: Confidence? {
        guard shape == .growing || shape == .risingFloor else { return nil }
        // Nine of ten pairs of looks say that it grows, over many steps.
        if let slope, slope.low > 0, steps >= 20 { return .high }
        return steps >= 6 ? .medium : .low
    }

    /// Seconds until it has grown by `bytes` more at this rate; nil where it does not grow.
    package func seconds(untilGrownBy bytes: UInt64) -> Double? {
        guard let slope, slope.bytesPerSecond > 0, confidence != nil else { return nil }
        return Double(bytes) / slope.bytesPerSecond
    }

    // MARK: Judging

    private func judged(_ series: Series, looks: Int) -> Shape {
        let (first, last) = (Double(first), Double(last))
        let (minimum, maximum) = (Double(minimum), Double(maximum))
        let significant = max(Self.noise, first / 100)
        guard maximum - minimum > significant else { return .flat }
        guard looks >= 6, span > 0 else { return .unclear }
        let floors = series.floors(6).compactMap(\.self)
        // What it never fell below any more, early and late.
        let early = floors.prefix(floors.count / 2).min() ?? first
        let late = floors.suffix(floors.count / 2).min() ?? last
        let floorRise = late - early
        if Double(fallen) > Double(risen) / 3 {
            if last - first < -significant, floorRise <= 0, Double(fallen) > 2 * Double(risen) {
                return .shrunk
            }
            return floorRise > (maximum - minimum) / 4 && risesThroughout(floors) ? .risingFloor : .sawtooth
        }
        guard last - first > significant else { return .sawtooth }
        return growsToTheEnd(series) ? .growing : .filled
    }

    /// No floor is below the one before by more than a little.
    private func risesThroughout(_ floors: [Double]) -> Bool {
        let tolerance = Double(maximum - minimum) / 20
        return zip(floors, floors.dropFirst()).allSatisfy { $1 >= $0 - tolerance }
    }

    /// Whether the last third of the time has at least a tenth of the growth.
    private func growsToTheEnd(_ series: Series) -> Bool {
        let points = series.points
        guard let begin = points.first, let end = points.last else { return false }
        let border = begin.seconds + span * 2 / 3
        let atBorder = points.last { $0.seconds <= border }?.bytes ?? begin.bytes
        return end.bytes - atBorder >= (end.bytes - begin.bytes) / 10
    }
}

extension UInt64 {
    /// A size that the largest `Double` below 2⁶⁴ is the end of.
    fileprivate init(saturating bytes: Double) {
        self = bytes >= 0x1p64 ? .max : UInt64(Swift.max(0, bytes))
    }
}
