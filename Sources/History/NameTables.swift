import GRDB
import MemoryModel

/// The dictionaries: each distinct name once (`name`), and each distinct combination of
/// kind, permissions, name, device and inode once (`mapping`), so that an interval names
/// all five by one small integer.
///
/// What was looked up is remembered, within bounds: a target chooses its names, and may
/// map a new 4 KiB name every microsecond.
final class NameTables {
    private struct Known {
        var id: Int64
        /// The day written in the row: 1970-01-01 is 0. Retention drops rows not used since.
        var day: Int64
    }

    private struct MappingKey: Hashable {
        var inode: UInt64
        var name: Int64
        var device: UInt32
        var kind: UInt8
        var permissions: UInt8
    }

    private static let maximumEntries = 4096
    private static let maximumNameBytes = 256 << 10

    private let statements: WriterStatements
    private var names: [[UInt8]: Known] = [:]
    private var nameBytes = 0
    private var mappings: [MappingKey: Known] = [:]

    init(_ statements: WriterStatements) { self.statements = statements }

    func forget() {
        names.removeAll()
        nameBytes = 0
        mappings.removeAll()
    }

    /// The row of `bytes`, made where it is new and marked as used on `day`.
    func name(_ bytes: [UInt8], day: Int64) throws -> Int64 {
        if var known = names[bytes] {
            if known.day < day {
                try renew(statements.renewName, known.id, day)
                known.day = day
                names[bytes] = known
            }
            return known.id
        }
        statements.findName.bind(1, blob: bytes)
        let found = try find(statements.findName)
        let id: Int64
        if let found {
            id = found.id
            if found.day < day { try renew(statements.renewName, id, day) }
        } else {
            statements.insertName.bind(1, blob: bytes)
            statements.insertName.bind(2, day)
            id = try insert(statements.insertName)
        }
        if names.count >= Self.maximumEntries || nameBytes + bytes.count > Self.maximumNameBytes {
            names.removeAll(keepingCapacity: true)
            nameBytes = 0
        }
        names[bytes] = Known(id: id, day: max(day, found?.day ?? day))
        nameBytes += bytes.count
        return id
    }

    /// The row for what `region` is, besides where. 0 stands for no name.
    func mapping(_ region: HistoryRegion, day: Int64) throws -> Int64 {
        let key = MappingKey(
            inode: region.inode, name: try region.path.map { try name($0, day: day) } ?? 0,
            device: region.device.rawValue, kind: region.kind.rawValue,
            permissions: region.permissions.rawValue)
        if var known = mappings[key] {
            if known.day < day {
                try renew(statements.renewMapping, known.id, day)
                known.day = day
                mappings[key] = known
            }
            return known.id
        }
        bind(key, to: statements.findMapping)
        let found = try find(statements.findMapping)
        let id: Int64
        if let found {
            id = found.id
            if found.day < day { try renew(statements.renewMapping, id, day) }
        } else {
            bind(key, to: statements.insertMapping)
            statements.insertMapping.bind(6, day)
            id = try insert(statements.insertMapping)
        }
        if mappings.count >= Self.maximumEntries { mappings.removeAll(keepingCapacity: true) }
        mappings[key] = Known(id: id, day: max(day, found?.day ?? day))
        return id
    }

    private func bind(_ key: MappingKey, to statement: PreparedStatement) {
        statement.bind(1, Int64(bitPattern: key.inode))
        statement.bind(2, key.name)
        statement.bind(3, Int64(key.device))
        statement.bind(4, Int64(key.kind))
        statement.bind(5, Int64(key.permissions))
    }

    private func find(_ statement: PreparedStatement) throws -> Known? {
        defer { statement.reset() }
        guard try statement.step() else { return nil }
        return Known(id: statement.int(0), day: statement.int(1))
    }

    private func insert(_ statement: PreparedStatement) throws -> Int64 {
        guard try statement.step() else { throw HistoryError.failed(path: "history", reason: "no row id") }
        let id = statement.int(0)
        try statement.run()
        return id
    }

    private func renew(_ statement: PreparedStatement, _ id: Int64, _ day: Int64) throws {
        statement.bind(1, id)
        statement.bind(2, day)
        try statement.run()
    }
}
