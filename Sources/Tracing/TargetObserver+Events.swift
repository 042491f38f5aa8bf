import Inspection
import KernelEvents
import MemoryModel
import ProcFS

// From looks and records to events, by the ledger. Without a feed there are no records, and what two looks
// differ by is all that is told.
extension TargetObserver {
    /// Puts into the observation what has happened up to a look.
    mutating func tell(
        _ outcome: TargetInspector.Outcome, _ time: LookWindow, _ tick: Tick, _ observation: inout Observation
    ) {
        let records = takeRecords(tick)
        if !records.isEmpty { wake() }
        if outcome.isNewImage || records.contains(where: \.isExec) {
            refreshDescription(&observation)
            // The records go on to after the look: of a program that it has not seen, perhaps.
            identify(&observation)
        }
        var told: [LedgerEvent] = []
        if outcome.isAccepted {
            let look = inspector.regions
            told = applied(records, look, time)
            // A process can move its marks (PR_SET_MM) without another program, and then its map stays.
            let isNewImage = outcome.isNewImage && outcome.previous != nil
            told += ledger.settle(
                with: look, at: time.ended, isUnchanged: outcome.previous == nil, isNewImage: isNewImage)
            if !toldSince.isEmpty {
                told = ledger.leavingOut(toldSince, from: told, at: time.ended)
                toldSince = [:]
            }
        } else {
            told = applied(records, nil, nil)
        }
        observation.events = events(told, tick)
        note(observation.events)
    }

    /// What the records alone say, for a target that was looked at only just now.
    mutating func tellWithoutLook(_ tick: Tick, _ observation: inout Observation) {
        let records = takeRecords(tick)
        if records.contains(where: \.isExec) { refreshDescription(&observation) }
        // No look has said whose memory they tell of.
        if !records.isEmpty { identify(&observation) }
        observation.events = events(applied(records, nil, nil), tick)
        note(observation.events)
    }

    /// The end, after whatever the records tell of the time before it.
    ///
    /// - Parameter observation: left ``Identification/unknown`` where the process executed a program that nobody was
    ///   in time to look at: a set-user-id one, for all that is known.
    mutating func lastEvents(_ tick: Tick, _ observation: inout Observation) -> [MemoryEvent] {
        let records = takeRecords(tick)
        if records.contains(where: \.isExec) { observation.identification = .unknown }
        // Nobody can be asked any more what it was called; the record of the exec says that.
        for record in records {
            guard case .exec(let comm) = record.content, !comm.isEmpty else { continue }
            (description.comm, description.exe) = (comm, nil)
            observation.description = description
        }
        let told = events(applied(records, nil, nil), tick)
        note(told)
        let exit = MemoryEvent.exit(
            of: description, size: lastSize, leader: leaderExit, after: told.last?.time, tick)
        return told + [exit]
    }

    /// VmSize as far as it is known, for when it can no longer be read.
    private var lastSize: UInt64? {
        feed == nil || ledger.map.isEmpty ? latest?.vmSizeBytes : ledger.totals.total
    }

    // MARK: With records

    mutating func applied(
        _ records: [KernelRecord], _ look: [Region]?, _ time: LookWindow?
    ) -> [LedgerEvent] {
        // What is known of the heap's beginning is of the program that was last looked at.
        if look != nil {
            isStartBrkCurrent = true
        } else if records.contains(where: \.isExec) {
            isStartBrkCurrent = false
        }
        var context = LedgerContext(startBrk: isStartBrkCurrent ? inspector.startBrk : nil, look: time)
        context.keepsForks = followsChildren
        let told = ledger.apply(records, look: look, paths: &inspector.paths, context: context)
        for fork in ledger.takeForks() { forks.append(ForkedChild(pid: fork.child, ledger: fork.ledger)) }
        if forks.count > ForkedChild.limit { forks.removeFirst(forks.count - ForkedChild.limit) }
        return told
    }

    mutating func takeRecords(_ tick: Tick) -> [KernelRecord] {
        guard let taken = feed?.take() else { return [] }
        pace.count(taken.records.count, at: tick.monotonic)
        if let exit = taken.records.last(where: \.isLeaderExit) { leaderExit = exit }
        guard let rest = taken.overflow else { return taken.records }
        // They came faster than they could be taken: as good as lost.
        let gap = KernelRecord(nanoseconds: rest.lastNanoseconds, tid: 0, .gap(count: rest.count))
        return taken.records + [gap]
    }

    func events(_ told: [LedgerEvent], _ tick: Tick) -> [MemoryEvent] {
        var events = (pace.isSummarising ? Ledger.summarise(told) : told).map { event($0, tick) }
        // By time; what is of the same time stays in order.
        if zip(events, events.dropFirst()).contains(where: { $0.time > $1.time }) {
            events = events.enumerated()
                .sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }.map(\.element)
        }
        return events
    }

    private func event(_ told: LedgerEvent, _ tick: Tick) -> MemoryEvent {
        var event = MemoryEvent(
            told, pid: directory.pid, comm: description.comm, inspector.paths, tick)
        if told.type == .exec, told.kind == nil { event.path = description.exe }
        return event
    }

    // MARK: Parts

    private mutating func refreshDescription(_ observation: inout Observation) {
        guard let description = try? directory.describe() else { return }
        self.description = description
        observation.description = description
    }

    private func identify(_ observation: inout Observation) {
        observation.identification.join((try? directory.status()).flatMap(directory.credentials))
    }

    mutating func note(_ events: [MemoryEvent]) {
        if let growth = events.lastGrowth { lastGrowth = growth }
    }
}
