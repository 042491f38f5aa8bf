import GRDB
import GRDBSQLite

/// A statement of GRDB's, bound and stepped through SQLite itself.
///
/// A tick may bring 100,000 region changes: GRDB's `StatementArguments` would make an
/// array and an existential per value. This allocates nothing. The statement belongs to
/// the connection it was made on and must only be used on that connection's queue.
final class PreparedStatement {
    private let statement: Statement
    private let handle: OpaquePointer

    init(_ db: Database, _ sql: String) throws {
        statement = try db.makeStatement(sql: sql)
        handle = statement.sqliteStatement
    }

    /// A statement from the connection's own cache, for queries.
    init(cached db: Database, _ sql: String) throws {
        statement = try db.cachedStatement(sql: sql)
        handle = statement.sqliteStatement
        reset()
    }

    func bind(_ index: Int32, _ value: Int64?) {
        if let value {
            sqlite3_bind_int64(handle, index, value)
        } else {
            sqlite3_bind_null(handle, index)
        }
    }

    func bind(_ index: Int32, blob bytes: [UInt8]?) {
        guard let bytes else {
            sqlite3_bind_null(handle, index)
            return
        }
        bytes.withUnsafeBytes { buffer in
            // SQLITE_TRANSIENT: SQLite copies, so the array may go. An empty array has no
            // address, and a null address would mean NULL.
            if let address = buffer.baseAddress, !buffer.isEmpty {
                _ = sqlite3_bind_blob64(
                    handle, index, address, UInt64(buffer.count),
                    unsafeBitCast(-1, to: sqlite3_destructor_type.self))
            } else {
                _ = sqlite3_bind_zeroblob(handle, index, 0)
            }
        }
    }

    func bind(_ index: Int32, text: String?) {
        guard let text else {
            sqlite3_bind_null(handle, index)
            return
        }
        var copy = text
        copy.withUTF8 { buffer in
            let address = UnsafeRawPointer(buffer.baseAddress)?.assumingMemoryBound(to: CChar.self)
            if buffer.isEmpty {
                _ = sqlite3_bind_text(
                    handle, index, "", 0, unsafeBitCast(-1, to: sqlite3_destructor_type.self))
            } else {
                _ = sqlite3_bind_text64(
                    handle, index, address, UInt64(buffer.count),
                    unsafeBitCast(-1, to: sqlite3_destructor_type.self), UInt8(SQLITE_UTF8))
            }
        }
    }

    /// True while there is a row; false at the end, after which the statement is reset.
    func step() throws -> Bool {
        let code = sqlite3_step(handle)
        if code == SQLITE_ROW { return true }
        if code == SQLITE_DONE {
            sqlite3_reset(handle)
            return false
        }
        let message = sqlite3_db_handle(handle).flatMap { sqlite3_errmsg($0) }.map { String(cString: $0) }
        let extended = sqlite3_db_handle(handle).map { sqlite3_extended_errcode($0) } ?? code
        sqlite3_reset(handle)
        throw DatabaseError(resultCode: ResultCode(rawValue: extended), message: message)
    }

    /// Runs a statement that returns no rows.
    func run() throws {
        while try step() {}
    }

    /// Runs a statement and says how many rows it inserted, changed or deleted.
    func runCountingChanges() throws -> Int {
        try run()
        return Int(sqlite3_db_handle(handle).map { sqlite3_changes($0) } ?? 0)
    }

    func reset() { sqlite3_reset(handle) }

    func isNull(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_NULL }

    func int(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }

    func optionalInt(_ column: Int32) -> Int64? { isNull(column) ? nil : int(column) }

    func blob(_ column: Int32) -> [UInt8]? {
        if isNull(column) { return nil }
        guard let address = sqlite3_column_blob(handle, column) else { return [] }
        return Array(UnsafeRawBufferPointer(start: address, count: Int(sqlite3_column_bytes(handle, column))))
    }

    func text(_ column: Int32) -> String? {
        sqlite3_column_text(handle, column).map { String(cString: $0) }
    }
}
