import TestSupport
import Testing
import Varlink

// Progress is seen here and not in tests of its own, because only long work shows any.
@Suite(
    "A history of a million samples", .requiresTool("sqlite3"), .requiresTool("tmux"),
    .timeLimit(.minutes(15)))
struct LongHistoryTests {
    /// A daemon with a process whose history is a day and more of ten samples a second: the heap climbs to 1,000
    /// pages and falls, over and over, and three samples of the million are far above that.
    private struct Long {
        static let samples = Sanitizer.active == nil ? 1_000_000 : 100_000
        static let peaks = [123_456, 500_000, 987_654].map { $0 * (samples / 1_000) / 1_000 }
        static let peakPages = 100_000

        let daemon: Daemon
        let memgrow: Memgrow
        let scratch: TemporaryDirectory

        init() throws {
            scratch = try TemporaryDirectory()
            daemon = try Daemon(Daemon.quiet + "[history]\nraw_age = \"30d\"\n")
            memgrow = try Memgrow("sbrk", "--step", "--hold")
            let follower = try daemon.attach(memgrow.pid)
            try follower.end()
            try daemon.stop()
            // Its time begins 100,000 s earlier, and each tenth of a second there is the first base with another heap
            // (docs/history-schema.md has the form of a row).
            let peaks = Self.peaks.map(String.init).joined(separator: ", ")
            try run(
                "sqlite3",
                [
                    daemon.database,
                    """
                    UPDATE process SET attached = attached - 100000000000;
                    UPDATE sample SET at = at + 100000000000;
                    UPDATE region SET died = CASE died WHEN 0 THEN 0 ELSE died + 100000000000 END;
                    UPDATE region SET since = since + CASE died WHEN 0 THEN 100000000000 ELSE 0 END;
                    WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < \(Self.samples - 1))
                    INSERT INTO sample (process, at, base, c1)
                    SELECT b.process, i * 100000, b.id,
                        (CASE WHEN i IN (\(peaks)) THEN \(Self.peakPages) ELSE i % 1000 END) << 5 | 4
                    FROM n, (SELECT process, id FROM sample_base ORDER BY id LIMIT 1) AS b;
                    """,
                ])
            try daemon.startAgain()
        }
    }

    @Test(
        "is a page of less than 2 MB with each peak on it, and shows how far it is on a terminal",
        .requiresTool("chromedriver"), .requiresTool("curl"))
    func report() throws {
        let long = try Long()
        let page = long.scratch.file("report.html")
        let terminal = try Tmux(columns: 80, rows: 24, environment: ["MEMWATCH_SOCKET": long.daemon.socket])
        // A report is of a day; this one is of all.
        let words = "report \(long.memgrow.pid) --since -2d -o \(page)"
        try terminal.type("\(try builtProduct("memwatch")) \(words); echo ended with $?")
        try terminal.screen { $0.contains("report: ") && $0.contains(" samples") }
        // Gone when it is done.
        let last = try terminal.screen(within: 600) { $0.contains("ended with 0") }
        #expect(!last.contains("report: "))

        #expect(try readBytes(page).count < 2 << 20)
        let browser = try Browser()
        try browser.open("file://" + page)
        #expect(try browser.script("return document.body.dataset.ready") == "true")
        let points = "JSON.parse(document.getElementById('data').textContent).points"
        #expect(try browser.script("return \(points).length").integerValue ?? .max < 10_000)
        // Each lasted a tenth of a second of 28 hours.
        let peak = "Math.max(...\(points).map(p => p[1]))"
        #expect(
            try browser.script("return \(points).filter(p => p[1] === \(peak)).length").integerValue
                == Int64(Long.peaks.count))
    }
}
