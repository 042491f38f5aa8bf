import GRDBSQLite

/// What the tables of a closed database take, indexes with their table.
struct DatabaseSizes {
    private(set) var tables: [(name: String, bytes: Int)] = []
    private(set) var fileBytes = 0
    private(set) var freeBytes = 0

    init(path: String) throws {
        var connection: OpaquePointer?
        defer { sqlite3_close(connection) }
        guard sqlite3_open_v2(path, &connection, SQLITE_OPEN_READONLY, nil) == SQLITE_OK else {
            throw BenchError("cannot open \(path)")
        }
        func rows(_ sql: String) throws -> [(String, Int)] {
            var statement: OpaquePointer?
            defer { sqlite3_finalize(statement) }
            guard sqlite3_prepare_v2(connection, sql, -1, &statement, nil) == SQLITE_OK else {
                throw BenchError("\(sql): " + String(cString: sqlite3_errmsg(connection)))
            }
            var result: [(String, Int)] = []
            while sqlite3_step(statement) == SQLITE_ROW {
                let name = sqlite3_column_text(statement, 0).map { String(cString: $0) } ?? ""
                result.append((name, Int(sqlite3_column_int64(statement, 1))))
            }
            return result
        }
        tables = try rows(
            """
            SELECT m.tbl_name, sum(s.pgsize) FROM dbstat s JOIN sqlite_master m ON m.name = s.name
            GROUP BY m.tbl_name ORDER BY 2 DESC
            """
        ).map { (name: $0.0, bytes: $0.1) }
        let size = try rows("SELECT 'page', page_size FROM pragma_page_size").first?.1 ?? 0
        fileBytes = try (rows("SELECT 'count', page_count FROM pragma_page_count").first?.1 ?? 0) * size
        freeBytes =
            try (rows("SELECT 'free', freelist_count FROM pragma_freelist_count").first?.1 ?? 0) * size
    }

    func bytes(of table: String) -> Int { tables.first { $0.name == table }?.bytes ?? 0 }
}

struct BenchError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
