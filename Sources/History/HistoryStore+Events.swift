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
        func handOut(_ events: [HistoryEvent]) throws -> Bool {
            for event in events {
                guard left > 0, try body(event) else { return false }
                left -= 1
            }
            return left > 0
        }
        if let process, afterEventID == nil {
            var reader = ProcessEventReader(
                process: process.rawValue, since: since, until: until, types: types)
            while !reader.isAtEnd {
                var next = reader
                let events = try reading { db in
                    next = reader
                    return try next.next(db, limit: Self.chunkRows)
                }
                reader = next
                guard try handOut(events) else { return }
            }
            return
        }
        var position = try afterEventID ?? firstID(since: since)
        while let start = position {
            let chunk = try reading { db in
                try self.chunk(db, after: start, process, unit, since, until, types)
            }
            guard try handOut(chunk.events) else { return }
            position = chunk.next
        }
    }

    /// Every alert of a process and every end of one, by time.
    ///
    /// Reads past all its other events. An index of the few alerts would be found at once, and would cost an allocation
    /// and 4 % with each event that is written, for ever; this is asked once for each target when a daemon starts,
    /// and 5,000,000 events are a second.
    package func alertEvents(of process: HistoryProcessID) throws -> [MemoryEvent] {
        var alerts: [MemoryEvent] = []
        try events(of: process, types: Set(EventType.allCases.filter(\.isAlert))) {
            alerts.append($0.event)
            return true
        }
        return alerts
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

    /// The id after which all events since a time lie; nil where there is none since.
    private func firstID(since: Timestamp?) throws -> Int64? {
        guard let since else { return 0 }
        return try reading { db in
            let query = try PreparedStatement(
                cached: db,
                """
                SELECT min(r.first) FROM process p CROSS JOIN event_run r ON r.process = p.id AND r.time >= ?1
                """)
            // What began a minute before may reach into the time asked for.
            query.bind(1, since.microseconds.subtractingSaturating(EventRun.microseconds))
            defer { query.reset() }
            guard try query.step(), let first = query.optionalInt(0) else { return nil }
            return first &- 1
        }
    }

    private static let chunkRows = 512

    private func chunk(
        _ db: Database, after id: Int64, _ process: HistoryProcessID?, _ unit: String?,
        _ since: Timestamp?, _ until: Timestamp?, _ types: Set<EventType>?
    ) throws -> (events: [HistoryEvent], next: Int64?) {
        let condition =
            "e.id > ?1" + (process == nil ? "" : " AND +e.process = ?5")
            + (unit == nil ? "" : " AND p.unit = ?7")
        let query = try PreparedStatement(
            cached: db, EventRow.sql(condition) + " ORDER BY e.id LIMIT \(Self.chunkRows)")
        query.bind(1, id)
        query.bind(2, (since ?? .distantPast).microseconds)
        query.bind(3, (until ?? .distantFuture).microseconds)
        query.bind(4, EventRow.mask(types))
        if let process { query.bind(5, process.rawValue) }
        if let unit { query.bind(7, text: unit) }
        defer { query.reset() }
        var events: [HistoryEvent] = []
        var rows = 0
        var last = id
        while try query.step() {
            rows += 1
            last = query.int(0)
            if let event = EventRow.event(query) { events.append(event) }
        }
        return (events, rows == Self.chunkRows ? last : nil)
    }
}
