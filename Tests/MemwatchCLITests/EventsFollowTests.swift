import Glibc
import MemwatchInterface
import TestSupport
import Testing
import Varlink
import VarlinkServing

@Suite("Events as they come")
struct EventsFollowTests {
    @Test("events --follow shows each event at once and ends with its reader, though no event comes")
    func followIntoHead() async throws {
        let daemon = try FakeDaemon { _, replies in
            try await replies.sendMore(
                ["events": [try Examples.event().json], "truncated": false] as JSONObject)
            // Until the client goes, which cancels this task.
            try await Task.sleep(for: .seconds(600))
        }
        let run = try await offPool {
            try Client.bash(
                "$memwatch events --follow --socket $socket | head -2; exit ${PIPESTATUS[0]}",
                ["socket": daemon.socket])
        }
        #expect(run.exit == .status(0))
        #expect(run.errors == "")
        let lines = run.output.split(separator: "\n")
        #expect(lines.count == 2)
        #expect(
            lines.last?.contains("postgres         brk-grow    heap            +12.0 MiB    96.0 MiB")
                ?? false)
    }

    @Test("interrupted, events --follow ends its JSON array and succeeds", arguments: [SIGINT, SIGTERM])
    func followInterrupted(signal: Int32) async throws {
        let daemon = try FakeDaemon { _, replies in
            try await replies.sendMore(
                ["events": [try Examples.event().json], "truncated": false] as JSONObject)
            try await Task.sleep(for: .seconds(600))
        }
        let run = try await offPool {
            let child = try Client.start([
                "events", "812", "--follow", "--format", "json", "--socket", daemon.socket,
            ])
            var output = ""
            // The bracket and the event, a whole line each.
            for _ in 0..<2 { output += (try child.nextLine() ?? "") }
            child.signal(signal)
            var run = try Client.finish(child)
            run.output = output + run.output
            return run
        }
        #expect(run.exit == .status(0))
        #expect(run.errors == "")
        #expect(try JSON(parsing: run.output).arrayValue?.count == 1)
        #expect(daemon.calls.first?.parameters == ["pid": 812, "follow": true])
    }

    @Test("when the daemon goes, events --follow says so, with status 69")
    func followAbandoned() async throws {
        let daemon = try FakeDaemon { _, replies in
            try await replies.sendMore(
                ["events": [try Examples.event().json], "truncated": false] as JSONObject)
            try await Task.sleep(for: .seconds(600))
        }
        let child = try await offPool {
            let child = try Client.start([
                "events", "--follow", "--format", "ndjson", "--socket", daemon.socket,
            ])
            _ = try child.nextLine()
            return child
        }
        await daemon.stop()
        let run = try await offPool { try Client.finish(child) }
        #expect(run.exit == .status(69))
        #expect(
            run.errors.hasPrefix("memwatch: events: the daemon at \(daemon.socket) has gone"), "\(run.errors)"
        )
    }
}
