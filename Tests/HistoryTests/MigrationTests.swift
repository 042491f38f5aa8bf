import GRDB
import MemoryModel
import Synchronization
import TestSupport
import Testing

@testable import History

@Suite("Histories of earlier versions are brought up to date")
struct MigrationTests {
    private static let fixture =
        #filePath.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 } + "/Fixtures/schema-1.sql"

    /// The database of version 0.1.0, as a file that version made.
    private func makeFirst(in scratch: Scratch) throws {
        let queue = try DatabaseQueue(path: scratch.database)
        try queue.writeWithoutTransaction { db in
            try db.execute(sql: "PRAGMA page_size = 4096; PRAGMA auto_vacuum = INCREMENTAL")
            try db.execute(sql: "PRAGMA application_id = \(Schema.applicationID); PRAGMA journal_mode = WAL")
            try db.execute(sql: try readText(Self.fixture))
        }
        try queue.close()
    }

    private func schema(_ queue: DatabaseQueue) throws -> [String] {
        try queue.read { db in
            try String.fetchAll(
                db,
                sql: """
                    SELECT type || ' ' || name || ' ' || ifnull(sql, '') FROM sqlite_master
                    WHERE name NOT LIKE 'grdb%' ORDER BY type, name
                    """)
        }
    }

    @Test("the first schema is still, to the letter, the one that shipped")
    func firstIsFrozen() throws {
        let scratch = Scratch()
        try makeFirst(in: scratch)
        let shipped = try DatabaseQueue(path: scratch.database)
        let made = try DatabaseQueue()
        try Schema.migrator.migrate(made, upTo: Schema.first)
        #expect(try schema(made) == schema(shipped))
        try shipped.close()
    }

    @Test("nothing of what was there is lost or changed, and what is new is unknown of it")
    func migrates() throws {
        let scratch = Scratch()
        try makeFirst(in: scratch)
        let before = ["samples", "regions"].map { sqlite3(scratch.database, "SELECT * FROM \($0)") }
        let events = sqlite3(scratch.database, "SELECT * FROM events ORDER BY id")
        #expect(events.split(separator: "\n").count == 4)

        let (store, notes) = try HistoryStore.open(HistoryConfiguration(directory: scratch.path))
        #expect(notes == [.migrated(from: Schema.first, to: Schema.latest)])
        #expect(["samples", "regions"].map { sqlite3(scratch.database, "SELECT * FROM \($0)") } == before)
        let after = sqlite3(scratch.database, "SELECT * FROM events ORDER BY id").split(separator: "\n")
        #expect(after.map { String($0.dropLast(4)) } == events.split(separator: "\n").map(String.init))
        #expect(after.allSatisfy { $0.hasSuffix("||||") })

        let process = try #require(try store.processes(pid: 3768).first)
        #expect(process.rule == nil && process.parent == nil)
        #expect(try store.allEvents(process.id).count == 4)
        #expect(try store.allEvents().allSatisfy { $0.event.count == nil && $0.event.notBefore == nil })
        #expect(try store.openRegions(of: process.id).count > 30)
        #expect(try store.postMortem(of: process.id) == nil)
        #expect(try store.attachments().count == 1)

        // And it goes on where it was.
        let time = Timestamp(microseconds: process.attached.microseconds + 60_000_000)
        var event = MemoryEvent(time: time, pid: 3768, comm: Array("memgrow".utf8), type: .gap, source: .perf)
        event.count = 7
        let heap = try #require(try store.openRegions(of: process.id).first { $0.kind == .heap })
        let report = try store.write(
            HistoryBatch(entries: [
                HistoryEntry(process: process.id, time: time, died: [heap], events: [event])
            ]))
        #expect(report == HistoryWriteReport())
        #expect(try store.allEvents(process.id).last?.event == event)
        store.close()
        #expect(try HistoryStore.open(HistoryConfiguration(directory: scratch.path)).1.isEmpty)
    }

