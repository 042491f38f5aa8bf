import GRDB
import Glibc
import Synchronization

/// The history on disk: one SQLite database in the state directory.
///
/// ## The contract on disk
///
/// `history.sqlite` (application_id `memw`, WAL, pages of 4 KiB, incremental auto-vacuum),
/// mode 0600, with `history.lock` beside it, held by flock(2) while a daemon runs. People
/// may read it with `sqlite3` at any time; the views `processes`, `samples`, `regions` and
/// `events` speak the language of the data fields. docs/history-schema.md has the examples.
///
/// - `process`: one row a process by identity (boot, pid, start, pidfd inode), over restarts
///   of the daemon. Each has its own **time line** (``Timeline``): moments are microseconds
///   since `attached`, strictly ascending in the order of looks even where the wall clock
///   steps back (`clock_step` then says by how much).
/// - `sample` (process, moment): the difference of up to six fields (``SampleDelta``) from a
///   row of `sample_base`, which holds all 29 (``SampleFields``).
/// - `sample_minute`, `sample_hour` (process, moment, part): what retention makes of older
///   samples. Part 0 is the last sample of its minute or hour, 1 the minimum and 2 the
///   maximum of each field; 1 and 2 are left out where they equal part 0.
/// - `region`: intervals, clustered by (process, died, start). `died` 0 is alive; born =
///   died + since. The map at moment M is every interval with born ≤ M and (died = 0 or
///   died > M). What a region is besides where, is one row of `mapping`; names are rows of
///   `name`. Before `process.regions_from` intervals have been removed.
/// - `event`: ids ascend in the order of writing. `event_run` (``EventRun``): where a process's are.
/// - `attachment`: what clients asked to watch.
/// - `post_mortem`, `post_mortem_region`: what a process held when it exited; they go with its row.
///
/// One transaction a tick: after kill -9 a tick is there or it is not. A failed write
/// leaves nothing behind and the next one tries anew.
package final class HistoryStore: Sendable {
    let pool: DatabasePool
    let directory: StateDirectory
    let configuration: HistoryConfiguration
    private let box: WriterBox
    let retention = Mutex(RetentionState())
    /// Whether anything was committed since the last ``flush()``.
    let isUnflushed = Mutex(false)

    /// The writer's memory. `@unchecked`: only ever touched inside `pool`'s writing closure,
    /// which GRDB runs one at a time on one queue.
    private final class WriterBox: @unchecked Sendable {
        var writer: HistoryWriter?
    }

    private init(_ pool: DatabasePool, _ directory: StateDirectory, _ configuration: HistoryConfiguration) {
        self.pool = pool
        self.directory = directory
        self.configuration = configuration
        box = WriterBox()
    }

    /// Opens the history in `configuration.directory`, creating, migrating or setting aside.
    ///
    /// - Parameter telling: Called now and then from within, where it takes long; must be quick.
    package static func open(
        _ configuration: HistoryConfiguration,
        telling: @escaping @Sendable (OpeningProgress) -> Void = { _ in }
    ) throws(HistoryError) -> (HistoryStore, [OpeningNote]) {
        let directory = try StateDirectory(configuration.directory)
        let ballast = Ballast(directory: directory, bytes: configuration.ballastBytes)
        let file = DatabaseFile(directory: directory, configuration: configuration, telling: telling)
        let (pool, notes): (DatabasePool, [OpeningNote])
        do throws(HistoryError) {
            (pool, notes) = try file.open()
        } catch {
            // On a full disk the log and its index cannot be made: what was kept for such times makes room.
            guard case .diskFull = error, ballast.release() else { throw error }
            (pool, notes) = try file.open()
        }
        let store = HistoryStore(pool, directory, configuration)
        ballast.fill()
        return (store, notes)
    }

    /// Writes one tick: all of it or, where it throws, nothing.
    @discardableResult
    package func write(_ batch: HistoryBatch) throws(HistoryError) -> HistoryWriteReport {
        if batch.isEmpty { return HistoryWriteReport() }
        return try writing { db, writer in try writer.write(batch, in: db) }
    }

    /// Writes what is left in the log into the database and gives up the lock. Calls after it throw.
    package func close() {
        pool.writeWithoutTransaction { _ in box.writer = nil }
        // GRDB closes the writer before the readers; but only the last one to close, if it may
        // write, can put the log away.
        pool.invalidateReadOnlyConnections()
        try? pool.close()
        directory.unlock()
    }

    /// One write transaction with the writer's memory, which is forgotten if it fails.
    func writing<Value>(
        _ body: (Database, HistoryWriter) throws -> Value
    ) throws(HistoryError) -> Value {
        do {
            return try pool.writeWithoutTransaction { db in
                let writer = try box.writer ?? HistoryWriter(db)
                box.writer = writer
                do {
                    var result: Value?
                    try db.inTransaction(.immediate) {
                        result = try body(db, writer)
                        return .commit
                    }
                    guard let result else { throw HistoryError.closed }
                    isUnflushed.withLock { $0 = true }
                    return result
                } catch {
                    writer.forget()
                    throw error
                }
            }
        } catch {
            throw mapped(error)
        }
    }

    /// One read of a consistent state. Must be short: an open read keeps the log from shrinking.
    func reading<Value>(_ body: (Database) throws -> Value) throws(HistoryError) -> Value {
        do { return try pool.read(body) } catch { throw mapped(error) }
    }

    private func mapped(_ error: any Error) -> HistoryError {
        let error = HistoryError.wrapping(error, path: directory.databasePath)
        if case .corrupt = error, let file = try? directory.create(DatabaseFile.suspectName) {
            Glibc.close(file)
        }
        return error
    }

    var ballast: Ballast { Ballast(directory: directory, bytes: configuration.ballastBytes) }
}
