import Inspection
import KernelEvents
import MemoryModel
import ProcFS

/// What is known of one target from look to look; turns looks and kernel records into observations.
///
/// Decides between a full look, a short one and none. What is found is told as events at once, and stored as
/// a sample and a map with them, unless that was done only just now; then it follows.
struct TargetObserver: Sendable {
    let target: TargetID
    // What a tick asks for comes first, so that of ten thousand idle targets little has to come into the cache.
    /// nil where the kernel reports nothing of this process: then only looks tell.
    let feed: KernelFeed?
    /// When the next full look is due whatever statm says, and the next sample whatever was seen.
    var fullLookDue = MonotonicTime(microseconds: .min)
    private var sampleDue = MonotonicTime(microseconds: .min)
    /// Something is known to have changed that statm may not show.
    var isDirty = true
    /// The last look found something that is not stored yet.
    private var hasUnstored = false
    /// The last look was too early for some of the records.
    private var hasRecordsLeft = false
    /// What is known of a process that does not run.
    var idleness: Idleness
    var statm: Statm?
    let directory: ProcessDirectory
    var description: ProcessDescription
    var inspector: TargetInspector
    private(set) var state = TargetState.running
    /// The last that was stored.
    private(set) var sample: Sample?
    /// The last look's, stored or not.
    var latest: Sample?
    /// The map that the history has.
    var stored = AddressList<Region>()
    /// What looks say, and records where there is a feed.
    var ledger = Ledger()
    /// The last children that records told of, oldest first, each with the map it was given.
    var forks: [ForkedChild] = []
    var followsChildren = false
    /// False from an exec to the next look: what is known of the heap's beginning is the old program's.
    var isStartBrkCurrent = true
    var pace = RecordPace()
    var lookPace = LookPace()
    /// Samples have been made of the ledger's map since the last accepted look: that is older.
    var isLedgerAhead = false
    /// The end of the first thread, where it was reported and the process was still to be seen.
    var leaderExit: KernelRecord?
    private var looksAfterExit = 0
    /// When to look again without waiting for the interval.
    private(set) var followUp: MonotonicTime?
    /// The last event that added memory, for the post-mortem.
    var lastGrowth: MemoryEvent?
    /// The map is kept by ``inspector`` alone, packed: ``stored`` and the ledger's are the same.
    var isAtRest = false
    /// ``stored`` is the map of the last accepted look.
    var isLookStored = false
    /// What was told before a restart and is not in the map that was resumed from, until a look has been settled.
    var toldSince: [RegionKind: Int64] = [:]
    /// Records have changed the ledger's map since the last accepted look.
    var awaitsLook = false
    /// When samples and regions may be stored again outside of the interval.
    private var storeDue = MonotonicTime(microseconds: .min)
    /// Between two ticks, microseconds.
    var interval: Int64 = 1_000_000

    init(
        target: TargetID, directory: ProcessDirectory, description: ProcessDescription,
        images: any ImageSource, feed: KernelFeed?, forked: ForkedMemory?
    ) {
        self.target = target
        self.directory = directory
        self.description = description
        self.feed = feed
        idleness = Idleness(clock: directory.clock)
        inspector = TargetInspector(directory: directory, images: images)
        if let forked {
            ledger = forked.ledger
            inspector.paths = forked.paths
        }
    }

    /// Takes what is remembered from before a restart as the last look.
    mutating func resume(from memory: Tracer.Memory) {
        inspector.resume(from: memory.regions)
        sample = memory.sample
        latest = memory.sample
        stored = AddressList(inspector.regions)
        ledger = Ledger(resumingFrom: inspector.regions)
        toldSince = memory.toldSince
    }

