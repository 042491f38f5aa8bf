import Glibc
import TestSupport
import Testing
import Varlink

@Suite("What the configuration says", .timeLimit(.minutes(5)))
struct ConfigurationTests {
    /// A copy of memgrow under a name that no other process has.
    private func renamed(_ name: String, in directory: TemporaryDirectory) throws -> String {
        try run("cp", [try builtProduct("memgrow"), directory.file(name)])
        return directory.file(name)
    }

    private func sleeping(_ executable: String) throws -> Memgrow {
        try Memgrow("sbrk", "--step", executable: executable)
    }

    /// The pids of a list in order.
    private func pids(_ records: [JSON]) -> [Int64] {
        records.compactMap { $0["pid"]?.integerValue }.sorted()
    }

    @Test("[[target]] by pid, by name and by program adopts what is there and what comes")
    func targets() throws {
        let directory = try TemporaryDirectory()
        let tag = "e\(getpid())"
        let byName = try sleeping(try renamed("\(tag)-name", in: directory))
        let byPID = try sleeping(try renamed("\(tag)-pid", in: directory))
        _ = try renamed("\(tag)-prog", in: directory)
        let daemon = try Daemon(
            Daemon.quiet + """
                [sampling]
                interval = "100ms"
                [[target]]
                comm = "\(tag)-na*"
                interval = "200ms"
                [[target]]
                exe = "\(directory.path)/*-prog"
                [[target]]
                pid = \(byPID.pid)
                """)
        #expect(pids(try daemon.records("list")) == [Int64(byName.pid), Int64(byPID.pid)].sorted())
        let named = try daemon.records("list").first { $0["pid"]?.integerValue == Int64(byName.pid) }
        #expect(
            named?["rule"]?.stringValue == "comm:\(tag)-na*" && named?["interval"]?.stringValue == "200ms")
        let late = try sleeping(directory.file("\(tag)-prog"))
        let follower = try daemon.follow()
        let attached = try follower.wait { $0.contains { $0.pid == Int64(late.pid) } }
        #expect(attached.last?.type == "attached")
        let rules = try daemon.records("list", "--rules")
        #expect(
            Set(rules.compactMap { $0["rule"]?.stringValue })
                == ["comm:\(tag)-na*", "exe:\(directory.path)/*-prog", "pid:\(byPID.pid)"])
        #expect(rules.allSatisfy { $0["targets"]?.integerValue == 1 })
        try daemon.stop()
    }

    @Test("SIGHUP puts a good file in force; a bad one is said by line and column, and the old one stays")
    func reload() throws {
        let directory = try TemporaryDirectory()
        let name = "e\(getpid())-hup"
        let memgrow = try sleeping(try renamed(name, in: directory))
        let daemon = try Daemon()
        #expect(try daemon.records("list").isEmpty)
        let rule = "\n[[target]]\ncomm = \"\(name)\"\ninterval = \"250ms\"\n"
        try daemon.reload(Daemon.quiet + rule)
        #expect(pids(try daemon.records("list")) == [Int64(memgrow.pid)])

        try daemon.reload(Daemon.quiet + "[sampling]\nintervall = \"1s\"\n")
        #expect(pids(try daemon.records("list")) == [Int64(memgrow.pid)])
        #expect(daemon.process.errorText().contains("\(daemon.configurationFile):4:1: "))

        // A rule that is gone takes its targets with it; what clients attached stays.
        let other = try sleeping(try builtProduct("memgrow"))
        _ = try daemon.output("attach", "\(other.pid)")
        try daemon.reload(Daemon.quiet)
        #expect(pids(try daemon.records("list")) == [Int64(other.pid)])
        try daemon.stop()
    }

    @Test("a rule that is gone after a restart detaches; its process has not exited")
    func ruleGone() throws {
        let directory = try TemporaryDirectory()
        let name = "e\(getpid())-gone"
        let memgrow = try sleeping(try renamed(name, in: directory))
        let daemon = try Daemon(Daemon.quiet + "[[target]]\ncomm = \"\(name)\"\n")
        try daemon.follow().wait(for: "attached")
        try daemon.stop()
        try daemon.directory.write(Daemon.quiet, to: "memwatchd.toml")
        try daemon.startAgain()
        let events = try daemon.records("events", "\(memgrow.pid)").map { $0["event"]?.stringValue }
        #expect(events == ["attached", "detached"])
        #expect(try daemon.records("list").isEmpty)
        #expect(try daemon.records("list", "--all").first?["state"]?.stringValue == "running")
        try daemon.stop()
    }

    @Test("a rule that a client attached survives a restart, until it is detached")
    func clientRule() throws {
        let directory = try TemporaryDirectory()
        let name = "e\(getpid())-rule"
        let memgrow = try sleeping(try renamed(name, in: directory))
        let daemon = try Daemon()
        _ = try daemon.output("attach", "--comm", name)
        #expect(pids(try daemon.records("list")) == [Int64(memgrow.pid)])
        try daemon.stop()
        try daemon.startAgain()
        #expect(pids(try daemon.records("list")) == [Int64(memgrow.pid)])
        #expect(try daemon.records("list", "--rules").first?["origin"]?.stringValue == "client")
        _ = try daemon.output("detach", "--rule", "comm:\(name)")
        #expect(try daemon.records("list").isEmpty && daemon.records("list", "--rules").isEmpty)
        try daemon.stop()
    }

    @Test(
        "a file with a mistake stops the start, by line and column",
        arguments: [
            ("[sampling]\ninterval = \"1s\"\nspeed = 3\n", ":3:1: "),
            ("[sampling]\ninterval = 5\n", ":2:12: "),
            ("[sampling\n", ":1:"), ("[smapling]\n", ":1:2: "), ("[[target]]\npid = \"x\"\n", ":2:7: "),
        ])
    func mistakes(text: String, position: String) throws {
        let directory = try TemporaryDirectory()
        mkdir(directory.file("state"), 0o700)
        try directory.write(text, to: "memwatchd.toml")
        let child = try Daemon.start(in: directory)
        #expect(try child.waitForExit() == .status(78))
        let errors = child.errorText()
        #expect(errors.contains(directory.file("memwatchd.toml") + position), "\(errors)")
        #expect(errors.split(separator: "\n").count == 1)
        #expect(access(directory.file("socket"), F_OK) != 0)
        let check = try ChildProcess(
            try builtProduct("memwatchd"), ["--config", directory.file("memwatchd.toml"), "--check-config"])
        #expect(try check.waitForExit() == .status(78))
        #expect(check.errorText() == errors)
    }

    @Test("the shipped configuration is good, and is the default")
    func shipped() throws {
        let root = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()
        let check = try ChildProcess(
            try builtProduct("memwatchd"), ["--config", root + "/config/memwatchd.toml", "--check-config"])
        #expect(try check.waitForExit() == .status(0))
        #expect(check.errorText().isEmpty)
    }
}
