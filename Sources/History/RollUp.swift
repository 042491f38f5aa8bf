import GRDB
import MemoryModel

/// Makes minutes of samples, and hours of minutes, of one process.
///
/// Only whole minutes and hours (of the process's time line) are made, and what they were
/// made of is removed in the same transaction: a moment is never in two tables.
struct RollUp {
    let db: Database
    let writer: HistoryWriter
    let process: Int64
    let timeline: Timeline

    /// One row of the tier below, as it is stored and as it is meant.
    private struct Source {
        var at: Int64
        var base: Int64
        var delta: SampleDelta
        var fields: SampleFields
        var extremes: SampleExtremes
    }

    /// Rolls up to about `limit` rows of the tier below `tier` that end before `before`;
    /// says how many, and how many rows they became.
    func make(_ tier: SampleTier, before: Int64, limit: Int) throws -> (rolledUp: Int, made: Int) {
        let lower: SampleTier = tier == .hour ? .minute : .raw
        let width = tier.bucketMicroseconds
        let end = before / width * width
        let query = try PreparedStatement(
            cached: db,
            """
            SELECT at, \(lower.partColumn), base, c1, c2, c3, c4, c5, c6 FROM \(lower.table)
            WHERE process = ?1 AND at < ?2 ORDER BY at
            """)
        query.bind(1, process)
        query.bind(2, end)
        let reader = SampleReader(db, process: process, pid: 0, timeline: timeline)
        var count = 0
        var bucket: Source?
        var done: Int64?
        var finished: [Source] = []
        while try query.step() {
            let at = query.int(0)
            let part = query.int(1)
            if part == 0, let current = bucket, at / width != current.at / width {
                finished.append(current)
                done = at
                bucket = nil
                if count >= limit { break }
            }
            count += 1
            guard let fields = try reader.fields(query, baseColumn: 2) else { continue }
            let sample = fields.sample(time: Timestamp(microseconds: at), pid: 0)
            if part == 0 {
                var extremes = SampleExtremes(sample)
                if let bucket { extremes.add(bucket.extremes) }
                bucket = Source(
                    at: at, base: query.int(2), delta: SampleDelta(query, from: 3), fields: fields,
                    extremes: extremes)
            } else {
                bucket?.extremes.add(SampleExtremes(sample))
            }
        }
        query.reset()
        // Cut off at the limit, the last bucket is left for the next slice.
        if let bucket {
            finished.append(bucket)
            done = end
        }
        guard let done else { return (0, 0) }
        var made = 0
        for source in finished { made += try insert(source, tier) }
        let delete = try PreparedStatement(
            cached: db, "DELETE FROM \(lower.table) WHERE process = ?1 AND at < ?2")
        delete.bind(1, process)
        delete.bind(2, done)
        try delete.run()
        return (count, made)
    }

    private func insert(_ source: Source, _ tier: SampleTier) throws -> Int {
        var made = 1
        try insert(tier, source.at, part: 0, base: source.base, source.delta)
        for (part, sample) in [(Int64(1), source.extremes.minimum), (2, source.extremes.maximum)] {
            let fields = SampleFields(sample)
            if fields == source.fields { continue }
            made += 1
            if let base = try SampleReader.loadBase(db, process, source.base),
                let delta = SampleDelta(fields, from: base)
            {
                try insert(tier, source.at, part: part, base: source.base, delta)
            } else {
                let base = try writer.insertBase(process, fields)
                try insert(tier, source.at, part: part, base: base, SampleDelta())
            }
        }
        return made
    }

    private func insert(
        _ tier: SampleTier, _ at: Int64, part: Int64, base: Int64, _ delta: SampleDelta
    ) throws {
        let insert = try PreparedStatement(
            cached: db,
            """
            INSERT INTO \(tier.table) (process, at, part, base, c1, c2, c3, c4, c5, c6)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """)
        insert.bind(1, process)
        insert.bind(2, at)
        insert.bind(3, part)
        insert.bind(4, base)
        delta.bind(to: insert, from: 5)
        try insert.run()
    }
}
