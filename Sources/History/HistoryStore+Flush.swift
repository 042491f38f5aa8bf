import Synchronization

extension HistoryStore {
    /// Has the disk keep what was committed until now, so that a power cut cannot take it.
    ///
    /// A commit is a write to the log, which the kernel holds: kill -9 cannot take it, a power cut can. SQLite
    /// itself flushes the log only before it moves it into the database (`synchronous = NORMAL`), after some 4 MB;
    /// on a quiet machine that is hours. This flushes the log alone, beside SQLite: what the log's checksums cover
    /// is whole, so what is flushed is found again, and what is not is left out from its first missing page on.
    ///
    /// It may wait for a busy disk, and holds nothing that a writer or a reader needs meanwhile. The descriptor is
    /// the log's, which carries none of SQLite's locks: closing a second one of the database would drop them all
    /// (fcntl(2), POSIX record locks).
    package func flush() throws(HistoryError) {
        let isNeeded = isUnflushed.withLock { isUnflushed in
            defer { isUnflushed = false }
            return isUnflushed
        }
        guard isNeeded else { return }
        do throws(HistoryError) {
            try directory.flush(StateDirectory.databaseName + "-wal")
        } catch {
            isUnflushed.withLock { $0 = true }
            throw error
        }
    }
}
