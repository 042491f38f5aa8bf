import CSystemd
import Glibc
import MemoryModel

/// Tells the service manager how the daemon is: `sd_notify(3)`.
///
/// Every call is a no-op where `NOTIFY_SOCKET` is not set (not started by systemd, or `NotifyAccess=none`).
/// A call may sleep while the manager does not read its socket (512 datagrams under systemd), so it
/// does not belong on the sampling thread; a manager that hangs cannot restart anybody either.
package struct Notifier: Sendable {
    /// Whether somebody listens.
    package let isSupervised: Bool

    /// `WatchdogSec=` of the unit: the manager kills and restarts the daemon when this long passes
    /// without ``watchdog()``. nil where it does not watch this process (`WATCHDOG_PID` names another).
    /// Notify at half of it, as sd_watchdog_enabled(3) recommends.
    package let watchdogInterval: Duration?

    /// Looks at the environment once.
    package init() {
        isSupervised = getenv("NOTIFY_SOCKET") != nil
        var microseconds: UInt64 = 0
        let isWatched = sd_watchdog_enabled(0, &microseconds) > 0
        watchdogInterval = isWatched ? .microseconds(Int64(clamping: microseconds)) : nil
    }

    /// READY=1: start-up or a reload is complete. Units ordered after this one start now.
    package func ready(status: String? = nil) { send(["READY=1"] + assignment(status)) }

    /// The line that `systemctl status` shows.
    package func status(_ status: String) { send(assignment(status)) }

    /// RELOADING=1 with MONOTONIC_USEC, which systemd 253 (`Type=notify-reload`) uses to tell this
    /// reload's end from the one's before. ``ready(status:)`` must follow, also when the reload failed:
    /// the manager waits for it.
    package func reloading() {
        send(["RELOADING=1", "MONOTONIC_USEC=\(MonotonicClock.nanoseconds / 1000)"])
    }

    /// STOPPING=1: shutting down, on purpose.
    package func stopping(status: String? = nil) { send(["STOPPING=1"] + assignment(status)) }

    /// WATCHDOG=1: call it because sampling made progress, not because a timer fired.
    package func watchdog() { send(["WATCHDOG=1"]) }

    private func assignment(_ status: String?) -> [String] {
        // Newlines separate assignments: a raw one in the text could say STOPPING=1.
        status.map { ["STATUS=" + PrintableText.escape($0.utf8, limit: 512)] } ?? []
    }

    private func send(_ assignments: [String]) {
        guard isSupervised, !assignments.isEmpty else { return }
        // Nothing follows from an error: the manager is gone, and its restart will start us anew.
        _ = sd_notify(0, assignments.joined(separator: "\n"))
    }
}
