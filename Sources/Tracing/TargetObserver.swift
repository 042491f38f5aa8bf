import Inspection
import MemoryModel
import ProcFS

/// What is known of one target from look to look; turns each look into an observation.
///
/// Decides between a full look, a short one and none.
struct TargetObserver: Sendable {
    let target: TargetID
    let directory: ProcessDirectory
    private(set) var description: ProcessDescription
    private(set) var inspector: TargetInspector
    private(set) var state = TargetState.running
    private(set) var sample: Sample?
    private var statm: Statm?
    /// When the next full look is due whatever statm says, and the next sample whatever was seen.
    private var fullLookDue = MonotonicTime(microseconds: .min)
    private var sampleDue = MonotonicTime(microseconds: .min)
    /// Something is known to have changed that statm may not show.
    private var isDirty = true

    init(
        target: TargetID, directory: ProcessDirectory, description: ProcessDescription,
        images: any ImageSource
    ) {
        self.target = target
        self.directory = directory
        self.description = description
        inspector = TargetInspector(directory: directory, images: images)
    }

    /// Takes what is remembered from before a restart as the last look.
    mutating func resume(from memory: Tracer.Memory) {
        inspector.resume(from: memory.regions)
        sample = memory.sample
    }

    /// True where the next step is a look: the cheap question, one pread of statm.
    func needsLook(at now: MonotonicTime) -> Bool {
        if isDirty || now >= fullLookDue || now >= sampleDue { return true }
        // Also for a failure: the look finds out what it means.
        guard let statm = try? directory.statm() else { return true }
        return statm != self.statm
    }

    /// Looks, compares, and says what is worth keeping; nil where nothing is.
    mutating func observe(_ tick: Tick) -> Observation? {
        do throws(ProcError) {
            let statm = try directory.statm()
            // Read before the look: what changes after this is seen by the next tick.
            let isSizeKnown = self.statm?.sizeBytes == statm.sizeBytes && !isDirty
            if isSizeKnown, statm.sizeBytes != 0, tick.monotonic < fullLookDue {
                self.statm = statm
                return try shortLook(tick)
            }
            self.statm = statm
            return try fullLook(tick)
        } catch {
            return failed(error, tick)
        }
    }

    /// Same size: the map is taken as it was, and only the resident parts are read again.
    private mutating func shortLook(_ tick: Tick) throws(ProcError) -> Observation? {
        guard var sample else { return try fullLook(tick) }
        let status = try directory.status()
        sample.time = tick.time
        sample.read(status)
        if sample.threads != self.sample?.threads { isDirty = true }
        return kept(sample, tick).map { sample in
            var observation = newObservation(tick)
            observation.sample = sample
            return observation
        }
    }

    private mutating func fullLook(_ tick: Tick) throws(ProcError) -> Observation? {
        tick.counters.add(\.looks)
        let outcome = try inspector.look(at: tick.time)
        state = .running
        var observation = newObservation(tick)
        observation.isFullLook = true
        observation.credentials = outcome.credentials
        if outcome.isAccepted {
            isDirty = false
            fullLookDue = tick.monotonic.advanced(byMicroseconds: tick.fullLookEvery)
            if let previous = outcome.previous { compare(previous, outcome, tick, &observation) }
        } else {
            tick.counters.add(\.inconsistentLooks)
            isDirty = true
        }
        observation.sample = kept(outcome.sample, tick)
        let isWorthKeeping =
            observation.sample != nil || !observation.born.isEmpty || !observation.died.isEmpty
            || !observation.events.isEmpty
        return isWorthKeeping ? observation : nil
    }

    private mutating func compare(
        _ previous: [Region], _ outcome: TargetInspector.Outcome, _ tick: Tick,
        _ observation: inout Observation
    ) {
        let paths = inspector.paths
        let regions = inspector.regions
        let (changes, intervals) = MapComparison.compare(from: previous, to: regions)
        observation.died = intervals.died.map { ObservedRegion(previous[$0], paths) }
        observation.born = intervals.born.map { ObservedRegion(regions[$0], paths) }
        if outcome.isNewImage {
            if let description = try? directory.describe() {
                self.description = description
                observation.description = description
            }
            observation.events = execEvents(previous, outcome.sample, tick)
        } else if !previous.isEmpty {
            observation.events = changes.map { event($0, paths, tick) }
        }
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
        var observation = newObservation(tick)
        var exit = newEvent(.exit, tick)
        exit.size = sample?.vmSizeBytes
        observation.events = [exit]
        observation.ended = how
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
        sampleDue = tick.monotonic.advanced(byMicroseconds: tick.sampleEvery)
        return sample
    }

    private func newObservation(_ tick: Tick) -> Observation {
        Observation(target: target, identity: description.identity, time: tick.time)
    }

    private func newEvent(_ type: EventType, _ tick: Tick) -> MemoryEvent {
        MemoryEvent(time: tick.time, pid: directory.pid, comm: description.comm, type: type)
    }
}
