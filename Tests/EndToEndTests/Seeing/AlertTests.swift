import TestSupport
import Testing
import Varlink

@Suite("Alerts about real processes", .requiresPrivateJournal, .timeLimit(.minutes(2)))
struct AlertTests {
    @Test(
        "a threshold that is passed is told once, and once that it is over: as an event, and as a warning in the journal"
    )
    func threshold() throws {
        let journal = try PrivateJournal()
        let daemon = try Daemon(
            "[alerts]\nthresholds = [\"heap > 2MiB\", \"vm_size > 1TiB\"]\n", through: journal.wrapper)
        let memgrow = try Memgrow("sbrk", "--size", "1MiB", "--count", "4", "--step", "--hold")
        let follower = try daemon.attach(memgrow.pid)
        for _ in 0..<4 { _ = try memgrow.step() }
        let fired = try follower.wait(for: "threshold")
        #expect(fired.kind == "heap" && fired.delta == nil && fired.json["cleared"] == nil)
        #expect(fired.json["path"] == "heap > 2MiB" && fired.size ?? 0 > 2 << 20)
        for _ in 0..<4 { _ = try memgrow.step() }
        let cleared = try follower.wait(for: "threshold")
        #expect(cleared.json["cleared"] == true && cleared.size ?? .max < 2 << 20)
        let pid = "\(memgrow.pid)"
        #expect(
            try daemon.records("events", pid, "--event", "threshold").map(Event.init) == [fired, cleared])
        #expect(try daemon.output("events", pid, "--event", "threshold").contains("heap > 2MiB (over)"))
        try daemon.stop()
        let entries = try journal.entries("MEMWATCH_EVENT=threshold")
        #expect(entries.map { $0["MEMWATCH_ALERT"]?.stringValue } == ["fired", "cleared"])
        #expect(entries.allSatisfy { $0["PRIORITY"] == "4" && $0["MEMWATCH_PID"]?.stringValue == pid })
        #expect(entries.first?["MESSAGE"]?.stringValue?.hasSuffix(": heap > 2MiB") == true)
    }

    @Test(
        "over a restart of the daemon it goes on: told once, and once that it is over",
        arguments: [false, true])
    func restart(isKilled: Bool) throws {
        let daemon = try Daemon("[alerts]\nthresholds = [\"heap > 2MiB\"]\n")
        let memgrow = try Memgrow("sbrk", "--size", "1MiB", "--count", "4", "--step", "--hold")
        let first = try daemon.attach(memgrow.pid)
        for _ in 0..<4 { _ = try memgrow.step() }
        let fired = try first.wait(for: "threshold")
        if isKilled { try daemon.kill() } else { try daemon.stop() }
        try daemon.startAgain()
        let second = try daemon.follow(memgrow.pid, "--since", "-1h")
        #expect(try second.wait(for: "threshold") == fired)
        _ = try memgrow.step()
        // Seen by the second daemon, which would have told again with it.
        _ = try second.wait(for: "brk-shrink")
        for _ in 0..<3 { _ = try memgrow.step() }
        let cleared = try second.wait(for: "threshold")
        #expect(cleared.json["cleared"] == true)
        let told = try daemon.records("events", "\(memgrow.pid)", "--event", "threshold")
        #expect(told.map(Event.init) == [fired, cleared])
        try daemon.stop()
    }

    @Test("a reload puts other alerts in force, and a stack near its limit needs no configuration")
    func reload() throws {
        let journal = try PrivateJournal()
        let daemon = try Daemon("", through: journal.wrapper)
        let memgrow = try Memgrow("stack", "--size", "64KiB", "--count", "112", "--step", "--hold")
        let follower = try daemon.attach(memgrow.pid)
        for _ in 0..<110 { _ = try memgrow.step() }
        let near = try follower.wait(for: "stack-near-limit")
        #expect(near.kind == "stack")
        try daemon.reload("[alerts]\nthresholds = [\"stack > 1MiB\"]\n")
        // What stands still is looked at once a minute.
        _ = try memgrow.step()
        try follower.wait(for: "threshold")
        try daemon.stop()
        #expect(try journal.entries("MEMWATCH_EVENT=stack-near-limit").count == 1)
    }
}
