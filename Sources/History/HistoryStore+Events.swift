import GRDB
package import MemoryModel

extension HistoryStore {
    /// Calls `body` with each event within the bounds (both included); false stops.
    ///
    /// - `process` nil means all processes; or, with `unit`, all that belong to that systemd unit.
    /// - With `afterEventID`, or for all processes, in the order of writing: the last id seen
    ///   is where a follower continues. Otherwise by time.
    /// - `types` nil means all types; `limit` is the most events to hand out.
    ///
    /// Read in chunks like ``samples(of:since:until:_:)``.
    package func events(
        of process: HistoryProcessID? = nil, unit: String? = nil, since: Timestamp? = nil,
        until: Timestamp? = nil, types: Set<EventType>? = nil, afterEventID: Int64? = nil, limit: Int? = nil,
        _ body: (HistoryEvent) throws -> Bool
    ) throws {
        var left = limit ?? .max
        var position = try start(of: process, since: since, afterEventID: afterEventID)
        while left > 0 {
            let chunk = try reading { db in
                try self.chunk(db, position, process, unit, since, until, types)
            }
            for event in chunk.events {
                guard try body(event) else { return }
                left -= 1
                if left == 0 { return }
            }
            guard let next = chunk.next else { return }
            position = next
        }
    }

    /// The id of the newest event ever written; 0 where there is none. A follower that wants
    /// only what comes passes it as `afterEventID`.
    package func lastEventID() throws(HistoryError) -> Int64 {
        try reading { db in
            let query = try PreparedStatement(
                cached: db, "SELECT ifnull((SELECT seq FROM sqlite_sequence WHERE name = 'event'), 0)")
            defer { query.reset() }
            return try query.step() ? query.int(0) : 0
        }
    }

    private enum Position {
        case afterID(Int64)
        case after(time: Int64, id: Int64)
    }

    private func start(
        of process: HistoryProcessID?, since: Timestamp?, afterEventID: Int64?
    ) throws -> Position {
        if let afterEventID { return .afterID(afterEventID) }
        if process != nil {
            return .after(time: (since ?? .distantPast).microseconds.subtractingSaturating(1), id: .max)
        }
        guard let since else { return .afterID(0) }
        // The index goes by process: one look into it for each finds the first id that can matter.
        return try reading { db in
            let query = try PreparedStatement(
                cached: db,
                """
                SELECT min(e.id) FROM process p CROSS JOIN event e ON e.process = p.id AND e.time >= ?1
                """)
            query.bind(1, since.microseconds)
            defer { query.reset() }
            guard try query.step(), let first = query.optionalInt(0) else { return .afterID(.max) }
            return .afterID(first &- 1)
        }
    }

    private static let chunkRows = 512

    private func chunk(
        _ db: Database, _ position: Position, _ process: HistoryProcessID?, _ unit: String?,
        _ since: Timestamp?, _ until: Timestamp?, _ types: Set<EventType>?
    ) throws -> (events: [HistoryEvent], next: Position?) {
        let order: String
        let condition: String
        switch position {
        case .afterID:
            condition =
                "e.id > ?1" + (process == nil ? "" : " AND +e.process = ?5")
                + (unit == nil ? "" : " AND p.unit = ?7")
            order = "e.id"
        case .after:
            condition = "e.process = ?5 AND (e.time, e.id) > (?6, ?1) AND e.time >= ?6"
            order = "e.time, e.id"
        }
        let query = try PreparedStatement(
            cached: db,
            """
            SELECT e.id, e.process, p.pid, e.time, e.type, e.source, e.kind, e.delta, e.size, e.start, e."end",
                e.perms, n.bytes, e.tid, c.bytes, e.not_before, e.count, e.child
            FROM event e CROSS JOIN process p ON p.id = e.process LEFT JOIN name n ON n.id = e.name
                LEFT JOIN name c ON c.id = e.comm
            WHERE \(condition) AND e.time >= ?2 AND e.time <= ?3 AND (?4 >> e.type) & 1
            ORDER BY \(order) LIMIT \(Self.chunkRows)
            """)
        query.bind(2, (since ?? .distantPast).microseconds)
        query.bind(3, (until ?? .distantFuture).microseconds)
        query.bind(4, types.map { $0.reduce(Int64(0)) { $0 | 1 << Int64($1.rawValue) } } ?? -1)
        switch position {
        case .afterID(let id):
            query.bind(1, id)
            if let process { query.bind(5, process.rawValue) }
            if let unit { query.bind(7, text: unit) }
        case .after(let time, let id):
            query.bind(1, id)
            query.bind(5, process?.rawValue)
            query.bind(6, time)
        }
        defer { query.reset() }
        var events: [HistoryEvent] = []
        var rows = 0
        var next: Position?
        while try query.step() {
            rows += 1
            switch position {
            case .afterID: next = .afterID(query.int(0))
            case .after: next = .after(time: query.int(3), id: query.int(0))
            }
            if let event = Self.event(query) { events.append(event) }
        }
        return (events, rows == Self.chunkRows ? next : nil)
    }

    /// nil for a row whose type this version does not know.
    private static func event(_ row: PreparedStatement) -> HistoryEvent? {
        guard let type = UInt8(exactly: row.int(4)).flatMap(EventType.init(rawValue:)) else { return nil }
        var event = MemoryEvent(
            time: Timestamp(microseconds: row.int(3)), pid: Int32(truncatingIfNeeded: row.int(2)),
            comm: row.blob(14) ?? [], type: type, source: row.int(5) == 1 ? .perf : .sample)
        event.kind = row.optionalInt(6).flatMap(UInt8.init(exactly:)).flatMap(RegionKind.init(rawValue:))
        event.delta = row.optionalInt(7)
        event.size = row.optionalInt(8).map(UInt64.init(bitPattern:))
        event.start = row.optionalInt(9).map(AddressColumn.decode)
        event.end = row.optionalInt(10).map(AddressColumn.decode)
        event.permissions = row.optionalInt(11).map { Permissions(rawValue: UInt8(truncatingIfNeeded: $0)) }
        event.path = row.blob(12)
        event.tid = row.optionalInt(13).map(Int32.init(truncatingIfNeeded:))
        event.notBefore = row.optionalInt(15).map(Timestamp.init(microseconds:))
        event.count = row.optionalInt(16).flatMap(UInt64.init(exactly:))
        event.child = row.optionalInt(17).map(Int32.init(truncatingIfNeeded:))
        return HistoryEvent(id: row.int(0), process: HistoryProcessID(rawValue: row.int(1)), event: event)
    }
}
