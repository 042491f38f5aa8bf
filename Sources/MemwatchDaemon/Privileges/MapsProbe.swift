import CLinux
import Glibc
import ProcFS

/// Finds out whether CAP_PERFMON alone opens other users' maps here.
///
/// Since Linux 6.15 the kernel asks for CAP_PERFMON before it asks for ptrace access; no version number tells
/// that, because distributions take such changes back into older kernels, and inside a user namespace it does
/// not hold. So it is tried, on a child of our own that is not dumpable: for that the kernel refuses even its own
/// user without a capability. It is there on every machine, and no other user's process needs to be.
enum MapsProbe {
    enum Answer: Hashable, Sendable {
        /// They open.
        case opens
        /// They open with ptrace access only.
        case denied
        /// `/proc` is mounted with hidepid= (or the unit has ProtectProc=), which CAP_PERFMON does not pass.
        case hidden
        /// It could not be tried: why.
        case unknown(String)
    }

    /// Asks with CAP_PERFMON in use and nothing else. For a thread that holds it; leaves it what it has.
    static func run() -> Answer {
        if seesInit(), ThreadCapabilities.using(only: .perfmon, seesInit) == false { return .hidden }
        let child = clinux_start_undumpable_child()
        guard child > 0 else { return .unknown("fork: " + String(cString: strerror(errno))) }
        defer { clinux_end_child(child) }
        return ThreadCapabilities.using(only: .perfmon) { tryMaps(of: child) }
            ?? .unknown("capset is refused")
    }

    static func tryMaps(of pid: pid_t) -> Answer {
        var look = MapsLook()
        do throws(ProcError) {
            try ProcRoot().open(pid: pid).look(into: &look)
            return look.areas.isEmpty ? .unknown("maps is empty") : .opens
        } catch .denied {
            return .denied
        } catch {
            return .unknown(error.description)
        }
    }

    /// Process 1 is always there, and another user's. Everybody may read its status, if it is not hidden.
    private static func seesInit() -> Bool { (try? ProcRoot().open(pid: 1).status()) != nil }
}
