import GRDB
import GRDBSQLite
import Glibc

/// Why the history cannot be opened, read or written. Each description is one line that
/// says what failed, on what, and what to do.
package enum HistoryError: Error, Hashable, Sendable, CustomStringConvertible {
    case stateDirectoryMissing(path: String)
    case notWritable(path: String, errno: Int32)
    /// `found` is the newest migration in the file, which this version does not know.
    case newerSchema(path: String, found: String)
    /// A SQLite database that memwatch did not make.
    case foreignDatabase(path: String)
    case symlink(path: String)
    /// Neither a regular file nor absent.
    case notAFile(path: String)
    case locked(path: String, byPid: Int32?)
    /// No room on the disk, or the page limit is reached. Nothing of the batch was
    /// written; the next write tries anew.
    case diskFull(path: String)
    /// SQLite found damage while running. The next opening examines the file and sets it aside.
    case corrupt(path: String, reason: String)
    /// The process row is not in the database (removed by retention, or never there).
    case noSuchProcess(id: Int64)
    case closed
    case failed(path: String, reason: String)

    package var description: String {
        switch self {
        case .stateDirectoryMissing(let path):
            "there is no directory \(path) for the history; create it, or name another with --state-directory"
        case .notWritable(let path, let errno):
            "\(path) is not writable (\(Self.text(errno))); give it to memwatchd's user, "
                + "or name another with --state-directory"
        case .newerSchema(let path, let found):
            "\(path) was written by a newer memwatch (schema \(found)); upgrade memwatch, or move the file away"
        case .foreignDatabase(let path):
            "\(path) is a database of another program; move it away, or name another state directory"
        case .symlink(let path):
            "\(path) is a symbolic link, which memwatchd does not follow; remove it"
        case .notAFile(let path):
            "\(path) is not a regular file; remove it"
        case .locked(let path, let pid):
            "\(path) is in use by another memwatchd" + (pid.map { " (pid \($0))" } ?? "")
                + "; stop it, or name another state directory"
        case .diskFull(let path):
            "no room to write \(path); free disk space, recording resumes by itself"
        case .corrupt(let path, let reason):
            "\(path) is damaged (\(reason)); restart memwatchd to set it aside"
        case .noSuchProcess(let id):
            "the history holds no process row \(id)"
        case .closed:
            "the history is closed"
        case .failed(let path, let reason):
            "\(path): \(reason)"
        }
    }

    static func text(_ errno: Int32) -> String { String(cString: strerror(errno)) }

    /// Turns whatever a database closure threw into an error of ours.
    ///
    /// GRDB's own description would carry SQL and arguments, which are private data: only
    /// SQLite's words are kept.
    static func wrapping(_ error: any Error, path: String) -> HistoryError {
        if let error = error as? HistoryError { return error }
        guard let error = error as? DatabaseError else { return .failed(path: path, reason: "\(error)") }
        let reason = error.message ?? "SQLite error \(error.extendedResultCode.rawValue)"
        switch error.resultCode {
        case .SQLITE_FULL: return .diskFull(path: path)
        case .SQLITE_CORRUPT, .SQLITE_NOTADB: return .corrupt(path: path, reason: reason)
        case .SQLITE_READONLY: return .notWritable(path: path, errno: EROFS)
        // The unix VFS reports ENOSPC as SQLITE_FULL for the database and the log, but as an
        // input/output error for the shared-memory file and under a file size limit.
        case .SQLITE_IOERR where [ENOSPC, EDQUOT, EFBIG].contains(errno):
            return .diskFull(path: path)
        case .SQLITE_MISUSE: return .closed
        default: return .failed(path: path, reason: reason)
        }
    }
}
