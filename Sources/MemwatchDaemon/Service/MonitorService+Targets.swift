import History
import MemoryModel
import MemwatchInterface
import ProcFS
import Tracing
import Varlink
import VarlinkServing

extension MonitorService {
    func attach(_ call: VarlinkCall, _ peer: PeerIdentity, _ replies: VarlinkReplies) async throws {
        let parameters = CallParameters(call)
        let interval = try parameters.duration("interval")
        if let interval, !(100_000...3_600_000_000).contains(interval) {
            throw MonitorError.invalidValue(
                parameter: "interval", reason: "the interval must be from 100ms to 1h")
        }
        let named = ["pid", "unit", "cgroup", "comm"].filter {
            parameters.parameters[$0].map { !$0.isNull } ?? false
        }
        guard named.count == 1, let key = named.first else {
            throw MonitorError.invalidValue(
                parameter: named.dropFirst().first ?? "pid", reason: "name one of pid, unit, cgroup, comm")
        }
        let children = parameters.bool("children")
        if let pid = try parameters.pid() {
            let target = try await keeper.attach(
                pid: pid, intervalMicroseconds: interval, children: children, for: peer)
            return try await replies.send(["target": target.json, "rule": nil] as JSONObject)
        }
        let matcher: TargetRule.Matcher
        do {
            matcher = try TargetRule.Matcher(key: key, value: parameters.string(key) ?? "")
        } catch {
            throw MonitorError.invalidValue(parameter: key, reason: error.description)
        }
        let rule = TargetRule(matcher, intervalMicroseconds: interval, includesChildren: children)
        let record = try await keeper.attach(rule, for: peer)
        try await replies.send(["target": nil, "rule": record.json] as JSONObject)
    }

    func detach(_ call: VarlinkCall, _ peer: PeerIdentity, _ replies: VarlinkReplies) async throws {
        let parameters = CallParameters(call)
        let count: Int
        if let pid = try parameters.pid() {
            count = try await keeper.detach(pid: pid, for: peer)
        } else if let rule = parameters.string("rule") {
            count = try await keeper.detach(rule: rule, for: peer)
        } else if parameters.bool("all") {
            count = await keeper.detachAll(for: peer)
        } else {
            throw MonitorError.invalidValue(parameter: "pid", reason: "name one of pid, rule, all")
        }
        try await replies.send(["detached": .integer(Int64(count))] as JSONObject)
    }

    func list(_ call: VarlinkCall, _ peer: PeerIdentity, _ replies: VarlinkReplies) async throws {
        var (targets, rules) = await keeper.list(for: peer)
        let reasons = Set(targets.compactMap(\.eventSourceReason)).sorted()
        addUp(&rules, targets, await tracer.snapshots)
        if CallParameters(call).bool("all") {
            let isLive = Set(await tracer.snapshots.map(\.description.identity))
            let rows = try await queries.runUnlessCancelled { [store] in try store.processes(pid: nil) }
            let gate = gate.current
            for row in rows where !isLive.contains(row.description.identity) {
                guard gate.rule.mayReadHistory(peer, of: HistoryReader(row.reader)) else { continue }
                targets.append(
                    TargetRecord(
                        row.description, attached: row.attached, intervalMicroseconds: nil,
                        state: state(of: row), eventSource: nil, eventSourceReason: nil, rule: row.rule))
            }
        }
        let others: JSONObject = [
            "rules": .array(rules.map(\.json)),
            "event_source_reason": reasons.isEmpty
                ? .null : .string(reasons.prefix(Self.mostReasons).joined(separator: "; ")),
        ]
        try await replies.send(RowsReply(name: "targets", rows: targets, others: others))
    }

    private static let mostReasons = 4

    /// What each rule's targets took at their last looks; of those only that the client may see.
    private func addUp(_ rules: inout [RuleRecord], _ visible: [TargetRecord], _ snapshots: [TargetSnapshot])
    {
        let pids = Set(visible.map(\.pid))
        var sums: [String: (vmSize: UInt64?, rss: UInt64?)] = [:]
        for snapshot in snapshots where pids.contains(snapshot.description.identity.pid) {
            guard let rule = snapshot.rule, let sample = snapshot.lastSample else { continue }
            let sum = sums[rule] ?? (nil, nil)
            sums[rule] = (
                sample.vmSizeBytes.map { (sum.vmSize ?? 0) &+ $0 } ?? sum.vmSize,
                sample.rssBytes.map { (sum.rss ?? 0) &+ $0 } ?? sum.rss
            )
        }
        for index in rules.indices {
            guard let sum = sums[rules[index].rule] else { continue }
            rules[index].vmSize = sum.vmSize
            rules[index].rss = sum.rss
        }
    }

    /// How a process is now that is not watched any more. What was a zombie or alive when it was last
    /// looked at need not be so now.
    private func state(of row: HistoryProcess) -> TargetState {
        guard let end = row.endState, end != .exited else { return .exited }
        guard let directory = try? root.open(pid: row.description.identity.pid),
            (try? directory.identity()) == row.description.identity, let stat = try? directory.stat()
        else { return .exited }
        return stat.isZombie ? .zombie : .running
    }
}

extension HistoryReader {
    init(_ reader: Reader?) { self.init(uid: reader?.uid, gid: reader?.gid) }
}
