import GRDB
import GRDBSQLite
import Glibc
import MemoryModel

/// Deciding what the file under the database's name is: ours, foreign, newer, damaged or absent.
struct DatabaseFile {
    let directory: StateDirectory
    let configuration: HistoryConfiguration
    let telling: OpeningPulse.Listener

    /// The writer never lets the file grow past this: a little above the limit, so that
    /// retention, which starts at the limit, has room to work.
    var pageLimit: Int64 {
        max(configuration.maximumBytes, 1 << 20) / 4096 + max(configuration.maximumBytes / 16, 4 << 20) / 4096
    }

    /// Above this size the whole-file check at opening is left out unless something made us
    /// suspect the file: it reads every page, 1 GiB in seconds.
    static let alwaysCheckedBytes: Int64 = 64 << 20

    /// Beside the database while damage is suspected: SQLite reported it while running.
    static let suspectName = "history.suspect"

    /// Opens the database, creating it where absent and setting it aside where damaged.
    func open() throws(HistoryError) -> (DatabasePool, [OpeningNote]) {
        try directory.refusePlantedFiles()
        do throws(HistoryError) {
            return try openExisting()
        } catch {
            guard case .corrupt(_, let reason) = error else { throw error }
            let aside = try setAside()
            let note = OpeningNote.setAside(from: directory.databasePath, to: aside, reason: reason)
            let (pool, notes) = try openExisting()
            return (pool, [note] + notes)
        }
    }

    private func openExisting() throws(HistoryError) -> (DatabasePool, [OpeningNote]) {
        if try directory.size(of: StateDirectory.databaseName) ?? 0 == 0 { try createEmpty() }
        try checkHeader()
        try examine()
        return try wrapping { () throws -> (DatabasePool, [OpeningNote]) in
            let pool = try DatabasePool(path: directory.databasePath, configuration: poolConfiguration)
            do {
                let notes = try migrate(pool)
                try pool.read { db in try checkTables(db) }
                directory.remove(Self.suspectName)
                return (pool, notes)
            } catch {
                try? pool.close()
                throw error
            }
        }
    }

    private var poolConfiguration: Configuration {
        var result = Configuration()
        result.label = "memwatch.history"
        result.foreignKeysEnabled = false
        // Each connection keeps its own page cache and statements: two readers beside the
        // writer are enough, since no read holds its connection for longer than one chunk.
        result.maximumReaderCount = 2
        result.busyMode = .timeout(2)
        let pages = pageLimit
        result.prepareDatabase { db in
            // KiB: small, because the kernel's page cache is behind it.
            try db.execute(sql: "PRAGMA cache_size = -1024")
            try db.execute(sql: "PRAGMA temp_store = MEMORY")
            try db.execute(sql: "PRAGMA trusted_schema = OFF")
            if !db.configuration.readonly {
                // NORMAL: kill -9 loses nothing that was committed, since the kernel holds it.
                // A power cut may lose the ticks since the last checkpoint or the last
                // ``HistoryStore/flush()``, but never tears one. FULL would cost the disk a flush
                // every tick, next to a database that must not stall.
                try db.execute(sql: "PRAGMA synchronous = NORMAL")
                try db.execute(sql: "PRAGMA journal_size_limit = 8388608")
                try db.execute(sql: "PRAGMA max_page_count = \(pages)")
            }
        }
        return result
    }

    /// Makes a database that already carries our mark, under another name, and moves it into
    /// place: no moment exists in which the file is there and not recognisably ours.
    private func createEmpty() throws(HistoryError) {
        let temporary = StateDirectory.databaseName + ".new"
        directory.remove(temporary)
        directory.remove(temporary + "-journal")
        Glibc.close(try directory.create(temporary))
        try wrapping {
            var plain = Configuration()
            plain.foreignKeysEnabled = false
            let queue = try DatabaseQueue(path: directory.path(temporary), configuration: plain)
            try queue.writeWithoutTransaction { db in
                try db.execute(sql: "PRAGMA page_size = 4096")
                // So that room can be given back to the disk in slices, after a lower limit.
                try db.execute(sql: "PRAGMA auto_vacuum = INCREMENTAL")
                try db.execute(sql: "PRAGMA application_id = \(Schema.applicationID)")
                try db.execute(sql: "PRAGMA journal_mode = WAL")
            }
            try queue.close()
        }
        for suffix in ["-wal", "-shm", "-journal"] { directory.remove(StateDirectory.databaseName + suffix) }
        try directory.rename(temporary, to: StateDirectory.databaseName)
        directory.synchronize()
    }

    /// The 100 bytes at the beginning of every SQLite database (sqlite.org/fileformat.html).
    private func checkHeader() throws(HistoryError) {
        let header = try directory.prefix(of: StateDirectory.databaseName, count: 100)
        guard header.count == 100, header.starts(with: Array("SQLite format 3\0".utf8)) else {
            throw .corrupt(path: directory.databasePath, reason: "not a SQLite database")
        }
        let mark = header[68..<72].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        if mark == UInt32(bitPattern: Schema.applicationID) { return }
        if holdsOurTables() { throw .corrupt(path: directory.databasePath, reason: "damaged header") }
        throw .foreignDatabase(path: directory.databasePath)
    }

