import GRDB
import MemoryModel

/// One row of `event` and how to read it.
enum EventRow {
    /// Whose time lies within `?2` … `?3`, of the types whose bits are set in `?4`.
    static func sql(_ condition: String) -> String {
        """
        SELECT e.id, e.process, p.pid, e.time, e.type, e.source, e.kind, e.delta, e.size, e.start, e."end",
            e.perms, n.bytes, e.tid, c.bytes, e.not_before, e.count, e.child
        FROM event e CROSS JOIN process p ON p.id = e.process LEFT JOIN name n ON n.id = e.name
            LEFT JOIN name c ON c.id = e.comm
        WHERE \(condition) AND e.time >= ?2 AND e.time <= ?3 AND (?4 >> e.type) & 1
        """
    }

    /// nil for a row whose type this version does not know.
    static func event(_ row: PreparedStatement) -> HistoryEvent? {
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

    /// For `?4`.
    static func mask(_ types: Set<EventType>?) -> Int64 {
        types.map { $0.reduce(Int64(0)) { $0 | 1 << Int64($1.rawValue) } } ?? -1
    }
}
