/// Which capabilities to keep, and why: a sentence for `memwatch status`.
struct PrivilegeDecision: Hashable, Sendable {
    var kept: CapabilitySet
    var reason: String

    /// For what other users' `/proc/[pid]` shows only to those who could also ptrace(2) it.
    static let ofPtrace: CapabilitySet = [.sysPtrace, .dacReadSearch, .checkpointRestore]
    /// Of some use to a daemon that is not root, and in none of ``ofPtrace``'s power.
    static let ofService: CapabilitySet = [.perfmon, .ipcLock, .sysResource]
    /// Of some use to root: it may be given directories of other users.
    static let ofRoot: CapabilitySet = ofService.union(ofPtrace).union([.dacOverride, .sysNice])

    /// - Parameters:
    ///   - paranoid: `/proc/sys/kernel/perf_event_paranoid`.
    ///   - probe: called only where the answer depends on it.
    init(
        granted: CapabilitySet, uid: UInt32, policy: PrivilegePolicy, paranoid: Int?,
        probe: () -> MapsProbe.Answer
    ) {
        if granted.isEmpty {
            self.init(kept: [], reason: "none were granted, so it sees what its user may see")
        } else if policy == .full {
            self.init(kept: granted, reason: "all that were granted are kept, as --capabilities full says")
        } else if uid == 0 {
            self.init(ofRoot: granted, paranoid: paranoid)
        } else {
            self.init(ofService: granted, probe: probe)
        }
    }

    private init(kept: CapabilitySet, reason: String) {
        self.kept = kept
        self.reason = reason
    }

    /// To read a process of the same user, one must hold every capability that it holds, or CAP_SYS_PTRACE: a
    /// root without it could not even read other root processes.
    private init(ofRoot granted: CapabilitySet, paranoid: Int?) {
        var useful = Self.ofRoot
        var reason =
            "run as root, it keeps what watching takes; without CAP_SYS_PTRACE root's processes are closed to it"
        // Before Linux 5.8 CAP_SYS_ADMIN stands for CAP_PERFMON; Debian's and Ubuntu's kernels ask for it above 2.
        if !granted.contains(.perfmon) || (paranoid ?? 2) > 2 {
            useful.formUnion(.sysAdmin)
            reason += ", and without CAP_SYS_ADMIN this kernel's perf events"
        }
        self.init(kept: granted.intersection(useful), reason: reason)
    }

    private init(ofService granted: CapabilitySet, probe: () -> MapsProbe.Answer) {
        let all = granted.intersection(Self.ofService.union(Self.ofPtrace))
        func keeping(_ why: String) -> PrivilegeDecision {
            PrivilegeDecision(kept: all, reason: "CAP_SYS_PTRACE is kept because " + why)
        }
        guard granted.contains(.sysPtrace) else {
            self.init(
                kept: granted.intersection(Self.ofService),
                reason: granted.contains(.perfmon)
                    ? "CAP_SYS_PTRACE was not granted; other users' maps open with CAP_PERFMON since Linux 6.15"
                    : "CAP_SYS_PTRACE was not granted, so it sees what its user may see")
            return
        }
        guard granted.contains(.perfmon) else {
            self = keeping("CAP_PERFMON, which opens maps since Linux 6.15, was not granted")
            return
        }
        self =
            switch probe() {
            case .opens:
                PrivilegeDecision(
                    kept: all.subtracting(Self.ofPtrace),
                    reason:
                        "CAP_PERFMON alone opens maps here, so CAP_SYS_PTRACE was given up with the answers "
                        + "that need it; --capabilities full keeps it")
            case .denied: keeping("CAP_PERFMON alone does not open maps here, as it does since Linux 6.15")
            case .hidden:
                keeping(
                    "/proc hides processes here (hidepid=, ProtectProc=), which CAP_PERFMON does not pass")
            case .unknown(let why): keeping("it could not be tried whether CAP_PERFMON is enough: " + why)
            }
    }
}
