import History
import Inspection
import MemoryModel
import MemwatchInterface
import ProcFS
import Tracing
import Varlink
import VarlinkServing

extension MonitorService {
    func regions(_ call: VarlinkCall, _ peer: PeerIdentity, _ replies: VarlinkReplies) async throws {
        let parameters = CallParameters(call)
        let pid = try parameters.requiredPID()
        let kinds = try parameters.kinds()
        if let time = try parameters.time("at") {
            let row = try await historyRow(pid: pid, started: try parameters.time("start"), peer)
            let found = try await map(of: row, at: time)
            try await requireReadable([row], peer)
            let regions = found.regions
            let wanted = regions.indices.filter { kinds?.contains(regions[$0].kind) ?? true }
            return try await send(wanted, at: found.time, true, false, call, replies) {
                RegionRecord(regions[$0].region, path: regions[$0].path ?? [])
            }
        }
        let look = try await readableLook(pid: pid, countsResident: parameters.bool("resident"), peer)
        let wanted = look.regions.indices.filter { kinds?.contains(look.regions[$0].kind) ?? true }
        try await send(
            wanted, at: look.sample.time, look.sample.isConsistent, look.isTruncated, call, replies
        ) { index in
            let region = look.regions[index]
            var record = RegionRecord(region, path: look.paths.bytes(of: region.path))
            if let resident = look.resident { record.setResident(resident[index]) }
            return record
        }
    }

    /// A look at a process that this client may read, now: asked before and after, because between the
    /// two the process may have executed a set-user-id program.
    private func readableLook(
        pid: Int32, countsResident: Bool, _ peer: PeerIdentity
    ) async throws -> ProcessInspection {
        let gate = gate.current
        let denied = MonitorError.permissionDenied(
            pid: Int64(pid), reason: "process \(pid) belongs to another user")
        do {
            let directory = try root.open(pid: pid)
            // Whoever's it is: /proc/[pid]/stat tells everybody, and there is nothing to see.
            let stat = try directory.stat()
            if stat.isKernelThread { throw ProcError.noMemory(pid: pid, state: .kernelThread) }
            if stat.isZombie { throw ProcError.noMemory(pid: pid, state: .zombie) }
            let look = try await gate.read(directory, for: peer) {
                let look = try await tracer.inspect(pid: pid, countsResident: countsResident)
                return (look, look.credentials)
            }
            guard let look else { throw denied }
            return look
        } catch let error as ProcError {
            throw MonitorError(error, pid: pid)
        }
    }

    /// In parts where the caller takes a stream, else at once.
    ///
    /// A name may have 15 KB, and a process may give its sixty thousand regions one each: what is made of a map at
    /// a time is bounded by the bytes of its names too. What does not fit into the one reply of a caller who takes
    /// no stream is left out, and `truncated` says so.
    private func send(
        _ indices: [Int], at time: Timestamp, _ isConsistent: Bool, _ isTruncated: Bool, _ call: VarlinkCall,
        _ replies: VarlinkReplies, record: (Int) -> RegionRecord
    ) async throws {
        let most = call.more ? (rows: 500, nameBytes: 256 << 10) : (rows: .max, nameBytes: 4 << 20)
        var (rows, nameBytes, isCut) = ([RegionRecord](), 0, isTruncated)
        func reply() -> RowsReply<RegionRecord> {
            RowsReply(
                name: "regions", rows: rows,
                others: [
                    "time": .string(time.rfc3339), "consistent": .bool(isConsistent),
                    "truncated": .bool(isCut),
                ])
        }
        for index in indices {
            let next = record(index)
            let bytes = next.path?.utf8.count ?? 0
            if rows.count == most.rows || (!rows.isEmpty && nameBytes + bytes > most.nameBytes) {
                guard call.more else {
                    isCut = true
                    break
                }
                try await replies.sendMore(reply())
                (rows, nameBytes) = ([], 0)
            }
            rows.append(next)
            nameBytes += bytes
        }
        try await replies.send(reply())
    }

    /// The history of a pid that this client may read: the newest process that had it, or the one that
    /// started at `started` (to the second).
    func historyRow(
        pid: Int32, started: Timestamp?, _ peer: PeerIdentity
    ) async throws -> HistoryProcess {
        let rows = try await queries.runUnlessCancelled { [store] in try store.processes(pid: pid) }
        let matching = rows.filter { row in
            guard let started else { return true }
            guard let start = row.description.started else { return false }
            return start.microseconds / 1_000_000 == started.microseconds / 1_000_000
        }
        guard !matching.isEmpty else {
            throw MonitorError.noSuchProcess(pid: Int64(pid), reason: "there is no history of process \(pid)")
        }
        let rule = gate.current.rule
        guard let row = matching.first(where: { rule.mayReadHistory(peer, of: HistoryReader($0.reader)) })
        else {
            throw MonitorError.permissionDenied(
                pid: Int64(pid), reason: "the history of process \(pid) belongs to another user")
        }
        return row
    }

    /// Asked once more when their history has been read: meanwhile they may have become another's, and what
    /// was read last be of that.
    func requireReadable(_ rows: [HistoryProcess], _ peer: PeerIdentity) async throws {
        let rule = gate.current.rule
        if rule.maySeeAll(peer) { return }
        let readable = try await queries.runUnlessCancelled { [store] in
            try rows.allSatisfy { row in
                // One that retention has removed is nobody's any more.
                try store.process(row.id).map { rule.mayReadHistory(peer, of: HistoryReader($0.reader)) }
                    ?? true
            }
        }
        guard readable else {
            let pid = rows.count == 1 ? rows.first.map { Int64($0.description.identity.pid) } : nil
            throw MonitorError.permissionDenied(
                pid: pid, reason: "this history has just become another user's")
        }
    }

    /// The processes of a unit that this client may read, gone ones too, in the order in which they were
    /// attached; never none.
    func historyRows(unit: String, _ peer: PeerIdentity) async throws -> [HistoryProcess] {
        let rows = try await queries.runUnlessCancelled { [store] in try store.processes(unit: unit) }
        guard !rows.isEmpty else {
            throw MonitorError.noSuchProcess(
                pid: nil, reason: "there is no history of the unit \(UnreadableText.quote(unit))")
        }
        let rule = gate.current.rule
        let readable = rows.filter { rule.mayReadHistory(peer, of: HistoryReader($0.reader)) }
        guard !readable.isEmpty else {
            throw MonitorError.permissionDenied(
                pid: nil,
                reason: "the history of the unit \(UnreadableText.quote(unit)) belongs to another user")
        }
        return readable.sorted { ($0.attached, $0.id.rawValue) < ($1.attached, $1.id.rawValue) }
    }
}
