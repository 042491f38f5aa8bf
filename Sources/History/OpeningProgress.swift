import GRDB
import GRDBSQLite
import MemoryModel
import Synchronization

/// What ``HistoryStore/open(_:telling:)`` is at, where the history is so large that it takes long.
package struct OpeningProgress: Sendable, Hashable, CustomStringConvertible {
    package enum Work: String, Sendable {
        /// Every page is read, so that what is damaged is set aside before a byte of it is changed.
        case examining
        /// An older schema is brought up to date.
        case migrating
    }

    package var work: Work
    /// The size of the database.
    package var bytes: Int64
    /// How much of it is done; nil where SQLite does it in one statement and does not say.
    package var rows: Rows?

    package struct Rows: Sendable, Hashable {
        package var done, of: Int64
    }

    package init(_ work: Work, bytes: Int64) {
        self.work = work
        self.bytes = bytes
    }

    package var description: String {
        let size = BinarySize.text(UInt64(clamping: bytes))
        let rows = rows.map { ", \($0.done) of \($0.of) events" } ?? ""
        return "\(work.rawValue) the history (\(size))\(rows)"
    }
}

/// Calls whoever waits for the opening while SQLite works on one connection, some hundred times a second.
final class OpeningPulse: Sendable {
    typealias Listener = @Sendable (OpeningProgress) -> Void

    private let progress: Mutex<OpeningProgress>
    private let listener: Listener

    init(_ progress: OpeningProgress, _ listener: @escaping Listener) {
        self.progress = Mutex(progress)
        self.listener = listener
    }

    func beat(rows: OpeningProgress.Rows? = nil) {
        listener(
            progress.withLock {
                if let rows { $0.rows = rows }
                return $0
            })
    }

    /// Beats whenever the connection works, by sqlite3_progress_handler(): within one statement too. Only until
    /// ``stop(on:)``, which must come before this is gone.
    func start(on db: Database) {
        let steps: Int32 = 200_000
        sqlite3_progress_handler(
            db.sqliteConnection, steps,
            { context in
                if let context { Unmanaged<OpeningPulse>.fromOpaque(context).takeUnretainedValue().beat() }
                return 0
            }, Unmanaged.passUnretained(self).toOpaque())
    }

    func stop(on db: Database) { sqlite3_progress_handler(db.sqliteConnection, 0, nil, nil) }

    func during<Value>(_ db: Database, _ body: () throws -> Value) rethrows -> Value {
        start(on: db)
        defer { stop(on: db) }
        return try body()
    }
}
