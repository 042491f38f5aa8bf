import KernelEvents
import ProcFS
import Varlink

/// Everything that `doctor` found out, before anything is made of it.
struct CheckupFacts {
    /// What became of a try to read another user's map.
    enum OtherMaps: Hashable {
        case opens
        case denied
        /// `/proc` is mounted with hidepid=, or this is a container of one process.
        case hidden
    }

    /// The daemon's answer to `Status`, or why there is none.
    enum Answer {
        case status(JSONObject)
        case failure(Failure)
    }

    /// What of systemd's files and links is there.
    struct Unit: Hashable {
        /// systemd is this machine's PID 1.
        var isSystemdRunning: Bool
        var isInstalled: Bool
        var isEnabled: Bool
    }

    var kernel: KernelSupport
    var otherMaps: OtherMaps
    var kernelEvents: KernelEventPermission
    var isRoot: Bool
    /// Whether this user is in the group memwatch; nil where there is no such group.
    var isInGroup: Bool?
    var maxMapCount: UInt64?
    var socket: String
    var clientVersion: String
    var daemon: Answer
    var unit: Unit
    /// Whether journald's socket is there.
    var hasJournal: Bool
}
