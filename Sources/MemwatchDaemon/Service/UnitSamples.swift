import History
import MemoryModel

/// A whole service as one series: at each time at which one of its processes has a sample or ends, the
/// sum of what was last known of those alive then.
///
/// Nothing is held but where the reading of each living process has got, and a little of what comes
/// next: a service that was restarted ten thousand times is read one life after the other.
struct UnitSamples: SampleSource {
    private let store: HistoryStore
    private let queries: BlockingWork
    private let since: Timestamp?
    private let until: Timestamp?
    /// Not read yet; the first to be attached is the last.
    private var waiting: [Life]
    private var reading: [Reading] = []
    private var sum = UnitSum()
    /// Rows that a part has at most.
    private static let partRows = 512
    /// Samples read ahead, over all processes.
    private static let samplesAhead = 4_096

    /// What is known of a process before its samples are read.
    private struct Life {
        var process: HistoryProcessID
        var attached: Timestamp
        var ended: Timestamp?
    }

    /// - Parameter processes: in the order in which they were attached.
    init(
        of processes: [HistoryProcess], since: Timestamp?, until: Timestamp?, store: HistoryStore,
        queries: BlockingWork
    ) {
        self.store = store
        self.queries = queries
        self.since = since
        self.until = until
        waiting = processes.reversed().compactMap { process in
            if let until, process.attached > until { return nil }
            if let since, let ended = process.ended, ended < since { return nil }
            return Life(process: process.id, attached: process.attached, ended: process.ended)
        }
    }

    /// The sum as it was at `since`; to be asked before the first ``next()``.
    mutating func valueAtBeginning() async throws -> Sample? {
        guard let since else { return nil }
        while let life = waiting.last, life.attached < since { try await begin(life) }
        return sum.sample(at: since)
    }

    mutating func next() async throws -> [Sample]? {
        var part: [Sample] = []
        while part.count < Self.partRows, let moment = try await nextMoment() {
            try await advance(to: moment)
            if let since, moment.time < since { continue }
            if let until, moment.time > until { continue }
            part.append(sum.sample(at: moment.time))
        }
        return part.isEmpty ? nil : part
    }

    // MARK: Order

    /// Times in the order in which they came. Where the wall clock stepped back, a process's samples
    /// stay behind those that it had before: its latest time orders them, then their own.
    private struct Moment: Comparable {
        var latest: Timestamp
        var time: Timestamp

        static func < (a: Moment, b: Moment) -> Bool { (a.latest, a.time) < (b.latest, b.time) }
    }

    /// One living process.
    private struct Reading {
        var life: Life
        var samples: StoredSamples
        var pending: ArraySlice<Sample> = []
        var hasMore = true
        /// The highest time so far.
        var latest = Timestamp.distantPast
        var value: Sample?

        /// When something becomes of it next; nil where nothing is known to.
        var next: Moment? {
            guard let time = pending.first?.time ?? life.ended else { return nil }
            return Moment(latest: max(latest, time), time: time)
        }
    }

    private mutating func nextMoment() async throws -> Moment? {
        while true {
            let next = reading.lazy.compactMap(\.next).min()
            guard let life = waiting.last, next.map({ life.attached <= $0.latest }) ?? true else {
                return next
            }
            try await begin(life)
        }
    }

    private mutating func begin(_ life: Life) async throws {
        waiting.removeLast()
        let (since, until) = (since, until)
        let (before, cursor) = try await queries.runUnlessCancelled { [store] in
            var before: Sample?
            if let since, life.attached < since {
                // Up to the microsecond before: one at `since` itself comes with the reading.
                let last = Timestamp(microseconds: since.microseconds.addingSaturating(-1))
                before = try store.lastSample(of: life.process, atOrBefore: last)?.sample
            }
            return (before, try store.sampleCursor(of: life.process, since: since, until: until))
        }
        var beginning = Reading(
            life: life, samples: StoredSamples(store: store, queries: queries, cursor: cursor))
        if let before {
            beginning.value = before
            sum.add(before)
        }
        try await fill(&beginning)
        reading.append(beginning)
    }

    private func fill(_ process: inout Reading) async throws {
        guard process.pending.isEmpty, process.hasMore else { return }
        let room = max(8, Self.samplesAhead / (reading.count + 1))
        if let more = try await process.samples.next(limit: min(512, room)) {
            process.pending = more[...]
        } else {
            process.hasMore = false
        }
    }

    /// Takes everything that is of this moment.
    private mutating func advance(to moment: Moment) async throws {
        var index = 0
        while index < reading.count {
            guard reading[index].next == moment else {
                index += 1
                continue
            }
            reading[index].latest = moment.latest
            if let before = reading[index].value { sum.remove(before) }
            guard let sample = reading[index].pending.popFirst() else {
                // It has ended.
                reading.swapAt(index, reading.count - 1)
                reading.removeLast()
                continue
            }
            sum.add(sample)
            reading[index].value = sample
            var process = reading[index]
            try await fill(&process)
            reading[index] = process
        }
    }
}
