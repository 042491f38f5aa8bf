import History
import MemoryModel
import MemwatchInterface
import Varlink

extension MonitorService {
    /// The next events, a page at most.
    func page(_ filter: EventFilter) async throws -> [HistoryEvent] {
        try await queries.runUnlessCancelled { [store] in
            var found: [HistoryEvent] = []
            try store.events(
                of: filter.row, unit: filter.unit, since: filter.since, until: filter.until,
                types: filter.types, afterEventID: filter.after ?? 0, limit: EventFilter.pageSize
            ) { event in
                found.append(event)
                return true
            }
            return found
        }
    }
}

/// Which events of the history are meant, and how far they have been read.
struct EventFilter: Sendable {
    static let pageSize = 1_000
    var row: HistoryProcessID?
    var unit: String?
    var since: Timestamp?
    var until: Timestamp?
    var types: Set<EventType>?
    /// The last id that was read.
    var after: Int64?
}

func eventsPart(_ rows: [EventRecord], isTruncated: Bool = false) -> RowsReply<EventRecord> {
    RowsReply(name: "events", rows: rows, others: ["truncated": .bool(isTruncated)])
}

/// Whether this client may read a process's history, asked of the database once for each process.
struct ReaderCache {
    let service: MonitorService
    let peer: PeerIdentity
    private var verdicts: [HistoryProcessID: Bool] = [:]

    init(service: MonitorService, peer: PeerIdentity) {
        self.service = service
        self.peer = peer
    }

    mutating func mayRead(_ process: HistoryProcessID) async throws -> Bool {
        let rule = service.gate.current.rule
        if rule.maySeeAll(peer) { return true }
        if let known = verdicts[process] { return known }
        let row = try await service.queries.runUnlessCancelled { [store = service.store] in
            try store.process(process)
        }
        let verdict = row.map { rule.mayReadHistory(peer, of: HistoryReader($0.reader)) } ?? false
        verdicts[process] = verdict
        return verdict
    }
}
