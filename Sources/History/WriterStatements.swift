import GRDB
import GRDBSQLite
import MemoryModel

/// The statements of a tick, prepared once.
final class WriterStatements {
    private let endRegionStatement: PreparedStatement
    private let removeNewRegionStatement: PreparedStatement
    private let insertRegionStatement: RowBatch
    private let insertSampleStatement: PreparedStatement
    private let insertBaseStatement: PreparedStatement
    private let insertStepStatement: PreparedStatement
    private let insertEventStatement: RowBatch
    private let insertRunStatement: PreparedStatement
    private let lastEventStatement: PreparedStatement
    private let setImageStatement: PreparedStatement
    private let setEndStatement: PreparedStatement
    private let addRowsStatement: PreparedStatement
    private let loadTrackStatement: PreparedStatement
    let findName: PreparedStatement
    let insertName: PreparedStatement
    let renewName: PreparedStatement
    let findMapping: PreparedStatement
    let insertMapping: PreparedStatement
    let renewMapping: PreparedStatement

    init(_ db: Database) throws {
        endRegionStatement = try PreparedStatement(
            db,
            """
            UPDATE region SET died = ?3, since = since - ?3
            WHERE process = ?1 AND died = 0 AND start = ?2
            """)
        removeNewRegionStatement = try PreparedStatement(
            db, "DELETE FROM region WHERE process = ?1 AND died = 0 AND start = ?2 AND since = ?3")
        // OR IGNORE: a birth onto an open interval is answered by insertRegions.
        insertRegionStatement = try RowBatch(
            db, "INSERT OR IGNORE INTO region (process, died, start, since, size, mapping, offset, tid)",
            sharedCount: 2, columns: ["?1", "0", "?", "?2", "?", "?", "?", "?"])
        insertSampleStatement = try PreparedStatement(
            db,
            "INSERT INTO sample (process, at, base, c1, c2, c3, c4, c5, c6) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
        )
        insertBaseStatement = try PreparedStatement(db, Self.insertBaseSQL)
        insertStepStatement = try PreparedStatement(
            db, "INSERT INTO clock_step (process, at, shift) VALUES (?, ?, ?)")
        insertEventStatement = try RowBatch(
            db,
            """
            INSERT INTO event (process, id, time, type, source, kind, delta, size, start, "end", perms, name,
                tid, comm, not_before, count, child)
            """, sharedCount: 1, columns: ["?1"] + Array(repeating: "?", count: 16))
        insertRunStatement = try PreparedStatement(
            db, "INSERT INTO event_run (process, time, first, ids) VALUES (?, ?, ?, \(EventRun.ids))")
        lastEventStatement = try PreparedStatement(
            db, "SELECT ifnull((SELECT seq FROM sqlite_sequence WHERE name = 'event'), 0)")
        setImageStatement = try PreparedStatement(db, "UPDATE process SET comm = ?2, exe = ?3 WHERE id = ?1")
        setEndStatement = try PreparedStatement(
            db, "UPDATE process SET ended = ?2, end_state = ?3 WHERE id = ?1")
        addRowsStatement = try PreparedStatement(
            db, "UPDATE process SET share_rows = max(0, share_rows + ?2) WHERE id = ?1")
        loadTrackStatement = try PreparedStatement(
            db,
            """
            SELECT attached,
                max(
                    ifnull((SELECT max(at) FROM sample WHERE process = ?1), -1),
                    ifnull((SELECT max(at) FROM sample_minute WHERE process = ?1), -1),
                    ifnull((SELECT max(at) FROM sample_hour WHERE process = ?1), -1),
                    ifnull((SELECT max(died) FROM region WHERE process = ?1), -1),
                    ifnull((SELECT max(since) FROM region WHERE process = ?1 AND died = 0), -1),
                    ifnull((SELECT max(at) FROM clock_step WHERE process = ?1), -1),
                    regions_from),
                ifnull((SELECT shift FROM clock_step WHERE process = ?1 ORDER BY at DESC LIMIT 1), 0),
                ifnull((SELECT max(id) FROM sample_base WHERE process = ?1), 0),
                (SELECT max(first + ids) - 1 FROM event_run WHERE process = ?1)
            FROM process WHERE id = ?1
            """)
        findName = try PreparedStatement(db, "SELECT id, last_day FROM name WHERE bytes = ?")
        insertName = try PreparedStatement(
            db, "INSERT INTO name (bytes, last_day) VALUES (?, ?) RETURNING id")
        renewName = try PreparedStatement(db, "UPDATE name SET last_day = max(last_day, ?2) WHERE id = ?1")
        findMapping = try PreparedStatement(
            db,
            """
            SELECT id, last_day FROM mapping
            WHERE inode = ? AND name = ? AND device = ? AND kind = ? AND perms = ?
            """)
        insertMapping = try PreparedStatement(
            db,
            """
            INSERT INTO mapping (inode, name, device, kind, perms, last_day)
            VALUES (?, ?, ?, ?, ?, ?) RETURNING id
            """)
        renewMapping = try PreparedStatement(
            db, "UPDATE mapping SET last_day = max(last_day, ?2) WHERE id = ?1")
    }

