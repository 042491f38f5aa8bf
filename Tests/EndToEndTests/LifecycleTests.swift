import Glibc
import TestSupport
import Testing
import Varlink

@Suite("What happens to a watched process, and to the daemon that watches it", .timeLimit(.minutes(5)))
struct LifecycleTests {
    /// A program that maps memory by steps and stays.
    private func growing() throws -> Memgrow {
        try Memgrow("sbrk", "--size", "40KiB", "--count", "8", "--keep", "--step", "--hold")
    }

    @Test("a process that exits leaves a history that stays readable by its pid")
    func exit() throws {
        let daemon = try Daemon()
        let memgrow = try growing()
        let pid = "\(memgrow.pid)"
        let follower = try daemon.attach(memgrow.pid)
        _ = try memgrow.step()
        try follower.wait(for: "brk-grow")
        memgrow.process.signal(SIGKILL)
        #expect(try memgrow.process.waitForExit() == .signal(SIGKILL))
        try follower.wait(for: "exit")
        #expect(try daemon.records("list").isEmpty)
        let all = try daemon.records("list", "--all")
        #expect(all.count == 1)
        #expect(all.first?["pid"]?.integerValue == Int64(memgrow.pid))
        #expect(all.first?["state"]?.stringValue == "exited" || all.first?["state"]?.stringValue == "zombie")
        #expect(try daemon.records("history", pid).count >= 2)
        #expect(try daemon.records("events", pid).map { Event($0).type } == ["attached", "brk-grow", "exit"])
        // The map of the instant before it grew can still be drawn.
        let attached = try #require(follower.events.first?.time)
        let heap = try daemon.records("regions", pid, "--at", attached, "--kind", "heap")
        #expect(heap.allSatisfy { $0["kind"]?.stringValue == "heap" })
        let ofNow = try daemon.run("regions", pid)
        #expect(ofNow.failed(66))
    }

    @Test("with --children, what a watched process forks is watched too")
    func children() throws {
        let daemon = try Daemon()
        let shell = try ChildProcess("sh", ["-c", "read go; sleep 1000 & echo $!; read end; kill $!"])
        _ = try daemon.output("attach", "\(shell.pid)", "--children", "--interval", "100ms")
        let follower = try daemon.follow()
        try shell.send("go\n")
        let child = try #require(Int64(try shell.nextLine() ?? ""))
        _ = try follower.wait { $0.contains { $0.pid == child && $0.type == "attached" } }
        let target = try daemon.records("list").first { $0["pid"]?.integerValue == child }
        #expect(target?["rule"]?.stringValue == "child:\(shell.pid)")
        #expect(target?["interval"]?.stringValue == "100ms")
        try shell.send("end\n")
        _ = try follower.wait { $0.contains { $0.pid == child && $0.type == "exit" } }
        try daemon.stop()
    }

    @Test("exec gives a new address space in the same history, under the new name")
    func exec() throws {
        let daemon = try Daemon()
        let shell = try ChildProcess("sh", ["-c", "echo ready; read line; exec sleep 1000"])
        #expect(try shell.nextLine() == "ready")
        let follower = try daemon.attach(shell.pid)
        try shell.send("\n")
        let event = try follower.wait(for: "exec")
        #expect(event.json["comm"]?.stringValue == "sleep")
        let target = try #require(try daemon.records("list").first)
        #expect(target["comm"]?.stringValue == "sleep")
        #expect(target["exe"]?.stringValue?.hasSuffix("sleep") == true || target["exe"]?.stringValue != nil)
        #expect(try daemon.records("list", "--all").count == 1)
        // The whole map is the new program's.
        let regions = try daemon.records("regions", "\(shell.pid)", "--at", "now")
        let size = addressSpace(regions)
        let last = try #require(try daemon.records("history", "\(shell.pid)").last)
        #expect(size == last["vm_size"]?.integerValue)
        shell.signal(SIGKILL)
    }

    @Test("after kill -9 the history goes on in the same row, and what happened meanwhile is in it")
    func killed() throws {
        let daemon = try Daemon()
        let memgrow = try growing()
        let mortal = try growing()
        _ = try daemon.output("attach", "\(mortal.pid)", "--interval", "100ms")
        let follower = try daemon.attach(memgrow.pid)
        let first = try memgrow.step()
        try follower.wait(for: "brk-grow")
        let before = try daemon.records("events", "\(memgrow.pid)")
        try daemon.kill()

        let second = try memgrow.step()
        mortal.process.signal(SIGKILL)
        try mortal.process.waitForExit()
        try daemon.startAgain()

        // Taken up again without being asked, with the interval it was attached with.
        let list = try daemon.records("list")
        #expect(list.map { $0["pid"]?.integerValue } == [Int64(memgrow.pid)])
        #expect(list.first?["interval"]?.stringValue == "100ms")
        #expect(try daemon.records("list", "--all").count == 2)
        let after = try daemon.follow(memgrow.pid)
        let events = try after.wait { $0.delta(of: "heap") == (first.delta ?? 0) + (second.delta ?? 0) }
        #expect(events.prefix(before.count).map(\.json) == before)
        #expect(events.filter { $0.type == "attached" }.count == 1)
        #expect(events.last?.start == second.string("start") && events.last?.end == second.string("end"))
        // The other one ended while nobody looked: said when it was found out.
        #expect(try daemon.records("events", "\(mortal.pid)").last?["event"]?.stringValue == "exit")
        let rows = try sqlite(daemon.database, "SELECT pid, ended IS NULL FROM processes ORDER BY process")
        #expect(Set(rows) == ["\(memgrow.pid)|1", "\(mortal.pid)|0"])
        try daemon.stop()
    }

