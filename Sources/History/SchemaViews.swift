import GRDB
import MemoryModel

/// The views: what `sqlite3` on the file shows, with the names and units of the data
/// fields everywhere else. Sizes are bytes, times RFC 3339 in UTC (`…_us`: microseconds
/// since 1970).
///
/// These are the views of the first schema and do not change; `Schema+KernelEvents.swift` replaces
/// `processes` and `events`.
enum SchemaViews {
    static func create(_ db: Database) throws {
        for sql in [processes, samples, regions, events] { try db.execute(sql: sql) }
    }

    static func rfc3339(_ microseconds: String) -> String {
        // Floored, so that times before 1970 keep their microseconds right.
        let rest = "(((\(microseconds)) % 1000000 + 1000000) % 1000000)"
        return "strftime('%Y-%m-%dT%H:%M:%S', ((\(microseconds)) - \(rest)) / 1000000, 'unixepoch')"
            + " || printf('.%06dZ', \(rest))"
    }

    /// Wall-clock time of a moment on a process's own time line.
    private static func wall(_ moment: String, table: String) -> String {
        "p.attached + \(moment) - ifnull((SELECT c.shift FROM clock_step c WHERE c.process = \(table).process"
            + " AND c.at <= \(moment) ORDER BY c.at DESC LIMIT 1), 0)"
    }

    private static func words<Value>(
        _ column: String, _ values: [Value], number: (Value) -> Int, name: (Value) -> String
    ) -> String {
        let cases = values.map { "WHEN \(number($0)) THEN '\(name($0))'" }
        return "CASE \(column) " + cases.joined(separator: " ") + " END"
    }

    static func kind(_ column: String) -> String {
        words(column, RegionKind.allCases, number: { Int($0.rawValue) }, name: \.name)
    }

    static func eventType(_ column: String, _ types: [EventType] = EventType.allCases) -> String {
        words(column, types, number: { Int($0.rawValue) }, name: \.name)
    }

    static func source(_ column: String) -> String {
        words(column, EventSource.allCases, number: { Int($0.rawValue) }, name: \.name)
    }

    static func perms(_ column: String) -> String {
        let letters = [(1, "r", "-"), (2, "w", "-"), (4, "x", "-"), (8, "s", "p")]
        return letters.map { "CASE WHEN \(column) & \($0.0) THEN '\($0.1)' ELSE '\($0.2)' END" }
            .joined(separator: " || ")
    }

    private static let processes = """
        CREATE VIEW processes AS
        SELECT id AS process, pid, CAST(comm AS TEXT) AS comm, CAST(exe AS TEXT) AS exe, uid, gid, unit, cgroup,
            \(rfc3339("started")) AS started, \(rfc3339("attached")) AS attached, \(rfc3339("ended")) AS ended,
            end_state, reader_uid, reader_gid, boot_id, start_ticks, pidfd_inode
        FROM process
        """

