import GRDB
package import MemoryModel
import Synchronization

/// Where retention stands between its slices.
struct RetentionState: Sendable {
    /// The last process visited in this pass; nil before the first.
    var cursor: Int64?
    /// Whether this pass has done anything.
    var passWorked = false
    /// While the history is too large: nothing older than this is kept.
    var pressure: Timestamp?
    /// By uid.
    var shares: [Int64: UserShare] = [:]
    /// The cutoff that a whole pass has been made with: dictionary rows not used since may go.
    var completedCutoff: Timestamp?
    /// The day on which the names of open intervals were last marked as in use.
    var markedDay: Int64?
}

extension HistoryStore {
    /// One slice of the upkeep: older samples become minutes and minutes hours, what is too
    /// old goes, and where the history is too large, the oldest goes whatever its age.
    ///
    /// One short transaction, so that it never delays a tick by more than some
    /// milliseconds. Call it again until ``RetentionReport/isFinished``, then every minute
    /// or so. On a full disk it gives up the ballast to be able to delete.
    package func runRetention(
        now: Timestamp, budget: RetentionBudget = RetentionBudget()
    ) throws(HistoryError) -> RetentionReport {
        do throws(HistoryError) {
            let report = try retentionSlice(now: now, budget: budget)
            if report.isFinished { ballast.fill() }
            return report
        } catch {
            guard case .diskFull = error, ballast.release() else { throw error }
            var report = try retentionSlice(now: now, budget: budget)
            report.usedBallast = true
            // Moves what was written from the log into the pages just freed.
            _ = try? pool.writeWithoutTransaction { db in try db.checkpoint(.passive) }
            return report
        }
    }

    private func retentionSlice(
        now: Timestamp, budget: RetentionBudget
    ) throws(HistoryError) -> RetentionReport {
        var state = retention.withLock { $0 }
        let report = try writing { db, writer in
            writer.latestDay = now.microseconds / 86_400_000_000
            var pass = RetentionPass(
                db: db, writer: writer, configuration: configuration, now: now, state: state,
                left: max(budget.rows, 64))
            try pass.run()
            state = pass.state
            return pass.report
        }
        retention.withLock { $0 = state }
        return report
    }
}
