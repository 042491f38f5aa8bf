import GRDB

/// The tables, by named migrations. A migration that has shipped never changes.
///
/// docs/history-schema.md describes them for readers; the story is at the top of
/// `HistoryStore.swift`.
enum Schema {
    /// `memw` in ASCII, in the file's header: `file(1)` and SQLite tools show whose file it is.
    static let applicationID: Int32 = 0x6d65_6d77

    static let tables = [
        "name", "mapping", "process", "clock_step", "sample_base", "sample", "sample_minute", "sample_hour",
        "region", "event", "event_run", "attachment", "post_mortem", "post_mortem_region",
    ]
    static let views = [
        "processes", "samples", "regions", "events", "post_mortems", "post_mortem_regions",
    ]

    static let first = "2026-11 first"
    static let kernelEvents = "2026-11 kernel events"
    static let eventRuns = "2026-11 event runs"
    static let shares = "2026-11 shares"
    static let latest = shares

    static var migrator: DatabaseMigrator { migrator(nil) }

    /// - Parameter pulse: hears of each step that reads or writes rows of events.
    static func migrator(_ pulse: OpeningPulse?) -> DatabaseMigrator {
        var migrator = DatabaseMigrator()
        // Foreign keys would cost a lookup per row; the writer is the only one who writes.
        migrator.registerMigration(first) { db in
            try createTables(db)
            try SchemaViews.create(db)
        }
        migrator.registerMigration(kernelEvents) { db in try addKernelEvents(db) }
        migrator.registerMigration(eventRuns) { db in try addEventRuns(db, pulse) }
        migrator.registerMigration(shares) { db in try addShares(db) }
        return migrator
    }

    private static func createTables(_ db: Database) throws {
        try db.execute(
            sql: """
                CREATE TABLE name (
                    id INTEGER PRIMARY KEY,
                    bytes BLOB NOT NULL UNIQUE,
                    last_day INTEGER NOT NULL
                );
                CREATE TABLE mapping (
                    id INTEGER PRIMARY KEY,
                    kind INTEGER NOT NULL,
                    perms INTEGER NOT NULL,
                    name INTEGER NOT NULL,
                    device INTEGER NOT NULL,
                    inode INTEGER NOT NULL,
                    last_day INTEGER NOT NULL,
                    UNIQUE (inode, name, device, kind, perms)
                );
                CREATE TABLE process (
                    id INTEGER PRIMARY KEY,
                    boot_id TEXT NOT NULL,
                    pid INTEGER NOT NULL,
                    start_ticks INTEGER NOT NULL,
                    pidfd_inode INTEGER,
                    comm BLOB NOT NULL,
                    exe BLOB,
                    uid INTEGER,
                    gid INTEGER,
                    unit TEXT,
                    cgroup TEXT,
                    started INTEGER,
                    attached INTEGER NOT NULL,
                    ended INTEGER,
                    end_state TEXT,
                    reader_uid INTEGER,
                    reader_gid INTEGER,
                    regions_from INTEGER NOT NULL DEFAULT 0
                );
                CREATE INDEX process_by_pid ON process (pid, start_ticks);
                CREATE TABLE clock_step (
                    process INTEGER NOT NULL,
                    at INTEGER NOT NULL,
                    shift INTEGER NOT NULL,
                    PRIMARY KEY (process, at)
                ) WITHOUT ROWID;
                CREATE TABLE sample_base (
                    process INTEGER NOT NULL,
                    id INTEGER NOT NULL,
                    unit INTEGER NOT NULL,
                    \(SampleField.columns.map { "\($0) INTEGER" }.joined(separator: ", ")),
                    PRIMARY KEY (process, id)
                ) WITHOUT ROWID;
                CREATE TABLE sample (
                    process INTEGER NOT NULL,
                    at INTEGER NOT NULL,
                    base INTEGER NOT NULL,
                    c1 INTEGER, c2 INTEGER, c3 INTEGER, c4 INTEGER, c5 INTEGER, c6 INTEGER,
                    PRIMARY KEY (process, at)
                ) WITHOUT ROWID;
                """)
        for table in ["sample_minute", "sample_hour"] {
            try db.execute(
                sql: """
                    CREATE TABLE \(table) (
                        process INTEGER NOT NULL,
                        at INTEGER NOT NULL,
                        part INTEGER NOT NULL,
                        base INTEGER NOT NULL,
                        c1 INTEGER, c2 INTEGER, c3 INTEGER, c4 INTEGER, c5 INTEGER, c6 INTEGER,
                        PRIMARY KEY (process, at, part)
                    ) WITHOUT ROWID;
                    """)
        }
        try db.execute(
            sql: """
                CREATE TABLE region (
                    process INTEGER NOT NULL,
                    died INTEGER NOT NULL,
                    start INTEGER NOT NULL,
                    since INTEGER NOT NULL,
                    size INTEGER NOT NULL,
                    mapping INTEGER NOT NULL,
                    offset INTEGER NOT NULL,
                    tid INTEGER NOT NULL,
                    PRIMARY KEY (process, died, start)
                ) WITHOUT ROWID;
                CREATE TABLE event (
                    id INTEGER PRIMARY KEY AUTOINCREMENT,
                    process INTEGER NOT NULL,
                    time INTEGER NOT NULL,
                    type INTEGER NOT NULL,
                    source INTEGER NOT NULL,
                    kind INTEGER,
                    delta INTEGER,
                    size INTEGER,
                    start INTEGER,
                    "end" INTEGER,
                    perms INTEGER,
                    name INTEGER,
                    tid INTEGER,
                    comm INTEGER NOT NULL
                );
                CREATE INDEX event_by_process ON event (process, time);
                CREATE TABLE attachment (
                    id INTEGER PRIMARY KEY,
                    boot_id TEXT,
                    pid INTEGER,
                    start_ticks INTEGER,
                    pidfd_inode INTEGER,
                    rule TEXT,
                    interval INTEGER,
                    children INTEGER NOT NULL,
                    owner_uid INTEGER NOT NULL
                );
                """)
    }
}
