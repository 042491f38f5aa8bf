import GRDB
import MemoryModel

/// The third schema: events are found by runs (``EventRun``) and no longer by an entry for each.
extension Schema {
    /// Reads the events once, writes a row for each run of them, and gives up the index: no event is
    /// written anew. (Freeing an index's pages enters them in the list of free ones and touches no more.)
    static func addEventRuns(_ db: Database, _ pulse: OpeningPulse?) throws {
        try db.execute(
            sql: """
                CREATE TABLE event_run (
                    process INTEGER NOT NULL,
                    time INTEGER NOT NULL,
                    first INTEGER NOT NULL,
                    ids INTEGER NOT NULL,
                    PRIMARY KEY (process, time, first)
                ) WITHOUT ROWID;
                """)
        let insert = try PreparedStatement(
            db, "INSERT INTO event_run (process, time, first, ids) VALUES (?, ?, ?, ?)")
        func write(_ process: Int64, _ run: EventRun) throws {
            insert.bind(1, process)
            insert.bind(2, run.time)
            insert.bind(3, run.first)
            insert.bind(4, run.last &- run.first &+ 1)
            try insert.run()
        }
        // In the order of writing, so that what is in memory is one run a process.
        let events = try PreparedStatement(db, "SELECT id, process, time FROM event ORDER BY id")
        var open: [Int64: (run: EventRun, last: Int64)] = [:]
        var rows = OpeningProgress.Rows(
            done: 0, of: try Int64.fetchOne(db, sql: "SELECT count(*) FROM event") ?? 0)
        while try events.step() {
            rows.done += 1
            if rows.done.isMultiple(of: 10_000) { pulse?.beat(rows: rows) }
            let (id, process, time) = (events.int(0), events.int(1), events.int(2))
            if var known = open[process] {
                if known.run.admits(id: id, time: time) {
                    open[process]?.last = id
                    continue
                }
                known.run.last = known.last
                try write(process, known.run)
            }
            open[process] = (EventRun(from: id, time: time), id)
        }
        for (process, var known) in open {
            known.run.last = known.last
            try write(process, known.run)
        }
        try db.execute(sql: "DROP INDEX event_by_process")
    }
}
