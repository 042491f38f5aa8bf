import Glibc
import TestSupport
import Testing
import Varlink

@Suite("Who sees what", .requiresRoot, .requiresTool("setpriv"), .timeLimit(.minutes(5)))
struct AccessTests {
    @Test("two users of one root daemon see each their own, root sees all")
    func users() throws {
        let daemon = try Daemon()
        let strangers = try Strangers()
        func memgrow(_ uid: UInt32) throws -> Memgrow {
            try Memgrow(
                "sbrk", "--step", "--hold", "--keep", executable: strangers.memgrow,
                through: Strangers.setpriv(uid))
        }
        let processes = [
            Strangers.one: try memgrow(Strangers.one), Strangers.other: try memgrow(Strangers.other),
        ]
        for (uid, process) in processes {
            let run = try strangers.run(
                uid, "attach", "\(process.pid)", "--interval", "100ms", socket: daemon.socket)
            #expect(run.exit == .status(0), "\(run)")
        }
        // A process of root's, and what it does, is nobody else's business.
        let roots = try Memgrow("sbrk", "--step")
        _ = try daemon.attach(roots.pid)
        for process in processes.values {
            _ = try process.step()
            try daemon.follow(process.pid).wait(for: "brk-grow")
        }

        for (uid, own) in processes {
            func ask(_ arguments: String...) throws -> ClientRun {
                try Client.run(
                    arguments, socket: daemon.socket, client: strangers.client,
                    through: Strangers.setpriv(uid))
            }
            func pids(_ arguments: String...) throws -> Set<Int64> {
                let run = try Client.run(
                    arguments + ["--format", "json"], socket: daemon.socket, client: strangers.client,
                    through: Strangers.setpriv(uid))
                let records = try #require(try JSON(parsing: run.output).arrayValue, "\(run)")
                return Set(records.compactMap { $0["pid"]?.integerValue })
            }
            let mine = Set([Int64(own.pid)])
            #expect(try pids("list") == mine && pids("list", "--all") == mine)
            #expect(try pids("events") == mine && pids("history", "\(own.pid)") == mine)
            #expect(try ask("regions", "\(own.pid)", "--at", "now").exit == .status(0))
            #expect(try ask("status").exit == .status(0))
            let foreign = processes.filter { $0.key != uid }.map(\.value.pid) + [roots.pid]
            for pid in foreign {
                for command in ["attach", "regions", "history", "events", "detach"] {
                    let run = try ask(command, "\(pid)")
                    #expect(run.failed(77), "\(command) as \(uid): \(run)")
                }
                #expect(try ask("regions", "\(pid)", "--at", "now").failed(77))
            }
            #expect(try ask("attach", "--comm", "*").failed(77))
        }
        let all = Set(processes.values.map { Int64($0.pid) } + [Int64(roots.pid)])
        #expect(Set(try daemon.records("list").compactMap { $0["pid"]?.integerValue }) == all)
        #expect(Set(try daemon.records("events").compactMap { $0["pid"]?.integerValue }) == all)

        // detach --all ends what is one's own.
        let run = try strangers.run(Strangers.one, "detach", "--all", socket: daemon.socket)
        #expect(run.exit == .status(0))
        #expect(try daemon.records("list").count == 2)
        try daemon.stop()
    }

    @Test("the history of a dead process is still only its user's")
    func dead() throws {
        let daemon = try Daemon()
        let strangers = try Strangers()
        let memgrow = try Memgrow(
            "sbrk", "--step", "--hold", executable: strangers.memgrow,
            through: Strangers.setpriv(Strangers.one))
        let follower = try daemon.attach(memgrow.pid)
        memgrow.process.signal(SIGKILL)
        try memgrow.process.waitForExit()
        try follower.wait(for: "exit")
        for command in ["history", "events"] {
            let own = try strangers.run(Strangers.one, command, "\(memgrow.pid)", socket: daemon.socket)
            #expect(own.exit == .status(0), "\(own)")
            let other = try strangers.run(Strangers.other, command, "\(memgrow.pid)", socket: daemon.socket)
            #expect(other.failed(77), "\(other)")
        }
        try daemon.stop()
    }

