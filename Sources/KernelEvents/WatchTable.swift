import MemoryModel
import SystemPackage

/// Who gets which record. Bookkeeping: what is to be opened and looked for, the scopes do.
struct WatchTable {
    private(set) var queues: [Int32: Watched] = [:]
    private(set) var scopes: [ScopeNumber: EventScope] = [:]
    /// By the id that an event's records carry.
    private var origins: [UInt64: Origin] = [:]
    private(set) var children: [KernelEventQueue] = []
    private var followers = 0
    var reportsExecs = false
    var statistics = KernelEventStatistics()
    let budget: RecordBudget
    let pendingChildrenLimit: Int
    let execLimit: Int

    struct Watched {
        let queue: KernelEventQueue
        var followsChildren: Bool
        /// Its leader has ended, so that its pid can be given away.
        var hasEnded = false
    }

    private struct Origin {
        let scope: ScopeNumber
        let thread: Int32
        let content: PerfEvent.Content
        /// The scope sorts out what is written twice.
        let mayRepeat: Bool
    }

    /// What one pass did.
    struct Outcome {
        var touched: Set<Int32> = []
        var execs: [Int32] = []
    }

    init(options: KernelEventSource.Options) {
        budget = RecordBudget(perQueue: options.queueLimit, total: options.totalLimit)
        pendingChildrenLimit = options.pendingChildrenLimit
        execLimit = options.execLimit
    }

    /// Whether a record could matter to anybody. A child that is to be followed has no queue before its fork
    /// was handed on, so while somebody follows, all do.
    func concerns(_ record: SidebandRecord) -> Bool {
        if followers > 0 || queues[record.pid] != nil { return true }
        switch record.kind {
        case .comm(isExec: true): return reportsExecs
        case .fork(let child, _, _, _): return queues[child] != nil
        default: return false
        }
    }

    // MARK: Scopes

    mutating func add(_ scope: EventScope) {
        scopes[scope.number] = scope
        note(scope.events, of: scope)
    }

    private mutating func note(_ events: [PerfEvent], of scope: EventScope) {
        for event in events {
            origins[event.id] = Origin(
                scope: scope.number, thread: event.thread, content: event.content,
                mayRepeat: scope.roots[event.content] != nil)
        }
    }

    /// An open one that serves every process of it.
    func shared(_ scope: KernelEventSource.Scope) -> ScopeNumber? {
        if scope == .process { return nil }
        return scopes.values.first { $0.scope == scope }?.number
    }

    mutating func retain(_ number: ScopeNumber) { scopes[number]?.references += 1 }

    /// - Returns: the scope, to be closed, if nobody uses it any more.
    mutating func release(_ number: ScopeNumber) -> EventScope? {
        guard let references = scopes[number]?.references else { return nil }
        scopes[number]?.references = references - 1
        guard references <= 1, let scope = scopes.removeValue(forKey: number) else { return nil }
        for event in scope.events { origins[event.id] = nil }
        return scope
    }

    /// A scope that nobody has retained.
    mutating func removeIfUnused(_ number: ScopeNumber) -> EventScope? {
        scopes[number]?.references == 0 ? release(number) : nil
    }

    /// Closes all queues. - Returns: all scopes, to be closed.
    mutating func removeAll() -> [EventScope] {
        for watched in queues.values { watched.queue.close() }
        queues = [:]
        children = []
        followers = 0
        reportsExecs = false
        origins = [:]
        defer { scopes = [:] }
        return Array(scopes.values)
    }

    /// What the kernel has counted since the last time, of the events of one CPU, by scope. nil where it
    /// does not count.
    mutating func takeLost(cpu: Int32) -> [(scope: ScopeNumber, count: UInt64?)] {
        scopes.keys.compactMap { number in
            guard var scope = scopes[number] else { return nil }
            var sum: UInt64 = 0
            var isKnown = true
            for index in scope.events.indices where scope.events[index].cpu == cpu {
                if let count = scope.events[index].takeLost() { sum &+= count } else { isKnown = false }
            }
            scopes[number] = scope
            return (number, isKnown ? sum : nil)
        }
    }

    // MARK: Flow

    /// So many mapping records of one process have been read from an event.
    mutating func count(_ records: Int, of pid: Int32, from event: UInt64, at now: Int64) {
        guard let scope = origins[event]?.scope else { return }
        scopes[scope]?.flow.count(records, of: pid, at: now)
    }

    /// New processes are waited for, whose life may be short.
    var isUrgent: Bool { reportsExecs || followers > 0 }

    /// Some scope's mapping records are switched on only to be counted.
    var isProbing: Bool {
        scopes.values.contains { scope in
            if case .probing = scope.flow.phase { return true }
            return false
        }
    }

