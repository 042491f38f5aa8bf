import MemoryModel

/// One size over the last minutes.
struct Track {
    private var points: [(time: Timestamp, bytes: UInt64)] = []

    /// How far back it is remembered.
    static let span: Int64 = 300_000_000
    private static let minute: Int64 = 60_000_000

    var last: UInt64? { points.last?.bytes }

    /// Times that go backwards (a clock that was set) begin anew.
    mutating func append(_ bytes: UInt64, at time: Timestamp) {
        if let last = points.last, time < last.time { points = [] }
        points.append((time, bytes))
        let oldest = time.microseconds &- Self.span
        // One point older than the span is kept: it says what there was when the span began.
        while points.count > 1, points[1].time.microseconds <= oldest { points.removeFirst() }
    }

    /// What came in the last minute, or since it is watched; nil before there are two looks.
    var changeInLastMinute: Int64? {
        guard let last = points.last, points.count > 1 else { return nil }
        let begin = Timestamp(microseconds: last.time.microseconds &- Self.minute)
        guard let before = points.last(where: { $0.time <= begin }) ?? points.first else { return nil }
        return Int64(clamping: last.bytes) - Int64(clamping: before.bytes)
    }

    /// The last value known at the end of each of `count` equal parts of the span that ends at `end`.
    func values(_ count: Int, until end: Timestamp) -> [UInt64?] {
        guard count > 0 else { return [] }
        var result = [UInt64?](repeating: nil, count: count)
        var index = 0
        var known: UInt64?
        for part in result.indices {
            let border = end.microseconds &- Self.span &+ Self.span / Int64(count) &* Int64(part + 1)
            while index < points.count, points[index].time.microseconds <= border {
                known = points[index].bytes
                index += 1
            }
            result[part] = known
        }
        // Rounding must not lose the newest.
        if let last { result[count - 1] = last }
        return result
    }
}
