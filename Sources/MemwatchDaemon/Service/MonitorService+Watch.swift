import History
import MemoryModel
import MemwatchInterface
import ProcFS
import Tracing
import Varlink
import VarlinkServing

extension MonitorService {
    func watch(_ call: VarlinkCall, _ peer: PeerIdentity, _ replies: VarlinkReplies) async throws {
        let parameters = CallParameters(call)
        let pids = try parameters.pids()
        let interval = try parameters.duration("interval") ?? 1_000_000
        guard (100_000...3_600_000_000).contains(interval) else {
            throw MonitorError.invalidValue(
                parameter: "interval", reason: "the interval must be from 100ms to 1h")
        }
        var named: [Int32: TargetRecord] = [:]
        let visible = await keeper.visible(to: peer)
        for pid in pids ?? [] {
            guard let snapshot = visible.first(where: { $0.description.identity.pid == pid }) else {
                throw await refusal(of: pid, peer)
            }
            named[pid] = TargetRecord(snapshot)
        }
        var filter = EventFilter()
        filter.after = try await queries.runUnlessCancelled { [store] in try store.lastEventID() }
        var isFirst = true
        while true {
            let answer = try await watched(pids, &named, &filter, peer, withEvents: !isFirst)
            isFirst = false
            let isOver = pids != nil && named.values.allSatisfy { $0.state == .exited }
            guard call.more, !isOver else { return try await replies.send(answer) }
            try await replies.sendMore(answer)
            // Ends with the call, and with the daemon.
            try await Task.sleep(for: .microseconds(interval))
        }
    }

    /// What is there now of those that were named, or of all.
    private func watched(
        _ pids: [Int32]?, _ named: inout [Int32: TargetRecord], _ filter: inout EventFilter,
        _ peer: PeerIdentity,
        withEvents: Bool
    ) async throws -> WatchReply {
        var rows: [WatchedRecord] = []
        var present: Set<Int32> = []
        for snapshot in await keeper.visible(to: peer) {
            let pid = snapshot.description.identity.pid
            guard pids == nil || named[pid] != nil else { continue }
            let target = TargetRecord(snapshot)
            present.insert(pid)
            if pids != nil { named[pid] = target }
            rows.append(WatchedRecord(target: target, sample: snapshot.lastSample.map { SampleRecord($0) }))
        }
        for pid in pids ?? [] where !present.contains(pid) {
            guard var target = named[pid] else { continue }
            target.state = .exited
            named[pid] = target
            rows.append(WatchedRecord(target: target, sample: nil))
        }
        var events: [EventRecord] = []
        if withEvents {
            for event in try await newEvents(&filter, peer) where pids == nil || named[event.pid] != nil {
                events.append(event)
            }
        }
        return WatchReply(time: .now, watched: rows, events: events)
    }

    /// What has happened since the last time, a page at most: of more than a thousand in an interval the newest are what
    /// there is to see, and `Events` has them all.
    private func newEvents(_ filter: inout EventFilter, _ peer: PeerIdentity) async throws -> [EventRecord] {
        var newest: [EventRecord] = []
        while true {
            let page = try await page(filter)
            filter.after = page.last?.id ?? filter.after
            var readers = ReaderCache(service: self, peer: peer)
            for event in page where try await readers.mayRead(event.process) {
                newest.append(EventRecord(event.event))
            }
            newest.removeFirst(max(0, newest.count - EventFilter.pageSize))
            if page.count < EventFilter.pageSize { return newest }
        }
    }

    /// Why a pid cannot be watched: of another's process it is not told either whether it is a target.
    private func refusal(of pid: Int32, _ peer: PeerIdentity) async -> MonitorError {
        if let directory = try? root.open(pid: pid), !gate.current.mayRead(peer, directory) {
            return .permissionDenied(pid: Int64(pid), reason: "process \(pid) belongs to another user")
        }
        return .notAttached(
            pid: Int64(pid), reason: "attach it first: 'memwatch attach \(pid)'")
    }
}

private struct WatchReply: JSONWritable, Sendable {
    var time: Timestamp
    var watched: [WatchedRecord]
    var events: [EventRecord]

    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("time")
        writer.value(time)
        writer.key("watched")
        writer.beginArray()
        for row in watched { row.write(to: &writer) }
        writer.endArray()
        writer.key("events")
        writer.beginArray()
        for event in events { event.write(to: &writer) }
        writer.endArray()
        writer.endObject()
    }
}
