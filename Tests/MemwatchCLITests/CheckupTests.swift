import MemwatchInterface
import TestSupport
import Testing
import Varlink
import VarlinkServing

@testable import KernelEvents
@testable import MemwatchCLI
@testable import ProcFS

@Suite("doctor")
struct CheckupTests {
    private func facts(_ change: (inout CheckupFacts) -> Void = { _ in }) -> CheckupFacts {
        var facts = CheckupFacts(
            kernel: KernelSupport(
                release: "6.18.1", hasProcmapQuery: true, hasPagemapScan: true, hasPidfdInodes: true,
                readsMapsConcurrently: true),
            otherMaps: .opens,
            kernelEvents: KernelEventPermission(
                machine: nil, ownProcess: nil, paranoid: 2, ringBytes: 1 << 19, countsLost: true),
            isRoot: false, isInGroup: true, maxMapCount: 65_530, socket: "/run/memwatch/x",
            clientVersion: "0.1.0", daemon: .status(Examples.status),
            unit: CheckupFacts.Unit(isSystemdRunning: true, isInstalled: true, isEnabled: true),
            hasJournal: true)
        if case .status(var status) = facts.daemon {
            status["event_source"] = "perf"
            status["records_lost"] = 0
            facts.daemon = .status(status)
        }
        change(&facts)
        return facts
    }

    private func result(_ check: String, _ change: (inout CheckupFacts) -> Void) throws -> CheckResult {
        try #require(Checkup.results(of: facts(change)).first { $0.check == check }, "\(check)")
    }

    private func answering(_ members: JSONObject) -> (inout CheckupFacts) -> Void {
        { facts in
            guard case .status(var status) = facts.daemon else { return }
            for (name, value) in members { status[name] = value }
            facts.daemon = .status(status)
        }
    }

    @Test("where nothing is wrong every line is ok")
    func allIsWell() {
        let results = Checkup.results(of: facts())
        #expect(results.filter { $0.state != .ok } == [])
        #expect(results.count >= 14)
    }

    @Test("what an older kernel lacks is degraded, with what is lost")
    func olderKernel() throws {
        let maps = try result("maps") { $0.kernel.readsMapsConcurrently = false }
        #expect(maps.state == .degraded && maps.finding.contains("Linux 6.17"))
        #expect(try result("point-questions") { $0.kernel.hasProcmapQuery = false }.finding.contains("6.11"))
        #expect(try result("resident-pages") { $0.kernel.hasPagemapScan = false }.finding.contains("6.7"))
        #expect(try result("resident-pages") { $0.kernel.hasPagemapScan = nil }.state == .degraded)
        #expect(try result("identity") { $0.kernel.hasPidfdInodes = false }.finding.contains("6.9"))
    }

    @Test("without a daemon the line says how to have one, and is the only one that is missing")
    func noDaemon() throws {
        let results = Checkup.results(
            of: facts { $0.daemon = .failure(Failure(.unavailable, "no daemon at x: run memwatchd")) })
        #expect(results.filter { $0.state == .missing }.map(\.check) == ["daemon"])
        #expect(results.first { $0.check == "daemon" }?.remedy == "no daemon at x: run memwatchd")
        #expect(!results.contains { $0.check == "history" })
    }

    @Test("what the daemon says of itself is judged")
    func daemonStates() throws {
        #expect(try result("version", answering(["version": "0.0.9"])).state == .degraded)
        let sampled = try result(
            "daemon-events",
            answering(["event_source": "sampling", "event_source_reason": "perf was refused"]))
        #expect(sampled.state == .degraded && sampled.remedy == "perf was refused")
        #expect(try result("daemon-events", answering(["records_lost": 1_234])).finding.contains("1,234"))
        #expect(try result("ticks", answering(["ticks": 1_000, "late_ticks": 300])).state == .degraded)
        #expect(try result("ticks", answering(["ticks": 1_000, "late_ticks": 3])).state == .ok)
        let full = try result("history", answering(["history_error": "disk is full"]))
        #expect(full.state == .missing && full.finding.contains("disk is full") && full.remedy != nil)
        #expect(try result("disk", answering(["history_free_bytes": 1_000_000])).state == .degraded)
        #expect(try result("journal", answering(["journal_dropped": 7])).state == .degraded)
    }

    @Test("what this user may not is said, with what to do")
    func permissions() throws {
        #expect(try result("other-users") { $0.otherMaps = .denied }.remedy != nil)
        let root = try result("other-users") {
            $0.otherMaps = .denied
            $0.isRoot = true
        }
        #expect(root.finding.contains("capabilities") && root.remedy?.contains("as root") == false)
        #expect(try result("other-users") { $0.otherMaps = .hidden }.finding.contains("hidepid"))
        #expect(try result("group") { $0.isInGroup = false }.remedy?.contains("usermod") == true)
        #expect(!Checkup.results(of: facts { $0.isInGroup = nil }).contains { $0.check == "group" })
        let refused = try result("kernel-events") {
            $0.kernelEvents.ownProcess = KernelEventRefusal(scope: .process, cause: .permission(paranoid: 3))
        }
        #expect(refused.state == .degraded && refused.remedy?.contains("perf_event_paranoid") == true)
    }

    @Test("what is not installed, or does not start with the machine, is said")
    func units() throws {
        #expect(try result("unit") { $0.unit.isEnabled = false }.remedy?.contains("systemctl enable") == true)
        #expect(try result("unit") { $0.unit.isInstalled = false }.remedy?.contains("install") == true)
        #expect(try result("unit") { $0.unit.isSystemdRunning = false }.state == .degraded)
        #expect(try result("journal") { $0.hasJournal = false }.state == .degraded)
    }

    @Test("the exit status tells scripts whether something is missing")
    func exitStatus() async throws {
        let none = try Client.run("doctor", "--format", "ndjson")
        #expect(none.exit == .status(69))
        #expect(none.errors == "")
        let lines = try none.output.split(separator: "\n").map { try JSON(parsing: String($0)) }
        #expect(lines.contains { $0["check"] == "daemon" && $0["state"] == "missing" })
        #expect(
            lines.contains {
                $0["check"] == "kernel" && $0["finding"]?.stringValue?.hasPrefix("Linux ") == true
            })
        let daemon = try FakeDaemon { _, replies in
            var status = Examples.status
            status["version"] = .string(MemwatchVersion.text)
            try await replies.send(status)
        }
        let run = try await Client.ask(daemon, "doctor")
        #expect(run.exit == .status(0), "\(run.output)")
        #expect(run.output.hasPrefix("STATE"))
    }
}
