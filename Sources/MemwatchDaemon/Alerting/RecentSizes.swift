import Analysis
import MemoryModel

/// A size over the longest span that anybody asks about, in a bounded number of points.
struct RecentSizes: Sendable {
    private var points: [(time: Timestamp, bytes: UInt64)] = []
    private var span: Int64 = 0
    /// True where the last size began a part of its own. To judge a span sorts thousands of slopes, and within a part the
    /// judgement would be the same: it is asked for once a part, and not at each of ten looks a second.
    private(set) var hasNewPart = false

    /// Of so many parts of the span one point each: the last.
    private static let limit: Int64 = 120

    mutating func append(_ bytes: UInt64, at time: Timestamp, span: Int64) {
        // A clock that was set back begins anew.
        if let last = points.last, time < last.time { points = [] }
        self.span = max(self.span, span)
        let part = self.span / Self.limit
        hasNewPart =
            points.count < 2 || time.microseconds &- points[points.count - 2].time.microseconds >= part
        if hasNewPart {
            points.append((time, bytes))
        } else {
            points[points.count - 1] = (time, bytes)
        }
        let oldest = time.microseconds &- self.span
        while points.count > 1, points[1].time.microseconds <= oldest { points.removeFirst() }
    }

    /// Bytes a second over the last `span`; nil until it is known for nine tenths of that.
    ///
    /// 0 where it did not grow in each quarter: half of all pairs of looks have a leap in the middle between them, which
    /// moves even their median.
    func slope(over span: Int64) -> Double? {
        guard let series = series(span), let slope = RobustSlope(series) else { return nil }
        let floors = series.floors(4).compactMap(\.self)
        return zip(floors, floors.dropFirst()).allSatisfy { $0 < $1 } ? slope.bytesPerSecond : 0
    }

    func growth(over span: Int64) -> Growth? { series(span).flatMap { Growth($0) } }

    private func series(_ span: Int64) -> Series? {
        guard let last = points.last else { return nil }
        let begin = last.time.microseconds &- span
        var series = Series()
        for point in points where point.time.microseconds >= begin {
            series.append(seconds: Double(point.time.microseconds &- begin) / 1e6, point.bytes)
        }
        return series.span >= Double(span) / 1e6 * 0.9 ? series : nil
    }
}