    /// True where the next step is a look: the cheap question, whether it has run, and if so one pread of statm.
    ///
    /// - Parameter isTold: the kernel has reported something since the last look.
    mutating func needsLook(at now: MonotonicTime, isTold: Bool) -> Bool {
        if isDirty || hasUnstored || hasRecordsLeft || isTold || now >= sampleDue { return true }
        let isFullLookDue = now >= fullLookDue
        let ran = idleness.ran
        if !isFullLookDue {
            if let ran, ran == idleness.ranBeforeStatm { return false }
            if idleness.hasEnded(ran) {
                fullLookDue = now
                return true
            }
        }
        // Also for a failure: the look finds out what it means.
        guard let statm = try? directory.statm(), statm == self.statm else { return true }
        idleness.ranBeforeStatm = ran
        return isFullLookDue && !putOffFullLook(at: now)
    }

    /// Looks, compares, and says what is worth keeping; nil where nothing is.
    mutating func observe(_ tick: Tick) -> Observation? {
        let observation = look(tick)
        hasRecordsLeft = feed?.hasRecords ?? false
        followUp = feed == nil || observation?.ended != nil ? nil : nextFollowUp(after: tick)
        return observation
    }

    /// What is not to wait for the interval: records that the look was too early for; a map that only records
    /// tell of; and the end of a process whose first thread has ended. (Other threads may live on for
    /// long: so not for ever.)
    private mutating func nextFollowUp(after tick: Tick) -> MonotonicTime? {
        let now = MonotonicTime.now
        if leaderExit != nil, looksAfterExit < 10 {
            looksAfterExit += 1
            return now.advanced(byMicroseconds: 20_000)
        }
        if ledger.pendingCount > 0 || awaitsLook || hasRecordsLeft {
            return max(now, pace.nextLook, lookPace.next)
        }
        // Kinds that only a look can tell.
        if isLedgerAhead || (lookPace.isHuge && isDirty) { return max(now, lookPace.nextAccounted) }
        if hasUnstored { return max(now, storeDue) }
        return nil
    }

    private mutating func look(_ tick: Tick) -> Observation? {
        do throws(ProcError) {
            if tick.cause == .records {
                wake()
                return try tellRecords(tick)
            }
            let statm = try directory.statm()
            // Read before the look: what changes after this is seen by the next tick.
            let isSizeKnown = self.statm?.sizeBytes == statm.sizeBytes && !isDirty
            let isSame = self.statm == statm
            // What happened before this instant and lies in a ring must not be missing in a sample of it.
            feed?.source.drain()
            let isQuiet = feed.map { !$0.hasRecords } ?? true
            if isSizeKnown, isQuiet, statm.sizeBytes != 0,
                tick.monotonic < fullLookDue || (isSame && putOffFullLook(at: tick.monotonic))
            {
                self.statm = statm
                return try shortLook(tick, isSame: isSame)
            }
            self.statm = statm
            guard mustSpare(tick) else { return try fullLook(tick, isSame: isSame && isQuiet) }
            wake()
            return try sparingLook(tick)
        } catch {
            return failed(error, tick)
        }
    }

    /// The kernel has reported changes. They are told with the help of a look, unless looks have taken
    /// more than their share of time: then from the records alone.
    private mutating func tellRecords(_ tick: Tick) throws(ProcError) -> Observation? {
        let statm = try directory.statm()
        if mustSpare(tick) {
            // What has been told since the last look is not in its sample.
            if feed?.hasRecords != true { return isDirty ? nil : storeLate(tick) }
            // The map is gone through at the next tick; what the records say is told at once.
            isDirty = true
            var observation = newObservation(tick)
            tellWithoutLook(tick, &observation)
            return isWorthKeeping(observation) ? observation : nil
        }
        if pace.mayLook(at: tick.monotonic) {
            if feed?.hasRecords == false, latest != nil, !awaitsLook, !isLedgerAhead, leaderExit == nil,
                ledger.pendingCount == 0
            {
                return storeLate(tick)
            }
            self.statm = statm
            return try fullLook(tick)
        }
        if pace.mayLookSoon(after: tick.monotonic) { return nil }
        isDirty = true
        awaitsLook = true
        var observation = newObservation(tick)
        tellWithoutLook(tick, &observation)
        return isWorthKeeping(observation) ? observation : nil
    }