    /// Switches mapping records off and on where that is due. All queues of such a scope get a gap each time:
    /// what happens between the two is for looks to find.
    mutating func stepFlows(at now: Int64, _ rings: [PerfRing], _ outcome: inout Outcome) {
        for number in scopes.keys {
            switch scopes[number]?.flow.step(at: now) {
            case nil: continue
            case .pause:
                closeMappings(of: number)
                statistics.pauses &+= 1
                tell(number, isPaused: true, at: now, &outcome)
            case .pauseAgain:
                closeMappings(of: number)
            case .probe:
                let pids = queues(of: number).map(\.pid)
                do throws(Errno) {
                    try scopes[number]?.openMappings(of: pids, rings)
                } catch {
                    // No descriptors, or nobody there: what was not counted was not quiet.
                    scopes[number]?.flow.couldNotProbe(at: now)
                }
                if let scope = scopes[number] { note(scope.events, of: scope) }
            case .resume:
                tell(number, isPaused: false, at: now, &outcome)
            }
        }
    }

    /// Looks for threads that should have inherited events and did not. All queues of such a scope get a gap; where
    /// the threads cannot be caught, its mapping records are switched off, until that is tried again.
    mutating func stepChecks(at now: Int64, handedOn: Int64, _ rings: [PerfRing], _ outcome: inout Outcome) {
        for number in scopes.keys where scopes[number]?.checks.isEmpty == false {
            guard let missing = scopes[number]?.missing(at: now, handedOn: handedOn), !missing.isEmpty else {
                continue
            }
            statistics.threadsMissed &+= 1
            do throws(Errno) {
                try scopes[number]?.catchUp(with: missing, rings)
            } catch {
                closeMappings(of: number)
                scopes[number]?.flow.couldNotCover(at: now)
            }
            if let scope = scopes[number] {
                note(scope.events, of: scope)
                // Only now: what they did until their events were open is missing.
                tell(number, isPaused: scope.flow.isPaused, at: MonotonicTime.nanoseconds, &outcome)
            }
        }
    }

    private mutating func closeMappings(of number: ScopeNumber) {
        for event in scopes[number]?.events ?? [] where event.content == .mappings { origins[event.id] = nil }
        scopes[number]?.closeMappings()
    }

    private mutating func tell(
        _ scope: ScopeNumber, isPaused: Bool, at now: Int64, _ outcome: inout Outcome
    ) {
        for queue in queues(of: scope) { queue.setPaused(isPaused) }
        statistics.gaps &+= 1
        gap(scope, at: now, count: 0, &outcome)
    }

    // MARK: Queues

    private func queues(of scope: ScopeNumber) -> [KernelEventQueue] {
        queues.values.lazy.map(\.queue).filter { $0.scopeNumber == scope }
    }

    mutating func add(_ queue: KernelEventQueue, followsChildren: Bool) {
        queue.setPaused(scopes[queue.scopeNumber]?.flow.isPaused ?? false)
        queues[queue.pid] = Watched(queue: queue, followsChildren: followsChildren)
        if followsChildren { followers += 1 }
        retain(queue.scopeNumber)
    }

    mutating func setFollowsChildren(_ pid: Int32, _ follows: Bool) {
        guard let before = queues[pid]?.followsChildren, before != follows else { return }
        queues[pid]?.followsChildren = follows
        followers += follows ? 1 : -1
    }

    /// Forgets a queue. - Returns: its scope, if nobody uses that any more.
    mutating func remove(_ queue: KernelEventQueue) -> EventScope? {
        claim(queue)
        return retire(queue)
    }

    /// Lets nothing come to a queue any more. A child that nobody has taken yet is still to be taken: it has
    /// ended, but what it did has not been told.
    private mutating func retire(_ queue: KernelEventQueue) -> EventScope? {
        guard let watched = queues[queue.pid], watched.queue === queue else { return nil }
        queues[queue.pid] = nil
        if watched.followsChildren { followers -= 1 }
        return release(queue.scopeNumber)
    }

    mutating func takeChildren() -> [KernelEventQueue] {
        defer { children = [] }
        return children
    }

    /// Whoever asks for a child by name need not be told of it again.
    mutating func claim(_ queue: KernelEventQueue) { children.removeAll { $0 === queue } }

    // MARK: Records