    @Test("an exit that nobody saw is in the journal when it is found out", .requiresPrivateJournal)
    func unseenExit() throws {
        let journal = try PrivateJournal()
        let daemon = try Daemon("", through: journal.wrapper)
        let memgrow = try growing()
        _ = try daemon.attach(memgrow.pid)
        try daemon.stop()
        memgrow.process.signal(SIGKILL)
        try memgrow.process.waitForExit()
        try daemon.startAgain()
        try daemon.stop()
        let entries = try journal.entries("MEMWATCH_PID=\(memgrow.pid)")
        // On a machine that is busy enough the kernel drops records, and it is said: that is not what this is about.
        let events = entries.compactMap { $0["MEMWATCH_EVENT"]?.stringValue }.filter { $0 != "gap" }
        #expect(events == ["attached", "exit"])
    }

    @Test("a clean restart loses nothing and repeats nothing")
    func restarted() throws {
        let daemon = try Daemon()
        let memgrow = try growing()
        let follower = try daemon.attach(memgrow.pid)
        for _ in 0..<3 {
            let said = try memgrow.step()
            let seen = try follower.wait { $0.delta(of: "heap") == said.delta }
            #expect(seen.count { $0.type != "gap" } == 1)
        }
        let events = try daemon.records("events", "\(memgrow.pid)")
        let samples = try daemon.records("history", "\(memgrow.pid)")
        try daemon.stop()
        try daemon.startAgain()
        let said = try memgrow.step()
        let after = try daemon.follow(memgrow.pid)
        let seen = try after.wait { $0.last?.end == said.string("end") }
        #expect(seen.dropLast().map(\.json) == events)
        #expect(try daemon.records("history", "\(memgrow.pid)").prefix(samples.count) == samples[...])
        try daemon.stop()
        #expect(access(daemon.socket, F_OK) != 0, "the socket file is left behind")
    }

    @Test("attached twice it is watched once, at the interval asked for last")
    func twice() throws {
        let daemon = try Daemon()
        let memgrow = try growing()
        _ = try daemon.output("attach", "\(memgrow.pid)", "--interval", "1h")
        _ = try daemon.attach(memgrow.pid)
        let list = try daemon.records("list")
        #expect(list.count == 1 && list.first?["interval"]?.stringValue == "100ms")
        #expect(try daemon.records("events", "\(memgrow.pid)").count == 1)
        #expect(try daemon.records("list", "--all").count == 1)
        let said = try memgrow.step()
        #expect(try daemon.follow(memgrow.pid).wait(for: "brk-grow").delta == said.delta)
    }

    @Test("who follows is told when the daemon goes")
    func followed() throws {
        let daemon = try Daemon()
        let follower = try Client.start(["events", "--follow", "--since", "-1h"], socket: daemon.socket)
        let memgrow = try growing()
        _ = try daemon.attach(memgrow.pid)
        #expect(try follower.nextLine() != nil)
        try daemon.stop()
        let run = try Client.finish(follower)
        #expect(run.exit == .status(69) && run.errorLines == 1, "\(run)")
    }

    @Test("detach ends watching and keeps the history; attached again it goes on")
    func detach() throws {
        let daemon = try Daemon()
        let memgrow = try growing()
        let pid = "\(memgrow.pid)"
        let follower = try daemon.attach(memgrow.pid)
        _ = try daemon.output("detach", pid)
        try follower.wait(for: "detached")
        #expect(try daemon.records("list").isEmpty)
        #expect(try daemon.records("history", pid).isEmpty == false)
        #expect(try daemon.run("detach", pid).failed(66))
        _ = try daemon.output("attach", pid, "--interval", "100ms")
        #expect(try daemon.records("list").count == 1)
        _ = try daemon.output("detach", "--all")
        #expect(try daemon.records("list").isEmpty)
    }
}

/// Rows of `sqlite3` on the daemon's file, as a reader beside it.
func sqlite(_ database: String, _ query: String) throws -> [String] {
    try run("sqlite3", ["-readonly", database, query]).split(separator: "\n").map(String.init)
}
