package import KernelEvents
package import MemoryModel
import ProcFS

/// Whether a tracer listens to the kernel, and if not, why.
package struct KernelEventsChoice: Sendable {
    private let source: KernelEventSource?
    private let reason: String
    let activity: KernelActivity
    /// The pids of processes nobody watches that have just executed a program, while
    /// ``reportExecs(_:)`` asks for them; nil where the kernel reports nothing.
    package let execs: AsyncStream<Int32>?

    private init(
        _ source: KernelEventSource?, _ reason: String, _ activity: KernelActivity,
        _ execs: AsyncStream<Int32>? = nil
    ) {
        self.source = source
        self.reason = reason
        self.activity = activity
        self.execs = execs
    }

    /// Why the kernel reports nothing at all, one clear line; nil where it reports something.
    package var refusal: String? { source == nil ? reason : nil }

    /// Looks only.
    ///
    /// - Parameter reason: one clear line, shown to whoever asks.
    package static func none(reason: String) -> KernelEventsChoice {
        KernelEventsChoice(nil, reason, KernelActivity())
    }

    /// The kernel's records where it gives them, process by process, and looks only for the others; looks
    /// only for all where it gives none at all.
    package static func records(_ options: KernelEventSource.Options = .init()) -> KernelEventsChoice {
        let permission = KernelEventSource.probe()
        if permission.machine != nil, let refusal = permission.ownProcess {
            return .none(reason: refusal.description)
        }
        let activity = KernelActivity()
        let (execs, feed) = AsyncStream<Int32>.makeStream(bufferingPolicy: .bufferingOldest(4_096))
        let source = KernelEventSource(
            options: options, activity: { activity.add($0) }, execs: { feed.yield($0) })
        return KernelEventsChoice(source, "", activity, execs)
    }

    /// Where to get a target's records.
    func feed(
        for candidate: Tracer.Candidate, _ options: TargetOptions, bornAs child: NewChild?
    ) -> (KernelFeed?, EventMode) {
        guard let source else { return (nil, .sampling(reason: reason)) }
        if let child { return (KernelFeed(source: source, queue: child.queue), .perf) }
        switch source.watch(
            pid: candidate.directory.pid, preferring: scopes(for: candidate, options),
            followsChildren: options.followsChildren)
        {
        case .success(let queue):
            // As long as the directory answers, the number means this process: so the queue is its own.
            guard (try? candidate.directory.statm()) != nil else {
                source.unwatch(queue)
                return (nil, .sampling(reason: "the process has ended"))
            }
            return (KernelFeed(source: source, queue: queue), .perf)
        case .failure(let refusal): return (nil, .sampling(reason: refusal.description))
        }
    }

    /// The narrowest that holds what is asked for: each mapping call of whatever a scope covers costs the
    /// caller about a microsecond. A unit's control group holds all its processes through every fork.
    private func scopes(
        for candidate: Tracer.Candidate, _ options: TargetOptions
    ) -> [KernelEventSource.Scope] {
        let isOfUnit = options.rule.map { $0.hasPrefix("unit:") || $0.hasPrefix("cgroup:") } ?? false
        // perf knows the groups of version 2 only; in systemd's hybrid layout they may be others.
        if isOfUnit, let cgroup = candidate.directory.unifiedCgroupPath(), cgroup != "/",
            cgroup == candidate.description.cgroup
        {
            return [.cgroup(cgroup), .machine, .process]
        }
        return [.machine, .process]
    }

    func takeChildren() -> [KernelEventQueue] { source?.takeChildren() ?? [] }

    /// Whether execs anywhere on the machine are reported, for rules by name. It makes every mapping call of
    /// the machine a little dearer, so only while there is such a rule.
    package func reportExecs(_ reports: Bool) { source?.reportExecs(reports) }

    func forget(_ queue: KernelEventQueue) { source?.unwatch(queue) }

    /// Brings everything that has happened until now into the queues.
    func drain() { source?.drain() }

    /// Empties the rings in the place of the thread that otherwise does, which sleeps meanwhile.
    ///
    /// - Parameter interval: microseconds to the next time. One that is skipped because it is late (``TickSchedule``)
    ///   does not break the promise.
    func drain(every interval: Int64) { source?.drain(againWithin: interval &* 2_500) }

    /// Closes the rings.
    package func stop() { source?.stop() }

    var state: KernelEventsState {
        guard let source else { return KernelEventsState(reason: reason) }
        let counted = source.statistics
        return KernelEventsState(
            records: counted.recordsRead, recordsLost: counted.recordsLost, gaps: counted.gaps,
            forksDropped: counted.forksDropped)
    }
}

/// How kernel events stand in this daemon.
package struct KernelEventsState: Sendable {
    /// Why no process's changes are reported by the kernel; nil where they may be.
    package var reason: String?
    /// Records read from the rings, of whatever process.
    package var records: UInt64 = 0
    /// Records that the kernel had no room for.
    package var recordsLost: UInt64 = 0
    /// Times that it had none.
    package var gaps: UInt64 = 0
    /// Children that nobody was told of, because too many waited.
    package var forksDropped: UInt64 = 0
}

/// A process that a followed one has just forked.
package struct NewChild: Sendable {
    package let pid: Int32
    package let parentPID: Int32
    /// When it was forked: nanoseconds of CLOCK_MONOTONIC, and on the wall clock.
    package let forkedAt: Int64
    package let forked: Timestamp
    /// What it has done since its first instant.
    let queue: KernelEventQueue
    /// nil where the process has ended already.
    package let candidate: Tracer.Candidate?
    /// nil until it is asked for (``Tracer/withParent(_:)``), and where the parent is not known any more.
    package var parent: TargetSnapshot?
    /// The parent's map at the fork, like ``parent``.
    package var memory: ForkedMemory?
}
