import GRDB
package import MemoryModel

extension HistoryStore {
    /// The intervals that were open at the last write, by address: what to compare the first
    /// look after a restart with.
    package func openRegions(of process: HistoryProcessID) throws(HistoryError) -> [HistoryRegion] {
        try reading { db in
            let query = try PreparedStatement(
                cached: db, Self.regionSQL("r.process = ?1 AND r.died = 0") + " ORDER BY r.start")
            query.bind(1, process.rawValue)
            defer { query.reset() }
            var result: [HistoryRegion] = []
            while try query.step() { if let region = Self.region(query) { result.append(region) } }
            return result
        }
    }

    /// What events told of after the map was last written: signed bytes of each kind where they are not 0.
    ///
    /// Events are written as they are told, the map with the sample that follows, a tenth of the interval later at
    /// most. Whoever is killed between the two leaves events that ``openRegions(of:)`` knows nothing of.
    package func toldSinceMap(of process: HistoryProcessID) throws(HistoryError) -> [RegionKind: Int64] {
        try reading { db in
            // Where intervals have been removed, the events beside them may still be there.
            let last = try PreparedStatement(
                cached: db,
                """
                SELECT max(p.regions_from,
                    ifnull((SELECT max(died) FROM region r WHERE r.process = p.id), 0),
                    ifnull((SELECT max(since) FROM region r WHERE r.process = p.id AND r.died = 0), 0))
                FROM process p WHERE p.id = ?1
                """)
            last.bind(1, process.rawValue)
            defer { last.reset() }
            guard try last.step() else { return [:] }
            let mapped = try Timeline(db, process: process.rawValue).time(at: last.int(0))
            // As a floating-point number it cannot overflow, and is exact up to eight pebibytes.
            let query = try PreparedStatement(
                cached: db,
                """
                SELECT kind, CAST(total(delta) AS INTEGER) FROM event
                WHERE process = ?1 AND time > ?2 AND kind IS NOT NULL AND delta IS NOT NULL GROUP BY kind
                """)
            query.bind(1, process.rawValue)
            query.bind(2, mapped.microseconds)
            defer { query.reset() }
            var result: [RegionKind: Int64] = [:]
            while try query.step() {
                guard let kind = UInt8(exactly: query.int(0)).flatMap(RegionKind.init(rawValue:)) else {
                    continue
                }
                if query.int(1) != 0 { result[kind] = query.int(1) }
            }
            return result
        }
    }

    /// The region map as the last look at or before `time` found it, by address, with that
    /// look's time.
    ///
    /// nil where no look is that old, or where retention has removed what the map would be
    /// made of. For a time after the process's end it is the last map there was: compare
    /// with ``HistoryProcess/ended``.
    ///
    /// Where the wall clock stepped back and `time` occurred twice, the later occurrence.
    package func regions(
        of process: HistoryProcessID, at time: Timestamp
    ) throws(HistoryError) -> (time: Timestamp, regions: [HistoryRegion])? {
        try reading { db in
            let timeline = try Timeline(db, process: process.rawValue)
            // Every run after the first begins with a look, so the latest run that reaches
            // back to `time` holds the look that is asked for.
            guard let moment = timeline.lastMoments(atOrBefore: time).first?.upperBound else { return nil }
            let from = try PreparedStatement(cached: db, "SELECT regions_from FROM process WHERE id = ?")
            from.bind(1, process.rawValue)
            defer { from.reset() }
            guard try from.step(), moment >= from.int(0) else { return nil }

            let died = try PreparedStatement(
                cached: db, "SELECT max(died) FROM region WHERE process = ?1 AND died > 0 AND died <= ?2")
            died.bind(1, process.rawValue)
            died.bind(2, moment)
            defer { died.reset() }
            var look = try died.step() ? died.optionalInt(0) : nil

            let query = try PreparedStatement(
                cached: db,
                Self.regionSQL("r.process = ?1 AND r.died = 0 AND r.since <= ?2") + " UNION ALL "
                    + Self.regionSQL("r.process = ?1 AND r.died > ?2 AND r.died + r.since <= ?2"))
            query.bind(1, process.rawValue)
            query.bind(2, moment)
            defer { query.reset() }
            var result: [HistoryRegion] = []
            while try query.step() {
                look = max(look ?? .min, query.int(0))
                if let region = Self.region(query) { result.append(region) }
            }
            guard let look else { return nil }
            result.sort { $0.start < $1.start }
            return (timeline.time(at: look), result)
        }
    }

    private static func regionSQL(_ condition: String) -> String {
        """
        SELECT r.died + r.since, r.start, r.size, r.offset, r.tid, m.perms, m.kind, m.device, m.inode, n.bytes
        FROM region r CROSS JOIN mapping m ON m.id = r.mapping LEFT JOIN name n ON n.id = m.name
        WHERE \(condition)
        """
    }

    /// nil for a row of a kind that this version does not know.
    private static func region(_ row: PreparedStatement) -> HistoryRegion? {
        guard let kind = UInt8(exactly: row.int(6)).flatMap(RegionKind.init(rawValue:)) else { return nil }
        let start = AddressColumn.decode(row.int(1))
        return HistoryRegion(
            start: start, end: start &+ AddressColumn.decode(row.int(2)),
            permissions: Permissions(rawValue: UInt8(truncatingIfNeeded: row.int(5))),
            offset: AddressColumn.decode(row.int(3)),
            device: DeviceNumber(rawValue: UInt32(truncatingIfNeeded: row.int(7))),
            inode: UInt64(bitPattern: row.int(8)), path: row.blob(9), kind: kind,
            tid: Int32(truncatingIfNeeded: row.int(4)))
    }
}
