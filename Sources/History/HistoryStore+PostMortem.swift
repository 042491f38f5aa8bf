import GRDB
package import MemoryModel

extension HistoryStore {
    /// What the process held when it exited; nil where it has not, or nobody was watching.
    package func postMortem(of process: HistoryProcessID) throws(HistoryError) -> PostMortem? {
        try reading { db in
            let query = try PreparedStatement(
                cached: db,
                """
                SELECT p.pid, p.comm, p.unit, m.time, m.look, m.vm_size, m.oom_killed, m.growth_time,
                    m.growth_type, m.growth_source, m.growth_kind, m.growth_delta, m.growth_size,
                    \(Schema.kindColumns.map { "m.\($0)" }.joined(separator: ", "))
                FROM post_mortem m JOIN process p ON p.id = m.process WHERE m.process = ?
                """)
            query.bind(1, process.rawValue)
            defer { query.reset() }
            guard try query.step() else { return nil }
            var found = PostMortem(
                pid: Int32(truncatingIfNeeded: query.int(0)), comm: query.blob(1) ?? [], unit: query.text(2),
                time: Timestamp(microseconds: query.int(3)))
            found.lookTime = query.optionalInt(4).map(Timestamp.init(microseconds:))
            found.vmSizeBytes = query.optionalInt(5).map(UInt64.init(bitPattern:))
            found.oomKilled = query.optionalInt(6).map { $0 != 0 }
            found.lastGrowth = growth(query, of: found)
            found.kinds = kinds(query, from: 13)
            found.largest = try largest(db, process)
            return found
        }
    }

    private func growth(_ row: PreparedStatement, of found: PostMortem) -> MemoryEvent? {
        guard let time = row.optionalInt(7),
            let type = row.optionalInt(8).flatMap(UInt8.init(exactly:)).flatMap(EventType.init(rawValue:))
        else { return nil }
        var event = MemoryEvent(
            time: Timestamp(microseconds: time), pid: found.pid, comm: found.comm, type: type,
            source: row.int(9) == 1 ? .perf : .sample)
        event.kind = row.optionalInt(10).flatMap(UInt8.init(exactly:)).flatMap(RegionKind.init(rawValue:))
        event.delta = row.optionalInt(11)
        event.size = row.optionalInt(12).map(UInt64.init(bitPattern:))
        return event
    }

    private func kinds(_ row: PreparedStatement, from first: Int32) -> KindTotals? {
        var totals = KindTotals()
        for kind in RegionKind.allCases {
            guard let bytes = row.optionalInt(first + Int32(kind.rawValue)) else { return nil }
            totals[kind] = UInt64(bitPattern: bytes)
        }
        return totals
    }

    private func largest(_ db: Database, _ process: HistoryProcessID) throws -> [PostMortem.LargeRegion] {
        let query = try PreparedStatement(
            cached: db,
            """
            SELECT r.start, r.size, r.kind, n.bytes FROM post_mortem_region r
            LEFT JOIN name n ON n.id = r.name WHERE r.process = ? ORDER BY r.rank
            """)
        query.bind(1, process.rawValue)
        defer { query.reset() }
        var regions: [PostMortem.LargeRegion] = []
        while try query.step() {
            guard let kind = UInt8(exactly: query.int(2)).flatMap(RegionKind.init(rawValue:)) else {
                continue
            }
            regions.append(
                PostMortem.LargeRegion(
                    start: AddressColumn.decode(query.int(0)), sizeBytes: AddressColumn.decode(query.int(1)),
                    kind: kind, path: query.blob(3)))
        }
        return regions
    }
}

extension HistoryWriter {
    /// Writes it in place of an earlier one of the same process.
    func write(_ found: PostMortem, _ process: Int64, day: Int64, in db: Database) throws {
        let columns = Schema.kindColumns.joined(separator: ", ")
        let marks = Schema.kindColumns.map { _ in "?" }.joined(separator: ", ")
        let insert = try PreparedStatement(
            cached: db,
            """
            INSERT OR REPLACE INTO post_mortem (process, time, look, vm_size, oom_killed, growth_time,
                growth_type, growth_source, growth_kind, growth_delta, growth_size, \(columns))
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, \(marks))
            """)
        insert.bind(1, process)
        insert.bind(2, found.time.microseconds)
        insert.bind(3, found.lookTime?.microseconds)
        insert.bind(4, found.vmSizeBytes.map(Int64.init(bitPattern:)))
        insert.bind(5, found.oomKilled.map { $0 ? 1 : 0 })
        let growth = found.lastGrowth
        insert.bind(6, growth?.time.microseconds)
        insert.bind(7, growth.map { Int64($0.type.rawValue) })
        insert.bind(8, growth.map { Int64($0.source.rawValue) })
        insert.bind(9, growth?.kind.map { Int64($0.rawValue) })
        insert.bind(10, growth?.delta)
        insert.bind(11, growth?.size.map(Int64.init(bitPattern:)))
        for kind in RegionKind.allCases {
            insert.bind(12 + Int32(kind.rawValue), found.kinds.map { Int64(bitPattern: $0[kind]) })
        }
        try insert.run()
        let clear = try PreparedStatement(cached: db, "DELETE FROM post_mortem_region WHERE process = ?")
        clear.bind(1, process)
        try clear.run()
        let add = try PreparedStatement(
            cached: db,
            "INSERT INTO post_mortem_region (process, rank, start, size, kind, name) VALUES (?, ?, ?, ?, ?, ?)"
        )
        for (rank, region) in found.largest.enumerated() {
            add.bind(1, process)
            add.bind(2, Int64(rank))
            add.bind(3, AddressColumn.encode(region.start))
            add.bind(4, AddressColumn.encode(region.sizeBytes))
            add.bind(5, Int64(region.kind.rawValue))
            add.bind(6, try region.path.map { try names.name($0, day: day) })
            try add.run()
        }
    }
}
