package import MemoryModel

struct RetentionState: Sendable {}

extension HistoryStore {
    package func runRetention(now: Timestamp, budget: RetentionBudget = .init()) throws(HistoryError)
        -> RetentionReport
    {
        RetentionReport()
    }
}