    /// Hands on one record. - Returns: a scope to be closed, where a pid's reuse freed it.
    mutating func route(_ record: SidebandRecord, names: inout NameCache, _ outcome: inout Outcome)
        -> EventScope?
    {
        guard record.pid > 0, let origin = origins[record.id] else { return nil }
        if origin.thread != 0 { check(record, origin) }
        // The kernel writes forks and ends also for whoever asks for mappings (perf_event_task_match): once
        // is enough, and the event for them is there all the time.
        if origin.content == .mappings, record.kind != .mapping { return nil }
        if origin.mayRepeat,
            scopes[origin.scope]?.roots[origin.content]?.accepts(
                thread: record.tid, cpu: record.cpu, root: origin.thread) == false
        {
            statistics.recordsIgnored &+= 1
            return nil
        }
        if case .fork(let child, let parent, let childThread, _) = record.kind {
            for content in PerfEvent.Content.allCases {
                scopes[origin.scope]?.roots[content]?.created(thread: childThread)
            }
            guard child > 0, child != parent else { return nil }
            return forked(child, record, origin.scope, &outcome)
        }
        guard let watched = queues[record.pid] else {
            if case .comm(isExec: true) = record.kind { reportExec(record.pid, origin.scope, &outcome) }
            return nil
        }
        guard accepts(watched.queue, record, origin.scope) else { return nil }
        switch record.kind {
        case .mapping:
            guard scopes[origin.scope]?.flow.accepts(record.nanoseconds) ?? true else {
                statistics.recordsIgnored &+= 1
                return nil
            }
            append(.mapping(record.mapping { names.intern($0) }), record, watched.queue, &outcome)
        case .comm(isExec: true):
            append(.exec(comm: record.comm), record, watched.queue, &outcome)
        case .exit:
            let isLeader = record.tid == record.pid
            if isLeader { queues[record.pid]?.hasEnded = true }
            append(.exit(isLeader: isLeader), record, watched.queue, &outcome)
        default: break
        }
        return nil
    }

    private mutating func check(_ record: SidebandRecord, _ origin: Origin) {
        scopes[origin.scope]?.checks[origin.content]?.heard(record.tid)
        guard case .fork(let child, let parent, let childThread, let maker) = record.kind,
            maker == origin.thread
        else { return }
        // Of a process that nobody follows nothing is read.
        let isFollowed = child == parent || queues[parent]?.followsChildren == true
        scopes[origin.scope]?.checks[origin.content]?.made(
            childThread, of: child, by: maker, at: record.nanoseconds, isFollowed: isFollowed)
    }

    /// Marks a loss in all queues that a scope feeds.
    mutating func gap(_ scope: ScopeNumber, at nanoseconds: Int64, count: UInt64, _ outcome: inout Outcome) {
        let record = KernelRecord(nanoseconds: nanoseconds, tid: 0, .gap(count: count))
        for queue in queues(of: scope) where queue.since <= nanoseconds { deliver(record, queue, &outcome) }
    }

    private mutating func forked(
        _ child: Int32, _ record: SidebandRecord, _ scope: ScopeNumber, _ outcome: inout Outcome
    ) -> EventScope? {
        var freed: EventScope?
        if let old = queues[child], old.queue.since < record.nanoseconds {
            // Another scope tells of the same fork a moment later; it is another process only if the old
            // one has ended.
            if old.queue.scopeNumber == scope || old.hasEnded {
                freed = retire(old.queue)
                old.queue.close()
                outcome.touched.insert(child)
            }
        }
        guard let parent = queues[record.pid], accepts(parent.queue, record, scope) else { return freed }
        append(.fork(child: child), record, parent.queue, &outcome)
        guard parent.followsChildren, queues[child] == nil else { return freed }
        guard children.count < pendingChildrenLimit else {
            statistics.forksDropped &+= 1
            return freed
        }
        let queue = KernelEventQueue(
            pid: child, scope: parent.queue.scope, scopeNumber: scope, since: record.nanoseconds,
            parent: record.pid, forkedAt: record.nanoseconds, budget: budget)
        add(queue, followsChildren: true)
        children.append(queue)
        outcome.touched.insert(child)
        return freed
    }

    private mutating func reportExec(_ pid: Int32, _ scope: ScopeNumber, _ outcome: inout Outcome) {
        guard reportsExecs, scopes[scope]?.scope == .machine else { return }
        if outcome.execs.count < execLimit {
            outcome.execs.append(pid)
        } else {
            statistics.execsDropped &+= 1
        }
    }

    private mutating func accepts(
        _ queue: KernelEventQueue, _ record: SidebandRecord, _ scope: ScopeNumber
    ) -> Bool {
        if queue.scopeNumber == scope { return record.nanoseconds >= queue.since }
        statistics.recordsIgnored &+= 1
        return false
    }

    private mutating func append(
        _ content: KernelRecord.Content, _ record: SidebandRecord, _ queue: KernelEventQueue,
        _ outcome: inout Outcome
    ) {
        deliver(
            KernelRecord(nanoseconds: record.nanoseconds, tid: record.tid, content), queue, &outcome)
    }

    private mutating func deliver(
        _ record: KernelRecord, _ queue: KernelEventQueue, _ outcome: inout Outcome
    ) {
        if queue.append(record) {
            statistics.recordsQueued &+= 1
        } else {
            statistics.recordsSummarised &+= 1
        }
        outcome.touched.insert(queue.pid)
    }
}
