import Glibc
import Inspection
import MemoryModel
import ProcFS
import TestSupport
import Testing

@Suite("Every process of this machine")
struct EveryProcessTests {
    @Test("its kinds add up to VmSize to the byte, and its regions cover its maps exactly")
    func addsUp() throws {
        var looked = 0
        var consistent = 0
        var covered = 0
        for pid in try ProcRoot().processIDs() {
            do throws(ProcError) {
                let before = try? mappedRanges(pid: pid)
                let look = try ProcessInspector().inspect(pid: pid)
                let after = try? mappedRanges(pid: pid)
                looked += 1
                if let mistake = mistake(look) { Issue.record("process \(pid): \(mistake)") }
                guard look.sample.isConsistent, !look.isTruncated else { continue }
                consistent += 1
                // One that changed meanwhile has no one map to compare with.
                guard let before, before == after else { continue }
                covered += 1
                #expect(joined(look.regions.map { $0.start..<$0.end }) == before, "process \(pid)")
            } catch {
                switch error {
                // It ended meanwhile, belongs to somebody else, or has no memory: normal outcomes.
                case .gone, .denied, .noMemory: continue
                case .malformed, .system: Issue.record("process \(pid): \(error)")
                }
            }
        }
        // At least the tests themselves and what started them.
        #expect(looked > 1 && consistent > 0 && covered > 0)
        print("looked at \(looked) processes: \(consistent) consistent, \(covered) compared with their maps")
    }

    @Test("what is no process is gone; what has no memory says why")
    func withoutMemory() throws {
        let inspector = ProcessInspector()
        #expect(throws: ProcError.gone(pid: .max)) { try inspector.inspect(pid: .max) }
        #expect(throws: ProcError.gone(pid: -1)) { try inspector.inspect(pid: -1) }
        let child = try ChildProcess("true")
        // Ended, and not yet waited for.
        #expect(try child.nextLine() == nil)
        _ = try untilZombie(child.pid)
        #expect(throws: ProcError.noMemory(pid: child.pid, state: .zombie)) {
            try inspector.inspect(pid: child.pid)
        }
        try child.waitForExit()
        #expect(throws: ProcError.gone(pid: child.pid)) { try inspector.inspect(pid: child.pid) }
    }

    @Test(
        "a kernel thread has no memory to look at",
        .requires(
            "kernel-threads", (try? ProcRoot().open(pid: 2).isKernelThread()) == true,
            "process 2 is no kernel thread in this pid namespace"))
    func kernelThread() throws {
        #expect(throws: ProcError.noMemory(pid: 2, state: .kernelThread)) {
            try ProcessInspector().inspect(pid: 2)
        }
    }

    /// Waits without reaping: its pipes are closed a moment before it is a zombie.
    private func untilZombie(_ pid: pid_t) throws {
        var info = siginfo_t()
        while waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT) < 0 && errno == EINTR {}
    }
}
