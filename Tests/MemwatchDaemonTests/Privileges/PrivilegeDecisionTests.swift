import Testing

@testable import MemwatchDaemon

@Suite("Which capabilities a daemon keeps")
struct PrivilegeDecisionTests {
    private static let ofUnit: CapabilitySet = [.perfmon, .sysPtrace, .dacReadSearch]

    private func decide(
        _ granted: CapabilitySet, uid: UInt32 = 998, _ policy: PrivilegePolicy = .least, paranoid: Int? = 2,
        probe: MapsProbe.Answer? = nil
    ) -> PrivilegeDecision {
        PrivilegeDecision(granted: granted, uid: uid, policy: policy, paranoid: paranoid) {
            if let probe { return probe }
            Issue.record("nothing was to be tried")
            return .unknown("")
        }
    }

    @Test("where CAP_PERFMON opens maps, the service keeps it and nothing else")
    func enough() {
        let decision = decide(Self.ofUnit, probe: .opens)
        #expect(decision.kept == .perfmon)
        #expect(decision.reason.contains("CAP_SYS_PTRACE was given up"))
    }

    @Test("where it does not, or that cannot be told, the service keeps what the unit grants, and says why")
    func notEnough() {
        let answers: [(MapsProbe.Answer, String)] = [
            (.denied, "6.15"), (.hidden, "hidepid"), (.unknown("fork: no"), "fork: no"),
        ]
        for (answer, word) in answers {
            let decision = decide(Self.ofUnit.union(.sysAdmin), probe: answer)
            #expect(decision.kept == Self.ofUnit)
            #expect(decision.reason.hasPrefix("CAP_SYS_PTRACE is kept because"))
            #expect(decision.reason.contains(word), "\(decision.reason)")
        }
        #expect(decide([.sysPtrace, .dacReadSearch]).kept == [.sysPtrace, .dacReadSearch])
    }

    @Test("what a service cannot use is given up in any case")
    func useless() {
        let all = CapabilitySet(rawValue: (1 << 41) - 1)
        #expect(decide(all, probe: .opens).kept == [.perfmon, .ipcLock, .sysResource])
        #expect(decide([.sysAdmin, .dacOverride]).kept == [])
        #expect(decide([.perfmon, .dacReadSearch]).kept == .perfmon)
    }

    @Test("an ordinary user's daemon has nothing to give up, and tries nothing")
    func ordinary() {
        let decision = decide([], uid: 1000)
        #expect(decision.kept == [] && decision.reason.contains("none were granted"))
    }

    @Test("--capabilities full keeps what there is", arguments: [0, 998] as [UInt32])
    func full(uid: UInt32) {
        let all = CapabilitySet(rawValue: (1 << 41) - 1)
        #expect(decide(all, uid: uid, .full).kept == all)
        #expect(decide(Self.ofUnit, uid: uid, .full).kept == Self.ofUnit)
    }

    @Test(
        "root keeps ptrace access, without which root's processes are closed to it, and no more than it uses")
    func root() {
        let all = CapabilitySet(rawValue: (1 << 41) - 1)
        #expect(
            decide(all, uid: 0).kept.names == [
                "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_IPC_LOCK", "CAP_SYS_PTRACE",
                "CAP_SYS_NICE", "CAP_SYS_RESOURCE", "CAP_PERFMON", "CAP_CHECKPOINT_RESTORE",
            ])
        // Kernels where CAP_PERFMON is not enough for perf events, or not there.
        #expect(decide(all, uid: 0, paranoid: 3).kept.contains(.sysAdmin))
        #expect(decide(all.subtracting(.perfmon), uid: 0).kept.contains(.sysAdmin))
    }

    @Test("a capability is called what the kernel's manual calls it, one that is newer by its number")
    func names() {
        let set = CapabilitySet(rawValue: 1 | 1 << 19 | 1 << 40 | 1 << 63)
        #expect(set.names == ["CAP_CHOWN", "CAP_SYS_PTRACE", "CAP_CHECKPOINT_RESTORE", "CAP_63"])
    }
}
