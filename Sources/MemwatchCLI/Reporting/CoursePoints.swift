import MemoryModel

/// A long course of samples in few points, from which no peak is missing.
///
/// Of each of a number of equal spans of time four samples stay: the one with the largest address space, the one with the
/// smallest, the one with the most in memory, and the last. What is drawn is then as high and as low as it ever was, and
/// ends where it ended. The spans grow with the course: nobody says beforehand how long it is.
struct CoursePoints {
    private struct Span {
        var number: Int64
        var largest: Sample
        var smallest: Sample
        var fullest: Sample
        var last: Sample

        init(_ number: Int64, _ sample: Sample) {
            self.number = number
            (largest, smallest, fullest, last) = (sample, sample, sample, sample)
        }

        mutating func take(_ sample: Sample) {
            if sample.vmSizeBytes ?? 0 > largest.vmSizeBytes ?? 0 { largest = sample }
            if sample.vmSizeBytes ?? .max < smallest.vmSizeBytes ?? .max { smallest = sample }
            if sample.rssBytes ?? 0 > fullest.rssBytes ?? 0 { fullest = sample }
            if sample.time >= last.time { last = sample }
        }

        mutating func take(_ later: Span) {
            for sample in [later.largest, later.smallest, later.fullest, later.last] { take(sample) }
        }
    }

    private let limit: Int
    private var width: Int64 = 50_000
    private var since: Timestamp?
    private var spans: [Span] = []
    /// How many samples there were.
    private(set) var count = 0

    /// - Parameter limit: spans; there are at most four times as many points.
    init(limit: Int = 400) { self.limit = max(2, limit) }

    /// Takes one in, in order of time. Torn looks do not add up, and would be peaks that never were.
    mutating func add(_ sample: Sample) {
        count += 1
        guard sample.isConsistent, sample.kinds != nil else { return }
        let begin = since ?? sample.time
        since = begin
        let number = max(0, sample.time.microseconds &- begin.microseconds) / width
        if let last = spans.last, last.number >= number {
            spans[spans.count - 1].take(sample)
        } else {
            spans.append(Span(number, sample))
        }
        if spans.count > limit { widen() }
    }

    private mutating func widen() {
        width *= 2
        var wider: [Span] = []
        for var span in spans {
            span.number /= 2
            if wider.last?.number == span.number {
                wider[wider.count - 1].take(span)
            } else {
                wider.append(span)
            }
        }
        spans = wider
    }

    /// In order of time, each once.
    var points: [Sample] {
        var points: [Sample] = []
        for span in spans {
            for sample in [span.largest, span.smallest, span.fullest, span.last].sorted(by: {
                $0.time < $1.time
            })
            where points.last?.time != sample.time {
                points.append(sample)
            }
        }
        return points
    }
}
