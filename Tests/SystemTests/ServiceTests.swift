import TestSupport
import Testing
import Varlink

@Suite(
    "memwatchd is a good service of a real systemd", .requiresRoot, .requiresTool("systemd-nspawn"),
    .requiresMachine(.bookworm), .requiresMachine(.trixie), .requiresPackage, .timeLimit(.minutes(5)))
struct ServiceTests {
    @Test("systemd has nothing to say against the units", arguments: DebianRelease.allCases)
    func verify(release: DebianRelease) throws {
        let machine = try TestMachine(release)
        // A manager of a user's units wants that user's runtime directory.
        try machine.run("mkdir", "-p", "/run/user/0")
        for manager in ["system", "user"] {
            for unit in ["memwatchd.service", "memwatchd.socket"] {
                let result = try machine.attempt(
                    "env", "XDG_RUNTIME_DIR=/run/user/0", "systemd-analyze", "verify", "--man=no",
                    "--" + manager, "/usr/lib/systemd/\(manager)/\(unit)")
                #expect(result.exit == .status(0))
                #expect(result.output + result.errors == "")
            }
        }
    }

    @Test(
        "doctor finds all of it, and without its socket unit says how to have it",
        arguments: DebianRelease.allCases)
    func doctor(release: DebianRelease) throws {
        let machine = try TestMachine(release)
        func checks() throws -> (exit: ChildProcess.Exit, states: [String: String], text: String) {
            let run = try machine.attempt("memwatch", "doctor", "--format", "ndjson")
            var states: [String: String] = [:]
            for line in run.output.split(separator: "\n") {
                let check = try JSON(parsing: String(line))
                states[try #require(check["check"]?.stringValue)] = check["state"]?.stringValue
            }
            return (run.exit, states, run.output)
        }
        let before = try checks()
        #expect(before.exit == .status(69) && before.states["daemon"] == "missing", "\(before.text)")
        #expect(before.states["unit"] == "degraded" && before.text.contains("systemctl enable"))
        try machine.run("systemctl", "enable", "--now", "memwatchd.service")
        let after = try checks()
        #expect(after.exit == .status(0), "\(after.text)")
        for check in [
            "daemon", "version", "ticks", "history", "disk", "unit", "journal", "daemon-events",
            "kernel-events",
        ] {
            #expect(after.states[check] == "ok", "\(check): \(after.text)")
        }
    }

    @Test("the first client starts the daemon through its socket", arguments: DebianRelease.allCases)
    func socket(release: DebianRelease) throws {
        let machine = try TestMachine(release)
        let none = try machine.attempt("memwatch", "status")
        #expect(none.exit == .status(69), "\(none.errors)")
        try machine.run("systemctl", "start", "memwatchd.socket")
        #expect(try machine.attempt("systemctl", "is-active", "memwatchd.service").output == "inactive\n")
        let status = try #require(try machine.records("status").first)
        #expect(status["pid"]?.integerValue == (try machine.mainPID(of: "memwatchd.service")))
        #expect(try machine.records("list").isEmpty)
        #expect(try machine.run("systemctl", "is-active", "memwatchd.service") == "active\n")
    }

    @Test(
        "it starts when enabled, and stops, restarts and reloads as asked", arguments: DebianRelease.allCases)
    func lifecycle(release: DebianRelease) throws {
        let machine = try TestMachine(release)
        try machine.run("systemctl", "enable", "--now", "memwatchd.service")
        #expect(try machine.run("systemctl", "is-enabled", "memwatchd.socket") == "enabled\n")
        let first = try machine.mainPID(of: "memwatchd.service")

        try machine.run("systemctl", "reload", "memwatchd.service")
        #expect(try machine.mainPID(of: "memwatchd.service") == first)
        try machine.write("[sampling]\ninterval = \"soon\"\n", to: "/etc/memwatch/memwatchd.toml")
        // systemd 252 cannot be told that a reload failed; the journal is.
        try machine.run("systemctl", "reload", "memwatchd.service")
        #expect(try machine.mainPID(of: "memwatchd.service") == first)
        #expect(try machine.attempt("memwatch", "status").exit == .status(0))
        let refusals = try machine.journal("MESSAGE_ID=\(Message.configurationRefused)")
        #expect(refusals.count == 1)
        #expect(refusals.first?["MESSAGE"]?.stringValue?.contains("memwatchd.toml:2") == true)
        try machine.write("", to: "/etc/memwatch/memwatchd.toml")

        try machine.run("systemctl", "restart", "memwatchd.service")
        #expect(try machine.mainPID(of: "memwatchd.service") != first)
        try machine.run("systemctl", "stop", "memwatchd.socket", "memwatchd.service")
        let properties = try machine.run(
            "systemctl", "show", "--property=Result,ExecMainStatus,ActiveState", "memwatchd.service")
        #expect(
            properties.split(separator: "\n").sorted() == [
                "ActiveState=inactive", "ExecMainStatus=0", "Result=success",
            ])
        #expect(try machine.attempt("memwatch", "status").exit == .status(69))
        // And nothing else went wrong.
        #expect(try machine.journal("PRIORITY=3").count + machine.journal("PRIORITY=4").count == 1)
    }

    @Test("journalctl -x explains an entry from the catalogue", arguments: DebianRelease.allCases)
    func catalogue(release: DebianRelease) throws {
        let machine = try TestMachine(release)
        try machine.startDaemon()
        try machine.addService("sleeper.service", "ExecStart=sleep 1000")
        try machine.run("systemctl", "start", "sleeper.service")
        let pid = try machine.mainPID(of: "sleeper.service")
        try machine.run("memwatch", "attach", "\(pid)")
        try machine.followEvents().wait(for: "attached")
        try machine.run("journalctl", "--sync")
        let text = try machine.run("journalctl", "-x", "MEMWATCH_PID=\(pid)")
        #expect(text.contains("Subject: Process \(pid) (sleep) is watched from now on"))
        #expect(text.contains("memwatch regions \(pid) --summary"))
    }