    static let insertBaseSQL: String = {
        let columns = SampleField.columns.joined(separator: ", ")
        let marks = SampleField.columns.map { _ in "?" }.joined(separator: ", ")
        return "INSERT INTO sample_base (process, id, unit, \(columns)) VALUES (?, ?, ?, \(marks))"
    }()

    /// False where no open interval begins at `start`.
    func endRegion(_ process: Int64, _ start: UInt64, _ at: Int64) throws -> Bool {
        endRegionStatement.bind(1, process)
        endRegionStatement.bind(2, AddressColumn.encode(start))
        endRegionStatement.bind(3, at)
        return try endRegionStatement.runCountingChanges() > 0
    }

    /// Makes way for a birth onto an open interval: ends it, or takes it away where it was born
    /// at this very look.
    private func displaceRegion(_ process: Int64, _ start: UInt64, _ at: Int64) throws {
        if try !removeNew(process, start, at) { _ = try endRegion(process, start, at) }
    }

    /// Opens an interval for each region that is new at `at`; says how many began where one was open already,
    /// which ends there.
    func insertRegions(
        _ process: Int64, _ regions: [HistoryRegion], _ at: Int64, mapping: (HistoryRegion) throws -> Int64
    ) throws -> Int {
        var displaced = 0
        func insert(_ regions: [HistoryRegion], done: (Range<Int>, Int) throws -> Void) throws {
            try insertRegionStatement.insert(
                regions.count,
                shared: { statement in
                    statement.bind(1, process)
                    statement.bind(2, at)
                },
                row: { statement, first, index in
                    let region = regions[index]
                    statement.bind(first, AddressColumn.encode(region.start))
                    statement.bind(first + 1, AddressColumn.encode(region.size))
                    statement.bind(first + 2, try mapping(region))
                    statement.bind(first + 3, AddressColumn.encode(region.offset))
                    statement.bind(first + 4, Int64(region.tid))
                }, done: done)
        }
        try insert(regions) { range, inserted in
            if inserted == range.count { return }
            // Some began where an interval was open, and it is not said which: once more, one by one.
            if range.count > 1 { for region in regions[range] { try removeNew(process, region.start, at) } }
            for region in regions[range] {
                try insert([region]) { _, inserted in
                    if inserted == 1 { return }
                    displaced += 1
                    try displaceRegion(process, region.start, at)
                    try insert([region]) { _, _ in }
                }
            }
        }
        return displaced
    }

    @discardableResult
    private func removeNew(_ process: Int64, _ start: UInt64, _ at: Int64) throws -> Bool {
        removeNewRegionStatement.bind(1, process)
        removeNewRegionStatement.bind(2, AddressColumn.encode(start))
        removeNewRegionStatement.bind(3, at)
        return try removeNewRegionStatement.runCountingChanges() > 0
    }

    func insertSample(_ process: Int64, _ at: Int64, _ base: Int64, _ delta: SampleDelta) throws {
        insertSampleStatement.bind(1, process)
        insertSampleStatement.bind(2, at)
        insertSampleStatement.bind(3, base)
        delta.bind(to: insertSampleStatement, from: 4)
        try insertSampleStatement.run()
    }

