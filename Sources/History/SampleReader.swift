import GRDB
import MemoryModel

/// The three tables samples live in.
enum SampleTier: Int, CaseIterable {
    case raw
    case minute
    case hour

    /// Every hour is before every minute, and every minute before every sample.
    static let oldestFirst: [SampleTier] = [.hour, .minute, .raw]

    var table: String {
        switch self {
        case .raw: "sample"
        case .minute: "sample_minute"
        case .hour: "sample_hour"
        }
    }

    var resolution: HistoryResolution {
        switch self {
        case .raw: .raw
        case .minute: .minute
        case .hour: .hour
        }
    }

    /// Raw samples have no parts; to the readers they are all "last".
    var partColumn: String { self == .raw ? "0" : "part" }

    /// Moments of one row of this tier.
    var bucketMicroseconds: Int64 { self == .hour ? 3_600_000_000 : 60_000_000 }
}

/// Reads samples of one process within one database access.
final class SampleReader {
    private let db: Database
    private let process: Int64
    private let pid: Int32
    let timeline: Timeline
    /// Consecutive samples mostly share their base.
    private var base: (id: Int64, fields: SampleFields)?

    init(_ db: Database, process: Int64, pid: Int32, timeline: Timeline) {
        self.db = db
        self.process = process
        self.pid = pid
        self.timeline = timeline
    }

    struct Chunk {
        var samples: [HistorySample] = []
        /// Moment of the last sample read.
        var last: Int64?
        var isLast = true
    }

    /// Up to `limit` samples, and never half of a minute's parts.
    func chunk(_ tier: SampleTier, from: Int64, through: Int64, limit: Int) throws -> Chunk {
        let query = try PreparedStatement(
            cached: db,
            """
            SELECT at, \(tier.partColumn), base, c1, c2, c3, c4, c5, c6 FROM \(tier.table)
            WHERE process = ?1 AND at >= ?2 AND at <= ?3 ORDER BY at
            """)
        query.bind(1, process)
        query.bind(2, from)
        query.bind(3, through)
        defer { query.reset() }
        var chunk = Chunk()
        chunk.samples.reserveCapacity(tier == .raw ? limit : 0)
        if tier == .raw {
            try readRaw(query, limit, into: &chunk)
            return chunk
        }
        var current: BucketRow?
        func finish() {
            if let current { chunk.samples.append(current.sample(tier, timeline, pid)) }
        }
        while try query.step() {
            let at = query.int(0)
            let part = query.int(1)
            if part == 0 {
                finish()
                current = nil
                if chunk.samples.count >= limit {
                    chunk.isLast = false
                    break
                }
                chunk.last = at
            }
            guard let fields = try fields(query, baseColumn: 2) else { continue }
            switch part {
            case 0: current = BucketRow(at: at, last: fields)
            case 1: current?.minimum = fields
            default: current?.maximum = fields
            }
        }
        finish()
        return chunk
    }

    /// Raw samples are one row each.
    private func readRaw(_ query: PreparedStatement, _ limit: Int, into chunk: inout Chunk) throws {
        while try query.step() {
            if chunk.samples.count >= limit {
                chunk.isLast = false
                return
            }
            let at = query.int(0)
            chunk.last = at
            guard let fields = try fields(query, baseColumn: 2) else { continue }
            chunk.samples.append(HistorySample(fields.sample(time: timeline.time(at: at), pid: pid)))
        }
    }

    /// The last sample within a range of moments.
    func last(_ tier: SampleTier, within range: ClosedRange<Int64>) throws -> HistorySample? {
        let query = try PreparedStatement(
            cached: db,
            "SELECT max(at) FROM \(tier.table) WHERE process = ?1 AND at >= ?2 AND at <= ?3")
        query.bind(1, process)
        query.bind(2, range.lowerBound)
        query.bind(3, range.upperBound)
        defer { query.reset() }
        guard try query.step(), let at = query.optionalInt(0) else { return nil }
        return try chunk(tier, from: at, through: at, limit: 1).samples.first
    }

    /// A row's 29 fields; nil where its base is missing (a damaged file).
    func fields(_ row: PreparedStatement, baseColumn: Int32) throws -> SampleFields? {
        let id = row.int(baseColumn)
        if base?.id != id {
            guard let fields = try Self.loadBase(db, process, id) else { return nil }
            base = (id, fields)
        }
        guard let base else { return nil }
        return SampleDelta(row, from: baseColumn + 1).applied(to: base.fields)
    }

    static func loadBase(_ db: Database, _ process: Int64, _ id: Int64) throws -> SampleFields? {
        let query = try PreparedStatement(cached: db, loadBaseSQL)
        query.bind(1, process)
        query.bind(2, id)
        defer { query.reset() }
        guard try query.step() else { return nil }
        var fields = SampleFields()
        fields.unit = query.int(0)
        for field in 0..<SampleField.count { fields[field] = query.optionalInt(Int32(1 + field)) }
        return fields
    }

    private static let loadBaseSQL =
        "SELECT unit, \(SampleField.columns.joined(separator: ", ")) FROM sample_base "
        + "WHERE process = ?1 AND id = ?2"
}

/// One minute or hour as its rows say.
private struct BucketRow {
    var at: Int64
    var last: SampleFields
    /// nil where equal to `last`.
    var minimum: SampleFields?
    var maximum: SampleFields?

    init(at: Int64, last: SampleFields) {
        self.at = at
        self.last = last
    }

    func sample(_ tier: SampleTier, _ timeline: Timeline, _ pid: Int32) -> HistorySample {
        let time = timeline.time(at: at)
        let sample = last.sample(time: time, pid: pid)
        return HistorySample(
            sample, resolution: tier.resolution,
            extremes: HistorySample.Extremes(
                minimum: minimum?.sample(time: time, pid: pid) ?? sample,
                maximum: maximum?.sample(time: time, pid: pid) ?? sample))
    }
}
