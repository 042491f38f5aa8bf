import History
import MemoryModel
import MemwatchInterface
import Varlink
import VarlinkServing

extension MonitorService {
    func events(_ call: VarlinkCall, _ peer: PeerIdentity, _ replies: VarlinkReplies) async throws {
        let parameters = CallParameters(call)
        let follow = parameters.bool("follow")
        if follow, !call.more { throw VarlinkError.expectedMore }
        let (since, until) = try parameters.period()
        let types = try parameters.eventTypes()
        var filter = EventFilter(since: since, until: until, types: types)
        filter.unit = parameters.string("unit")
        if let pid = try parameters.pid() {
            guard filter.unit == nil else {
                throw MonitorError.invalidValue(parameter: "unit", reason: "name a pid or a unit, not both")
            }
            filter.row = try await historyRow(pid: pid, started: try parameters.time("start"), peer).id
        }
        if let unit = filter.unit {
            do {
                _ = try await historyRows(unit: unit, peer)
            } catch MonitorError.noSuchProcess where follow {
                // Who follows may wait for a unit's first process.
            }
        }
        // Before the first read, so that nothing written meanwhile is without a wake-up.
        let wakeUps = feed.wakeUps()
        // Whoever follows wants what comes, not all there ever was.
        if follow, since == nil {
            filter.after = try await queries.runUnlessCancelled { [store] in try store.lastEventID() }
        }
        let count = try await sendStored(&filter, peer, call, replies, isFollowed: follow)
        guard follow else { return }
        if count == 0 { try await replies.sendMore(eventsPart([])) }
        for await _ in wakeUps {
            _ = try await sendStored(&filter, peer, call, replies, isFollowed: true)
        }
        // The daemon stops. Returning would end the stream with a reply that has no events, as if all had
        // been told; hanging up says that there is no more to come from this daemon.
        try Task.checkCancellation()
    }

    /// Sends what is there beyond the filter's position; the last part ends the reply unless it is followed.
    private func sendStored(
        _ filter: inout EventFilter, _ peer: PeerIdentity, _ call: VarlinkCall, _ replies: VarlinkReplies,
        isFollowed: Bool
    ) async throws -> Int {
        var total = 0
        var held: [EventRecord] = []
        while true {
            let found = try await page(filter)
            filter.after = found.last?.id ?? filter.after
            // Asked anew of each page, after reading it: who may read a process is tightened while it lives, and a
            // slow caller takes long.
            var readers = ReaderCache(service: self, peer: peer)
            for event in found where try await readers.mayRead(event.process) {
                held.append(EventRecord(event.event))
            }
            total += held.count
            let isEnd = found.count < EventFilter.pageSize
            if isEnd || (!call.more && held.count >= 10_000) {
                if !isFollowed {
                    try await replies.send(eventsPart(held, isTruncated: !isEnd))
                } else if !held.isEmpty {
                    try await replies.sendMore(eventsPart(held))
                }
                return total
            }
            if call.more, !held.isEmpty {
                try await replies.sendMore(eventsPart(held))
                held = []
            }
        }
    }
}
