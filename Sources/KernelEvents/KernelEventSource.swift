import CLinux
import Glibc
import MemoryModel
import ProcFS
import Synchronization
import SystemPackage

/// All perf rings of this daemon, the thread that empties them, and who gets what.
///
/// Linux writes a record for each mmap, growth of the break, growth of a stack, mprotect, exec, fork and exit
/// of what is observed (perf_event_open(2), a dummy software event). There is one ring for each CPU, shared by
/// everything observed. The rings are read every 30 to 80 ms: waking up for each record would cost the
/// watched process an interrupt per call.
///
/// CPUs that come online after the first ``watch(pid:preferring:followsChildren:)`` are not observed.
package final class KernelEventSource: Sendable {
    private let options: Options
    private let shared: SharedDrain
    private let control = Mutex(Control())

    private struct Control {
        var nextScope: UInt64 = 1
        var drain: DrainThread?
        var rings = 0
        var ringBytes = 0
        /// Keeps the machine's events open while execs are reported.
        var execScope: ScopeNumber?
        var isStopped = false
    }

    /// Opens nothing yet.
    ///
    /// - Parameters:
    ///   - activity: called from the drain thread after a pass, with the pids whose queues got something or
    ///     were closed, children just found included. Must return at once.
    ///   - execs: called from the drain thread with the pid of a process nobody watches that has just
    ///     executed a program, while ``reportExecs(_:)`` asks for it. Must return at once.
    package init(
        options: Options = Options(), activity: @escaping @Sendable (Set<Int32>) -> Void,
        execs: @escaping @Sendable (Int32) -> Void = { _ in }
    ) {
        self.options = options
        shared = SharedDrain(options: options, activity: activity, execs: execs)
    }

    deinit { stop() }

    // MARK: Watching

    /// Starts to collect the records of one process from this instant.
    ///
    /// - Parameters:
    ///   - preferring: the scopes to try, best first.
    ///   - followsChildren: every process it forks from now on gets a queue of its own, and so do their
    ///     children; see ``takeChildren()``.
    /// - Returns: its queue, which says what scope held; or why the last one did not. A process that has a
    ///   queue already keeps it (also one found by its fork, which is then not among the children to take).
    package func watch(
        pid: Int32, preferring scopes: [Scope], followsChildren: Bool
    ) -> Result<KernelEventQueue, KernelEventRefusal> {
        control.withLock { control in
            guard !control.isStopped else {
                return .failure(KernelEventRefusal(scope: scopes.first ?? .process, cause: .stopped))
            }
            if let queue = shared.existing(pid, followsChildren: followsChildren) { return .success(queue) }
            guard pid > 0, kill(pid, 0) == 0 || errno != ESRCH else {
                return .failure(KernelEventRefusal(scope: scopes.last ?? .process, cause: .noSuchProcess))
            }
            var refusal = KernelEventRefusal(scope: .process, cause: .unsupported)
            for scope in scopes {
                do throws(KernelEventRefusal) {
                    return .success(
                        try attach(pid, to: scope, followsChildren: followsChildren, &control))
                } catch {
                    refusal = error
                }
            }
            return .failure(refusal)
        }
    }

    /// Whether the process's children get queues from their forks on. Does nothing for a pid without a queue.
    package func setFollowsChildren(pid: Int32, _ follows: Bool) {
        shared.table.withLock { $0.setFollowsChildren(pid, follows) }
    }

    /// Forgets a queue. Its events are closed unless others use them; followed children do.
    package func unwatch(_ queue: KernelEventQueue) {
        let freed = shared.table.withLock { $0.remove(queue) }
        queue.close()
        freed?.close()
    }

    /// The queues of children that were found by their forks since the last call, the oldest first.
    package func takeChildren() -> [KernelEventQueue] {
        shared.table.withLock { $0.takeChildren() }
    }

    /// Brings everything that was reported until now into the queues, on the calling thread.
    ///
    /// For a look: what it has shown of a process must not come as a record after it. The kernel writes the
    /// record of a change before the change shows in `/proc/[pid]/statm`, so after a look that agrees with
    /// statm all records of what it shows are in the rings.
    package func drain() { shared.run(slack: 0) }

    /// Empties the rings on the calling thread, with the promise to do it again within that time: so long the
    /// thread that otherwise does may sleep, unless a ring fills. For who wakes up as often as that thread does.
    ///
    /// - Parameter nanoseconds: at most a second. When the promise is not kept, records come as late as this.
    package func drain(againWithin nanoseconds: Int64) {
        shared.run(promising: MonotonicTime.nanoseconds &+ max(0, min(nanoseconds, 1_000_000_000)))
    }

    /// Reports every process that executes a program, for rules by name.
    ///
    /// - Returns: why that is not possible; nil where it is.
    @discardableResult
    package func reportExecs(_ reports: Bool) -> KernelEventRefusal? {
        control.withLock { control in
            if control.isStopped { return KernelEventRefusal(scope: .machine, cause: .stopped) }
            if !reports {
                let freed = shared.table.withLock { table in
                    table.reportsExecs = false
                    return control.execScope.flatMap { table.release($0) }
                }
                control.execScope = nil
                freed?.close()
                return nil
            }
            if control.execScope != nil { return nil }
            do throws(KernelEventRefusal) {
                control.execScope = try hold(.machine, pid: 0, &control) { table, number in
                    table.retain(number)
                    table.reportsExecs = true
                    return number
                }
                return nil
            } catch {
                return error
            }
        }
    }

    // MARK: State

    package var statistics: KernelEventStatistics {
        let (rings, bytes) = control.withLock { ($0.rings, $0.ringBytes) }
        var result = shared.statistics
        result.rings = rings
        result.ringBytes = bytes
        result.eventsOpen += rings
        return result
    }

    /// Closes everything; all queues are closed. Nothing can be watched afterwards.
    package func stop() {
        let drain = control.withLock { control in
            control.isStopped = true
            defer { control.drain = nil }
            return control.drain
        }
        drain?.stop()
        for scope in shared.table.withLock({ $0.removeAll() }) { scope.close() }
    }

    /// Runs `body` while no ring is emptied, so that tests can fill them.
    func withoutDraining<Value>(_ body: () throws -> Value) rethrows -> Value {
        try shared.gate.withLock { _ in try body() }
    }

    // MARK: Opening

    private func attach(
        _ pid: Int32, to scope: Scope, followsChildren: Bool, _ control: inout Control
    ) throws(KernelEventRefusal) -> KernelEventQueue {
        try hold(scope, pid: pid, &control) { table, number in
            // Forked and found while its events were opened.
            if let queue = table.queues[pid]?.queue { return queue }
            let queue = KernelEventQueue(
                pid: pid, scope: scope, scopeNumber: number, since: MonotonicTime.nanoseconds,
                budget: table.budget)
            table.add(queue, followsChildren: followsChildren)
            return queue
        }
    }

    /// Finds or opens a scope; `use` must retain it, else it is closed again.
    private func hold<Value: Sendable>(
        _ scope: Scope, pid: Int32, _ control: inout Control,
        _ use: @Sendable (inout WatchTable, ScopeNumber) -> Value
    ) throws(KernelEventRefusal) -> Value {
        let found: Value? = shared.table.withLock { table in
            if let number = table.shared(scope) { return use(&table, number) }
            return nil
        }
        if let found { return found }
        let drain = try startedDrain(for: scope, &control)
        let number = ScopeNumber(rawValue: control.nextScope)
        control.nextScope &+= 1
        let opened = try EventScope.open(
            scope, pid: pid, number: number, rings: drain.rings, options: options)
        let (value, unused) = shared.table.withLock { table in
            table.add(opened)
            let value = use(&table, number)
            return (value, table.removeIfUnused(number))
        }
        unused?.close()
        drain.wake()
        return value
    }

    private func startedDrain(
        for scope: Scope, _ control: inout Control
    ) throws(KernelEventRefusal) -> DrainThread {
        if let drain = control.drain { return drain }
        let rings = try openRings(bytes: options.ringBytes, processors: Processors.online, for: scope)
        let drain: DrainThread
        do throws(Errno) {
            drain = try DrainThread(rings: rings, shared: shared, options: options)
        } catch {
            for ring in rings { ring.close() }
            throw KernelEventRefusal(scope: scope, cause: .other(error.rawValue))
        }
        control.drain = drain
        control.rings = rings.count
        control.ringBytes = rings.first?.bytes ?? 0
        return drain
    }
}
