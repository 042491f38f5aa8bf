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
        let database = directory.file("state/history.sqlite")
        try makeFirst(database, in: directory)
        let before = try sqlite(database, "SELECT time, event, delta FROM events ORDER BY id")
        #expect(before.count == 4)

        let journal = try PrivateJournal()
        // Whatever the day: the history in the file is of November 2026.
        let daemon = try Daemon(
            "[history]\nmaximum_age = \"3650d\"\n", through: journal.wrapper, in: directory)
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

    @Test(
        "a large one: the manager and standard error hear how far it is, so that no manager takes it for a hang"
    )
    func largeMigration() throws {
        let count = Sanitizer.active == nil ? 5_000_000 : 200_000
        let directory = try TemporaryDirectory()
        mkdir(directory.file("state"), 0o700)
        let database = directory.file("state/history.sqlite")
        try makeFirst(database, in: directory)
        try run(
            "sqlite3",
            [
                database,
                """
                WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < \(count - 1))
                INSERT INTO event (process, time, type, source, kind, delta, size, comm)
                SELECT 1, 1795414645668338 + i * 1000, 1, 0, 4, 4096, 204800 + i * 4096, 13 FROM n
                """,
            ])
        try directory.write(Daemon.quiet, to: "memwatchd.toml")
        let notifications = try NotifySocket(directory.file("notify"))
        let process = try Daemon.start(in: directory)
        try notifications.wait(for: "EXTEND_TIMEOUT_USEC=60000000", from: process)
        let status = try notifications.wait(for: "STATUS=Starting: migrating the history (", from: process)
        #expect(status.hasSuffix(" of \(count + 4) events") || status.hasSuffix(" MiB)"), "\(status)")
        try notifications.wait(for: "READY=1", from: process)
        process.signal(SIGTERM)
        #expect(try process.waitForExit() == .status(0))
        let lines = process.errorText().split(separator: "\n").filter { $0.contains(" the history (") }
        #expect(
            (1...60).contains(lines.count) && lines.allSatisfy { $0.hasPrefix("memwatchd: ") },
            "\(process.errorText())")
    }

    /// The history as version 0.1.0 left it.
    private func makeFirst(_ database: String, in directory: TemporaryDirectory) throws {
        let first = try readText(Document.root + "/Tests/HistoryTests/Fixtures/schema-1.sql")
        try directory.write(
            "PRAGMA page_size = 4096; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA application_id = 1835363703;\n"
                + "PRAGMA journal_mode = WAL;\n" + first, to: "first.sql")
        try run("sqlite3", [database, ".read \(directory.file("first.sql"))"])
    }
}
