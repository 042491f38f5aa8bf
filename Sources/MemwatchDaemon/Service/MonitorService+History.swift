import History
import MemoryModel
import MemwatchInterface
import Varlink

/// Rows of one part of a streamed reply, and at most so many parts for a caller that takes no stream.
private let partSize = 1_000
private let unstreamedLimit = 10_000

extension MonitorService {
    func history(_ call: VarlinkCall, _ peer: PeerIdentity, _ replies: VarlinkReplies) async throws {
        let parameters = CallParameters(call)
        let pid = try parameters.requiredPID()
        let kinds = try parameters.kinds() ?? RegionKind.allCases
        let (since, until) = try parameters.period()
        let row = try await historyRow(pid: pid, started: try parameters.time("start"), peer)
        var source: any SampleSource
        if let step = try parameters.duration("step") {
            source = try await resampled(row, since: since, until: until, step: step, now: parameters.now)
        } else {
            source = StoredSamples(service: self, row: row.id, next: since, until: until)
        }
        var held: [SampleRecord] = []
        while true {
            let part = try await source.next(partSize)
            held += part.map { SampleRecord($0, kinds: kinds) }
            let isEnd = part.count < partSize
            if isEnd || (!call.more && held.count >= unstreamedLimit) {
                let others: JSONObject = ["truncated": .bool(!isEnd)]
                return try await replies.send(RowsReply(name: "samples", rows: held, others: others))
            }
            if call.more {
                try await replies.sendMore(
                    RowsReply(name: "samples", rows: held, others: ["truncated": false]))
                held = []
            }
        }
    }

    private func resampled(
        _ row: HistoryProcess, since: Timestamp?, until: Timestamp?, step: Int64, now: Timestamp
    ) async throws -> ResampledSamples {
        let first = try await queries.run { [store] in
            var first: Sample?
            try store.samples(of: row.id, since: since, until: until) { found in
                first = found.sample
                return false
            }
            return first
        }
        let before = try await queries.run { [store] in
            try since.flatMap { try store.lastSample(of: row.id, atOrBefore: $0)?.sample }
        }
        let start = (before == nil ? first?.time : since) ?? since ?? now
        // A process that is gone has no values after its end.
        let end = min(until ?? now, row.ended ?? now)
        return ResampledSamples(
            source: StoredSamples(service: self, row: row.id, next: since, until: until), value: before,
            time: start, end: end, step: step)
    }
}

/// Samples, a part at a time.
private protocol SampleSource {
    /// Fewer than `count` only at the end.
    mutating func next(_ count: Int) async throws -> [Sample]
}

/// As they are stored.
private struct StoredSamples: SampleSource {
    let service: MonitorService
    let row: HistoryProcessID
    var next: Timestamp?
    let until: Timestamp?

    mutating func next(_ count: Int) async throws -> [Sample] {
        let (row, since, until) = (row, next, until)
        let part = try await service.queries.run { [store = service.store] in
            var part: [Sample] = []
            part.reserveCapacity(count)
            try store.samples(of: row, since: since, until: until) { found in
                part.append(found.sample)
                return part.count < count
            }
            return part
        }
        if let last = part.last {
            next = Timestamp(microseconds: last.time.microseconds.addingSaturating(1))
        }
        return part
    }
}

/// Evenly spaced, each step carrying the last value known at its time.
private struct ResampledSamples: SampleSource {
    var source: StoredSamples
    var value: Sample?
    var time: Timestamp
    let end: Timestamp
    let step: Int64
    private var pending: [Sample] = []
    private var isExhausted = false

    init(source: StoredSamples, value: Sample?, time: Timestamp, end: Timestamp, step: Int64) {
        self.source = source
        self.value = value
        self.time = time
        self.end = end
        self.step = step
    }

    mutating func next(_ count: Int) async throws -> [Sample] {
        var part: [Sample] = []
        while part.count < count, time <= end {
            while pending.first.map({ $0.time <= time }) ?? !isExhausted {
                if pending.isEmpty {
                    // Reversed use would be cheaper to take from, but parts are small.
                    pending = try await source.next(partSize)
                    isExhausted = pending.count < partSize
                    if pending.isEmpty { break }
                } else {
                    value = pending.removeFirst()
                }
            }
            if var sample = value {
                sample.time = time
                part.append(sample)
            }
            time = Timestamp(microseconds: time.microseconds.addingSaturating(step))
        }
        return part
    }
}
