import GRDB
package import MemoryModel

/// How large the history is.
package struct HistoryStatistics: Hashable, Sendable {
    /// On disk, log and shared memory included, the ballast not.
    package var bytesOnDisk: Int64
    package var pageSizeBytes: Int64
    package var pageCount: Int64
    /// Pages in the file that hold nothing and are used first.
    package var freePages: Int64
    /// Time of the earliest sample, minute or hour kept; nil in an empty history.
    package var oldest: Timestamp?
    package var processCount: Int64
    /// Counted only on request: each count reads its whole table.
    package var rows: Rows?

    package struct Rows: Hashable, Sendable {
        package var samples: Int64
        package var sampleBases: Int64
        package var minutes: Int64
        package var hours: Int64
        package var regions: Int64
        package var events: Int64
    }
}

extension HistoryStore {
    package func statistics(countingRows: Bool = false) throws(HistoryError) -> HistoryStatistics {
        var bytes: Int64 = 0
        for suffix in ["", "-wal", "-shm"] {
            bytes += try directory.size(of: StateDirectory.databaseName + suffix) ?? 0
        }
        return try reading { db in
            func number(_ sql: String) throws -> Int64 {
                let query = try PreparedStatement(cached: db, sql)
                defer { query.reset() }
                return try query.step() ? query.int(0) : 0
            }
            var rows: HistoryStatistics.Rows?
            if countingRows {
                rows = HistoryStatistics.Rows(
                    samples: try number("SELECT count(*) FROM sample"),
                    sampleBases: try number("SELECT count(*) FROM sample_base"),
                    minutes: try number("SELECT count(*) FROM sample_minute WHERE part = 0"),
                    hours: try number("SELECT count(*) FROM sample_hour WHERE part = 0"),
                    regions: try number("SELECT count(*) FROM region"),
                    events: try number("SELECT count(*) FROM event"))
            }
            return HistoryStatistics(
                bytesOnDisk: bytes, pageSizeBytes: try number("PRAGMA page_size"),
                pageCount: try number("PRAGMA page_count"), freePages: try number("PRAGMA freelist_count"),
                oldest: try Self.oldest(db), processCount: try number("SELECT count(*) FROM process"),
                rows: rows)
        }
    }

    /// One look into each table for each process: the tables are clustered that way.
    static func oldest(_ db: Database) throws -> Timestamp? {
        let query = try PreparedStatement(
            cached: db,
            """
            SELECT min(p.attached + ifnull(
                ifnull((SELECT min(at) FROM sample_hour WHERE process = p.id),
                    ifnull((SELECT min(at) FROM sample_minute WHERE process = p.id),
                        (SELECT min(at) FROM sample WHERE process = p.id))), 0))
            FROM process p
            """)
        defer { query.reset() }
        guard try query.step() else { return nil }
        return query.optionalInt(0).map(Timestamp.init(microseconds:))
    }
}
