import Glibc
package import History
package import Journal
import MemoryModel
package import MemwatchInterface
package import ProcFS
package import Tracing

/// Decides which processes are watched: those that clients attached, and those that rules adopt.
///
/// What clients asked for is kept with the history and taken up again after a restart, for as long as
/// the same process lives.
package actor TargetKeeper {
    let tracer: Tracer
    let recorder: Recorder
    private let store: HistoryStore
    private let kernel: KernelEventsChoice
    private let blocking: BlockingWork
    private let root: ProcRoot
    private let journal: JournalWriter?
    private var gate: AccessGate
    private(set) var configuration: DaemonConfiguration
    private(set) var rules: [WatchedRule] = [] {
        didSet { kernel.reportExecs(hasRulesByName) }
    }
    private var scanner: RuleScanner
    /// Processes that somebody detached though a rule means them.
    private(set) var declined: Set<ProcessIdentity> = []

    package init(
        tracer: Tracer, kernel: KernelEventsChoice, recorder: Recorder, store: HistoryStore,
        blocking: BlockingWork, root: ProcRoot, gate: AccessGate, journal: JournalWriter?,
        configuration: DaemonConfiguration
    ) {
        self.tracer = tracer
        self.kernel = kernel
        self.recorder = recorder
        self.store = store
        self.blocking = blocking
        self.root = root
        self.gate = gate
        self.journal = journal
        self.configuration = configuration
        scanner = RuleScanner(root: root)
    }

    package var ruleCount: Int { rules.count }

    // MARK: What clients ask for

    package func attach(
        pid: Int32, intervalMicroseconds: Int64?, children: Bool, for peer: PeerIdentity
    ) async throws -> TargetRecord {
        let options = TargetOptions(
            intervalMicroseconds: intervalMicroseconds ?? configuration.sampling.intervalMicroseconds,
            followsChildren: children)
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

    package func detach(pid: Int32, for peer: PeerIdentity) async throws -> Int {
        guard let snapshot = await tracer.snapshot(pid: pid) else {
            throw MonitorError.notAttached(pid: Int64(pid), reason: "process \(pid) is not watched")
        }
        guard await maySee(peer, snapshot) else {
            throw MonitorError.permissionDenied(
                pid: Int64(pid), reason: "process \(pid) is not yours")
        }
        if snapshot.rule != nil { declined.insert(snapshot.description.identity) }
        return await end([snapshot])
    }

    /// Everything this client may end: root all, others their own.
    package func detachAll(for peer: PeerIdentity) async -> Int {
        var mine: [TargetSnapshot] = []
        for snapshot in await tracer.snapshots where await maySee(peer, snapshot) { mine.append(snapshot) }
        let ended = await end(mine)
        guard mayRule(peer) else { return ended }
        for rule in rules where rule.origin != .configuration { await forget(rule) }
        rules.removeAll { $0.origin != .configuration }
        return ended
    }

    package func detach(rule text: String, for peer: PeerIdentity) async throws -> Int {
        try requireRules(peer)
        guard let rule = rules.first(where: { $0.rule.text == text }) else {
            throw MonitorError.notAttached(pid: nil, reason: "there is no rule \(text)")
        }
        rules.removeAll { $0.rule.text == text }
        await forget(rule)
        return await end(await tracer.snapshots.filter { $0.rule == text })
    }

    /// The targets this client may see, and the rules if it may make some.
    package func list(for peer: PeerIdentity) async -> (targets: [TargetRecord], rules: [RuleRecord]) {
        var targets: [TargetRecord] = []
        for snapshot in await tracer.snapshots where await maySee(peer, snapshot) {
            targets.append(TargetRecord(snapshot))
        }
        guard mayRule(peer) else { return (targets, []) }
        var records: [RuleRecord] = []
        for rule in rules { records.append(await record(of: rule)) }
        return (targets, records)
    }

    private func maySee(_ peer: PeerIdentity, _ snapshot: TargetSnapshot) async -> Bool {
        guard let reader = await recorder.reader(of: snapshot.description.identity) else {
            return gate.rule.maySeeAll(peer)
        }
        return gate.rule.mayReadHistory(peer, of: reader)
    }

    /// Rules adopt processes of any user, so they are for those who may see all; and, in a user's own
    /// daemon, for that user: it can look at nothing that the user could not.
    private func mayRule(_ peer: PeerIdentity) -> Bool {
        if gate.rule.maySeeAll(peer) { return true }
        return peer.uid == geteuid() && peer.sharesUserNamespace && peer.uid != AccessRule.overflowID
    }

    private func requireRules(_ peer: PeerIdentity) throws {
        guard mayRule(peer) else {
            throw MonitorError.permissionDenied(
                pid: nil,
                reason: "rules are for root and members of the group \(configuration.access.group)")
        }
    }

    private func record(of watched: WatchedRule) async -> RuleRecord {
        let interval = watched.rule.intervalMicroseconds ?? configuration.sampling.intervalMicroseconds
        return RuleRecord(
            rule: watched.rule.text, interval: DurationText.format(interval),
            children: watched.rule.includesChildren, origin: watched.origin.name,
            targets: Int64(await tracer.snapshots.count { $0.rule == watched.rule.text }))
    }

    // MARK: Watching

    /// - Parameter peer: who must be allowed to read the process; nil for the daemon's own doing.
    private func watch(
        pid: Int32, options: TargetOptions, for peer: PeerIdentity?
    ) async throws -> TargetSnapshot {
        let candidate: Tracer.Candidate
        do {
            candidate = try await tracer.open(pid: pid)
        } catch {
            // Whom the kernel would not tell, we do not tell either, not even that it is a zombie.
            throw MonitorError(error, pid: pid)
        }
        if let peer, !gate.mayRead(peer, candidate.directory) {
            throw MonitorError.permissionDenied(
                pid: Int64(pid), reason: "process \(pid) belongs to another user")
        }
        let limit = configuration.access.maximumTargets
        if await tracer.snapshot(pid: pid) == nil, await tracer.count >= limit {
            throw MonitorError.tooManyTargets(limit: Int64(limit))
        }
        return await begin(candidate, options)
    }

    func begin(
        _ candidate: Tracer.Candidate, _ options: TargetOptions, bornAs child: NewChild? = nil
    ) async -> TargetSnapshot {
        let identity = candidate.description.identity
        let attached = child?.forked ?? Timestamp.now
        var memory: Tracer.Memory?
        if await recorder.reader(of: identity) == nil {
            let reader = HistoryReader(gate.credentials(of: candidate.directory))
            let entry = await recorder.register(
                candidate.description, attached: attached, reader: reader, rule: options.rule,
                parent: child?.parentPID)
            memory = entry.memory
            var known = Recorder.Known(
                description: candidate.description, attached: memory?.attached ?? attached, reader: reader,
                row: entry.row)
            if let group = candidate.directory.memoryControlGroup(), let kills = group.outOfMemoryKills() {
                known.memoryGroup = (group, kills)
            }
            await recorder.begin(known)
        }
        return await tracer.attach(
            candidate, options: options, attached: attached, resuming: memory, bornAs: child)
    }

    private func end(_ snapshots: [TargetSnapshot]) async -> Int {
        var count = 0
        for snapshot in snapshots where await tracer.detach(snapshot.id) {
            count += 1
            let subject = HistoryAttachment.Subject.process(snapshot.description.identity)
            try? await blocking.run { [store] in try store.removeAttachment(subject) }
        }
        return count
    }

    private func forget(_ rule: WatchedRule) async {
        guard case .client = rule.origin else { return }
        try? await blocking.run { [store] in try store.removeAttachment(.rule(rule.rule.text)) }
    }

    // MARK: Rules

    /// Takes up what was watched before a restart, and ends in the history what is gone since.
    package func restore() async {
        let kept = (try? await blocking.run { [store] in try store.attachments() }) ?? []
        for attachment in kept {
            switch attachment.subject {
            case .process(let identity): await restore(identity, attachment)
            case .rule(let text):
                guard let matcher = try? TargetRule.Matcher(text: text) else { continue }
                let rule = TargetRule(
                    matcher, intervalMicroseconds: attachment.intervalMicroseconds,
                    includesChildren: attachment.children)
                rules.append(WatchedRule(rule: rule, origin: .client(attachment.ownerUID)))
            }
        }
        await apply(configuration, gate: gate)
        await endTheGone()
    }

    private func restore(_ identity: ProcessIdentity, _ attachment: HistoryAttachment) async {
        guard let candidate = try? await tracer.open(pid: identity.pid),
            candidate.description.identity == identity
        else {
            try? await blocking.run { [store] in try store.removeAttachment(.process(identity)) }
            return
        }
        let options = TargetOptions(
            intervalMicroseconds: attachment.intervalMicroseconds
                ?? configuration.sampling.intervalMicroseconds, followsChildren: attachment.children)
        _ = await begin(candidate, options)
    }

    /// Rows that are open in the history but not watched: their process ended while nobody looked, or
    /// the rule that held it is gone from the configuration.
    private func endTheGone() async {
        let watched = Set(await tracer.snapshots.map(\.description.identity))
        let rows = (try? await blocking.run { [store] in try store.processes(pid: nil) }) ?? []
        let gone = rows.filter { $0.ended == nil && !watched.contains($0.description.identity) }
        guard !gone.isEmpty else { return }
        let now = Timestamp.now
        var entries: [HistoryEntry] = []
        for row in gone {
            let process = row.description
            let lives = (try? await tracer.open(pid: process.identity.pid))?.description.identity
            let isAlive = lives == process.identity
            let event = MemoryEvent(
                time: now, pid: process.identity.pid, comm: process.comm, type: isAlive ? .detached : .exit)
            entries.append(
                HistoryEntry(
                    process: row.id, time: now, events: [event],
                    ended: .init(time: now, state: isAlive ? .running : .exited)))
            journal?.write(event, unit: process.unit)
        }
        let batch = HistoryBatch(entries: entries)
        _ = try? await blocking.run { [store] in try store.write(batch) }
    }

    /// Puts a configuration in force: at the start, and on SIGHUP.
    package func apply(_ configuration: DaemonConfiguration, gate: AccessGate) async {
        self.configuration = configuration
        self.gate = gate
        let wanted = configuration.targets
        let dropped = rules.filter { $0.origin == .configuration && !wanted.contains($0.rule) }
        let clients = rules.filter { $0.origin != .configuration }
        rules =
            wanted.map { WatchedRule(rule: $0, origin: .configuration) }
            + clients.filter { client in !wanted.contains { $0.text == client.rule.text } }
        for rule in dropped where !rules.contains(where: { $0.rule.text == rule.rule.text }) {
            _ = await end(await tracer.snapshots.filter { $0.rule == rule.rule.text })
        }
        scanner.restart()
        declined = []
        await adopt(withChildren: true)
    }

    /// One scan of /proc for processes that rules mean and for children of those that are followed.
    ///
    /// - Parameter withChildren: also for children of targets whose forks the kernel reports: for those
    ///   that were there before the target was one.
    package func adopt(withChildren: Bool = false) async {
        let followed = await tracer.followsChildren(unreported: !withChildren)
        guard !rules.isEmpty || followed else { return }
        let current = scanner
        let scanned = try? await blocking.run { () -> (RuleScanner, [RuleScanner.Candidate]) in
            var next = current
            let found = next.candidates()
            return (next, found)
        }
        guard let (next, found) = scanned else { return }
        self.scanner = next
        for candidate in found where !declined.contains(candidate.process.identity) {
            guard let options = await options(for: candidate, withChildren: withChildren) else { continue }
            await adopt(candidate.process, options)
        }
    }

    func describe(_ pid: Int32) async -> ProcessDescription? {
        try? await blocking.run { [root] in try root.open(pid: pid).describe() }
    }

    /// Rules for which any process of the machine may be meant.
    var hasRulesByName: Bool { rules.contains { !$0.rule.matcher.isControlGroup } }

    func adopt(_ process: ProcessDescription, _ options: TargetOptions) async {
        if let known = await tracer.snapshot(pid: process.identity.pid),
            known.description.identity == process.identity
        {
            // Attached by hand, or by this rule as it is: nothing to do.
            let isCurrent =
                known.rule != options.rule || known.intervalMicroseconds == options.intervalMicroseconds
            if isCurrent { return }
        }
        _ = try? await watch(pid: process.identity.pid, options: options, for: nil)
    }

    /// How to watch a process that a rule means, or whose parent is followed; nil where neither holds.
    private func options(
        for candidate: RuleScanner.Candidate, withChildren: Bool
    ) async -> TargetOptions? {
        if let options = options(byRule: candidate.process) { return options }
        guard let parent = await tracer.snapshot(pid: candidate.parent), parent.followsChildren,
            withChildren || parent.eventMode != .perf
        else { return nil }
        return options(asChildOf: parent)
    }

    /// How to watch what a followed process has forked; nil where its rule does not want that.
    func options(asChildOf parent: TargetSnapshot) -> TargetOptions? {
        // Of a unit's rule the children are followed as members of the unit; this one has left it.
        if let rule = rules.first(where: { $0.rule.text == parent.rule })?.rule, !rule.includesChildren {
            return nil
        }
        return TargetOptions(
            intervalMicroseconds: parent.intervalMicroseconds,
            rule: Self.childRule(of: parent), followsChildren: true)
    }

    /// The rule's text of a process that is watched because its parent is.
    static func childRule(of parent: TargetSnapshot) -> String {
        "child:\(parent.description.identity.pid)"
    }

    func options(byRule process: ProcessDescription) -> TargetOptions? {
        guard let rule = rules.first(where: { $0.rule.matcher.matches(process) })?.rule else { return nil }
        return TargetOptions(
            intervalMicroseconds: rule.intervalMicroseconds ?? configuration.sampling.intervalMicroseconds,
            rule: rule.text,
            // Whatever a unit's process forks is of the unit, and is seen first by its parent's records.
            followsChildren: rule.includesChildren || rule.matcher.isControlGroup)
    }
}

extension TargetRecord {
    init(_ snapshot: TargetSnapshot) {
        self.init(
            snapshot.description, attached: snapshot.attached,
            intervalMicroseconds: snapshot.intervalMicroseconds, state: snapshot.state,
            eventSource: snapshot.eventMode.name, eventSourceReason: snapshot.eventMode.reason,
            rule: snapshot.rule)
    }
}
