/// How much one call of ``HistoryStore/runRetention(now:budget:)`` may do before it returns.
package struct RetentionBudget: Hashable, Sendable {
    /// Rows read, made or removed in one transaction. 4,096 take some 10 ms.
    package var rows: Int

    package init(rows: Int = 4096) { self.rows = rows }
}

/// What one slice of retention did.
package struct RetentionReport: Hashable, Sendable {
    /// Rows removed from any table.
    package var removedRows = 0
    /// Samples or minutes that became part of a minute or hour.
    package var rolledUpSamples = 0
    /// Minutes and hours that they became.
    package var madeRows = 0
    /// Bytes of the file given back to the disk.
    package var releasedBytes: Int64 = 0
    /// The disk was full, and the ballast was given up for this slice.
    package var usedBallast = false
    /// Nothing is left to do at this time; else call again soon.
    package var isFinished = true
}
