import Glibc
import TestSupport
import Testing
import Varlink

@Suite("The difference of two instants", .timeLimit(.minutes(5)))
struct DiffTests {
    private func diff(_ daemon: Daemon, _ pid: pid_t, _ from: String, _ to: String) throws -> JSON {
        try JSON(parsing: try daemon.output("diff", "\(pid)", "--from", from, "--to", to, "--format", "json"))
    }

    /// The wall clock, as TIME.
    private func clock() throws -> String {
        let text = try run("date", ["-u", "+%Y-%m-%dT%H:%M:%S.%6NZ"])
        return String(text.prefix { !$0.isWhitespace })
    }

    /// The difference since a time, once there is one. No event says that a look is in the history.
    private func changed(
        _ daemon: Daemon, _ pid: pid_t, since time: String, until isEnough: (JSON) -> Bool = { _ in true }
    ) throws -> JSON {
        for _ in 0..<2_000 {
            let answer = try diff(daemon, pid, time, "now")
            if answer["changes"]?.arrayValue?.isEmpty == false, isEnough(answer) { return answer }
            sched_yield()
        }
        throw TestFailure("nothing changed since \(time)")
    }

    @Test("what a program did between two times is there, and adds up by kind, to the byte")
    func mappings() throws {
        let daemon = try Daemon(Daemon.quiet + "[sampling]\nfull_scan_interval = \"1s\"\n")
        let memgrow = try Memgrow("mmap", "--size", "192KiB", "--count", "1", "--step", "--hold")
        _ = try daemon.attach(memgrow.pid)
        var times = [try clock()]
        for index in 0..<12 {
            let said = try memgrow.step()
            // What the kernel reports is told at once, and in the history with the next look.
            let answer = try changed(daemon, memgrow.pid, since: times[index])
            times.append(try clock())
            guard said.event != "mremap" else { continue }
            #expect(answer["from"]?.stringValue ?? "~" <= times[index])
            let changes = try #require(answer["changes"]?.arrayValue)
            let name = ["mmap": "appeared", "munmap": "vanished", "protect": "protected"][said.event]
            let change = try #require(changes.first)
            #expect(changes.count == 1 && change["change"]?.stringValue == name, "\(said) \(changes)")
            #expect(change["kind"]?.stringValue == said.kind && change["delta"]?.integerValue == said.delta)
            #expect(change["start"]?.stringValue == said.string("start"))
            #expect(change["end"]?.stringValue == said.string("end"))
            if name == "protected" {
                #expect(change["perms_before"] == "rw-p" && change["perms"] == "r--p")
            }
            #expect(answer["kinds"]?[said.kind ?? ""]?["delta"]?.integerValue == said.delta)
        }
        // Over all of it nothing is left, and over the first half what is there then.
        #expect(try diff(daemon, memgrow.pid, times[0], times[12])["changes"]?.arrayValue == [])
        let half = try diff(daemon, memgrow.pid, times[0], times[5])
        let changes = try #require(half["changes"]?.arrayValue)
        #expect(changes.count == 5 && changes.allSatisfy { $0["change"] == "appeared" })
        for (kind, totals) in try #require(half["kinds"]?.objectValue) {
            let sum = changes.reduce(Int64(0)) {
                $1["kind"]?.stringValue == kind ? $0 + ($1["delta"]?.integerValue ?? 0) : $0
            }
            #expect(totals["delta"]?.integerValue == sum, "\(kind)")
            let (before, after) = (totals["before"]?.integerValue, totals["after"]?.integerValue)
            #expect((after ?? 0) - (before ?? 0) == sum)
        }
        let pid = "\(memgrow.pid)"
        let lines = try daemon.output("diff", pid, "--from", times[0], "--to", times[5], "--format", "ndjson")
        #expect(try lines.split(separator: "\n").map { try JSON(parsing: String($0)) } == changes)
        let csv = try daemon.output("diff", pid, "--from", times[0], "--to", times[5], "--format", "csv")
        #expect(csv.split(whereSeparator: \.isNewline).count == 6)
        let table = try daemon.output("diff", pid, "--from", times[0], "--to", times[5])
        #expect(table.contains("appeared") && table.contains("\ntotal "))
    }

    @Test("the heap grows and shrinks, also of a process that has ended")
    func heap() throws {
        let daemon = try Daemon()
        let memgrow = try Memgrow("sbrk", "--size", "40KiB", "--count", "2", "--step", "--hold")
        let pid = memgrow.pid
        let follower = try daemon.attach(pid)
        let start = try clock()
        for _ in 0..<2 { _ = try memgrow.step() }
        let up = try changed(daemon, pid, since: start) {
            $0["kinds"]?["heap"]?["delta"]?.integerValue == 80 << 10
        }
        let grown = try #require(up["changes"]?.arrayValue?.first)
        #expect(grown["kind"] == "heap" && grown["delta"]?.integerValue == 80 << 10)
        let top = try clock()
        _ = try memgrow.step()
        _ = try changed(daemon, pid, since: top)
        memgrow.process.signal(SIGKILL)
        #expect(try memgrow.process.waitForExit() == .signal(SIGKILL))
        try follower.wait(for: "exit")
        let down = try #require(try diff(daemon, pid, top, "now")["changes"]?.arrayValue?.first)
        #expect(down["change"] == "shrank" && down["delta"]?.integerValue == -40 << 10)
    }

    @Test("times before the history, times the wrong way round, and strangers are refused")
    func refusals() async throws {
        let daemon = try Daemon()
        let memgrow = try Memgrow("sbrk", "--step", "--hold")
        let pid = "\(memgrow.pid)"
        let follower = try daemon.attach(memgrow.pid)
        _ = follower
        let early = try daemon.run("diff", pid, "--from", "-1d", "--to", "now")
        #expect(early.failed(66) && early.errors.contains("it was attached at"), "\(early.errors)")
        #expect(try daemon.run("diff", pid, "--from", "now", "--to", "-1s").failed(64))
        #expect(try daemon.run("diff", "4194304", "--from", "-1s", "--to", "now").failed(66))
        let client = try VarlinkClient.connect(path: daemon.socket)
        #expect {
            _ = try client.call(
                "org.memwatch.Monitor.Diff",
                ["pid": .integer(Int64(memgrow.pid)), "from": "now", "to": "-1s"])
        } throws: {
            ($0 as? VarlinkError)?.name == "org.memwatch.Monitor.InvalidTime"
        }
        client.close()
    }
}
