/// How fast a size grows, by the median of the slopes between all pairs of points (Theil–Sen).
///
/// A single leap, or a look that came at an odd moment, does not move it: a quarter of all points may be anything.
package struct RobustSlope: Sendable, Hashable {
    /// Bytes a second.
    package var bytesPerSecond: Double
    /// The spread: four fifths of all pairs lie between these.
    package var low: Double
    package var high: Double

    /// 40,000 slopes at most: a few milliseconds.
    private static let largestCount = 200

    /// nil with fewer than three points: two make a line whatever they are.
    package init?(_ series: Series) {
        let points = series.thinned(to: Self.largestCount).points
        guard points.count >= 3 else { return nil }
        var slopes: [Double] = []
        slopes.reserveCapacity(points.count * (points.count - 1) / 2)
        for (index, later) in points.enumerated() {
            for earlier in points[..<index] {
                slopes.append((later.bytes - earlier.bytes) / (later.seconds - earlier.seconds))
            }
        }
        slopes.sort()
        bytesPerSecond = Self.quantile(slopes, 0.5)
        low = Self.quantile(slopes, 0.1)
        high = Self.quantile(slopes, 0.9)
    }

    /// Between the two nearest.
    private static func quantile(_ sorted: [Double], _ share: Double) -> Double {
        let position = share * Double(sorted.count - 1)
        let index = Int(position)
        let next = min(index + 1, sorted.count - 1)
        return sorted[index] + (sorted[next] - sorted[index]) * (position - Double(index))
    }
}
