package import Inspection
import KernelEvents
package import MemoryModel
import NIOPosix
package import ProcFS

/// Watches processes: looks at each at its interval, compares, and hands on what changed.
///
/// One tick asks every due target on a thread of its own (``TickThread``; about 1 µs each) and looks only at
/// those that changed, on a few workers. Ticks follow the monotonic clock; a tick that comes late
/// is skipped and counted, never queued. Where the kernel reports changes, a tick for the targets
/// concerned follows within about a tenth of a second, whatever their interval.
package actor Tracer {
    /// Takes the observations of one tick, in no particular order; the next tick waits for it to return.
    package typealias Delivery = @Sendable ([Observation]) async -> Void

    nonisolated let counters = TracerCounters()
    let root: ProcRoot
    let images: any ImageSource
    /// For looks, which may hang in a process that is stuck in the kernel.
    private let lookers: NIOThreadPool
    /// Looks wait for the kernel, not for a processor: a few threads more than cores, so that one
    /// process whose memory is locked does not keep the others waiting.
    private static let lookerCount = 4
    /// For what clients ask, apart from what ticks need.
    let helpers: NIOThreadPool
    let deliver: Delivery
    let kernel: KernelEventsChoice
    private let activity: KernelActivity
    /// The children of followed processes, from their first instant; for whoever decides about targets.
    package nonisolated let newChildren: AsyncStream<NewChild>
    let childFeed: AsyncStream<NewChild>.Continuation
    private var timing: TracerTiming
    private(set) var targets: [TargetID: Target] = [:]
    private(set) var targetOfPID: [Int32: TargetID] = [:]
    /// The targets whose children are followed.
    private var followed: Set<TargetID> = []
    /// How many targets each user asked for.
    private(set) var countOfUser: [UInt32: Int] = [:]
    private var schedule = TickSchedule<Target>()
    private var nextID: UInt64 = 1
    private let stragglers = Stragglers()
    /// The last followed processes that ended, oldest first.
    var departed: [DepartedParent] = []
    /// Where the run loop sleeps; signalled when the schedule changed.
    private nonisolated let sleeping: WaitPoint
    package private(set) var lastTick: Timestamp?
    /// When the tick that is under way was due.
    private var tickDue: MonotonicTime?
    /// How long the last tick took, from being due to being delivered.
    package private(set) var lastLagMicroseconds: Int64?

    package init(
        root: ProcRoot = ProcRoot(), images: any ImageSource, timing: TracerTiming = TracerTiming(),
        kernel: KernelEventsChoice = .none(reason: "kernel events are not asked for"),
        deliver: @escaping Delivery
    ) {
        self.root = root
        self.images = images
        self.timing = timing
        self.kernel = kernel
        self.deliver = deliver
        activity = kernel.activity
        (newChildren, childFeed) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(1_024))
        lookers = NIOThreadPool(numberOfThreads: Self.lookerCount)
        helpers = NIOThreadPool(numberOfThreads: 2)
        for pool in [lookers, helpers] { pool.start() }
        let sleeping = WaitPoint()
        self.sleeping = sleeping
        // There is something to tell before the next tick is due.
        activity.onFirst { sleeping.signal() }
        stragglers.onFirst { sleeping.signal() }
    }

    // MARK: Targets

    /// Watches a process from now on. The first look has been delivered when this returns.
    ///
    /// A process that is watched already gets the new options beside those that others want.
    package func attach(
        _ candidate: Candidate, options: TargetOptions, attached: Timestamp = .now,
        resuming memory: Memory? = nil, bornAs child: NewChild? = nil
    ) async -> TargetSnapshot {
        let identity = candidate.description.identity
        if let known = target(of: identity) {
            change(known, to: known.options.merging(options))
            return known.snapshot
        }
        // Before the first look: what happens during it is reported, and nothing lies between.
        let (feed, eventMode) = kernel.feed(for: candidate, options, bornAs: child)
        let target = Target(
            id: newTargetID(), directory: candidate.directory,
            description: candidate.description, options: options, attached: memory?.attached ?? attached,
            images: images, feed: feed, eventMode: eventMode, forked: child?.memory)
        if let memory { target.resume(from: memory) }
        // Registered before the first await, so that a second attach of the same process finds it.
        targets[target.id] = target
        targetOfPID[identity.pid] = target.id
        note(target.id, options)
        count(options.users.keys, by: 1)
        var first = [firstObservation(target, isNew: memory == nil)]
        _ = target.beginLook()
        let tick = newTick()
        let seen = await run(on: lookers) { target.observe(tick) }
        if var seen {
            seen.events =
                first[0].events.map { beginning($0, before: seen, isBorn: child != nil) } + seen.events
            first = [seen]
        }
        // Detached while its first look went on: it was never watched, and nothing shall follow.
        guard targets[target.id] != nil else { return target.snapshot }
        // Before there are ticks of it: they are delivered by another task, and this may have to wait.
        let hasEnded = first[0].ended != nil
        await finish(first)
        target.endLook()
        if !hasEnded, targets[target.id] != nil {
            // Another attach may have given it another interval meanwhile.
            schedule.add(target, interval: target.snapshot.intervalMicroseconds, now: .now)
        }
        sleeping.signal()
        return target.snapshot
    }

    /// Ends watching. The history stays.
    package func detach(_ id: TargetID) async -> Bool {
        guard let target = remove(id) else { return false }
        let snapshot = target.snapshot
        var observation = Observation(target: id, identity: snapshot.description.identity, time: .now)
        var event = MemoryEvent(
            time: observation.time, pid: target.pid, comm: snapshot.description.comm, type: .detached)
        event.size = snapshot.lastSample?.vmSizeBytes
        observation.events = [event]
        await deliver([observation])
        return true
    }

    /// Takes back what one user asked for (nil: what the administrators did). Where nobody else wants the target,
    /// watching ends.
    ///
    /// - Returns: false where that one did not ask for it.
    package func withdraw(_ user: UInt32?, from id: TargetID) async -> Bool {
        guard let target = targets[id] else { return false }
        var options = target.options
        guard options[user] != nil else { return false }
        options[user] = nil
        if options.isEmpty { return await detach(id) }
        change(target, to: options)
        return true
    }

    private func change(_ target: Target, to options: TargetOptions) {
        let before = target.options
        count(before.users.keys, by: -1)
        count(options.users.keys, by: 1)
        schedule.remove(target.id, interval: before.intervalMicroseconds)
        target.setOptions(options)
        note(target.id, options)
        target.feed?.setFollowsChildren(options.followsChildren)
        schedule.add(target, interval: options.intervalMicroseconds, now: .now)
        sleeping.signal()
    }

    private func count(_ users: some Sequence<UInt32>, by difference: Int) {
        for user in users {
            let count = countOfUser[user, default: 0] + difference
            countOfUser[user] = count > 0 ? count : nil
        }
    }

    /// Whether any target's children are followed.
    ///
    /// - Parameter unreported: only such whose forks the kernel does not report.
    package func followsChildren(unreported: Bool) -> Bool {
        followed.contains { id in !unreported || targets[id]?.eventMode != .perf }
    }

    private func note(_ id: TargetID, _ options: TargetOptions) {
        if options.followsChildren { followed.insert(id) } else { followed.remove(id) }
    }

    /// False while a tick has been due for ten seconds and has not begun or not ended.
    package var isOnTime: Bool {
        guard let due = tickDue ?? schedule.nextDue else { return true }
        return MonotonicTime.now.microseconds - due.microseconds < 10_000_000
    }

    package func setTiming(_ timing: TracerTiming) { self.timing = timing }

    // MARK: Ticks

    /// Ticks until cancelled, on a thread of its own. (Without one, which a system out of threads does not give, on
    /// Swift's, of which it then blocks one.)
    package func run() async {
        let thread = TickThread.start()
        await withTaskExecutorPreference(thread) { await tickUntilCancelled() }
        thread?.stop()
        childFeed.finish()
        for pool in [lookers, helpers] { try? await pool.shutdownGracefully() }
    }

    private func tickUntilCancelled() async {
        while !Task.isCancelled {
            let now = MonotonicTime.now
            if let due = schedule.nextDue, due <= now {
                let (targets, missed) = schedule.takeDue(at: now)
                counters.add(\.lateTicks, missed)
                await tick(targets, due: due)
                continue
            }
            if stragglers.isWaiting {
                await finish(stragglers.take())
                continue
            }
            let recordsDue = recordsDue
            if let recordsDue, recordsDue <= now {
                await tellRecords(of: activity.take(at: now))
                continue
            }
            let due = [schedule.nextDue, recordsDue].compactMap(\.self).min()
            activity.sleeps(until: due)
            // What came before that was known has woken nobody.
            if due == [schedule.nextDue, recordsDue].compactMap(\.self).min() { await sleep(until: due) }
            activity.isAwake()
        }
    }

    /// When to tell what the kernel has reported: with the next tick where that is near, since to wake up is most
    /// of what either costs.
    private var recordsDue: MonotonicTime? {
        guard let due = activity.due else { return nil }
        guard let tick = schedule.nextDue, tick <= due.advanced(byMicroseconds: KernelActivity.patience)
        else {
            return due
        }
        return max(due, tick)
    }

    private func tick(_ targets: [Target], due: MonotonicTime) async {
        counters.add(\.ticks)
        tickDue = due
        defer { tickDue = nil }
        let (tick, patience) = (newTick(), timing.patience)
        // Ticks that come as often as the rings are emptied do that themselves: one wake-up less for each.
        let often = schedule.shortestInterval.flatMap { $0 <= KernelActivity.patience ? $0 : nil }
        let (observations, busy) = await onOwnThread { [self] in
            if let often { kernel.drain(every: often) }
            let (changed, busy) = Self.ask(targets, reported: activity.reported, at: tick.monotonic)
            return (look(at: changed, tick, within: patience), busy)
        }
        counters.add(\.lateTicks, busy)
        if !observations.isEmpty { await finish(observations) }
        lastTick = tick.time
        lastLagMicroseconds = MonotonicTime.now.microseconds - due.microseconds
    }

    /// Looks at them, on the lookers' threads, and waits for that on the calling thread.
    private nonisolated func look(
        at changed: [Target], _ tick: Tick, within patience: Duration
    ) -> [Observation] {
        guard !changed.isEmpty else { return stragglers.take() }
        let collector = LookCollector(count: changed.count, stragglers: stragglers)
        let queue = LookQueue(changed)
        for _ in 0..<min(changed.count, Self.lookerCount) {
            lookers.submit { [activity] _ in
                while let target = queue.take() {
                    collector.add(target.observe(tick))
                    target.endLook()
                    if let again = target.followUp { activity.add(target.pid, at: again) }
                }
            }
        }
        let collected = collector.collect(within: patience)
        // Those of an earlier tick first: the same target may be among both.
        return stragglers.take() + collected
    }

    /// Tells what the kernel has reported of these processes, and of the children they have had.
    private func tellRecords(of pids: Set<Int32>) async {
        let children = await openChildren()
        var ready: [Target] = []
        for pid in pids {
            guard let id = targetOfPID[pid], let target = targets[id], target.isToldOf(at: .now) else {
                continue
            }
            // Not while the look before goes on: its records wait for the next round.
            if target.beginLook() { ready.append(target) } else { activity.add([pid]) }
        }
        var tick = newTick()
        tick.cause = .records
        if !ready.isEmpty {
            let (ready, tick, patience) = (ready, tick, timing.patience)
            let observations = await onOwnThread { [self] in look(at: ready, tick, within: patience) }
            if !observations.isEmpty { await finish(observations) }
        }
        for (queue, candidate) in children { tellChild(queue, candidate, tick) }
    }

    /// Which targets to look at, taken for the look; and how many are still busy with the one before.
    private nonisolated static func ask(
        _ targets: [Target], reported: Set<Int32>, at now: MonotonicTime
    ) -> (changed: [Target], busy: Int64) {
        var changed: [Target] = []
        var busy: Int64 = 0
        for target in targets {
            if target.isLooking {
                busy += 1
                continue
            }
            let isTold = !reported.isEmpty && reported.contains(target.pid)
            if target.needsLook(at: now, isTold: isTold), target.beginLook() { changed.append(target) }
        }
        return (changed, busy)
    }

    private func finish(_ observations: [Observation]) async {
        for observation in observations where observation.ended != nil {
            guard let target = remove(observation.target), target.snapshot.followsChildren else { continue }
            remember(target.departed)
        }
        await deliver(observations)
    }

    func newTargetID() -> TargetID {
        defer { nextID += 1 }
        return TargetID(rawValue: nextID)
    }

    private func target(of identity: ProcessIdentity) -> Target? {
        guard let target = targetOfPID[identity.pid].flatMap({ targets[$0] }) else { return nil }
        return target.snapshot.description.identity == identity ? target : nil
    }

    private func remove(_ id: TargetID) -> Target? {
        guard let target = targets.removeValue(forKey: id) else { return nil }
        if let feed = target.feed { kernel.forget(feed.queue) }
        if targetOfPID[target.pid] == id { targetOfPID[target.pid] = nil }
        followed.remove(id)
        count(target.options.users.keys, by: -1)
        schedule.remove(id, interval: target.snapshot.intervalMicroseconds)
        return target
    }

    func newTick() -> Tick {
        let (wall, monotonic) = MonotonicTime.withWallClock()
        return Tick(
            time: wall, monotonic: monotonic, fullLookEvery: timing.fullLookMicroseconds,
            sampleEvery: timing.sampleMicroseconds, sparing: timing.sparing, counters: counters)
    }

    private func sleep(until due: MonotonicTime?) async {
        let sleeping = sleeping
        await withTaskCancellationHandler {
            await onOwnThread { _ = sleeping.wait(until: due) }
        } onCancel: {
            sleeping.signal()
        }
    }

    /// Blocking work of the run loop: off the actor, on the thread that its task prefers.
    @concurrent
    private nonisolated func onOwnThread<Value: Sendable>(_ work: @Sendable () -> Value) async -> Value {
        work()
    }

    /// Blocking work, off the actor and off Swift's own few threads.
    nonisolated func run<Value: Sendable, Failure: Error>(
        on pool: NIOThreadPool, _ work: @escaping @Sendable () throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        let result = await withCheckedContinuation {
            (continuation: CheckedContinuation<Result<Value, Failure>, Never>) in
            pool.submit { _ in
                do throws(Failure) {
                    continuation.resume(returning: .success(try work()))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        }
        return try result.get()
    }
}
