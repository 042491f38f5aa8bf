import KernelEvents
package import MemoryModel

// Children that were gone before they could be looked at: all that is known of them are their records.
extension Tracer {
    /// Tells the whole story of such a process in one observation.
    package func tell(ended child: NewChild, as process: ProcessDescription) async {
        let tick = newTick()
        kernel.drain()
        let records = child.queue.take().records
        kernel.forget(child.queue)
        var story = EndedChild(child, process, id: newTargetID(), tick)
        story.tell(records, tick)
        if let parent = child.parent, let departed = story.departed(followedLike: parent, child.forked) {
            remember(departed)
        }
        await deliver([story.observation])
    }
}

/// A process known by its records alone.
struct EndedChild {
    private(set) var observation: Observation
    private var process: ProcessDescription
    private var ledger: Ledger
    private var forks: [ForkedChild] = []
    private var paths: PathTable

    init(_ child: NewChild, _ process: ProcessDescription, id: TargetID, _ tick: Tick) {
        self.process = process
        ledger = child.memory?.ledger ?? Ledger()
        paths = child.memory?.paths ?? PathTable()
        observation = Observation(target: id, identity: process.identity, time: tick.time)
        observation.ended = .exited
        var attached = MemoryEvent(
            time: child.forked, pid: process.identity.pid, comm: process.comm, type: .attached, source: .perf)
        if child.memory != nil { attached.size = ledger.totals.total }
        observation.events = [attached]
    }

    mutating func tell(_ records: [KernelRecord], _ tick: Tick) {
        for record in records {
            if case .exec(let comm) = record.content {
                process.comm = comm
                process.exe = nil
                observation.description = process
            }
        }
        let pid = process.identity.pid
        var context = LedgerContext()
        context.keepsForks = true
        var told = ledger.apply(records, look: nil, paths: &paths, context: context)
        forks = ledger.takeForks().suffix(ForkedChild.limit).map {
            ForkedChild(pid: $0.child, ledger: $0.ledger)
        }
        if records.count > RecordPace.summariseAbove { told = Ledger.summarise(told) }
        observation.events += told.map { MemoryEvent($0, pid: pid, comm: process.comm, paths, tick) }
        let exit = MemoryEvent.exit(
            of: process, size: ledger.totals.total, leader: records.last(where: \.isLeaderExit),
            after: observation.events.last?.time, tick)
        if ledger.isKnown {
            observation.postMortem = PostMortem(
                of: process, exit, ledger, paths, lastGrowth: observation.events.lastGrowth)
        }
        observation.events.append(exit)
    }

    /// What its own children need to know of it; nil where it had none.
    func departed(followedLike parent: TargetSnapshot, _ forked: Timestamp) -> DepartedParent? {
        if forks.isEmpty { return nil }
        var snapshot = parent
        snapshot.id = observation.target
        snapshot.description = process
        snapshot.attached = forked
        snapshot.state = .exited
        snapshot.lastSample = nil
        return DepartedParent(snapshot: snapshot, ledger: ledger, forks: forks, paths: paths)
    }
}

/// A followed process that is gone, for as long as children of it may still turn up.
struct DepartedParent: Sendable {
    var snapshot: TargetSnapshot
    var ledger: Ledger
    var forks: [ForkedChild]
    var paths: PathTable

    func memory(of child: Int32, forkedAt nanoseconds: Int64) -> ForkedMemory {
        let atFork = forks.last { $0.pid == child }?.ledger
        return ForkedMemory(ledger: atFork ?? Ledger(forkedFrom: ledger, at: nanoseconds), paths: paths)
    }
}

extension MemoryEvent {
    /// An event of the ledger, its times put on the wall clock.
    init(_ told: LedgerEvent, pid: Int32, comm: [UInt8], _ paths: PathTable, _ tick: Tick) {
        self.init(
            time: tick.time(of: MonotonicTime(nanoseconds: told.nanoseconds)), pid: pid, comm: comm,
            type: told.type, source: told.source)
        notBefore = told.notBefore.map { tick.time(of: MonotonicTime(nanoseconds: $0)) }
        kind = told.kind
        delta = told.delta
        size = told.sizeAfter
        start = told.start
        end = told.end
        permissions = told.permissions
        path = told.path == .none ? nil : Array(paths.bytes(of: told.path))
        tid = told.tid
        count = told.count
        child = told.child
    }
}
