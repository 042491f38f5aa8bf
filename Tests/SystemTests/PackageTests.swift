import TestSupport
import Testing
import Varlink

@Suite(
    "The Debian package is installed, upgraded and purged without a trace", .requiresRoot,
    .requiresTool("systemd-nspawn"), .requiresMachine(.bookworm), .requiresMachine(.trixie), .requiresPackage,
    .timeLimit(.minutes(5)))
struct PackageTests {
    @Test("after apt install it runs, will run again, and answers", arguments: DebianRelease.allCases)
    func installs(release: DebianRelease) throws {
        let machine = try TestMachine(bare: release)
        #expect(try machine.attempt("memwatch", "status").exit != .status(0))
        try machine.aptInstall(.built())
        for unit in ["memwatchd.service", "memwatchd.socket"] {
            #expect(try machine.run("systemctl", "is-enabled", unit) == "enabled\n")
            #expect(try machine.run("systemctl", "is-active", unit) == "active\n")
        }
        let status = try #require(try machine.records("status").first)
        #expect(status["pid"]?.integerValue == (try machine.mainPID(of: "memwatchd.service")))
        #expect(status["version"]?.stringValue == (try DebianPackage.built().field("Version")))

        #expect(try machine.run("getent", "group", "memwatch").hasPrefix("memwatch:"))
        #expect(try machine.run("journalctl", "--list-catalog").contains(Message.postMortem))
        // Nothing is missing, and no file is another than the package brought.
        #expect(try machine.run("dpkg", "--verify", "memwatch") == "")
        #expect(try machine.run("systemctl", "--failed", "--plain", "--no-legend") == "")
        #expect(
            try machine.attempt("systemctl", "--global", "is-enabled", "memwatchd.service").exit != .status(0)
        )
        // What it says of trouble would be read there.
        #expect(try machine.journal("PRIORITY=3").isEmpty)
    }

    @Test("removed, it leaves configuration and history; purged, nothing", arguments: DebianRelease.allCases)
    func purge(release: DebianRelease) throws {
        let machine = try TestMachine(bare: release)
        let before = try files(on: machine)
        try machine.aptInstall(.built())
        try machine.startDaemon()
        try machine.addService("sleeper.service", "ExecStart=sleep 1000")
        try machine.run("systemctl", "start", "sleeper.service")
        try machine.run("memwatch", "attach", "--unit", "sleeper.service")
        try machine.followEvents().wait(for: "attached")

        try machine.apt("remove", "memwatch")
        #expect(try machine.attempt("systemctl", "is-active", "memwatchd.service").output == "inactive\n")
        #expect(try machine.attempt("systemctl", "is-active", "memwatchd.socket").output == "inactive\n")
        try machine.run("test", "-s", "/var/lib/memwatch/history.sqlite")
        try machine.run("test", "-s", "/etc/memwatch/conf.d/test.toml")
        try machine.run("test", "-s", "/etc/memwatch/memwatchd.toml")

        try machine.apt("purge", "memwatch")
        try machine.run("systemctl", "stop", "sleeper.service")
        try machine.run("rm", "/etc/systemd/system/sleeper.service")
        let after = try files(on: machine)
        #expect(after.subtracting(before).sorted() == [])
        #expect(before.subtracting(after).sorted() == [])
        #expect(try !machine.run("journalctl", "--list-catalog").contains(Message.postMortem))
        #expect(try !machine.run("systemctl", "list-unit-files").contains("memwatch"))
    }

    /// Every path but those of records of what was installed and said, and of what is gone at the next boot.
    private func files(on machine: TestMachine) throws -> Set<Substring> {
        let listing = try machine.run(
            "sh", "-c",
            """
            find / -xdev -not -path '/var/log/*' -not -path '/var/cache/*' -not -path '/var/lib/dpkg/*-old' \
                -not -path '/var/lib/apt/*' -not -path '/tmp/*' -not -path '/var/tmp/*' -not -path '/root/*' -not -path '/etc/*-'
            find /run/memwatch 2>/dev/null || true
            """)
        return Set(listing.split(separator: "\n"))
    }

    @Test(
        "an upgrade restarts the daemon, which goes on watching what it watched",
        arguments: DebianRelease.allCases)
    func upgrade(release: DebianRelease) throws {
        let machine = try TestMachine(bare: release)
        try machine.aptInstall(DebianPackage.built().older())
        // What the administrator wrote stays as it is.
        try machine.write("[sampling]\ninterval = \"200ms\"\n", to: "/etc/memwatch/memwatchd.toml")
        try machine.run("systemctl", "restart", "memwatchd.service")
        let grower = try Grower(on: machine)
        try machine.run("systemctl", "start", grower.unit)
        let pid = try machine.mainPID(of: grower.unit)
        try machine.run("memwatch", "attach", "--unit", grower.unit)
        var events = try machine.followEvents()
        try events.wait(for: "attached", of: pid)
        try grower.step()
        let first = try events.wait(for: "brk-grow", of: pid)
        let before = try machine.mainPID(of: "memwatchd.service")

        try machine.aptInstall(.built())
        #expect(try machine.mainPID(of: "memwatchd.service") != before)
        for unit in ["memwatchd.service", "memwatchd.socket"] {
            #expect(try machine.run("systemctl", "is-active", unit) == "active\n")
        }
        #expect(
            try machine.run("cat", "/etc/memwatch/memwatchd.toml") == "[sampling]\ninterval = \"200ms\"\n")
        try grower.step()
        events = try machine.followEvents()
        #expect(try events.wait(for: "brk-grow", of: pid) == first)
        #expect(try events.wait(for: "brk-grow", of: pid)["delta"]?.integerValue == Grower.stepBytes)
    }

    @Test(
        "an upgrade over a history of the first schema migrates it, root's as it was",
        .requiresTool("sqlite3"), arguments: DebianRelease.allCases)
    func migration(release: DebianRelease) throws {
        let directory = try TemporaryDirectory()
        let machine = try TestMachine(bare: release)
        try machine.aptInstall(DebianPackage.built().older())
        try machine.run("systemctl", "stop", "memwatchd.service", "memwatchd.socket")
        try machine.run("rm", "-rf", "/var/lib/memwatch")
        try machine.run("install", "-d", "-m", "700", "/var/lib/memwatch")
        let database = directory.path + "/history.sqlite"
        try FirstSchema.write(to: database)
        try machine.copy(database, to: "/var/lib/memwatch/history.sqlite")
        try machine.run("chown", "-R", "root:root", "/var/lib/memwatch")
        try machine.run("chmod", "600", "/var/lib/memwatch/history.sqlite")
        // It is of November 2026.
        try machine.write(
            "[history]\nmaximum_age = \"3650d\"\nraw_age = \"3650d\"\nminute_age = \"3650d\"\n",
            to: "/etc/memwatch/conf.d/long.toml")

        try machine.aptInstall(.built())
        #expect(try machine.run("systemctl", "is-active", "memwatchd.service") == "active\n")
        let events = try machine.records("events", "\(FirstSchema.pid)").compactMap {
            $0["event"]?.stringValue
        }
        #expect(events == FirstSchema.events)
        #expect(try machine.records("history", "\(FirstSchema.pid)").count == FirstSchema.samples)
        #expect(
            try machine.run("journalctl", "--unit=memwatchd.service").contains("schema was brought from"))
        // And it takes what is new.
        try machine.run("memwatch", "attach", "1")
        try machine.followEvents().wait(for: "attached", of: 1)
    }
}

/// A history as the first schema had it (Tests/HistoryTests/Fixtures).
private enum FirstSchema {
    static let pid = 3768
    /// The process is gone, which the daemon notes when it starts.
    static let events = ["attached", "brk-grow", "brk-shrink", "brk-shrink", "exit"]
    static let samples = 4

    static func write(to path: String) throws {
        let fixture = DebianRelease.checkout + "/Tests/HistoryTests/Fixtures/schema-1.sql"
        // application_id: "memw". Databases are told from foreign ones by it.
        let text =
            "PRAGMA page_size = 4096; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA application_id = \(0x6d65_6d77);\n"
            + (try readText(fixture))
        let sqlite = try ChildProcess("sqlite3", ["-batch", path])
        try sqlite.send(text)
        sqlite.closeInput()
        let output = try sqlite.remainingOutput()
        guard try sqlite.waitForExit() == .status(0) else {
            throw TestFailure("sqlite3: \(sqlite.errorText())\(output)")
        }
    }
}