    /// A database of the second schema with events of three processes, as that version wrote them: an id each
    /// without gaps, while the clock now and then stepped back.
    private func makeSecond(in scratch: Scratch, events: Int) throws {
        let queue = try DatabaseQueue(path: scratch.database)
        try queue.writeWithoutTransaction { db in
            try db.execute(sql: "PRAGMA page_size = 4096; PRAGMA auto_vacuum = INCREMENTAL")
            try db.execute(sql: "PRAGMA application_id = \(Schema.applicationID); PRAGMA journal_mode = WAL")
        }
        try Schema.migrator.migrate(queue, upTo: Schema.kernelEvents)
        var generator = SeededGenerator(seed: 3)
        try queue.write { db in
            try db.execute(sql: "INSERT INTO name (id, bytes, last_day) VALUES (1, x'6d656d67726f77', 20780)")
            for process in 1...3 {
                try db.execute(
                    sql: """
                        INSERT INTO process (id, boot_id, pid, start_ticks, comm, attached)
                        VALUES (?, 'boot', ?, 1, x'6d656d67726f77', ?)
                        """, arguments: [process, 100 + process, morning.microseconds])
            }
            var clock = morning.microseconds
            for _ in 0..<events {
                clock += Int64.random(in: 0...40_000_000, using: &generator)
                if Int.random(in: 0..<50, using: &generator) == 0 { clock -= 400_000_000 }
                try db.execute(
                    sql: """
                        INSERT INTO event (process, time, type, source, delta, comm) VALUES (?, ?, 3, 1, 4096, 1)
                        """, arguments: [[1, 1, 1, 2, 3].randomElement(using: &generator) ?? 1, clock])
            }
        }
        try queue.close()
    }

    @Test("who waits hears how far a large one is: examined, and so many of its events done")
    func tellsHowFar() throws {
        let scratch = Scratch()
        try makeSecond(in: scratch, events: 30_000)
        let heard = Mutex<[OpeningProgress]>([])
        let (store, _) = try HistoryStore.open(HistoryConfiguration(directory: scratch.path)) { progress in
            heard.withLock { $0.append(progress) }
        }
        store.close()
        let told = heard.withLock { $0 }
        #expect(told.first?.work == .examining && told.last?.work == .migrating)
        #expect(told.allSatisfy { $0.bytes > 1 << 20 })
        // Each ten thousand, and between them whatever SQLite's own pulse repeats.
        let rows = told.compactMap(\.rows)
        #expect(
            Set(rows.map(\.done)) == [10_000, 20_000, 30_000] && rows.map(\.done) == rows.map(\.done).sorted()
        )
        #expect(rows.allSatisfy { $0.of == 30_000 })
        #expect(told.last?.description.hasSuffix(" MiB), 30000 of 30000 events") == true)
        // The next opening has nothing to migrate, and says so.
        heard.withLock { $0 = [] }
        try HistoryStore.open(HistoryConfiguration(directory: scratch.path)) { progress in
            heard.withLock { $0.append(progress) }
        }.0.close()
        #expect(heard.withLock { $0 }.allSatisfy { $0.work == .examining })
    }

    @Test("events of the second schema are found as before, by process, by time and after an id")
    func secondMigrates() throws {
        let scratch = Scratch()
        try makeSecond(in: scratch, events: 3000)
        let before = sqlite3(scratch.database, "SELECT * FROM events ORDER BY id")
        let asked = "SELECT id FROM event WHERE process = 1"
        let byTime = sqlite3(scratch.database, asked + " ORDER BY time, id").split(separator: "\n")
        let since = morning.advanced(bySeconds: 20_000)
        let recent = sqlite3(
            scratch.database, asked + " AND time >= \(since.microseconds) ORDER BY time, id"
        ).split(separator: "\n")
        #expect(!recent.isEmpty && recent.count < byTime.count && byTime != byTime.sorted())

        let (store, notes) = try HistoryStore.open(HistoryConfiguration(directory: scratch.path))
        #expect(notes == [.migrated(from: Schema.kernelEvents, to: Schema.latest)])
        #expect(sqlite3(scratch.database, "SELECT * FROM events ORDER BY id") == before)
        let first = HistoryProcessID(rawValue: 1)
        #expect(try store.allEvents(first).map { "\($0.id)" } == byTime.map(String.init))
        #expect(try store.allEvents(first, since: since).map { "\($0.id)" } == recent.map(String.init))
        #expect(try store.lastEventID() == 3000)
        let runs = Int(sqlite3(scratch.database, "SELECT count(*) FROM event_run")) ?? 0
        #expect((1..<3000).contains(runs))

        // And it goes on behind what there was.
        let time = morning.advanced(bySeconds: 90_000)
        let event = MemoryEvent(time: time, pid: 101, comm: Array("memgrow".utf8), type: .mmap)
        try store.write(HistoryBatch(entries: [HistoryEntry(process: first, time: time, events: [event])]))
        let added = try store.allEvents(after: 3000)
        #expect(added.map(\.event) == [event])
        #expect(try store.allEvents(first).count == byTime.count + 1)
        store.close()
    }
}
