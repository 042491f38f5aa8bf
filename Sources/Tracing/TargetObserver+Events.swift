import Inspection
import KernelEvents
import MemoryModel
import ProcFS

// From looks and records to events. With a feed, the ledger holds both together; without, two looks are
// compared.
extension TargetObserver {
    /// Puts into the observation what has happened up to a look.
    mutating func tell(
        _ outcome: TargetInspector.Outcome, _ time: LookWindow, _ tick: Tick, _ observation: inout Observation
    ) {
        guard let feed else {
            if outcome.isNewImage { refreshDescription(&observation) }
            if outcome.isAccepted, let previous = outcome.previous {
                observation.events = compared(previous, outcome, tick)
            }
            note(observation.events)
            return
        }
        let records = counted(feed.take(), tick)
        if outcome.isNewImage || records.contains(where: \.isExec) { refreshDescription(&observation) }
        let look = outcome.isAccepted ? inspector.regions : nil
        var told = applied(records, look, outcome.isAccepted ? time : nil)
        if let look {
            told += ledger.settle(with: look, at: time.ended, isNewImage: outcome.isNewImage)
        }
        observation.events = events(told, tick)
        note(observation.events)
    }

    /// What the records alone say, for a target that was looked at only just now.
    mutating func tellWithoutLook(_ tick: Tick, _ observation: inout Observation) {
        guard let feed else { return }
        let records = counted(feed.take(), tick)
        if records.contains(where: \.isExec) { refreshDescription(&observation) }
        let told = applied(records, nil, nil)
        observation.events = events(told, tick)
        note(observation.events)
    }

    /// The end, after whatever the records tell of the time before it.
    mutating func lastEvents(_ tick: Tick) -> [MemoryEvent] {
        var exit = newEvent(.exit, tick)
        guard let feed else {
            exit.size = lastSize
            return [exit]
        }
        let records = counted(feed.take(), tick)
        let told = applied(records, nil, nil)
        var events = events(told, tick)
        note(events)
        if let last = leaderExit {
            exit.time = tick.time(of: MonotonicTime(nanoseconds: last.nanoseconds))
            exit.source = .perf
            exit.tid = last.tid
        }
        exit.size = lastSize
        // Threads that outlive the first one go on mapping until the process ends with them.
        if let latest = events.last?.time, latest > exit.time { exit.time = latest }
        events.append(exit)
        return events
    }

    /// VmSize as far as it is known, for when it can no longer be read.
    var lastSize: UInt64? {
        feed == nil || ledger.regions.isEmpty ? latest?.vmSizeBytes : KindTotals(of: ledger.regions).total
    }

    // MARK: With records

    private mutating func applied(
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

    private mutating func counted(_ taken: TakenRecords, _ tick: Tick) -> [KernelRecord] {
        var records = taken.records
        pace.count(records.count, at: tick.monotonic)
        if let rest = taken.overflow {
            // They came faster than they could be taken: as good as lost.
            records.append(KernelRecord(nanoseconds: rest.lastNanoseconds, tid: 0, .gap(count: rest.count)))
        }
        if let exit = taken.records.last(where: \.isLeaderExit) { leaderExit = exit }
        return records
    }

    private func events(_ told: [LedgerEvent], _ tick: Tick) -> [MemoryEvent] {
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

    // MARK: Without

    private func compared(
        _ previous: [Region], _ outcome: TargetInspector.Outcome, _ tick: Tick
    ) -> [MemoryEvent] {
        if outcome.isNewImage { return execEvents(previous, outcome.sample, tick) }
        if previous.isEmpty { return [] }
        let paths = inspector.paths
        return MapComparison.compare(from: previous, to: inspector.regions).changes
            .map { event($0, paths, tick) }
    }

    /// A new program: all memory is new, and one event for each kind says by how much it differs.
    private func execEvents(_ previous: [Region], _ sample: Sample, _ tick: Tick) -> [MemoryEvent] {
        var exec = newEvent(.exec, tick)
        exec.size = sample.vmSizeBytes
        exec.path = description.exe
        let before = KindTotals(of: previous)
        let after = inspector.totals
        return [exec]
            + RegionKind.allCases.compactMap { kind in
                guard before[kind] != after[kind] else { return nil }
                var event = newEvent(.exec, tick)
                event.kind = kind
                event.delta = Int64(clamping: after[kind]).addingSaturating(-Int64(clamping: before[kind]))
                event.size = after[kind]
                return event
            }
    }

    private func event(_ change: MapChange, _ paths: PathTable, _ tick: Tick) -> MemoryEvent {
        var event = newEvent(change.type, tick)
        // It was not yet so at the look before.
        event.notBefore = acceptedLook
        event.kind = change.kind
        event.delta = change.delta
        event.size = change.sizeAfter
        event.start = change.start
        event.end = change.end
        event.permissions = change.permissions
        event.path = change.path == .none ? nil : Array(paths.bytes(of: change.path))
        event.tid = change.tid == 0 ? nil : change.tid
        return event
    }

    // MARK: Parts

    private mutating func refreshDescription(_ observation: inout Observation) {
        guard let description = try? directory.describe() else { return }
        self.description = description
        observation.description = description
    }

    private mutating func note(_ events: [MemoryEvent]) {
        if let growth = events.last(where: { ($0.delta ?? 0) > 0 }) { lastGrowth = growth }
    }

    private func newEvent(_ type: EventType, _ tick: Tick) -> MemoryEvent {
        MemoryEvent(time: tick.time, pid: directory.pid, comm: description.comm, type: type)
    }
}

extension KernelRecord {
    var isLeaderExit: Bool {
        if case .exit(true) = content { return true }
        return false
    }
}
