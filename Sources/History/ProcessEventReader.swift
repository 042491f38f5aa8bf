import GRDB
import MemoryModel

/// Reads one process's events by time, run by run.
///
/// Runs come in the order of their first event. They overlap only where the clock stepped back: an event is
/// handed out when no later run can hold an earlier one.
struct ProcessEventReader {
    let process: Int64
    let since: Timestamp
    let until: Timestamp
    /// See ``EventRow/mask(_:)``.
    let types: Int64
    /// The last run that was read.
    private var position: (time: Int64, first: Int64)
    /// Read, and perhaps not yet in turn; by time.
    private var pending: [HistoryEvent] = []
    private(set) var isAtEnd = false

    init(process: Int64, since: Timestamp?, until: Timestamp?, types: Set<EventType>?) {
        self.process = process
        self.since = since ?? .distantPast
        self.until = until ?? .distantFuture
        self.types = EventRow.mask(types)
        // What began a minute before may reach into the time asked for.
        position = (self.since.microseconds.subtractingSaturating(EventRun.microseconds + 1), .max)
    }

    /// The next events: about `limit`, perhaps none, until ``isAtEnd``.
    mutating func next(_ db: Database, limit: Int) throws -> [HistoryEvent] {
        let runs = try PreparedStatement(
            cached: db,
            """
            SELECT time, first, ids FROM event_run
            WHERE process = ?1 AND time <= ?2 AND (time, first) > (?3, ?4) AND time >= ?3 ORDER BY time, first
            """)
        runs.bind(1, process)
        runs.bind(2, until.microseconds)
        runs.bind(3, position.time)
        runs.bind(4, position.first)
        defer { runs.reset() }
        var found: [HistoryEvent] = []
        var rows = 0
        var horizon: Int64?
        while try runs.step() {
            let run = EventRun(time: runs.int(0), first: runs.int(1), ids: runs.int(2))
            if rows >= limit {
                horizon = run.time
                break
            }
            try read(db, run, into: &found)
            // A run whose events are all of other types or processes took its time too.
            rows = max(rows &+ 16, found.count)
            position = (run.time, run.first)
        }
        pending += found
        if zip(pending, pending.dropFirst()).contains(where: { Self.order($1) < Self.order($0) }) {
            pending.sort { Self.order($0) < Self.order($1) }
        }
        guard let horizon else {
            isAtEnd = true
            return take(pending.count)
        }
        return take(pending.firstIndex { $0.event.time.microseconds >= horizon } ?? pending.count)
    }

    private static func order(_ event: HistoryEvent) -> (Timestamp, Int64) { (event.event.time, event.id) }

    private mutating func take(_ count: Int) -> [HistoryEvent] {
        let ready = Array(pending[..<count])
        pending.removeFirst(count)
        return ready
    }

    private func read(_ db: Database, _ run: EventRun, into found: inout [HistoryEvent]) throws {
        let query = try PreparedStatement(
            cached: db, EventRow.sql("e.id >= ?1 AND e.id <= ?5 AND +e.process = ?6") + " ORDER BY e.id")
        query.bind(1, run.first)
        query.bind(2, since.microseconds)
        query.bind(3, until.microseconds)
        query.bind(4, types)
        query.bind(5, run.last)
        query.bind(6, process)
        defer { query.reset() }
        while try query.step() { if let event = EventRow.event(query) { found.append(event) } }
    }
}
