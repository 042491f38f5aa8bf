import Glibc
import TestSupport
import Testing
import Varlink

@Suite("A whole unit", .requiresRoot, .requiresServiceGroups, .timeLimit(.minutes(5)))
struct UnitTests {
    private func life(_ group: ServiceGroup) throws -> Memgrow {
        try Memgrow(
            "sbrk", "--size", "1MiB", "--count", "2", "--keep", "--step", "--hold", through: group.wrapper)
    }

    private func follow(_ daemon: Daemon, _ unit: String) throws -> Follower {
        Follower(
            try Client.start(
                ["events", "--unit", unit, "--follow", "--since", "-1h", "--format", "ndjson"],
                socket: daemon.socket))
    }

    private func kill(_ memgrow: Memgrow) throws {
        memgrow.process.signal(SIGKILL)
        #expect(try memgrow.process.waitForExit() == .signal(SIGKILL))
    }

    @Test("restarted three times, it has one continuous history, 0 where nothing of it ran")
    func restarts() throws {
        let group = try ServiceGroup()
        let daemon = try Daemon()
        _ = try daemon.output("attach", "--unit", group.unit, "--interval", "100ms")
        // It waits for a unit that has no history yet.
        let follower = try follow(daemon, group.unit)
        #expect(try daemon.run("history", "--unit", group.unit).failed(66))
        var pids: [Int64] = []
        for _ in 0..<4 {
            let memgrow = try life(group)
            pids.append(Int64(memgrow.pid))
            try follower.wait(for: "attached")
            _ = try memgrow.step()
            try follower.wait(for: "brk-grow")
            try kill(memgrow)
            try follower.wait(for: "exit")
        }
        let events = try daemon.records("events", "--unit", group.unit)
        #expect(events.map(Event.init) == follower.events)
        #expect(Set(events.compactMap { $0["pid"]?.integerValue }) == Set(pids))

        let series = try daemon.records("history", "--unit", group.unit)
        let times = try series.map { try #require($0["time"]?.stringValue) }
        #expect(times == times.sorted() && Set(times).count == times.count)
        #expect(series.allSatisfy { $0["pid"] == .null && $0["program_break"] == .null })
        let sizes = try series.map { try #require($0["vm_size"]?.integerValue) }
        // One end for each life, and nothing unknown in between.
        #expect(sizes.filter { $0 == 0 }.count == 4 && sizes.last == 0)
        for (size, sample) in zip(sizes, series) {
            let kinds = try #require(sample["kinds"]?.objectValue)
            #expect(kinds.reduce(0) { $0 + ($1.1.integerValue ?? 0) } == size)
        }
        let first = try #require(times.first)
        let steps = try daemon.records("history", "--unit", group.unit, "--since", first, "--step", "20ms")
        #expect(steps.count > series.count && steps.allSatisfy { $0["vm_size"]?.integerValue != nil })
        #expect(steps.last?["vm_size"]?.integerValue == 0)
        try follower.end()
        try daemon.stop()
    }

    @Test("its history is the sum of its processes', and list shows them under their rule")
    func sum() throws {
        let group = try ServiceGroup()
        let daemon = try Daemon()
        let lives = [try life(group), try life(group)]
        let alone = try Memgrow("sbrk", "--step", "--hold")
        let other = try daemon.attach(alone.pid)
        _ = try daemon.output("attach", "--unit", group.unit, "--interval", "100ms")
        let follower = try follow(daemon, group.unit)
        for memgrow in lives {
            _ = try memgrow.step()
        }
        _ = try follower.wait { events in
            Set(events.filter { $0.type == "attached" || $0.type == "brk-grow" }.compactMap(\.pid)).count == 2
        }
        // Both are watched: what each does from here on comes, and the growth before it has come then.
        for memgrow in lives {
            let end = try memgrow.step().string("end")
            _ = try follower.wait {
                $0.contains { $0.type == "brk-grow" && $0.pid == Int64(memgrow.pid) && $0.end == end }
            }
        }
        let total = try #require(try daemon.records("history", "--unit", group.unit).last)
        let parts = try lives.map { try #require(try daemon.records("history", "\($0.pid)").last) }
        for field in ["vm_size", "rss", "threads", "regions"] {
            let sum = parts.reduce(Int64(0)) { $0 + ($1[field]?.integerValue ?? 0) }
            #expect(total[field]?.integerValue == sum, "\(field)")
        }
        let heap = parts.reduce(Int64(0)) { $0 + ($1["kinds"]?["heap"]?.integerValue ?? 0) }
        #expect(total["kinds"]?["heap"]?.integerValue == heap)
        let table = try daemon.output("list").split(separator: "\n").map(String.init)
        let heading = try #require(table.firstIndex { $0.hasPrefix("unit:\(group.unit): 2 targets, ") })
        #expect(table[heading].hasSuffix(" resident (client, every 100ms)"))
        let rows = table[heading + 1...heading + 2].map { $0.split(separator: " ").first.map(String.init) }
        #expect(Set(rows) == Set(lives.map { "\($0.pid)" }))
        #expect(table[heading + 3] == "attached by pid: 1 target")
        let rule = try #require(try daemon.records("list", "--rules").first)
        #expect(rule["vm_size"]?.integerValue == total["vm_size"]?.integerValue)
        _ = other
        for memgrow in lives { try kill(memgrow) }
        // What is gone keeps its rule.
        for _ in lives { try follower.wait(for: "exit") }
        let gone = try daemon.records("list", "--all").filter { $0["event_source"] == .null }
        #expect(gone.count == 2 && gone.allSatisfy { $0["rule"]?.stringValue == "unit:\(group.unit)" })
        try daemon.stop()
    }

    @Test("who may see none of its processes is told so", .requiresTool("setpriv"))
    func access() throws {
        let group = try ServiceGroup()
        let daemon = try Daemon()
        let memgrow = try life(group)
        let follower = try daemon.attach(memgrow.pid)
        _ = follower
        let strangers = try Strangers()
        for command in ["history", "events"] {
            let denied = try strangers.run(
                Strangers.one, command, "--unit", group.unit, socket: daemon.socket)
            #expect(denied.failed(77), "\(command): \(denied.errors)")
            #expect(try daemon.run(command, "--unit", "nothing.service").failed(66))
        }
        try kill(memgrow)
    }
}
