import Inspection
import KernelEvents
import MemoryModel
import ProcFS
import Synchronization

/// One process under watch: what the last look at it found, and what the next must do.
///
/// Looks run on worker threads, never two at a time. A look may hang (a process stuck in the kernel with
/// its memory locked), so it has a lock of its own, and those who ask meanwhile get what was published
/// after the look before.
final class Target: Sendable, Identifiable {
    // What each tick asks for comes first, so that of ten thousand idle targets little has to come into the cache.
    private let isBusy = Atomic<Bool>(false)
    private let observer: Mutex<TargetObserver>
    let id: TargetID
    let attached: Timestamp
    let pid: Int32
    let feed: KernelFeed?
    let eventMode: EventMode
    private let published: Mutex<Published>

    private struct Published: Sendable {
        var description: ProcessDescription
        var options: TargetOptions
        var targetState = TargetState.running
        var sample: Sample?
        var regions = AddressList<Region>()
        /// What observations have told of the map.
        var stored = AddressList<Region>()
        /// Instead of these and the ledger's map, where nothing changes.
        var packed: PackedMap?
        var ledger = Ledger()
        var forks: [ForkedChild] = []
        var paths = PathTable()
        var isSummarised = false
        var followUp: MonotonicTime?
    }

    init(
        id: TargetID, directory: ProcessDirectory, description: ProcessDescription, options: TargetOptions,
        attached: Timestamp, images: any ImageSource, feed: KernelFeed?, eventMode: EventMode,
        forked: ForkedMemory?
    ) {
        self.id = id
        self.attached = attached
        self.feed = feed
        self.eventMode = eventMode
        pid = directory.pid
        observer = Mutex(
            TargetObserver(
                target: id, directory: directory, description: description, images: images, feed: feed,
                forked: forked))
        published = Mutex(Published(description: description, options: options))
    }

    // MARK: For those who ask

    var snapshot: TargetSnapshot {
        published.withLock { known in
            TargetSnapshot(
                id: id, description: known.description, attached: attached,
                options: known.options, state: known.targetState, lastSample: known.sample,
                eventMode: currentEventMode, isSummarised: known.isSummarised)
        }
    }

    /// What is counted of all targets, without a copy of what is known of each.
    var standing: (eventMode: EventMode, isSummarised: Bool) {
        (currentEventMode, published.withLock { $0.isSummarised })
    }

    /// Without records of mappings a target is on sampling, whatever else the kernel reports of it.
    private var currentEventMode: EventMode {
        guard let feed, feed.queue.isPaused else { return eventMode }
        return .sampling(
            reason:
                "for now: a process makes more than 10,000 mapping calls a second, and to record them all "
                + "would take more than 1 % of its time")
    }

    /// The map of the last accepted look, or what is known to have become of it since.
    var regions: [ObservedRegion] { known(\.regions) }

    /// The map that the births and deaths of all observations make, which may be a little older.
    var toldRegions: [ObservedRegion] { known(\.stored) }

    private func known(_ map: KeyPath<Published, AddressList<Region>>) -> [ObservedRegion] {
        let (regions, packed, paths) = published.withLock { ($0[keyPath: map], $0.packed, $0.paths) }
        return (packed?.regions ?? regions.elements).map { ObservedRegion($0, paths) }
    }

    /// What this target's children are given: the map at the fork where its records told of that already,
    /// else the map as it is.
    var departed: DepartedParent {
        let snapshot = snapshot
        return published.withLock { known in
            var ledger = known.ledger
            if let packed = known.packed { ledger.wake(AddressList(packed.regions)) }
            return DepartedParent(snapshot: snapshot, ledger: ledger, forks: known.forks, paths: known.paths)
        }
    }

    var options: TargetOptions { published.withLock { $0.options } }

    func setOptions(_ options: TargetOptions) { published.withLock { $0.options = options } }

    // MARK: For the tick

    /// True while a worker looks.
    var isLooking: Bool { isBusy.load(ordering: .acquiring) }

    /// True where the kernel has reported something, or the last look left something open.
    func isToldOf(at now: MonotonicTime) -> Bool {
        if feed?.hasRecords == true { return true }
        return followUp.map { $0 <= now } ?? false
    }

    /// When to look again without waiting for the interval; nil where that will do.
    var followUp: MonotonicTime? { published.withLock { $0.followUp } }

    /// Takes the target for a look. False while the look before is not finished: such a tick is skipped.
    func beginLook() -> Bool {
        isBusy.compareExchange(expected: false, desired: true, ordering: .acquiringAndReleasing).exchanged
    }

    /// True where the next step is a look. Not while one is on.
    func needsLook(at now: MonotonicTime, isTold: Bool) -> Bool {
        observer.withLock { $0.needsLook(at: now, isTold: isTold) }
    }

    /// Gives the target back, when what was observed is on its way to be delivered before anything newer: the
    /// history takes a target's changes in their order, or its map is wrong from then on.
    func endLook() { isBusy.store(false, ordering: .releasing) }

    /// Looks, compares, and says what is worth keeping; nil where nothing is. Between ``beginLook()`` and
    /// ``endLook()``.
    func observe(_ tick: Tick) -> Observation? {
        observer.withLock { observer in
            let snapshot = snapshot
            observer.interval = snapshot.intervalMicroseconds
            observer.followsChildren = snapshot.followsChildren
            let observation = observer.observe(tick)
            publish(observer)
            return observation
        }
    }

    /// Takes what is remembered from before a restart as the last look.
    func resume(from memory: Tracer.Memory) {
        observer.withLock { observer in
            observer.resume(from: memory)
            publish(observer)
        }
    }

    private func publish(_ observer: TargetObserver) {
        published.withLock { known in
            known.description = observer.description
            known.targetState = observer.state
            known.sample = observer.sample
            known.regions =
                observer.isLedgerAhead ? observer.stored : AddressList(observer.inspector.regions)
            known.stored = observer.stored
            known.packed = observer.inspector.packed
            known.ledger = observer.ledger
            known.forks = observer.forks
            known.paths = observer.inspector.paths
            known.isSummarised = observer.pace.isSummarising || observer.lookPace.isSparing
            known.followUp = observer.followUp
        }
    }
}