    /// Same size: the map is taken as it was, and only the resident parts are read again.
    ///
    /// - Parameter isSame: statm is as it was at the last look: then a process that has not run since is as it
    ///   was in everything that its status tells of memory.
    private mutating func shortLook(
        _ tick: Tick, isSame: Bool = false
    ) throws(ProcError) -> Observation? {
        guard var sample = latest else { return try fullLook(tick) }
        sample.time = tick.time
        if !isSame || !idleness.stillHolds { sample.read(try directory.status()) }
        if sample.threads != latest?.threads { isDirty = true }
        var observation = newObservation(tick)
        store(sample, tick, &observation)
        return isWorthKeeping(observation) ? observation : nil
    }

    /// Nothing new: what the last look found and did not store is stored now, as of that look. What has happened since
    /// may lie in a ring, to be told with its own time, and nobody has asked for it here: with the present time this
    /// would be a map of an instant that it is not of, and whoever is killed after it would not know, at the next
    /// start, that what happened in between is still to be taken off.
    private mutating func storeLate(_ tick: Tick) -> Observation? {
        guard hasUnstored, let sample = latest else { return nil }
        var observation = newObservation(tick)
        observation.time = sample.time
        store(sample, tick, &observation)
        return isWorthKeeping(observation) ? observation : nil
    }

    /// - Parameter isSame: statm is as it was at the last look, and this one comes because it is time.
    private mutating func fullLook(
        _ tick: Tick, isSame: Bool = false
    ) throws(ProcError) -> Observation? {
        tick.counters.add(\.looks)
        let began = MonotonicTime.nanoseconds
        let beganWork = ThreadTime.nanoseconds
        let outcome: TargetInspector.Outcome
        // Not at the first look: who has just begun is seldom idle.
        let ran = tick.cause == .interval && latest != nil ? idleness.ran : nil
        do throws(ProcError) {
            outcome = try inspector.look(at: tick.time)
            translatePaths()
        } catch {
            translatePaths()
            if !inspector.isAtRest { wake(inspector.regions) }
            throw error
        }
        if outcome.previous != nil { isLookStored = false }
        if !inspector.isAtRest { wake(outcome.previous ?? inspector.regions) }
        idleness.looked(outcome, ranBefore: ran)
        let ended = MonotonicTime.nanoseconds
        // What is found was so at the look's end, and not when the tick began.
        let tick = tick.advanced(to: MonotonicTime(nanoseconds: ended))
        // Looks of the interval are the user's own choice, and no reason to hold others back.
        if tick.cause == .records { pace.looked(from: began, to: ended) }
        state = .running
        var observation = newObservation(tick)
        observation.isFullLook = true
        observation.identification.join(outcome.credentials)
        if outcome.isAccepted {
            isDirty = false
            awaitsLook = false
            scheduleFullLook(tick)
        } else {
            tick.counters.add(\.inconsistentLooks)
            isDirty = true
            awaitsLook = true
        }
        tell(outcome, LookWindow(began: began, ended: ended), tick, &observation)
        var sample = outcome.sample
        sample.time = tick.time
        if outcome.isAccepted {
            isLedgerAhead = false
        } else if isLedgerAhead {
            sample.kinds = ledger.totals
            sample.regionCount = UInt32(clamping: ledger.map.count)
        }
        // Most processes that have been found go on doing nothing: a thousand maps at once are not kept unpacked.
        let isFirst = latest == nil
        latest = sample
        hasUnstored = true
        lookPace.looked(
            cost: ThreadTime.nanoseconds - beganWork, regions: inspector.regionCount,
            at: tick.monotonic, tick.sparing, atLeastEvery: tick.fullLookEvery)
        if tick.cause == .interval || tick.monotonic >= storeDue || observation.description != nil {
            store(sample, tick, &observation)
        }
        if outcome.isAccepted, !hasUnstored, isFirst || (outcome.previous == nil && isSame) { rest() }
        return isWorthKeeping(observation) ? observation : nil
    }

