import TestSupport
import Testing
import Varlink

@Suite(
    "An alert starts the unit that the administrator named", .requiresRoot, .requiresTool("systemd-nspawn"),
    .requiresMachine(), .requiresPackage, .timeLimit(.minutes(5)))
struct AlertUnitTests {
    private static let alerts = """
        [alerts]
        thresholds = ["heap > 1MiB"]
        on_alert = "memwatch-alert@.service"
        """

    @Test("as an instance with the alert and the pid, once, by a daemon that may start units")
    func starts() throws {
        let machine = try prepared()
        // root's daemon needs no leave of polkit's.
        try machine.run(
            "mkdir", "-p", "/etc/systemd/system/memwatchd.service.d")
        try machine.write(
            "[Service]\nUser=root\nGroup=root\n", to: "/etc/systemd/system/memwatchd.service.d/root.conf")
        try machine.run("systemctl", "daemon-reload")
        try machine.startDaemon()
        let pid = try grow(on: machine)
        // The unit says itself that it ran: its pipe is read until it has.
        #expect(try machine.run("timeout", "60", "cat", "/run/alert") == "threshold-\(pid)\n")
    }

    @Test("where systemd refuses it, the journal has the alert and why nothing was started")
    func refused() throws {
        let machine = try prepared()
        try machine.startDaemon()
        let pid = try grow(on: machine)
        // The bus is asked by a thread of its own, whose complaint comes when the manager has answered.
        var entries: [JSON] = []
        for _ in 0..<100 where entries.isEmpty {
            entries = try machine.journal("MESSAGE_ID=\(Message.alertUnitFailed)")
        }
        #expect(entries.count == 1)
        #expect(
            entries.first?["MESSAGE"]?.stringValue?.hasPrefix(
                "memwatch-alert@threshold-\(pid).service is not started: ") == true, "\(entries)")
        #expect(try machine.journal("MEMWATCH_EVENT=threshold", "MEMWATCH_ALERT=fired").count == 1)
    }

    private func prepared() throws -> TestMachine {
        let machine = try TestMachine()
        try machine.run("mkfifo", "-m", "666", "/run/alert")
        try machine.addService(
            "memwatch-alert@.service", "Type=oneshot\nExecStart=/bin/sh -c 'echo %i >/run/alert'")
        try machine.run("mkdir", "-p", "/etc/memwatch/conf.d")
        try machine.write(Self.alerts, to: "/etc/memwatch/conf.d/alerts.toml")
        return machine
    }

    /// Has a service grow past the threshold, and returns its pid when the alert was told.
    private func grow(on machine: TestMachine) throws -> Int64 {
        let grower = try Grower(on: machine)
        try machine.run("systemctl", "start", grower.unit)
        let pid = try machine.mainPID(of: grower.unit)
        try machine.run("memwatch", "attach", "\(pid)", "--interval", "100ms")
        let events = try machine.followEvents()
        try events.wait(for: "attached", of: pid)
        for _ in 0..<6 { try grower.step() }
        try events.wait(for: "threshold", of: pid)
        return pid
    }
}
