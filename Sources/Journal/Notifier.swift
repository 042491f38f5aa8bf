import CSystemd
import Glibc
import MemoryModel

/// Tells the service manager how the daemon is: `sd_notify(3)`.
///
/// Every call is a no-op where `NOTIFY_SOCKET` is not set (not started by systemd, or `NotifyAccess=none`).
///
/// The datagrams are sent here and not by libsystemd, which sleeps for as long as the manager does not read its
/// socket: a daemon that waits for a hung manager can neither look nor stop.
package struct Notifier: Sendable {
    /// Whether somebody listens.
    package var isSupervised: Bool { address != nil }

    private let address: ManagerAddress?

    /// `WatchdogSec=` of the unit: the manager kills and restarts the daemon when this long passes
    /// without ``watchdog()``. nil where it does not watch this process (`WATCHDOG_PID` names another).
    /// Notify at half of it, as sd_watchdog_enabled(3) recommends.
    package let watchdogInterval: Duration?

    /// Looks at the environment once.
    package init() {
        address = getenv("NOTIFY_SOCKET").flatMap { ManagerAddress(String(cString: $0)) }
        var microseconds: UInt64 = 0
        let isWatched = sd_watchdog_enabled(0, &microseconds) > 0
        watchdogInterval = isWatched ? .microseconds(Int64(clamping: microseconds)) : nil
    }

    /// READY=1: start-up or a reload is complete. Units ordered after this one start now.
    package func ready(status: String? = nil) { send(["READY=1"] + assignment(status), isAwaited: true) }

    /// EXTEND_TIMEOUT_USEC: start-up or stopping goes on, and has this long from now until it says so again, whatever
    /// `TimeoutStartSec=` is: without it a manager kills a start that works on something large, and starts it anew.
    package func extendTimeout(by duration: Duration, status: String) {
        send(["EXTEND_TIMEOUT_USEC=\(duration.nanoseconds / 1000)"] + assignment(status))
    }

    /// The line that `systemctl status` shows.
    package func status(_ status: String) { send(assignment(status)) }

    /// RELOADING=1 with MONOTONIC_USEC, which systemd 253 (`Type=notify-reload`) uses to tell this
    /// reload's end from the one's before. ``ready(status:)`` must follow, also when the reload failed:
    /// the manager waits for it.
    package func reloading() {
        send(["RELOADING=1", "MONOTONIC_USEC=\(MonotonicClock.nanoseconds / 1000)"], isAwaited: true)
    }

    /// STOPPING=1: shutting down, on purpose.
    package func stopping(status: String? = nil) { send(["STOPPING=1"] + assignment(status)) }

    /// WATCHDOG=1: call it because sampling made progress, not because a timer fired.
    package func watchdog() { send(["WATCHDOG=1"]) }

    private func assignment(_ status: String?) -> [String] {
        // Newlines separate assignments: a raw one in the text could say STOPPING=1.
        status.map { ["STATUS=" + PrintableText.escape($0.utf8, limit: 512)] } ?? []
    }

    /// - Parameter isAwaited: the manager waits for it, and gets five seconds to make room. Anything else is left out
    ///   where it does not read: what `status` says is soon out of date, and who does not read watches nobody.
    private func send(_ assignments: [String], isAwaited: Bool = false) {
        guard let address, !assignments.isEmpty else { return }
        let descriptor = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        var patience = timeval(tv_sec: 5, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        let flags = CInt(MSG_NOSIGNAL) | (isAwaited ? 0 : CInt(MSG_DONTWAIT))
        let text = Array(assignments.joined(separator: "\n").utf8)
        // Nothing follows from an error: the manager is gone, and its restart will start us anew.
        _ = address.withPointer { sendto(descriptor, text, text.count, flags, $0, $1) }
    }
}

/// The address in `NOTIFY_SOCKET`: a path, or behind an "@" a name in the abstract namespace (sd_notify(3)).
private struct ManagerAddress: Sendable {
    private let bytes: [UInt8]

    /// nil for what is no such address, as vsock ones of virtual machines, which no service is given.
    init?(_ text: String) {
        var bytes = Array(text.utf8)
        let isAbstract = bytes.first == UInt8(ascii: "@")
        guard isAbstract || bytes.first == UInt8(ascii: "/"),
            bytes.count < MemoryLayout.size(ofValue: sockaddr_un().sun_path)
        else { return nil }
        if isAbstract { bytes[0] = 0 }
        self.bytes = bytes
    }

    func withPointer<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        // An abstract name is exactly as long as is said; a path ends with the NUL behind it.
        let nul = bytes[0] == 0 ? 0 : 1
        let length = MemoryLayout<sockaddr_un>.offset(of: \.sun_path).map { $0 + bytes.count + nul } ?? 0
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(length)) }
        }
    }
}
