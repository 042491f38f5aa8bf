/// One size over time: seconds since the first look, ascending, and bytes.
///
/// Bytes are `Double`s here: all sizes up to 2⁵³ are exact, and what is asked of a series are rates and shares.
package struct Series: Sendable, Hashable {
    package struct Point: Sendable, Hashable {
        package var seconds: Double
        package var bytes: Double

        package init(seconds: Double, bytes: Double) {
            self.seconds = seconds
            self.bytes = bytes
        }
    }

    /// Ascending in time.
    package private(set) var points: [Point] = []

    package init() {}

    /// Of sizes at equal distances.
    package init(every seconds: Double, _ bytes: [UInt64]) {
        for (index, bytes) in bytes.enumerated() { append(seconds: Double(index) * seconds, bytes) }
    }

    /// Adds a point; one that is not later than the last replaces it, because clocks can be set back.
    package mutating func append(seconds: Double, _ bytes: UInt64) {
        let point = Point(seconds: seconds, bytes: Double(bytes))
        if let last = points.last, seconds <= last.seconds {
            points[points.count - 1].bytes = point.bytes
        } else {
            points.append(point)
        }
    }

    package var span: Double {
        guard let first = points.first, let last = points.last else { return 0 }
        return last.seconds - first.seconds
    }

    /// At most `limit` points: of each of as many equal spans of time the last one, and always the very first.
    package func thinned(to limit: Int) -> Series {
        guard points.count > limit, limit > 1, span > 0, let first = points.first else { return self }
        var thinned = Series()
        thinned.points = [first]
        var lastSpan = 0
        for point in points.dropFirst() {
            let position = (point.seconds - first.seconds) / span * Double(limit - 1)
            let number = min(limit - 1, Int(position.rounded(.up)))
            if number == lastSpan, thinned.points.count > 1 {
                thinned.points[thinned.points.count - 1] = point
            } else {
                thinned.points.append(point)
                lastSpan = number
            }
        }
        return thinned
    }

    /// With a point at the end of each of `count` equal spans of time, too, which has the last size that was known: looks
    /// are kept where something changed, and what stands still is as true as what moves.
    package func filled(_ count: Int) -> Series {
        guard let first = points.first, let last = points.last, span > 0, count > 0 else { return self }
        var filled = Series()
        filled.points.reserveCapacity(points.count + count)
        var mark = 1
        var known = first
        for point in points {
            while mark < count {
                let seconds = first.seconds + span * Double(mark) / Double(count)
                guard seconds < point.seconds else { break }
                if seconds > known.seconds {
                    filled.points.append(Point(seconds: seconds, bytes: known.bytes))
                }
                mark += 1
            }
            filled.points.append(point)
            known = point
        }
        assert(filled.points.last == last)
        return filled
    }

    /// The smallest size in each of `count` equal spans of time; nil for a span without a point.
    package func floors(_ count: Int) -> [Double?] { extremes(count) { min($0, $1) } }

    package func ceilings(_ count: Int) -> [Double?] { extremes(count) { max($0, $1) } }

    private func extremes(_ count: Int, _ choose: (Double, Double) -> Double) -> [Double?] {
        var result = [Double?](repeating: nil, count: count)
        guard let first = points.first, span > 0 else { return result }
        for point in points {
            let index = min(count - 1, Int((point.seconds - first.seconds) / span * Double(count)))
            result[index] = result[index].map { choose($0, point.bytes) } ?? point.bytes
        }
        return result
    }
}
