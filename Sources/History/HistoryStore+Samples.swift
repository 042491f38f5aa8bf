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
        let (pid, timeline) = try reading { db throws -> (Int32, Timeline) in
            (try self.pid(db, process), try Timeline(db, process: process.rawValue))
        }
        for range in timeline.moments(since: since, until: until) {
            var next = range.lowerBound
            for tier in SampleTier.oldestFirst {
                while next <= range.upperBound {
                    let chunk = try reading { db in
                        try SampleReader(db, process: process.rawValue, pid: pid, timeline: timeline)
                            .chunk(tier, from: next, through: range.upperBound, limit: 512)
                    }
                    for sample in chunk.samples where try !body(sample) { return }
                    guard let last = chunk.last else { break }
                    next = last.addingSaturating(1)
                    if chunk.isLast { break }
                }
            }
        }
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
