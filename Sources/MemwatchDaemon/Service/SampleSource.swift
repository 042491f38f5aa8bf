import History
import MemoryModel

/// Samples, a part at a time.
protocol SampleSource: Sendable {
    /// nil at the end; never empty.
    mutating func next() async throws -> [Sample]?
}

extension SampleSource {
    /// The next part, and the source behind it: for who reads ahead in a task of its own.
    func advanced() async throws -> (any SampleSource, [Sample]?) {
        var source = self
        let part = try await source.next()
        return (source, part)
    }
}

/// Those of one process, as they are stored.
struct StoredSamples: SampleSource {
    let store: HistoryStore
    let queries: BlockingWork
    var cursor: SampleCursor

    mutating func next() async throws -> [Sample]? { try await next(limit: 512) }

    /// - Parameter limit: how many samples at most.
    mutating func next(limit: Int) async throws -> [Sample]? {
        let position = cursor
        let (part, next) = try await queries.runUnlessCancelled { [store] in
            var next = position
            return (try store.nextSamples(&next, limit: limit)?.map(\.sample), next)
        }
        cursor = next
        return part
    }
}

/// Evenly spaced, each step carrying the last value known at its time.
struct ResampledSamples<Source: SampleSource>: SampleSource {
    var source: Source
    /// Read, and not yet reached by the steps.
    var pending: ArraySlice<Sample>
    var value: Sample?
    var time: Timestamp
    let end: Timestamp
    let step: Int64

    mutating func next() async throws -> [Sample]? {
        var part: [Sample] = []
        while part.count < 512, time <= end {
            try await catchUp()
            if var sample = value {
                sample.time = time
                part.append(sample)
            }
            time = Timestamp(microseconds: time.microseconds.addingSaturating(step))
        }
        return part.isEmpty ? nil : part
    }

    /// Takes every stored sample up to the present step.
    private mutating func catchUp() async throws {
        while true {
            while let first = pending.first, first.time <= time {
                value = first
                pending.removeFirst()
            }
            guard pending.isEmpty, let more = try await source.next() else { return }
            pending = more[...]
        }
    }
}
