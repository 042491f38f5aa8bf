import History
import MemoryModel
import MemwatchInterface
import Varlink
import VarlinkServing

/// At most so many changes in the reply to a caller that takes no stream.
private let unstreamedLimit = 10_000

extension MonitorService {
    func diff(_ call: VarlinkCall, _ peer: PeerIdentity, _ replies: VarlinkReplies) async throws {
        let parameters = CallParameters(call)
        let pid = try parameters.requiredPID()
        guard let from = try parameters.time("from") else { throw VarlinkError.invalidParameter("from") }
        guard let to = try parameters.time("to") else { throw VarlinkError.invalidParameter("to") }
        guard from <= to else {
            throw MonitorError.invalidTime(
                value: parameters.string("from") ?? "", reason: "from is after to: exchange them")
        }
        let row = try await historyRow(pid: pid, started: try parameters.time("start"), peer)
        let before = try await map(of: row, at: from)
        let after = try await map(of: row, at: to)
        try await requireReadable([row], peer)
        // Up to 65,530 regions on either side: no work for the threads that answer everybody.
        let difference = try await queries.runUnlessCancelled {
            MapDifference(from: before.regions, to: after.regions)
        }
        let others: JSONObject = [
            "from": .string(before.time.rfc3339), "to": .string(after.time.rfc3339),
            "kinds": difference.kinds.json,
        ]
        var rest = difference.changes[...]
        while call.more, rest.count > 500 {
            try await replies.sendMore(part(Array(rest.prefix(500)), others, isTruncated: false))
            rest = rest.dropFirst(500)
        }
        let last = Array(rest.prefix(unstreamedLimit))
        try await replies.send(part(last, others, isTruncated: last.count < rest.count))
    }

    /// The region map that held at `time`, with the time of its look.
    func map(
        of row: HistoryProcess, at time: Timestamp
    ) async throws -> (time: Timestamp, regions: [HistoryRegion]) {
        let found = try await queries.runUnlessCancelled { [store] in
            try store.regions(of: row.id, at: time)
        }
        guard let found else {
            let pid = row.description.identity.pid
            throw MonitorError.noSuchProcess(
                pid: Int64(pid),
                reason: "nothing is known of process \(pid) at \(time.rfc3339): it was attached at "
                    + "\(row.attached.rfc3339), or its regions of then are no longer kept")
        }
        return found
    }

    private func part(
        _ changes: [ChangeRecord], _ others: JSONObject, isTruncated: Bool
    ) -> RowsReply<ChangeRecord> {
        var others = others
        others["truncated"] = .bool(isTruncated)
        return RowsReply(name: "changes", rows: changes, others: others)
    }
}