    func insertBase(_ process: Int64, _ id: Int64, _ fields: SampleFields) throws {
        insertBaseStatement.bind(1, process)
        insertBaseStatement.bind(2, id)
        insertBaseStatement.bind(3, fields.unit)
        for field in 0..<SampleField.count { insertBaseStatement.bind(Int32(4 + field), fields[field]) }
        try insertBaseStatement.run()
    }

    func insertClockStep(_ process: Int64, _ at: Int64, _ shift: Int64) throws {
        insertStepStatement.bind(1, process)
        insertStepStatement.bind(2, at)
        insertStepStatement.bind(3, shift)
        try insertStepStatement.run()
    }

    /// - Parameters:
    ///   - id: called for each event in turn, as are `name` and `comm`.
    func insertEvents(
        _ process: Int64, _ events: [MemoryEvent], id: (MemoryEvent) throws -> Int64,
        name: (MemoryEvent) throws -> Int64?, comm: (MemoryEvent) throws -> Int64
    ) throws {
        try insertEventStatement.insert(
            events.count, shared: { $0.bind(1, process) },
            row: { statement, first, index in
                let event = events[index]
                statement.bind(first, try id(event))
                statement.bind(first + 1, event.time.microseconds)
                statement.bind(first + 2, Int64(event.type.rawValue))
                statement.bind(first + 3, Int64(event.source.rawValue))
                statement.bind(first + 4, event.kind.map { Int64($0.rawValue) })
                statement.bind(first + 5, event.delta)
                statement.bind(first + 6, event.size.map { Int64(bitPattern: $0) })
                statement.bind(first + 7, event.start.map(AddressColumn.encode))
                statement.bind(first + 8, event.end.map(AddressColumn.encode))
                statement.bind(first + 9, event.permissions.map { Int64($0.rawValue) })
                statement.bind(first + 10, try name(event))
                statement.bind(first + 11, event.tid.map(Int64.init))
                statement.bind(first + 12, try comm(event))
                statement.bind(first + 13, event.notBefore?.microseconds)
                statement.bind(first + 14, event.count.map(Int64.init(clamping:)))
                statement.bind(first + 15, event.child.map(Int64.init))
            })
    }

    func insertRun(_ process: Int64, _ run: EventRun) throws {
        insertRunStatement.bind(1, process)
        insertRunStatement.bind(2, run.time)
        insertRunStatement.bind(3, run.first)
        try insertRunStatement.run()
    }

    /// The highest id ever given to an event.
    func lastEventID() throws -> Int64 {
        defer { lastEventStatement.reset() }
        return try lastEventStatement.step() ? lastEventStatement.int(0) : 0
    }

    func setImage(_ process: Int64, _ image: HistoryEntry.ExecutedImage) throws {
        setImageStatement.bind(1, process)
        setImageStatement.bind(2, blob: image.comm)
        setImageStatement.bind(3, blob: image.exe)
        try setImageStatement.run()
    }

    func setEnd(_ process: Int64, _ ended: HistoryEntry.Ending) throws {
        setEndStatement.bind(1, process)
        setEndStatement.bind(2, ended.time.microseconds)
        setEndStatement.bind(3, text: ended.state.rawValue)
        try setEndStatement.run()
    }

    /// Counts rows, or removed ones, to the process's user's share of the history.
    func addRows(_ process: Int64, _ count: Int64) throws {
        addRowsStatement.bind(1, process)
        addRowsStatement.bind(2, count)
        try addRowsStatement.run()
    }

    /// Where the process's time line stands, from the database; nil where there is no such row.
    func loadTrack(_ process: Int64) throws -> ProcessTrack? {
        loadTrackStatement.bind(1, process)
        defer { loadTrackStatement.reset() }
        guard try loadTrackStatement.step() else { return nil }
        return ProcessTrack(
            attached: loadTrackStatement.int(0), last: loadTrackStatement.int(1),
            shift: loadTrackStatement.int(2), baseID: 0, newestBaseID: loadTrackStatement.int(3), base: nil,
            lastRunID: loadTrackStatement.optionalInt(4) ?? 0)
    }
}
