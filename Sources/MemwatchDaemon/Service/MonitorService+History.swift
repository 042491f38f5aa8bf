import History
import MemoryModel
import MemwatchInterface
import Varlink
import VarlinkServing

/// At most so many samples in the reply to a caller that takes no stream.
private let unstreamedLimit = 10_000

extension MonitorService {
    func history(_ call: VarlinkCall, _ peer: PeerIdentity, _ replies: VarlinkReplies) async throws {
        let parameters = CallParameters(call)
        let pid = try parameters.pid()
        let unit = parameters.string("unit")
        let kinds = try parameters.kinds() ?? RegionKind.allCases
        let (since, until) = try parameters.period()
        let step = try parameters.duration("step")
        let source: any SampleSource
        let rows: [HistoryProcess]
        switch (pid, unit) {
        case (let pid?, nil):
            let row = try await historyRow(pid: pid, started: try parameters.time("start"), peer)
            rows = [row]
            source = try await samples(of: row, since, until, step, parameters.now)
        case (nil, let unit?):
            rows = try await historyRows(unit: unit, peer)
            source = try await samples(of: rows, since, until, step, parameters.now)
        case (nil, nil), (_?, _?):
            throw MonitorError.invalidValue(
                parameter: pid == nil ? "pid" : "unit", reason: "name either a pid or a unit")
        }
        try await send(source, kinds, call, replies) { try await requireReadable(rows, peer) }
    }

    /// - Parameter check: throws where the caller may not be told what was read; asked before each part.
    private func send(
        _ samples: any SampleSource, _ kinds: [RegionKind], _ call: VarlinkCall, _ replies: VarlinkReplies,
        _ check: () async throws -> Void
    ) async throws {
        var (source, part) = try await samples.advanced()
        var held: [Sample] = []
        while let read = part {
            held += read
            // While the caller takes one part the next is read: one, not more, so that a slow caller costs
            // no memory.
            let reader = source
            async let following = reader.advanced()
            if call.more {
                try await check()
                try await replies.sendMore(SamplesReply(samples: held, kinds: kinds, isTruncated: false))
                held = []
            } else if held.count >= unstreamedLimit {
                try await check()
                return try await replies.send(
                    SamplesReply(samples: held, kinds: kinds, isTruncated: true))
            }
            (source, part) = try await following
        }
        try await check()
        try await replies.send(SamplesReply(samples: held, kinds: kinds, isTruncated: false))
    }

    private func samples(
        of row: HistoryProcess, _ since: Timestamp?, _ until: Timestamp?, _ step: Int64?, _ now: Timestamp
    ) async throws -> any SampleSource {
        let cursor = try await queries.runUnlessCancelled { [store] in
            try store.sampleCursor(of: row.id, since: since, until: until)
        }
        let stored = StoredSamples(store: store, queries: queries, cursor: cursor)
        guard let step else { return stored }
        let before = try await queries.runUnlessCancelled { [store] in
            try since.flatMap { try store.lastSample(of: row.id, atOrBefore: $0)?.sample }
        }
        // A process that is gone has no values after its end.
        let end = min(until ?? now, row.ended ?? now)
        return try await resampled(stored, before, since ?? now, end, step)
    }

    private func samples(
        of rows: [HistoryProcess], _ since: Timestamp?, _ until: Timestamp?, _ step: Int64?,
        _ now: Timestamp
    ) async throws -> any SampleSource {
        var summed = UnitSamples(of: rows, since: since, until: until, store: store, queries: queries)
        guard let step else { return summed }
        // Without any process a service takes 0, but before its first one nothing is known of it.
        let isKnown = since.map { since in rows.contains { $0.attached < since } } ?? false
        let before = isKnown ? try await summed.valueAtBeginning() : nil
        return try await resampled(summed, before, since ?? now, min(until ?? now, now), step)
    }

    /// - Parameters:
    ///   - before: what held at the beginning; nil where that was not known.
    ///   - beginning: where to begin if nothing is known then or later.
    private func resampled<Source: SampleSource>(
        _ source: Source, _ before: Sample?, _ beginning: Timestamp, _ end: Timestamp, _ step: Int64
    ) async throws -> ResampledSamples<Source> {
        var source = source
        let first = try await source.next() ?? []
        let start = (before == nil ? first.first?.time : beginning) ?? beginning
        return ResampledSamples(
            source: source, pending: first[...], value: before, time: start, end: end, step: step)
    }
}

/// A part of a history: ``RowsReply`` for samples.
///
/// A type of its own, because a generic one writes every row through its witness table; and of samples
/// and not of records, which would be a copy of 86,400 of them.
private struct SamplesReply: JSONWritable, Sendable {
    var samples: [Sample]
    var kinds: [RegionKind]
    /// There is more, but the caller takes no stream.
    var isTruncated: Bool

    func write(to writer: inout JSONWriter) {
        // 32 members of a name and a number; what is longer makes the buffer grow once.
        writer.bytes.reserveCapacity(samples.count * 720 + 128)
        writer.beginObject()
        writer.key("truncated")
        writer.value(isTruncated)
        writer.key("samples")
        writer.beginArray()
        for sample in samples { SampleRecord(sample, kinds: kinds).write(to: &writer) }
        writer.endArray()
        writer.endObject()
    }
}
