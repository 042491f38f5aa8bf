import History
import Journal
import MemoryModel
import Synchronization

/// Says what the start waits for while a large history is examined or brought up to date: a line on standard error
/// after a second and then every ten, and to the service manager every second, which would otherwise take a start
/// of more than 90 seconds for one that hangs.
///
/// Lines, and nothing drawn in place: standard error is the journal's more often than a terminal.
final class OpeningReport: Sendable {
    private let notifier: Notifier
    private let due: Mutex<(line: Int64, notification: Int64)>

    private static let second: Int64 = 1_000_000_000
    /// From each notification to the one that must follow.
    private static let patience = Duration.seconds(60)

    init(_ notifier: Notifier) {
        self.notifier = notifier
        let next = MonotonicTime.nanoseconds + Self.second
        due = Mutex((next, next))
    }

    func hear(_ progress: OpeningProgress) {
        let now = MonotonicTime.nanoseconds
        let (isLineDue, isNotificationDue) = due.withLock { due in
            let result = (now >= due.line, now >= due.notification)
            if result.0 { due.line = now + 10 * Self.second }
            if result.1 { due.notification = now + Self.second }
            return result
        }
        if isLineDue { StandardErrorLog.write("memwatchd: \(progress)") }
        if isNotificationDue { notifier.extendTimeout(by: Self.patience, status: "Starting: \(progress)") }
    }
}