    @Test("a restart loses nothing of the history", arguments: DebianRelease.allCases)
    func history(release: DebianRelease) throws {
        let machine = try TestMachine(release)
        try machine.startDaemon()
        let grower = try Grower(on: machine)
        try machine.run("systemctl", "start", grower.unit)
        let pid = try machine.mainPID(of: grower.unit)
        try machine.run("memwatch", "attach", "\(pid)")
        var events = try machine.followEvents()
        try events.wait(for: "attached", of: pid)
        for _ in 0..<3 {
            try grower.step()
            try events.wait(for: "brk-grow", of: pid)
        }
        let seen = try machine.records("events", "\(pid)")
        #expect(seen.count == 4)
        let samples = try machine.records("history", "\(pid)")

        try machine.run("systemctl", "stop", "memwatchd.service")
        // Its socket is still there: the next client starts it.
        #expect(try machine.records("events", "\(pid)") == seen)
        #expect(try Array(machine.records("history", "\(pid)").prefix(samples.count)) == samples)
        try grower.step()
        events = try machine.followEvents()
        for _ in 0..<4 { try events.wait(for: "brk-grow", of: pid) }
    }

    @Test(
        "a daemon that is stopped is ended by the watchdog, and who asks is answered by the next",
        arguments: DebianRelease.allCases)
    func watchdog(release: DebianRelease) throws {
        let machine = try TestMachine(release)
        // The unit's half minute, in less.
        try machine.run("mkdir", "-p", "/etc/systemd/system/memwatchd.service.d")
        try machine.write(
            "[Service]\nWatchdogSec=5\n", to: "/etc/systemd/system/memwatchd.service.d/soon.conf")
        try machine.run("systemctl", "daemon-reload")
        try machine.startDaemon()
        try machine.addService("sleeper.service", "ExecStart=sleep 1000")
        try machine.run("systemctl", "start", "sleeper.service")
        try machine.run("memwatch", "attach", "--unit", "sleeper.service")
        try machine.followEvents().wait(for: "attached")
        let before = try machine.records("events")

        let stopped = try machine.mainPID(of: "memwatchd.service")
        // Each thread stops when it gets to it, and may take a connection before.
        try machine.run(
            "sh", "-c",
            """
            kill -STOP \(stopped)
            until [ -z "$(grep -L '^State:.*T (stopped)' /proc/\(stopped)/task/*/status)" ]; do :; done
            """)
        // The connection waits at the socket, which is systemd's. But systemd continues what it ends, and then the old
        // daemon may take the connection with its last breath: to that client it says that the daemon has gone.
        let waited = try machine.attempt("memwatch", "status")
        #expect(waited.exit == .status(0) || waited.exit == .status(69), "\(waited.errors)")
        let status = try #require(try machine.records("status").first)
        #expect(status["pid"]?.integerValue != stopped)
        #expect(status["pid"]?.integerValue == (try machine.mainPID(of: "memwatchd.service")))
        let restarts = try machine.run(
            "systemctl", "show", "--property=NRestarts", "--value", "memwatchd.service")
        #expect(restarts == "1\n")
        #expect(try machine.run("journalctl", "--unit=memwatchd.service").contains("Watchdog timeout"))
        #expect(try machine.records("events") == before)
    }

    @Test("two users see each their own processes; root and the group's members see all")
    func users() throws {
        let machine = try TestMachine()
        try machine.startDaemon()
        var pids: [String: Int64] = [:]
        for user in ["alice", "bob", "carol"] { try machine.run("useradd", user) }
        try machine.run("usermod", "--append", "--groups", "memwatch", "carol")
        func attempt(_ user: String, _ words: String...) throws -> TestMachine.Result {
            try machine.attempt(["runuser", "-u", user, "--", "memwatch"] + words)
        }
        func listed(_ user: String) throws -> Set<Int64> {
            let result = try attempt(user, "list", "--format", "ndjson")
            #expect(result.exit == .status(0), "\(result)")
            let targets = try result.output.split(separator: "\n").map { try JSON(parsing: String($0)) }
            return Set(targets.compactMap { $0["pid"]?.integerValue })
        }
        for user in ["alice", "bob"] {
            try machine.addService("\(user).service", "User=\(user)\nExecStart=sleep 1000")
            try machine.run("systemctl", "start", "\(user).service")
            let pid = try machine.mainPID(of: "\(user).service")
            #expect(try attempt(user, "attach", "\(pid)").exit == .status(0))
            try machine.followEvents().wait(for: "attached", of: pid)
            pids[user] = pid
        }
        for (user, other) in [("alice", "bob"), ("bob", "alice")] {
            let own = try #require(pids[user])
            let foreign = try #require(pids[other])
            #expect(try listed(user) == [own])
            for command in ["regions", "history", "events"] {
                #expect(try attempt(user, command, "\(own)").exit == .status(0))
                #expect(try attempt(user, command, "\(foreign)").exit == .status(77))
            }
            for command in ["attach", "detach"] {
                #expect(try attempt(user, command, "\(foreign)").exit == .status(77))
            }
        }
        #expect(try listed("carol") == Set(pids.values))
        #expect(try listed("root") == Set(pids.values))
        for pid in pids.values { #expect(try attempt("carol", "regions", "\(pid)").exit == .status(0)) }
    }
}