    private static var samples: String {
        // One field: the base's value and the change, if one of the six columns names it.
        func field(_ number: Int) -> String {
            let arms = (1...SampleDelta.slotCount).map { "WHEN s.c\($0) & 31 THEN s.c\($0) >> 5" }
            return
                "(b.\(SampleField.columns[number]) + CASE \(number) \(arms.joined(separator: " ")) ELSE 0 END)"
        }
        func bytes(_ number: Int) -> String { "\(field(number)) * b.unit" }
        let kinds = RegionKind.allCases.map { Int($0.rawValue) }
        let inner =
            kinds.map { "\(bytes($0)) AS \(SampleField.columns[$0])" }
            + [
                SampleField.vmRest, SampleField.rssRest, SampleField.rssAnon, SampleField.rssFile,
                SampleField.rssShmem, SampleField.swap, SampleField.pageTables, SampleField.breakRest,
            ].map { "\(bytes($0)) AS \(SampleField.columns[$0])" }
            + [SampleField.threads, SampleField.regions, SampleField.consistent].map {
                "\(field($0)) AS \(SampleField.columns[$0])"
            }
            // -1 is "unlimited"; SQLite has no unsigned integers.
            + [
                "CASE \(field(SampleField.stackLimit)) WHEN -1 THEN -1 "
                    + "ELSE \(bytes(SampleField.stackLimit)) END AS stack_limit"
            ]
        let sum = kinds.map { "ifnull(\(SampleField.columns[$0]), 0)" }.joined(separator: " + ")
        func source(_ table: String, _ resolution: String, _ part: String) -> String {
            """
            SELECT s.process, p.pid, '\(resolution)' AS resolution, \(part) AS part,
                \(wall("s.at", table: "s")) AS time_us, \(inner.joined(separator: ",\n"))
            FROM \(table) s
            JOIN process p ON p.id = s.process
            JOIN sample_base b ON b.process = s.process AND b.id = s.base
            """
        }
        let part = "CASE s.part WHEN 0 THEN 'last' WHEN 1 THEN 'min' ELSE 'max' END"
        let kindColumns = kinds.map { SampleField.columns[$0] }.joined(separator: ", ")
        return """
            CREATE VIEW samples AS
            SELECT \(rfc3339("time_us")) AS time, time_us, process, pid, resolution, part,
                vm_rest + \(sum) AS vm_size,
                rss_rest + ifnull(rss_anon, 0) + ifnull(rss_file, 0) + ifnull(rss_shmem, 0) AS rss,
                rss_anon, rss_file, rss_shmem, swap, page_tables, threads, regions,
                printf('0x%x', break_rest + ifnull(heap, 0)) AS program_break, stack_limit,
                \(kindColumns), consistent
            FROM (
            \(source("sample", "raw", "'last'"))
            UNION ALL
            \(source("sample_minute", "minute", part))
            UNION ALL
            \(source("sample_hour", "hour", part))
            )
            """
    }

    private static let regions = """
        CREATE VIEW regions AS
        SELECT r.process, p.pid,
            printf('0x%x', \(AddressColumn.sql("r.start"))) AS start,
            printf('0x%x', (\(AddressColumn.sql("r.start"))) + (\(AddressColumn.sql("r.size")))) AS "end",
            \(AddressColumn.sql("r.size")) AS size, \(perms("m.perms")) AS perms,
            \(AddressColumn.sql("r.offset")) AS offset,
            printf('%02x:%02x', m.device >> 20, m.device & 1048575) AS device, m.inode,
            \(kind("m.kind")) AS kind, CAST(n.bytes AS TEXT) AS path, nullif(r.tid, 0) AS tid,
            \(wall("(r.died + r.since)", table: "r")) AS born_us,
            CASE WHEN r.died THEN \(wall("r.died", table: "r")) END AS died_us,
            r.died + r.since AS born_at, nullif(r.died, 0) AS died_at
        FROM region r
        JOIN process p ON p.id = r.process
        JOIN mapping m ON m.id = r.mapping
        LEFT JOIN name n ON n.id = m.name
        """

    /// The events there were when this view shipped.
    private static let firstEventTypes = EventType.allCases.filter { $0.rawValue <= 16 }

    private static let events = """
        CREATE VIEW events AS
        SELECT e.id, \(rfc3339("e.time")) AS time, e.time AS time_us, e.process, p.pid,
            CAST(c.bytes AS TEXT) AS comm,
            \(eventType("e.type", firstEventTypes)) AS event,
            \(kind("e.kind")) AS kind, e.delta, e.size,
            CASE WHEN e.start IS NOT NULL THEN printf('0x%x', \(AddressColumn.sql("e.start"))) END AS start,
            CASE WHEN e."end" IS NOT NULL THEN printf('0x%x', \(AddressColumn.sql("e.\"end\""))) END AS "end",
            CASE WHEN e.perms IS NOT NULL THEN \(perms("e.perms")) END AS perms,
            CAST(n.bytes AS TEXT) AS path, e.tid,
            \(source("e.source")) AS source
        FROM event e
        JOIN process p ON p.id = e.process
        LEFT JOIN name n ON n.id = e.name
        LEFT JOIN name c ON c.id = e.comm
        """
}
