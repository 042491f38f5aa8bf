import Glibc
import TestSupport
import Testing
import Varlink

// Damaged and newer histories: DaemonStartTests.swift.
@Suite(
    "memwatchd finds the history of an older version", .requiresTool("sqlite3"), .requiresPrivateJournal,
    .timeLimit(.minutes(5)))
struct OlderHistoryTests {
    @Test("it is migrated and answered from, said once as what it is, and no damage")
    func migrated() throws {
        let directory = try TemporaryDirectory()
        mkdir(directory.file("state"), 0o700)
        let first = try readText(Document.root + "/Tests/HistoryTests/Fixtures/schema-1.sql")
        try directory.write(
            "PRAGMA page_size = 4096; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA application_id = 1835363703;\n"
                + "PRAGMA journal_mode = WAL;\n" + first, to: "first.sql")
        let database = directory.file("state/history.sqlite")
        try run("sqlite3", [database, ".read \(directory.file("first.sql"))"])
        let before = try sqlite(database, "SELECT time, event, delta FROM events ORDER BY id")
        #expect(before.count == 4)

        let journal = try PrivateJournal()
        let daemon = try Daemon("", through: journal.wrapper, in: directory)
        let after = try daemon.records("events", "3768").prefix(before.count).map(Event.init)
        #expect(after.map { "\($0.time ?? "")|\($0.type)|\($0.delta.map(String.init) ?? "")" } == before)
        #expect(try daemon.records("regions", "3768", "--at", after.last?.time ?? "now").count > 30)
        try daemon.stop()
        let said = try journal.entries("MESSAGE_ID=0236b6f289334cfaa9479e1c7bff5c66")
        #expect(said.map { $0["PRIORITY"]?.stringValue } == ["5"])
        #expect(
            said.first?["MESSAGE"]?.stringValue?.contains("the history's schema was brought from") == true)
        #expect(try journal.entries("MESSAGE_ID=0f6d760b8544432a892dfb3518a62444").isEmpty)
        #expect(try sqlite(database, "PRAGMA integrity_check") == ["ok"])
    }
}