    /// Looks into a file of unknown origin without changing a byte beside or in it.
    private func holdsOurTables() -> Bool {
        var connection: OpaquePointer?
        // A name in a URI: what would end it or be decoded is escaped.
        let name = directory.databasePath.utf8.map { byte in
            let character = Character(Unicode.Scalar(byte))
            return character.isASCII
                && (character.isLetter || character.isNumber || "/._-".contains(character))
                ? String(character) : "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
        defer { sqlite3_close(connection) }
        guard
            sqlite3_open_v2(
                "file:\(name)?immutable=1", &connection, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, nil)
                == SQLITE_OK
        else { return false }
        var statement: OpaquePointer?
        defer { sqlite3_finalize(statement) }
        let sql = "SELECT count(*) FROM sqlite_master WHERE name IN ('sample_base', 'clock_step', 'mapping')"
        guard sqlite3_prepare_v2(connection, sql, -1, &statement, nil) == SQLITE_OK,
            sqlite3_step(statement) == SQLITE_ROW
        else { return false }
        return sqlite3_column_int(statement, 0) == 3
    }

    /// Refuses newer schemas and finds damage with a connection that cannot write, so that a
    /// file that is refused or set aside keeps every byte. (GRDB's pool writes as it opens.)
    private func examine() throws(HistoryError) {
        let size = try directory.size(of: StateDirectory.databaseName) ?? 0
        let thorough = size <= Self.alwaysCheckedBytes || directory.exists(Self.suspectName)
        let unknown: String? = try wrapping {
            var reading = Configuration()
            reading.readonly = true
            reading.busyMode = .timeout(2)
            let queue = try DatabaseQueue(path: directory.databasePath, configuration: reading)
            defer { try? queue.close() }
            return try queue.read { db -> String? in
                if try Schema.migrator.hasBeenSuperseded(db) {
                    let known = Set(Schema.migrator.migrations)
                    let found = try String.fetchAll(
                        db, sql: "SELECT identifier FROM grdb_migrations ORDER BY rowid")
                    return found.last { !known.contains($0) } ?? "unknown"
                }
                if thorough { try pulse(.examining).during(db) { try quickCheck(db) } }
                return nil
            }
        }
        if let unknown { throw .newerSchema(path: directory.databasePath, found: unknown) }
    }

    /// Everything `integrity_check` does but the comparison of indexes with their tables.
    private func quickCheck(_ db: Database) throws {
        let first = try String.fetchOne(db, sql: "PRAGMA quick_check(1)")
        guard first == "ok" else {
            throw HistoryError.corrupt(path: directory.databasePath, reason: first ?? "no answer")
        }
    }

    /// A schema page can be damaged so that a table is merely gone.
    private func checkTables(_ db: Database) throws {
        for name in Schema.tables + Schema.views where try !db.tableExists(name) && !db.viewExists(name) {
            throw HistoryError.corrupt(path: directory.databasePath, reason: "\(name) is missing")
        }
    }

    private func migrate(_ pool: DatabasePool) throws -> [OpeningNote] {
        let pulse = pulse(.migrating)
        let migrator = Schema.migrator(pulse)
        let before = try pool.read { db in try migrator.appliedIdentifiers(db) }
        let known = migrator.migrations
        if before == Set(known) { return [] }
        pool.writeWithoutTransaction { pulse.start(on: $0) }
        defer { pool.writeWithoutTransaction { pulse.stop(on: $0) } }
        try migrator.migrate(pool)
        guard let newest = known.last, let old = known.last(where: before.contains) else { return [] }
        return [.migrated(from: old, to: newest)]
    }

    private func pulse(_ work: OpeningProgress.Work) -> OpeningPulse {
        let size = try? directory.size(of: StateDirectory.databaseName)
        return OpeningPulse(OpeningProgress(work, bytes: size ?? 0), telling)
    }

    /// Renames the database with its log and shared memory. Nothing is deleted: what is left
    /// of the data is the administrator's.
    private func setAside() throws(HistoryError) -> String {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let stamp = Timestamp(seconds: Int64(now.tv_sec)).rfc3339.prefix(19).replacing(":", with: "")
        var name = "\(StateDirectory.databaseName).corrupt-\(stamp)"
        var attempt = 1
        while directory.exists(name), attempt < 1000 {
            attempt += 1
            name = "\(StateDirectory.databaseName).corrupt-\(stamp)-\(attempt)"
        }
        for suffix in ["-wal", "-shm", "-journal"]
        where directory.exists(StateDirectory.databaseName + suffix) {
            try directory.rename(StateDirectory.databaseName + suffix, to: name + suffix)
        }
        try directory.rename(StateDirectory.databaseName, to: name)
        directory.synchronize()
        return directory.path(name)
    }

    private func wrapping<Value>(_ body: () throws -> Value) throws(HistoryError) -> Value {
        do { return try body() } catch { throw .wrapping(error, path: directory.databasePath) }
    }
}
