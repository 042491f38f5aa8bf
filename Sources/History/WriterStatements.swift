import GRDB
import GRDBSQLite
import MemoryModel

/// The statements of a tick, prepared once.
final class WriterStatements {
    private let endRegionStatement: PreparedStatement
    private let removeNewRegionStatement: PreparedStatement
    private let insertRegionStatement: PreparedStatement
    private let insertSampleStatement: PreparedStatement
    private let insertBaseStatement: PreparedStatement
    private let insertStepStatement: PreparedStatement
    private let insertEventStatement: PreparedStatement
    private let setImageStatement: PreparedStatement
    private let setEndStatement: PreparedStatement
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
        // OR IGNORE: a birth onto an open interval is answered by the caller.
        insertRegionStatement = try PreparedStatement(
            db,
            """
            INSERT OR IGNORE INTO region (process, died, start, since, size, mapping, offset, tid)
            VALUES (?1, 0, ?2, ?3, ?4, ?5, ?6, ?7)
            """)
        insertSampleStatement = try PreparedStatement(
            db,
            "INSERT INTO sample (process, at, base, c1, c2, c3, c4, c5, c6) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
        )
        insertBaseStatement = try PreparedStatement(db, Self.insertBaseSQL)
        insertStepStatement = try PreparedStatement(
            db, "INSERT INTO clock_step (process, at, shift) VALUES (?, ?, ?)")
        insertEventStatement = try PreparedStatement(
            db,
            """
            INSERT INTO event (process, time, type, source, kind, delta, size, start, "end", perms, name, tid,
                comm, not_before, count, child)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """)
        setImageStatement = try PreparedStatement(db, "UPDATE process SET comm = ?2, exe = ?3 WHERE id = ?1")
        setEndStatement = try PreparedStatement(
            db, "UPDATE process SET ended = ?2, end_state = ?3 WHERE id = ?1")
        loadTrackStatement = try PreparedStatement(
            db,
            """
            SELECT attached, comm,
                max(
                    ifnull((SELECT max(at) FROM sample WHERE process = ?1), -1),
                    ifnull((SELECT max(at) FROM sample_minute WHERE process = ?1), -1),
                    ifnull((SELECT max(at) FROM sample_hour WHERE process = ?1), -1),
                    ifnull((SELECT max(died) FROM region WHERE process = ?1), -1),
                    ifnull((SELECT max(since) FROM region WHERE process = ?1 AND died = 0), -1),
                    ifnull((SELECT max(at) FROM clock_step WHERE process = ?1), -1),
                    regions_from),
                ifnull((SELECT shift FROM clock_step WHERE process = ?1 ORDER BY at DESC LIMIT 1), 0),
                ifnull((SELECT max(id) FROM sample_base WHERE process = ?1), 0)
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
    func displaceRegion(_ process: Int64, _ start: UInt64, _ at: Int64) throws {
        removeNewRegionStatement.bind(1, process)
        removeNewRegionStatement.bind(2, AddressColumn.encode(start))
        removeNewRegionStatement.bind(3, at)
        if try removeNewRegionStatement.runCountingChanges() == 0 { _ = try endRegion(process, start, at) }
    }

    /// False where an open interval already begins there.
    func insertRegion(_ process: Int64, _ region: HistoryRegion, _ mapping: Int64, _ at: Int64) throws -> Bool
    {
        let statement = insertRegionStatement
        statement.bind(1, process)
        statement.bind(2, AddressColumn.encode(region.start))
        statement.bind(3, at)
        statement.bind(4, AddressColumn.encode(region.size))
        statement.bind(5, mapping)
        statement.bind(6, AddressColumn.encode(region.offset))
        statement.bind(7, Int64(region.tid))
        return try statement.runCountingChanges() > 0
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

    func insertEvent(_ process: Int64, _ event: MemoryEvent, name: Int64?, comm: Int64) throws {
        let statement = insertEventStatement
        statement.bind(1, process)
        statement.bind(2, event.time.microseconds)
        statement.bind(3, Int64(event.type.rawValue))
        statement.bind(4, Int64(event.source.rawValue))
        statement.bind(5, event.kind.map { Int64($0.rawValue) })
        statement.bind(6, event.delta)
        statement.bind(7, event.size.map { Int64(bitPattern: $0) })
        statement.bind(8, event.start.map(AddressColumn.encode))
        statement.bind(9, event.end.map(AddressColumn.encode))
        statement.bind(10, event.permissions.map { Int64($0.rawValue) })
        statement.bind(11, name)
        statement.bind(12, event.tid.map(Int64.init))
        statement.bind(13, comm)
        statement.bind(14, event.notBefore?.microseconds)
        statement.bind(15, event.count.map(Int64.init(clamping:)))
        statement.bind(16, event.child.map(Int64.init))
        try statement.run()
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

    /// Where the process's time line stands, from the database; nil where there is no such row.
    func loadTrack(_ process: Int64) throws -> ProcessTrack? {
        loadTrackStatement.bind(1, process)
        defer { loadTrackStatement.reset() }
        guard try loadTrackStatement.step() else { return nil }
        return ProcessTrack(
            attached: loadTrackStatement.int(0), last: loadTrackStatement.int(2),
            shift: loadTrackStatement.int(3), baseID: 0, newestBaseID: loadTrackStatement.int(4), base: nil,
            comm: loadTrackStatement.blob(1) ?? [])
    }
}
