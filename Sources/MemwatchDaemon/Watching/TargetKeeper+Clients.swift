import Glibc
import History
import MemoryModel
package import MemwatchInterface
import ProcFS
package import Tracing

// What clients ask for, and who of them may.
extension TargetKeeper {
    package func attach(
        pid: Int32, intervalMicroseconds: Int64?, children: Bool, for peer: PeerIdentity
    ) async throws -> TargetRecord {
        let options = TargetOptions(
            intervalMicroseconds: intervalMicroseconds ?? configuration.sampling.intervalMicroseconds,
            followsChildren: children, user: user(of: peer))
        let snapshot = try await watch(pid: pid, options: options, for: peer)
        if children {
            // The children that are there already are looked for at once.
            scanner.restart()
            await adopt(withChildren: true)
        }
        let attachment = HistoryAttachment(
            subject: .process(snapshot.description.identity), intervalMicroseconds: intervalMicroseconds,
            children: children, ownerUID: peer.uid)
        try? await blocking.run { [store] in try store.saveAttachment(attachment) }
        return TargetRecord(snapshot)
    }

    package func attach(_ rule: TargetRule, for peer: PeerIdentity) async throws -> RuleRecord {
        try requireRules(peer)
        rules.removeAll { $0.rule.text == rule.text }
        rules.append(WatchedRule(rule: rule, origin: .client(peer.uid)))
        let attachment = HistoryAttachment(
            subject: .rule(rule.text), intervalMicroseconds: rule.intervalMicroseconds,
            children: rule.includesChildren, ownerUID: peer.uid)
        try? await blocking.run { [store] in try store.saveAttachment(attachment) }
        scanner.restart()
        await adopt()
        return await record(of: WatchedRule(rule: rule, origin: .client(peer.uid)))
    }

    /// Administrators end watching; users only what they asked for themselves.
    package func detach(pid: Int32, for peer: PeerIdentity) async throws -> Int {
        let denied = MonitorError.permissionDenied(pid: Int64(pid), reason: "process \(pid) is not yours")
        guard let snapshot = await tracer.snapshot(pid: pid) else {
            // Of another's process it is not told either whether it is watched.
            if let directory = try? root.open(pid: pid), !gate.mayRead(peer, directory) { throw denied }
            throw MonitorError.notAttached(pid: Int64(pid), reason: "process \(pid) is not watched")
        }
        guard let user = user(of: peer) else {
            if snapshot.rule != nil {
                declined.insert(Declined(process: snapshot.description.identity, user: nil))
            }
            return await end([snapshot])
        }
        if await withdraw(user, peer, from: snapshot) { return 1 }
        guard await maySee(peer, snapshot) else { throw denied }
        throw MonitorError.permissionDenied(
            pid: Int64(pid),
            reason: "process \(pid) is watched by root, the group \(configuration.access.group) or a rule: "
                + "only they may end that")
    }

    /// Everything this client may end: administrators all, others what they asked for.
    package func detachAll(for peer: PeerIdentity) async -> Int {
        guard let user = user(of: peer) else {
            let ended = await end(await tracer.snapshots)
            for rule in rules where rule.origin != .configuration { await forget(rule) }
            rules.removeAll { $0.origin != .configuration }
            return ended
        }
        var ended = 0
        for snapshot in await tracer.snapshots where await withdraw(user, peer, from: snapshot) { ended += 1 }
        return ended
    }

    package func detach(rule text: String, for peer: PeerIdentity) async throws -> Int {
        try requireRules(peer)
        guard let rule = rules.first(where: { $0.rule.text == text }) else {
            throw MonitorError.notAttached(pid: nil, reason: "there is no rule \(text)")
        }
        rules.removeAll { $0.rule.text == text }
        await forget(rule)
        return await release(await tracer.snapshots.filter { $0.rule == text })
    }

    /// The targets this client may see, and the rules if it may make some.
    package func list(for peer: PeerIdentity) async -> (targets: [TargetRecord], rules: [RuleRecord]) {
        let targets = await visible(to: peer).map { TargetRecord($0) }
        guard user(of: peer) == nil else { return (targets, []) }
        var records: [RuleRecord] = []
        for rule in rules { records.append(await record(of: rule)) }
        return (targets, records)
    }

    /// The targets this client may see.
    package func visible(to peer: PeerIdentity) async -> [TargetSnapshot] {
        guard user(of: peer) != nil else { return await tracer.snapshots }
        var own: [TargetSnapshot] = []
        for snapshot in await tracer.snapshots where await maySee(peer, snapshot) { own.append(snapshot) }
        // Whatever was read of a process since the recorder last heard of it: asked of the process itself.
        let (gate, root, found) = (gate, root, own)
        let visible = try? await blocking.runUnlessCancelled {
            found.filter { snapshot in
                guard let directory = try? root.open(pid: snapshot.description.identity.pid) else {
                    return true
                }
                return gate.mayRead(peer, directory)
            }
        }
        return visible ?? []
    }

    // MARK: Who may

    /// For whom this client asks; nil where it speaks for the administrators.
    private func user(of peer: PeerIdentity) -> UInt32? { gate.isAdministrator(peer) ? nil : peer.uid }

    private func maySee(_ peer: PeerIdentity, _ snapshot: TargetSnapshot) async -> Bool {
        guard let reader = await recorder.reader(of: snapshot.description.identity) else {
            return gate.rule.maySeeAll(peer)
        }
        return gate.rule.mayReadHistory(peer, of: reader)
    }

    private func requireRules(_ peer: PeerIdentity) throws {
        guard gate.isAdministrator(peer) else {
            throw MonitorError.permissionDenied(
                pid: nil,
                reason: "rules are for root and members of the group \(configuration.access.group)")
        }
    }

    // MARK: Ending

    /// Takes back what a user asked for: also where the process is not that user's to see any more.
    private func withdraw(_ user: UInt32, _ peer: PeerIdentity, from snapshot: TargetSnapshot) async -> Bool {
        guard peer.sharesUserNamespace, snapshot.options.users[user] != nil else { return false }
        let process = snapshot.description.identity
        // First of all, as in ``end(_:)``.
        try? await blocking.run { [store] in try store.removeAttachment(.process(process), owner: user) }
        guard await tracer.withdraw(user, from: snapshot.id) else { return false }
        if snapshot.options.users[user]?.rule != nil {
            // Strangers make as many of these as they like.
            if declined.count >= 10_000 { declined = declined.filter { $0.user == nil } }
            declined.insert(Declined(process: process, user: user))
        }
        return true
    }

    /// Ends watching for a rule that is no more; what users asked for goes on.
    func release(_ snapshots: [TargetSnapshot]) async -> Int {
        var count = 0
        for snapshot in snapshots where await tracer.withdraw(nil, from: snapshot.id) { count += 1 }
        return count
    }

    private func record(of watched: WatchedRule) async -> RuleRecord {
        let interval = watched.rule.intervalMicroseconds ?? configuration.sampling.intervalMicroseconds
        return RuleRecord(
            rule: watched.rule.text, interval: DurationText.format(interval),
            children: watched.rule.includesChildren, origin: watched.origin.name,
            targets: Int64(await tracer.snapshots.count { $0.rule == watched.rule.text }))
    }
}
