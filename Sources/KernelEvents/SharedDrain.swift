import MemoryModel
import Synchronization

/// What the drain thread shares with those who watch.
final class SharedDrain: Sendable {
    let table: Mutex<WatchTable>
    /// Held during a pass; nil while there are no rings. Taken before ``table``.
    let gate = Mutex<DrainPass?>(nil)
    /// What events that are opened again write into.
    private let rings = Mutex<[PerfRing]>([])
    /// Somebody else has promised a pass until then, nanoseconds of CLOCK_MONOTONIC.
    private let promised = Atomic<Int64>(0)
    private let activity: @Sendable (Set<Int32>) -> Void
    private let execs: @Sendable (Int32) -> Void

    init(
        options: KernelEventSource.Options, activity: @escaping @Sendable (Set<Int32>) -> Void,
        execs: @escaping @Sendable (Int32) -> Void
    ) {
        table = Mutex(WatchTable(options: options))
        self.activity = activity
        self.execs = execs
    }

    /// The queue of a process that is watched already.
    func existing(_ pid: Int32, followsChildren: Bool) -> KernelEventQueue? {
        table.withLock { table in
            guard let queue = table.queues[pid]?.queue else { return nil }
            table.claim(queue)
            if followsChildren { table.setFollowsChildren(pid, true) }
            return queue
        }
    }

    /// From here on there are rings to empty.
    func begin(_ rings: [PerfRing]) {
        self.rings.withLock { $0 = rings }
        gate.withLock { $0 = DrainPass(rings: rings) }
    }

    /// The rings are about to be closed.
    func end() {
        rings.withLock { $0 = [] }
        gate.withLock { pass in
            pass?.deallocate()
            pass = nil
        }
    }

    /// One pass, by the drain thread or by whoever cannot wait for it.
    ///
    /// - Parameters:
    ///   - slack: see ``DrainPass/run(_:startingAt:slack:)``.
    ///   - stepping: also switch mapping records off and on, and look for threads that were missed, where that
    ///     is due: some tens of microseconds.
    /// - Returns: whether it found anything for anybody, or holds something back.
    @discardableResult
    func run(slack: Int64 = DrainPass.slack, stepping: Bool = false) -> Bool {
        let rings = stepping ? rings.withLock { $0 } : []
        let (outcome, freed, holds) = gate.withLock { pass -> (WatchTable.Outcome, [EventScope], Bool) in
            guard pass != nil else { return (WatchTable.Outcome(), [], false) }
            return table.withLock { table in
                let start = MonotonicTime.nanoseconds
                var (outcome, freed) =
                    pass?.run(&table, startingAt: start, slack: slack) ?? (WatchTable.Outcome(), [])
                if stepping {
                    table.stepFlows(at: MonotonicTime.nanoseconds, rings, &outcome)
                    table.stepChecks(at: MonotonicTime.nanoseconds, handedOn: start - slack, rings, &outcome)
                }
                return (outcome, freed, pass?.holdsRecords ?? false)
            }
        }
        for scope in freed { scope.close() }
        if !outcome.touched.isEmpty { activity(outcome.touched) }
        for pid in outcome.execs { execs(pid) }
        return holds || !outcome.touched.isEmpty
    }

    /// One pass, and the promise that another comes before `promise`: until then the drain thread may sleep.
    func run(promising promise: Int64) {
        run(stepping: true)
        promised.store(promise, ordering: .relaxed)
    }

    /// How long the drain thread may leave the rings to somebody else, nanoseconds; 0 where it may not.
    ///
    /// Not while new processes are waited for: many live for a few milliseconds only. Not while mapping records are
    /// switched on only to be counted.
    func timePromised(from now: Int64) -> Int64 {
        let promise = promised.load(ordering: .relaxed)
        guard promise > now, table.withLock({ !$0.isUrgent && !$0.isProbing }) else { return 0 }
        return promise &- now
    }

    /// There is anything to look for.
    var isNeeded: Bool { table.withLock { !$0.scopes.isEmpty } }

    /// Mapping records are switched on for a moment, which is to be as short as it was meant.
    var isProbing: Bool { table.withLock { $0.isProbing } }

    func countWakeup(isEarly: Bool) {
        table.withLock { table in
            table.statistics.wakeups &+= 1
            if isEarly { table.statistics.earlyWakeups &+= 1 }
        }
    }

    var statistics: KernelEventStatistics {
        table.withLock { table in
            var result = table.statistics
            result.scopesOpen = table.scopes.count
            result.eventsOpen = table.scopes.values.reduce(0) { $0 + $1.events.count }
            result.processesWatched = table.queues.count
            result.recordsWaiting = table.budget.current
            result.childrenWaiting = table.children.count
            result.threadsAwaited = table.scopes.values.reduce(0) { sum, scope in
                sum + scope.checks.values.reduce(0) { $0 + $1.awaited }
            }
            return result
        }
    }
}
