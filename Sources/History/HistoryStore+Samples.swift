import GRDB
package import MemoryModel

extension HistoryStore {
    /// Calls `body` with each stored sample, the earliest seen first; false stops. Both
    /// bounds are included.
    ///
    /// Where the samples themselves are gone, the minutes that were made of them follow in
    /// their place, and before those the hours. Order is the order of looking: it is that of
    /// the times, too, unless the wall clock stepped back.
    ///
    /// Rows are read in chunks, each a short read of its own, and `body` runs between them:
    /// a slow reader neither holds rows in memory nor keeps the log from being trimmed.
    package func samples(
        of process: HistoryProcessID, since: Timestamp? = nil, until: Timestamp? = nil,
        _ body: (HistorySample) throws -> Bool
    ) throws {
        var cursor = try sampleCursor(of: process, since: since, until: until)
        while let chunk = try nextSamples(&cursor) {
            for sample in chunk where try !body(sample) { return }
        }
    }

    /// The beginning of a reading that goes on in steps; see ``nextSamples(_:)``.
    package func sampleCursor(
        of process: HistoryProcessID, since: Timestamp? = nil, until: Timestamp? = nil
    ) throws(HistoryError) -> SampleCursor {
        try reading { db in
            let timeline = try Timeline(db, process: process.rawValue)
            return SampleCursor(
                process: process.rawValue, pid: try pid(db, process), timeline: timeline,
                ranges: timeline.moments(since: since, until: until))
        }
    }

    /// The next samples, in the order of ``samples(of:since:until:_:)``: up to `limit`, nil at the end.
    package func nextSamples(
        _ cursor: inout SampleCursor, limit: Int = 512
    ) throws(HistoryError) -> [HistorySample]? {
        while let (tier, range) = cursor.current {
            let chunk = try reading { db in
                try SampleReader(db, process: cursor.process, pid: cursor.pid, timeline: cursor.timeline)
                    .chunk(tier, from: range.lowerBound, through: range.upperBound, limit: limit)
            }
            cursor.advance(past: chunk.last, isTierDone: chunk.isLast)
            if !chunk.samples.isEmpty { return chunk.samples }
        }
        return nil
    }

    /// The sample that held at `time`: the last one seen at or before it.
    package func lastSample(
        of process: HistoryProcessID, atOrBefore time: Timestamp
    ) throws(HistoryError) -> HistorySample? {
        try reading { db in
            let reader = SampleReader(
                db, process: process.rawValue, pid: try pid(db, process),
                timeline: try Timeline(db, process: process.rawValue))
            for range in reader.timeline.lastMoments(atOrBefore: time) {
                for tier in SampleTier.oldestFirst.reversed() {
                    if let sample = try reader.last(tier, within: range) { return sample }
                }
            }
            return nil
        }
    }

    private func pid(_ db: Database, _ process: HistoryProcessID) throws -> Int32 {
        let query = try PreparedStatement(cached: db, "SELECT pid FROM process WHERE id = ?")
        query.bind(1, process.rawValue)
        defer { query.reset() }
        guard try query.step() else { throw HistoryError.noSuchProcess(id: process.rawValue) }
        return Int32(truncatingIfNeeded: query.int(0))
    }
}
