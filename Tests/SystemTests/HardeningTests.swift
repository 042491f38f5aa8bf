import TestSupport
import Testing
import Varlink

@Suite(
    "memwatchd holds little, and is held to it", .requiresRoot, .requiresTool("systemd-nspawn"),
    .requiresTool("cc"), .requiresMachine(), .timeLimit(.minutes(5)))
struct HardeningTests {
    private let unitFile = "/usr/lib/systemd/system/memwatchd.service"
    /// What a manager makes of the unit, and what scores it, differs from release to release.
    private static let releases = ["bookworm", "trixie"].compactMap(DebianRelease.init(rawValue:)).filter(
        \.isPrepared)

    @Test("systemd-analyze security gives the service at most 2.0", arguments: releases)
    func score(release: DebianRelease) throws {
        let machine = try TestMachine(release)
        for arguments in [["--offline=true", unitFile], ["memwatchd.service"]] {
            // The threshold is in tenths; above it the exit status is not 0.
            let text = try machine.run(
                ["systemd-analyze", "security", "--no-pager", "--threshold=20"] + arguments)
            #expect(text.contains("Overall exposure level for memwatchd.service: "), "\(text)")
        }
        // The watchdog's time is there while the daemon is.
        try machine.startDaemon()
        let limits = try machine.run(
            "systemctl", "show", "--property=MemoryMax,TasksMax,OOMScoreAdjust,WatchdogUSec",
            "memwatchd.service")
        #expect(
            limits.split(separator: "\n").sorted() == [
                "MemoryMax=536870912", "OOMScoreAdjust=-500", "TasksMax=768", "WatchdogUSec=30s",
            ])
    }

    @Test(
        "every thread of the daemon holds what status says, another user's id, and no way back",
        arguments: releases)
    func threads(release: DebianRelease) throws {
        let machine = try TestMachine(release)
        let other = try OtherUser(on: machine)
        let isEnough = try other.opensMaps(with: "perfmon")
        try machine.run("mkdir", "-p", "/etc/memwatch/conf.d")
        try machine.write("[[target]]\nexe = \"/usr/bin/none\"\n", to: "/etc/memwatch/conf.d/rule.toml")
        try machine.startDaemon()
        let warnings = try machine.journal("PRIORITY=4").compactMap { $0["MESSAGE"]?.stringValue }
        #expect(warnings.contains { $0.contains("a rule by exe adopts no other user's") } == isEnough)
        let status = try #require(try machine.records("status").first)
        let expected = ["CAP_PERFMON"] + (isEnough ? [] : ["CAP_DAC_READ_SEARCH", "CAP_SYS_PTRACE"])
        let names = status["capabilities"]?.arrayValue?.compactMap(\.stringValue) ?? []
        #expect(Set(names) == Set(expected))
        let reason = status["capabilities_reason"]?.stringValue ?? ""
        #expect(reason.contains(isEnough ? "given up" : "is kept because"), "\(reason)")
        #expect(try machine.run("memwatch", "status").contains(names.joined(separator: " ") + ": " + reason))

        let held = isEnough ? "0000004000000000" : "0000004000080004"
        let uid = try machine.run("id", "-u", "memwatch").prefix { $0 != "\n" }
        #expect(status["uid"]?.integerValue == Int64(uid))
        let threads = try Self.threads(of: try machine.mainPID(of: "memwatchd.service"), on: machine)
        #expect(threads.count > 5)
        let expectedLines = [
            "Uid:": String(uid), "CapPrm:": held, "CapEff:": held, "CapInh:": "0000000000000000",
            "CapAmb:": "0000000000000000", "CapBnd:": "0000004000080004", "NoNewPrivs:": "1", "Seccomp:": "2",
        ]
        for (line, word) in expectedLines {
            #expect(threads.allSatisfy { $0[line] == word }, "\(line) \(threads.map { $0[line] ?? "" })")
        }
    }

    /// The first word of each line of each thread's status.
    private static func threads(of pid: Int64, on machine: TestMachine) throws -> [[String: String]] {
        let text = try machine.run("sh", "-c", "for t in /proc/\(pid)/task/*; do cat $t/status; done")
        var threads: [[String: String]] = []
        for line in text.split(separator: "\n") {
            let words = line.split(whereSeparator: \.isWhitespace)
            guard words.count > 1 else { continue }
            if words[0] == "Name:" { threads.append([:]) }
            threads[threads.count - 1][String(words[0])] = String(words[1])
        }
        return threads
    }

    private static func told(_ region: JSON) -> ToldRegion {
        let text = { (field: String) in region[field]?.stringValue }
        return ToldRegion(
            start: text("start"), end: text("end"), permissions: text("perms"), kind: text("kind"),
            path: text("path"))
    }

    @Test("with what it keeps, another user's process is followed by the kernel's records, all kinds right")
    func otherUser() throws {
        let machine = try TestMachine()
        let other = try OtherUser(on: machine)
        try machine.startDaemon(interval: "1h")
        try machine.run("memwatch", "attach", "--unit", OtherUser.unit)
        let events = try machine.followEvents()
        try events.wait(for: "attached", of: other.pid)
        let target = try #require(try machine.records("list").first)
        #expect(target["uid"]?.integerValue == other.uid && target["state"]?.stringValue == "running")
        if KernelRecords.areThere { #expect(target["event_source"]?.stringValue == "perf") }
        // Unknown is null.
        let isEnough = try other.opensMaps(with: "perfmon")
        if isEnough { #expect(target["exe"] == .null) }

        // As root the client reads /proc itself, with every capability.
        let truth = try machine.records("regions", "\(other.pid)").map(Self.told)
        let told = try machine.records("regions", "\(other.pid)", "--at", "now").map(Self.told)
        #expect(told == (isEnough ? truth.withoutHeaders : truth))
        #expect(Set(truth.map(\.kind)).isSuperset(of: ["text", "rodata", "data", "bss", "heap", "stack"]))
    }

    @Test(
        "a filter denies what reads other processes' memory; perf events and Unix sockets are allowed",
        arguments: releases)
    func filter(release: DebianRelease) throws {
        let machine = try TestMachine(release)
        _ = try Insider(on: machine)
        try machine.run("mkdir", "/home/insider")
        let free = Insider.answers(try machine.run(Insider.path, "calls"))
        #expect(free.values.allSatisfy { $0 == "ok" }, "without a sandbox: \(free)")

        // The service's own sandbox around another program.
        let own = [
            "ExecStart", "ExecReload", "Type", "NotifyAccess", "Requires", "After", "WatchdogSec", "Restart",
        ]
        let unit = try machine.run("cat", unitFile).split(separator: "\n").filter { line in
            !own.contains { line.hasPrefix($0 + "=") }
        }
        let text = unit.joined(separator: "\n").replacing(
            "[Service]", with: "[Service]\nType=oneshot\nExecStart=\(Insider.path) calls")
        try machine.write(text, to: "/etc/systemd/system/sandboxed.service")
        try machine.run("systemctl", "daemon-reload")
        try machine.run("systemctl", "start", "sandboxed.service")
        try machine.run("journalctl", "--sync")
        let held = Insider.answers(try machine.run("journalctl", "-u", "sandboxed.service", "-o", "cat"))
        for call in [
            "process_vm_readv", "process_vm_writev", "ptrace", "pidfd_getfd", "unshare",
        ] {
            #expect(held[call] == "EPERM", "\(call)")
        }
        for family in ["AF_INET", "AF_INET6", "AF_NETLINK"] { #expect(held[family] == "EAFNOSUPPORT") }
        for call in ["AF_UNIX", "pidfd_open"] + (KernelRecords.areThere ? ["perf_event_open"] : []) {
            #expect(held[call] == "ok", "\(call)")
        }
        // With which errno is the manager's choice.
        for door in ["writable-code", "home", "etc"] { #expect(held[door] != "ok" && held[door] != nil) }
    }

    @Test("with the drop-in for full answers nothing is left out, of images under /home and /tmp either")
    func fullAnswers() throws {
        let machine = try TestMachine()
        let other = try OtherUser(on: machine)
        // No image at all, and only its header tells.
        let files = ["/home/other/notes", "/tmp/notes"]
        try machine.run("install", "-d", "-o", "other", "-m", "700", "/home/other")
        _ = try Insider(on: machine)
        var holders: [Int64] = []
        for (number, file) in files.enumerated() {
            try machine.write(String(repeating: "no program. ", count: 500), to: file)
            try machine.run("mkfifo", "/run/holder\(number)")
            try machine.run("chown", "other", "/run/holder\(number)")
            try machine.addService(
                "holder\(number).service",
                """
                User=other
                ExecStart=/bin/sh -c 'exec \(Insider.path) hold \(file) 1<>/run/holder\(number)'
                """)
            try machine.run("systemctl", "start", "holder\(number).service")
            #expect(try machine.run("head", "--lines=1", "/run/holder\(number)") == "held\n")
            holders.append(try machine.mainPID(of: "holder\(number).service"))
        }
        try machine.useDropIn("10-full-answers.conf")
        try machine.startDaemon()
        let status = try #require(try machine.records("status").first)
        let names = status["capabilities"]?.arrayValue?.compactMap(\.stringValue)
        #expect(
            names == ["CAP_DAC_READ_SEARCH", "CAP_SYS_PTRACE", "CAP_PERFMON", "CAP_CHECKPOINT_RESTORE"])

        let events = try machine.followEvents()
        for (holder, file) in zip(holders, files) {
            try machine.run("memwatch", "attach", "\(holder)")
            try events.wait(for: "attached", of: holder)
            let regions = try machine.records("regions", "\(holder)", "--at", "now")
            let mapped = regions.filter { $0["path"]?.stringValue == file }
            #expect(mapped.compactMap { $0["kind"]?.stringValue } == ["file"])
        }
        try machine.run("memwatch", "attach", "\(other.pid)")
        try events.wait(for: "attached", of: other.pid)
        for target in try machine.records("list") {
            let path = target["comm"]?.stringValue == "memgrow" ? "bin/memgrow" : Insider.path
            #expect(target["exe"]?.stringValue?.hasSuffix(path) == true)
        }
        let first = try machine.records("history", "\(other.pid)").first
        #expect(first?["program_break"]?.stringValue != nil)
    }

    @Test("where /proc hides processes, which CAP_PERFMON does not pass, the daemon keeps ptrace access")
    func hidden() throws {
        let machine = try TestMachine()
        let other = try OtherUser(on: machine)
        try machine.run("mkdir", "-p", "/etc/systemd/system/memwatchd.service.d")
        try machine.write(
            "[Service]\nProtectProc=invisible\n", to: "/etc/systemd/system/memwatchd.service.d/hide.conf")
        try machine.run("systemctl", "daemon-reload")
        try machine.startDaemon()
        let status = try #require(try machine.records("status").first)
        #expect(status["capabilities_reason"]?.stringValue?.contains("hidepid") == true)
        try machine.run("memwatch", "attach", "\(other.pid)")
        try machine.followEvents().wait(for: "attached", of: other.pid)
    }

    @Test("the drop-in for metrics brings IP and nothing else")
    func metrics() throws {
        let machine = try TestMachine()
        func properties() throws -> Set<Substring> {
            let text = try machine.run("systemctl", "show", "memwatchd.service")
            return Set(
                text.split(separator: "\n").filter {
                    $0.hasPrefix("Restrict") || $0.hasPrefix("Private") || $0.hasPrefix("IPAddress")
                        || $0.hasPrefix("Capability") || $0.hasPrefix("SystemCall")
                })
        }
        let before = try properties()
        try machine.useDropIn("20-metrics.conf")
        let changed = try properties().subtracting(before).map { $0.prefix { $0 != "=" } }
        #expect(Set(changed) == ["PrivateNetwork", "RestrictAddressFamilies", "IPAddressAllow"])
        try machine.startDaemon()
        #expect(try machine.attempt("memwatch", "status").exit == .status(0))
    }
}

/// A service of an ordinary user's, which has a heap and stands still.
private struct OtherUser {
    static let unit = "other.service"
    let uid: Int64
    let pid: Int64
    private let machine: TestMachine

    init(on machine: TestMachine) throws {
        self.machine = machine
        try machine.run("useradd", "--system", "other")
        uid = Int64(try machine.run("id", "-u", "other").prefix { $0 != "\n" }) ?? 0
        for end in ["in", "out"] {
            try machine.run("mkfifo", "/run/other-" + end)
            try machine.run("chown", "other", "/run/other-" + end)
        }
        // Both ends of each open, so that neither ends it.
        try machine.addService(
            Self.unit,
            """
            User=other
            ExecStart=/bin/sh -c 'exec memgrow sbrk --count 4 --keep --hold <>/run/other-in 1<>/run/other-out'
            """)
        try machine.run("systemctl", "start", Self.unit)
        pid = try machine.mainPID(of: Self.unit)
        let steps = try machine.run("head", "--lines=5", "/run/other-out")
        #expect(steps.split(separator: "\n").count { $0.contains("brk-grow") } == 4)
    }

    /// Asked of the kernel, as a third user with this capability only.
    func opensMaps(with capability: String) throws -> Bool {
        let sets = ["--inh-caps", "--ambient-caps", "--bounding-set"].flatMap { [$0, "-all,+" + capability] }
        let result = try machine.attempt(
            ["setpriv", "--reuid", "64321", "--regid", "64321", "--clear-groups"] + sets
                + ["cat", "/proc/\(pid)/maps"])
        return result.exit == .status(0)
    }
}

private enum KernelRecords {
    static let areThere = (try? readText("/proc/sys/kernel/perf_event_paranoid")) != nil
}
