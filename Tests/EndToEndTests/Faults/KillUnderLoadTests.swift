import Glibc
import TestSupport
import Testing
import Varlink

/// `MEMWATCH_KILLS=1000` for the whole of it.
@Suite(
    "memwatchd is killed while it is busy", .requiresTool("cc"), .requiresTool("sqlite3"),
    .timeLimit(.minutes(120)))
struct KillUnderLoadTests {
    /// Of each process: what its address space was when it was attached and all that its events added up to its last
    /// sample, less what that says, where it is of a whole look. And, of that sample, what its regions add up to.
    /// (Events are written as they are told, the map up to a tenth of the interval later: there may be some from
    /// behind the sample. When the daemon is back it takes them off, or the next rounds do not add up.)
    private static let sums = """
        SELECT p.pid,
            (SELECT size FROM events a WHERE a.process = p.process AND a.event = 'attached')
            + (SELECT total(delta) FROM events e WHERE e.process = p.process AND e.time_us <= s.time_us) - s.vm_size,
            (SELECT total(size) FROM regions r WHERE r.process = p.process AND r.died_us IS NULL
                AND r.path IS NOT '[vsyscall]') - s.vm_size
        FROM processes p
        JOIN samples s ON s.process = p.process
            AND s.time_us = (SELECT max(time_us) FROM samples x WHERE x.process = p.process)
        WHERE s.consistent = 1
        """

    @Test(
        "at random moments, many times: the history opens whole, with every tick that was told of and none half there"
    )
    func kills() throws {
        let rounds = environmentNumber("MEMWATCH_KILLS", else: 12)
        let busy = try (0..<4).map { try ChangingProcess(areas: 50, seed: $0 + 1) }
        let daemon = try Daemon()
        // The longer the interval, the more often is a map older than the events.
        for (one, interval) in zip(busy, ["100ms", "100ms", "1s", "5s"]) {
            _ = try daemon.output("attach", "\(one.pid)", "--interval", interval)
        }
        var generator = SystemRandomNumberGenerator()
        var (told, checked) = (0, 0)
        for round in 1...rounds {
            // Since this second, or what happens before the client has asked would not be told.
            let follower = Follower(
                try Client.start(
                    ["events", "--follow", "--since", "@\(time(nil))", "--format", "ndjson"],
                    socket: daemon.socket))
            // They change their maps while they are looked at, and while the daemon dies.
            for one in busy { try one.process.send("c 400\n") }
            for _ in 0..<Int.random(in: 1...300, using: &generator) { _ = try follower.next() }
            try daemon.kill()
            // What it still told is to be found as well.
            while (try? follower.next()) != nil {}
            for one in busy { _ = try one.process.nextLine() }

            #expect(try sqlite(daemon.database, "PRAGMA integrity_check") == ["ok"], "round \(round)")
            let last = try #require(follower.events.last)
            let found = try sqlite(
                daemon.database,
                """
                SELECT count(*) FROM events WHERE pid = \(last.pid ?? 0) AND time = '\(last.time ?? "")'
                    AND event = '\(last.type)' AND delta IS \(last.delta.map(String.init) ?? "NULL")
                """)
            #expect(found != ["0"], "round \(round): \(last) is not in the history")
            told += follower.events.count
            for row in try sqlite(daemon.database, Self.sums) {
                checked += 1
                #expect(row.hasSuffix("|0.0|0.0"), "round \(round), pid|events|regions: \(row)")
            }
            try daemon.startAgain()
            #expect(!daemon.process.errorText().contains("damaged"))
            #expect(try daemon.records("list").count == busy.count)
        }
        #expect(checked > 0)
        print(
            "\(rounds) kills under load: \(told) events told and found, \(checked) maps added up to the byte")
        try daemon.stop()
    }
}