    @Test("an ordinary user's own daemon takes that user's directories and watches that user's processes")
    func usersDaemon() throws {
        let strangers = try Strangers()
        let home = try TemporaryDirectory()
        try run("cp", [try builtProduct("memwatchd"), home.file("memwatchd")])
        let notifications = try NotifySocket(home.file("notify"))
        for name in ["run", "state", "config"] { mkdir(home.file(name), 0o700) }
        for name in ["", "run", "state", "config"] { chown(home.file(name), Strangers.one, Strangers.one) }
        let variables: [String: String?] = [
            "XDG_RUNTIME_DIR": home.file("run"), "XDG_STATE_HOME": home.file("state"),
            "XDG_CONFIG_HOME": home.file("config"), "HOME": home.path, "MEMWATCH_SOCKET": nil,
            "NOTIFY_SOCKET": home.file("notify"),
        ]
        func start(_ program: String, _ arguments: String...) throws -> ChildProcess {
            let words = Strangers.setpriv(Strangers.one) + [program] + arguments
            return try ChildProcess(words[0], Array(words.dropFirst()), environment: variables)
        }
        func pids(_ run: ClientRun) throws -> [Int64] {
            let records = try #require(try JSON(parsing: run.output).arrayValue, "\(run)")
            return records.compactMap { $0["pid"]?.integerValue }
        }
        let daemon = try start(home.file("memwatchd"))
        try notifications.wait(for: "READY=1", from: daemon)
        var status = stat()
        #expect(stat(home.file("state/memwatch/history.sqlite"), &status) == 0)
        #expect(status.st_mode & 0o777 == 0o600 && status.st_uid == Strangers.one)

        // Without being told where: the user's own daemon is found first.
        let memgrow = try Memgrow(
            "sbrk", "--step", executable: strangers.memgrow, through: Strangers.setpriv(Strangers.one))
        let attached = try Client.finish(try start(strangers.client, "attach", "\(memgrow.pid)"))
        #expect(attached.exit == .status(0), "\(attached)")
        let list = try Client.finish(try start(strangers.client, "list", "--format", "json"))
        #expect(try pids(list) == [Int64(memgrow.pid)])
        let roots = try Memgrow("sbrk", "--step")
        #expect(try Client.finish(try start(strangers.client, "attach", "\(roots.pid)")).failed(77))

        // A rule finds what is the user's, and nobody else's.
        _ = try Client.finish(try start(strangers.client, "detach", "--all"))
        let rule = try Client.finish(try start(strangers.client, "attach", "--comm", "memgrow"))
        #expect(rule.exit == .status(0), "\(rule)")
        let adopted = try Client.finish(try start(strangers.client, "list", "--format", "json"))
        #expect(try pids(adopted).contains(Int64(memgrow.pid)) && !pids(adopted).contains(Int64(roots.pid)))
        let rules = try Client.finish(try start(strangers.client, "list", "--rules", "--format", "json"))
        #expect(try JSON(parsing: rules.output).arrayValue?.count == 1)
        daemon.signal(SIGTERM)
        #expect(try daemon.waitForExit() == .status(0), "\(daemon.errorText())")
    }

    @Test("the overflow user sees nothing, not even its own")
    func overflow() throws {
        let daemon = try Daemon()
        let strangers = try Strangers()
        let memgrow = try Memgrow(
            "sbrk", "--step", executable: strangers.memgrow, through: Strangers.setpriv(65_534))
        let run = try strangers.run(65_534, "attach", "\(memgrow.pid)", socket: daemon.socket)
        #expect(run.failed(77), "\(run)")
        try daemon.stop()
    }
}
