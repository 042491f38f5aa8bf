import TestSupport
import Testing
import Varlink

@Suite(
    "memwatchd is a good service of a real systemd", .requiresRoot, .requiresTool("systemd-nspawn"),
    .requiresMachine(), .timeLimit(.minutes(5)))
struct ServiceTests {
    @Test("systemd has nothing to say against the units")
    func verify() throws {
        let machine = try TestMachine()
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

    @Test("the first client starts the daemon through its socket")
    func socket() throws {
        let machine = try TestMachine()
        let none = try machine.attempt("memwatch", "status")
        #expect(none.exit == .status(69), "\(none.errors)")
        try machine.run("systemctl", "start", "memwatchd.socket")
        #expect(try machine.attempt("systemctl", "is-active", "memwatchd.service").output == "inactive\n")
        let status = try #require(try machine.records("status").first)
        #expect(status["pid"]?.integerValue == (try machine.mainPID(of: "memwatchd.service")))
        #expect(try machine.records("list").isEmpty)
        #expect(try machine.run("systemctl", "is-active", "memwatchd.service") == "active\n")
    }

    @Test("it starts when enabled, and stops, restarts and reloads as asked")
    func lifecycle() throws {
        let machine = try TestMachine()
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

    @Test("journalctl -x explains an entry from the catalogue")
    func catalogue() throws {
        let machine = try TestMachine()
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
}
