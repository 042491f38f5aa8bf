import TestSupport
import Testing
import Varlink

@Suite(
    "A process that executes a set-user-id program while it is watched", .requiresRoot, .requiresTool("cc"),
    .requiresTool("setpriv"), .requiresTool("sqlite3"), .timeLimit(.minutes(10)))
struct SetUserIDHistoryTests {
    @Test(
        "its user is told nothing of the program that runs as root: not live, not by events, not afterwards")
    func history() throws {
        let daemon = try Daemon()
        let strangers = try Strangers()
        let rounds = 40
        let race = try SetUserIDRace(rounds: rounds)
        func asUser(_ words: String...) throws -> ClientRun {
            try Client.run(
                words, socket: daemon.socket, client: strangers.client, through: Strangers.setpriv(1_000))
        }
        let attached = try asUser("attach", "\(race.driver)", "--children", "--interval", "100ms")
        #expect(attached.exit == .status(0), "\(attached)")
        let secret = SetUserIDRace.program
        try race.begin()
        var count = 0
        while let pid = try race.next() {
            for run in [
                try asUser("regions", "\(pid)", "--at", "now", "--format", "ndjson"),
                try asUser("attach", "\(pid)", "--format", "ndjson"),
                try asUser("events", "\(pid)", "--format", "ndjson"),
                try asUser("list", "--format", "ndjson"),
            ] {
                #expect(!run.output.contains(secret) && [0, 66, 77].contains(run.status), "\(run)")
            }
            count += 1
            // As root's process by now: so that there are rows that nobody else may read.
            _ = try daemon.run("attach", "\(pid)")
            race.end(pid)
        }
        #expect(count == rounds)
        let follower = try daemon.follow(race.driver)
        try follower.wait(for: "exit")
        let told = try asUser("events", "--since", "-1h", "--format", "ndjson")
        #expect(told.exit == .status(0) && !told.output.contains(secret))
        try daemon.stop()

        // Rows that name it are there, and nobody but those who see all may read one of them.
        let rows = try sqlite(
            daemon.database,
            """
            SELECT count(*), count(p.reader_uid) FROM process p WHERE id IN
                (SELECT process FROM events WHERE path LIKE '%\(secret)' UNION
                SELECT process FROM regions WHERE path LIKE '%\(secret)')
            """
        )
        let counts = try #require(rows.first).split(separator: "|").compactMap { Int($0) }
        #expect(counts.count == 2 && counts[0] > 0 && counts[1] == 0, "\(rows)")
    }
}

extension ClientRun {
    /// -1 where a signal ended it.
    fileprivate var status: Int32 { if case .status(let status) = exit { status } else { -1 } }
}
