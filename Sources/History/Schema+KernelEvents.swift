import GRDB
import MemoryModel

/// The second schema: what kernel events know beyond a comparison of looks, and what a process
/// held when it exited.
extension Schema {
    /// Adding columns and an index on `process` rewrites no table: a history of 1 GiB migrates at once.
    static func addKernelEvents(_ db: Database) throws {
        try db.execute(
            sql: """
                DROP VIEW events;
                DROP VIEW processes;
                ALTER TABLE event ADD COLUMN not_before INTEGER;
                ALTER TABLE event ADD COLUMN count INTEGER;
                ALTER TABLE event ADD COLUMN child INTEGER;
                ALTER TABLE process ADD COLUMN rule TEXT;
                ALTER TABLE process ADD COLUMN parent INTEGER;
                CREATE INDEX process_by_unit ON process (unit, attached) WHERE unit IS NOT NULL;
                CREATE TABLE post_mortem (
                    process INTEGER PRIMARY KEY,
                    time INTEGER NOT NULL,
                    look INTEGER,
                    vm_size INTEGER,
                    oom_killed INTEGER,
                    growth_time INTEGER,
                    growth_type INTEGER,
                    growth_source INTEGER,
                    growth_kind INTEGER,
                    growth_delta INTEGER,
                    growth_size INTEGER,
                    \(kindColumns.map { "\($0) INTEGER" }.joined(separator: ", "))
                );
                CREATE TABLE post_mortem_region (
                    process INTEGER NOT NULL,
                    rank INTEGER NOT NULL,
                    start INTEGER NOT NULL,
                    size INTEGER NOT NULL,
                    kind INTEGER NOT NULL,
                    name INTEGER,
                    PRIMARY KEY (process, rank)
                ) WITHOUT ROWID;
                """)
        for sql in [processes, events, postMortems, postMortemRegions] { try db.execute(sql: sql) }
    }

    /// One column a kind, in the order of their raw values.
    static let kindColumns = Array(SampleField.columns.prefix(RegionKind.count))

    private static let processes = """
        CREATE VIEW processes AS
        SELECT id AS process, pid, CAST(comm AS TEXT) AS comm, CAST(exe AS TEXT) AS exe, uid, gid, unit, cgroup,
            \(SchemaViews.rfc3339("started")) AS started, \(SchemaViews.rfc3339("attached")) AS attached,
            \(SchemaViews.rfc3339("ended")) AS ended, end_state, reader_uid, reader_gid, boot_id, start_ticks,
            pidfd_inode, rule, parent
        FROM process
        """

    private static let events = """
        CREATE VIEW events AS
        SELECT e.id, \(SchemaViews.rfc3339("e.time")) AS time, e.time AS time_us, e.process, p.pid,
            CAST(c.bytes AS TEXT) AS comm, \(SchemaViews.eventType("e.type")) AS event,
            \(SchemaViews.kind("e.kind")) AS kind, e.delta, e.size,
            CASE WHEN e.start IS NOT NULL THEN printf('0x%x', \(AddressColumn.sql("e.start"))) END AS start,
            CASE WHEN e."end" IS NOT NULL THEN printf('0x%x', \(AddressColumn.sql("e.\"end\""))) END AS "end",
            CASE WHEN e.perms IS NOT NULL THEN \(SchemaViews.perms("e.perms")) END AS perms,
            CAST(n.bytes AS TEXT) AS path, e.tid, \(SchemaViews.source("e.source")) AS source,
            CASE WHEN e.not_before IS NOT NULL THEN \(SchemaViews.rfc3339("e.not_before")) END AS not_before,
            e.not_before AS not_before_us, e.count, e.child
        FROM event e
        JOIN process p ON p.id = e.process
        LEFT JOIN name n ON n.id = e.name
        LEFT JOIN name c ON c.id = e.comm
        """

    private static let postMortems = """
        CREATE VIEW post_mortems AS
        SELECT m.process, p.pid, CAST(p.comm AS TEXT) AS comm, p.unit,
            \(SchemaViews.rfc3339("m.time")) AS time, m.time AS time_us,
            CASE WHEN m.look IS NOT NULL THEN \(SchemaViews.rfc3339("m.look")) END AS look,
            m.vm_size, m.oom_killed,
            CASE WHEN m.growth_time IS NOT NULL THEN \(SchemaViews.rfc3339("m.growth_time")) END AS growth_time,
            \(SchemaViews.eventType("m.growth_type")) AS growth_event,
            \(SchemaViews.kind("m.growth_kind")) AS growth_kind, m.growth_delta,
            \(kindColumns.map { "m.\($0)" }.joined(separator: ", "))
        FROM post_mortem m
        JOIN process p ON p.id = m.process
        """

    private static let postMortemRegions = """
        CREATE VIEW post_mortem_regions AS
        SELECT r.process, p.pid, r.rank, printf('0x%x', \(AddressColumn.sql("r.start"))) AS start,
            \(AddressColumn.sql("r.size")) AS size, \(SchemaViews.kind("r.kind")) AS kind,
            CAST(n.bytes AS TEXT) AS path
        FROM post_mortem_region r
        JOIN process p ON p.id = r.process
        LEFT JOIN name n ON n.id = r.name
        """
}
