import CLinux
import Glibc
import ProcFS
import TestSupport
import Testing

@testable import MemwatchDaemon

@Suite("Capabilities are given up for good", .requiresRoot)
struct GivingUpTests {
    /// The lines `CapXxx` of the calling thread, and `NoNewPrivs`.
    private static func lines() -> [String: UInt64] {
        var lines: [String: UInt64] = [:]
        for line in ((try? readText("/proc/thread-self/status")) ?? "").split(separator: "\n") {
            let words = line.split(separator: "\t")
            guard words.count == 2, line.hasPrefix("Cap") || line.hasPrefix("NoNewPrivs") else { continue }
            lines[String(words[0].dropLast())] = UInt64(words[1], radix: 16)
        }
        return lines
    }

    @Test("every set of a thread that gave up all but some holds these and no others")
    func sets() throws {
        let before = Self.lines()
        let kept: CapabilitySet = [.perfmon, .sysPtrace]
        let result = try onOwnThread { (ThreadCapabilities.giveUp(allBut: kept), Self.lines()) }
        #expect(result.0 == 0)
        let bits = kept.rawValue & (before["CapPrm"] ?? 0)
        #expect(result.1["CapPrm"] == bits && result.1["CapEff"] == bits)
        #expect(result.1["CapInh"] == 0 && result.1["CapAmb"] == 0)
        #expect((result.1["CapBnd"] ?? .max) & ~kept.rawValue == 0)
        #expect(result.1["NoNewPrivs"] == 1)
        // The others have what they had.
        #expect(Self.lines() == before)
    }

    @Test("what was given up cannot be taken back, by a new thread or a new program")
    func forGood() throws {
        let result = try onOwnThread { () -> (Int32, String?) in
            _ = ThreadCapabilities.giveUp(allBut: .perfmon)
            var all = clinux_capabilities()
            all.permitted = CapabilitySet([.perfmon, .sysPtrace]).rawValue
            all.effective = all.permitted
            let code = clinux_set_capabilities(all) == 0 ? 0 : errno
            return (code, try? run("sh", ["-c", "grep CapPrm: /proc/self/status"]))
        }
        #expect(result.0 == EPERM)
        // The shell is root's, which execve(2) would have given everything.
        let program = try #require(result.1?.split(whereSeparator: \.isWhitespace).last)
        #expect((UInt64(program, radix: 16) ?? .max) & ~CapabilitySet.perfmon.rawValue == 0)
    }

    @Test("a capability out of use is back in use afterwards")
    func using() throws {
        let result = try onOwnThread {
            let before = Self.lines()
            let inside = ThreadCapabilities.using(only: .perfmon) { Self.lines() }
            return (before, inside, Self.lines())
        }
        #expect(result.0 == result.2)
        #expect(result.1?["CapEff"] == CapabilitySet.perfmon.rawValue & (result.0["CapPrm"] ?? 0))
        #expect(result.1?["CapPrm"] == result.0["CapPrm"])
    }

    @Test("the child that is tried is closed to its own user, and opens with ptrace access")
    func child() throws {
        let answers = try onOwnThread { () -> [MapsProbe.Answer?] in
            let child = clinux_start_undumpable_child()
            defer { clinux_end_child(child) }
            return [
                ThreadCapabilities.using(only: []) { MapsProbe.tryMaps(of: child) },
                ThreadCapabilities.using(only: .sysPtrace) { MapsProbe.tryMaps(of: child) },
            ]
        }
        #expect(answers == [.denied, .opens])
    }

    @Test("what the probe says of CAP_PERFMON holds for another user's process", .requiresTool("setpriv"))
    func truth() throws {
        let other = try ChildProcess(
            "setpriv",
            ["--reuid", "64321", "--regid", "64321", "--clear-groups", "sh", "-c", "echo ready; cat"])
        #expect(try other.nextLine() == "ready")
        let pid = other.pid
        let answers = try onOwnThread { () -> (MapsProbe.Answer, MapsProbe.Answer?) in
            (
                MapsProbe.run(),
                ThreadCapabilities.using(only: .perfmon) { MapsProbe.tryMaps(of: pid) }
            )
        }
        #expect(answers.0 == .opens || answers.0 == .denied)
        // As root, whose uid opens nothing of another user's.
        #expect(answers.1 == answers.0)
    }
}
