import Glibc
package import History
package import Journal
import MemoryModel
import MemwatchInterface
package import ProcFS
package import Tracing

/// Decides which processes are watched: those that clients attached, and those that rules adopt.
///
/// What clients asked for is kept with the history and taken up again after a restart, for as long as
/// the same process lives.
package actor TargetKeeper {
    let tracer: Tracer
    let recorder: Recorder
    let store: HistoryStore
    private let kernel: KernelEventsChoice
    let blocking: BlockingWork
    let root: ProcRoot
    private let journal: JournalWriter?
    private(set) var gate: AccessGate
    private(set) var configuration: DaemonConfiguration
    var rules: [WatchedRule] = [] {
        didSet { kernel.reportExecs(hasRulesByName) }
    }
    var scanner: RuleScanner
    /// Processes that somebody detached though a rule means them, or their parent is followed.
    var declined: Set<Declined> = []
    /// Targets that are being attached, by who asked for them: they count, or many at once would pass the quota.
    private var beginning: [UInt32: Int] = [:]

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

    /// What is not to be taken up again by itself.
    struct Declined: Hashable, Sendable {
        var process: ProcessIdentity
        /// Who does not want it; nil: the administrators.
        var user: UInt32?
    }

    // MARK: Watching

    /// - Parameter peer: who must be allowed to read the process; nil for the daemon's own doing.
    func watch(pid: Int32, options: TargetOptions, for peer: PeerIdentity?) async throws -> TargetSnapshot {
        let candidate: Tracer.Candidate
        do {
            candidate = try await tracer.open(pid: pid)
        } catch {
            throw MonitorError(error, pid: pid)
        }
        let denied = MonitorError.permissionDenied(
            pid: Int64(pid), reason: "process \(pid) belongs to another user")
        if let peer, !gate.mayRead(peer, candidate.directory) { throw denied }
        let users = options.users.keys
        for user in users { beginning[user, default: 0] += 1 }
        defer {
            for user in users {
                let left = beginning[user, default: 1] - 1
                beginning[user] = left > 0 ? left : nil
            }
        }
        try await requireRoom(for: options, on: candidate.description.identity)
        let snapshot = await begin(candidate, options)
        // It may have executed a set-user-id program meanwhile, and what is answered now be of that.
        if let peer, !gate.mayRead(peer, candidate.directory) {
            for user in users { _ = await tracer.withdraw(user, from: snapshot.id) }
            guard (try? candidate.directory.statm()) != nil else {
                throw MonitorError(.gone(pid: pid), pid: pid)
            }
            throw denied
        }
        return snapshot
    }

    /// Whether there may be one more target.
    ///
    /// The last tenth is kept for administrators: all users together cannot keep them from watching.
    private func requireRoom(for options: TargetOptions, on process: ProcessIdentity) async throws {
        let known = await tracer.snapshot(pid: process.pid).flatMap {
            $0.description.identity == process ? $0 : nil
        }
        let access = configuration.access
        for user in options.users.keys where known?.options.users[user] == nil {
            let own = await tracer.count(of: user) + beginning[user, default: 1] - 1
            guard own < access.targetsPerUser else {
                throw MonitorError.tooManyTargets(limit: Int64(access.targetsPerUser))
            }
        }
        if known != nil { return }
        let isForUsers = options.administrators == nil
        let limit = isForUsers ? access.maximumTargets - access.maximumTargets / 10 : access.maximumTargets
        guard await tracer.count < limit else { throw MonitorError.tooManyTargets(limit: Int64(limit)) }
    }

    /// Leaves out those users who have as many targets as they may.
    func withinQuota(_ options: TargetOptions) async -> TargetOptions {
        var options = options
        for user in options.users.keys
        where await tracer.count(of: user) >= configuration.access.targetsPerUser {
            options.users[user] = nil
        }
        return options
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
                parent: child?.parentPID, share: options.share)
            memory = entry.memory
            var known = Recorder.Known(
                description: candidate.description, attached: memory?.attached ?? attached,
                reader: entry.reader, row: entry.row)
            known.share = options.share
            if let group = candidate.directory.memoryControlGroup(), let kills = group.outOfMemoryKills() {
                known.memoryGroup = (group, kills)
            }
            await recorder.begin(known)
        } else if options.administrators != nil {
            await recorder.clearShare(of: identity)
        }
        return await tracer.attach(
            candidate, options: options, attached: attached, resuming: memory, bornAs: child)
    }

    func end(_ snapshots: [TargetSnapshot]) async -> Int {
        var count = 0
        for snapshot in snapshots {
            // First of all, so that no restart takes up again what an event has told to be detached.
            let subject = HistoryAttachment.Subject.process(snapshot.description.identity)
            try? await blocking.run { [store] in try store.removeAttachment(subject) }
            if await tracer.detach(snapshot.id) { count += 1 }
        }
        return count
    }

    func forget(_ rule: WatchedRule) async {
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
        // Who is in the group by now is not known: its members' targets go on as those of users.
        let isAdministrators = attachment.ownerUID == 0 || attachment.ownerUID == geteuid()
        let options = TargetOptions(
            intervalMicroseconds: attachment.intervalMicroseconds
                ?? configuration.sampling.intervalMicroseconds, followsChildren: attachment.children,
            user: isAdministrators ? nil : attachment.ownerUID)
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
            _ = await release(await tracer.snapshots.filter { $0.rule == rule.rule.text })
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
        for candidate in found {
            var parent = followed ? await tracer.snapshot(pid: candidate.parent) : nil
            // Of the others the kernel reports each child.
            if !withChildren, parent?.eventMode == .perf { parent = nil }
            guard let options = options(for: candidate.process, childOf: parent) else { continue }
            await adopt(candidate.process, options)
        }
    }

    func describe(_ pid: Int32) async -> ProcessDescription? {
        try? await blocking.run { [root] in try root.open(pid: pid).describe() }
    }

    /// Rules for which any process of the machine may be meant.
    var hasRulesByName: Bool { rules.contains { !$0.rule.matcher.isControlGroup } }

    /// Watches a process for whoever does not have it watched already as it is.
    func adopt(_ process: ProcessDescription, _ options: TargetOptions) async {
        var missing = options
        if let known = await tracer.snapshot(pid: process.identity.pid),
            known.description.identity == process.identity
        {
            // Attached by hand, or by this rule as it is: nothing to do.
            if let wish = options.administrators, let has = known.options.administrators,
                has.rule != wish.rule || has.intervalMicroseconds == wish.intervalMicroseconds
            {
                missing.administrators = nil
            }
            for user in known.options.users.keys { missing.users[user] = nil }
        }
        missing = await withinQuota(missing)
        if missing.isEmpty { return }
        _ = try? await watch(pid: process.identity.pid, options: missing, for: nil)
    }

    /// How to watch a process that a rule means, or whose parent is followed; nil where neither holds.
    func options(for process: ProcessDescription, childOf parent: TargetSnapshot?) -> TargetOptions? {
        var options = parent.map { self.options(asChildOf: $0) } ?? TargetOptions()
        // A rule's own processes go by the rule; others by whoever forked them.
        if let wish = wish(byRule: process) { options.administrators = wish }
        for decline in declined where decline.process == process.identity { options[decline.user] = nil }
        return options.isEmpty ? nil : options
    }

    /// How to watch what a followed process has forked: for those who follow it.
    private func options(asChildOf parent: TargetSnapshot) -> TargetOptions {
        func child(_ wish: TargetOptions.Wish) -> TargetOptions.Wish? {
            guard wish.followsChildren else { return nil }
            // Of a unit's rule the children are followed as members of the unit; this one has left it.
            if let rule = rules.first(where: { $0.rule.text == wish.rule })?.rule, !rule.includesChildren {
                return nil
            }
            return TargetOptions.Wish(
                intervalMicroseconds: wish.intervalMicroseconds, rule: Self.childRule(of: parent),
                followsChildren: true)
        }
        var options = TargetOptions()
        options.administrators = parent.options.administrators.flatMap(child)
        options.users = parent.options.users.compactMapValues(child)
        return options
    }

    /// The rule's text of a process that is watched because its parent is.
    static func childRule(of parent: TargetSnapshot) -> String {
        "child:\(parent.description.identity.pid)"
    }

    func wish(byRule process: ProcessDescription) -> TargetOptions.Wish? {
        guard let rule = rules.first(where: { $0.rule.matcher.matches(process) })?.rule else { return nil }
        return TargetOptions.Wish(
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
