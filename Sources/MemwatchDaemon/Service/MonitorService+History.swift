import History
import MemoryModel
import MemwatchInterface
import Varlink

/// At most so many samples in the reply to a caller that takes no stream.
private let unstreamedLimit = 10_000

extension MonitorService {
    func history(_ call: VarlinkCall, _ peer: PeerIdentity, _ replies: VarlinkReplies) async throws {
        let parameters = CallParameters(call)
        let pid = try parameters.requiredPID()
        let kinds = try parameters.kinds() ?? RegionKind.allCases
        let (since, until) = try parameters.period()
        let row = try await historyRow(pid: pid, started: try parameters.time("start"), peer)
        let cursor = try await queries.run { [store] in
            try store.sampleCursor(of: row.id, since: since, until: until)
        }
        var source: any SampleSource = StoredSamples(service: self, cursor: cursor)
        if let step = try parameters.duration("step") {
            source = try await resampled(
                row, StoredSamples(service: self, cursor: cursor), since, until, step, parameters.now)
        }
        var held: [SampleRecord] = []
        while let part = try await source.next() {
            held += part.map { SampleRecord($0, kinds: kinds) }
            if call.more {
                try await replies.sendMore(
                    RowsReply(name: "samples", rows: held, others: ["truncated": false]))
                held = []
            } else if held.count >= unstreamedLimit {
                return try await replies.send(
                    RowsReply(name: "samples", rows: held, others: ["truncated": true]))
            }
        }
        try await replies.send(RowsReply(name: "samples", rows: held, others: ["truncated": false]))
    }

    private func resampled(
        _ row: HistoryProcess, _ stored: StoredSamples, _ since: Timestamp?, _ until: Timestamp?,
        _ step: Int64, _ now: Timestamp
    ) async throws -> ResampledSamples {
        var stored = stored
        let before = try await queries.run { [store] in
            try since.flatMap { try store.lastSample(of: row.id, atOrBefore: $0)?.sample }
        }
        let first = try await stored.next() ?? []
        let start = (before == nil ? first.first?.time : since) ?? since ?? now
        // A process that is gone has no values after its end.
        let end = min(until ?? now, row.ended ?? now)
        return ResampledSamples(
            source: stored, pending: first[...], value: before, time: start, end: end, step: step)
    }
}

/// Samples, a part at a time.
private protocol SampleSource {
    /// nil at the end; never empty.
    mutating func next() async throws -> [Sample]?
}

/// As they are stored.
private struct StoredSamples: SampleSource {
    let service: MonitorService
    var cursor: SampleCursor

    mutating func next() async throws -> [Sample]? {
        let position = cursor
        let (part, next) = try await service.queries.run { [store = service.store] in
            var next = position
            return (try store.nextSamples(&next)?.map(\.sample), next)
        }
        cursor = next
        return part
    }
}

/// Evenly spaced, each step carrying the last value known at its time.
private struct ResampledSamples: SampleSource {
    var source: StoredSamples
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