    func isWorthKeeping(_ observation: Observation) -> Bool {
        observation.sample != nil || !observation.born.isEmpty || !observation.died.isEmpty
            || !observation.events.isEmpty
    }

    /// Puts the sample and the map into the observation, for the history, where they say something new.
    mutating func store(_ sample: Sample, _ tick: Tick, _ observation: inout Observation) {
        // Events that are not in this sample will be told with times before it: the next one is whole.
        if ledger.pendingCount > 0 { return }
        hasUnstored = false
        storeDue = tick.monotonic.advanced(byMicroseconds: interval / 10)
        observation.sample = kept(sample, tick)
        if !isLedgerAhead {
            if !isLookStored { storeMap(inspector.regions, &observation) }
            isLookStored = true
            ledger.changed.clear()
        } else if sample.isConsistent {
            storeChangedPlaces(&observation)
        }
    }

    mutating func storeMap(_ regions: [Region], _ observation: inout Observation) {
        let before = stored.elements
        guard before != regions else { return }
        let paths = inspector.paths
        let intervals = MapComparison.compare(from: before, to: regions).intervals
        observation.died = intervals.died.map { ObservedRegion(before[$0], paths) }
        observation.born = intervals.born.map { ObservedRegion(regions[$0], paths) }
        stored = AddressList(regions)
    }

    /// A look may have thrown out names nobody has any more, and given the rest new ids.
    private mutating func translatePaths() {
        guard inspector.hasRenamedPaths else { return }
        // Children that are taken up later must do with the parent's map as it is then.
        forks = []
        let inspector = inspector
        stored.replaceAll { $0.path = inspector.translated($0.path) }
        ledger.translatePaths { inspector.translated($0) }
    }

    // MARK: When the process is not to be seen

    private mutating func failed(_ error: ProcError, _ tick: Tick) -> Observation? {
        switch error {
        case .gone:
            return ended(.exited, tick)
        case .noMemory(_, let found):
            // A zombie's memory is gone; only its entry waits for the parent.
            return ended(found, tick)
        case .denied:
            return denied(tick)
        case .malformed, .system:
            // Out of descriptors, or text that cannot be: nothing is known, the next tick tries again.
            isDirty = true
            return nil
        }
    }

    private mutating func ended(_ how: TargetState, _ tick: Tick) -> Observation? {
        guard state != .exited, state != .zombie else {
            state = how
            return nil
        }
        state = how
        wake()
        var observation = newObservation(tick)
        observation.events = lastEvents(tick, &observation)
        observation.ended = how
        if let latest, let exit = observation.events.last {
            observation.postMortem = PostMortem(
                of: description, exit, ledger, inspector.paths, lastGrowth: lastGrowth)
            observation.postMortem?.lookTime = latest.time
        }
        return observation
    }

    /// Another user's process, for a daemon without privilege; or one that just became unreadable
    /// (setuid exec). Its sizes are public, its map is not.
    private mutating func denied(_ tick: Tick) -> Observation? {
        state = .denied
        isDirty = true
        guard let status = try? directory.status() else { return nil }
        var sample = Sample(time: tick.time, pid: directory.pid)
        sample.vmSizeBytes = status.vmSizeBytes
        sample.read(status)
        latest = sample
        return kept(sample, tick).map { sample in
            var observation = newObservation(tick)
            observation.sample = sample
            return observation
        }
    }

    // MARK: Parts

    /// The sample if it says something new or a minute has passed, remembered as the last; else nil.
    private mutating func kept(_ sample: Sample, _ tick: Tick) -> Sample? {
        if var last = self.sample, tick.monotonic < sampleDue {
            last.time = sample.time
            if last == sample { return nil }
        }
        self.sample = sample
        sampleDue = tick.monotonic.advanced(
            byMicroseconds: sampleDue.microseconds == .min ? spread(tick.sampleEvery) : tick.sampleEvery)
        return sample
    }

    func newObservation(_ tick: Tick) -> Observation {
        Observation(target: target, identity: description.identity, time: tick.time)
    }
}
