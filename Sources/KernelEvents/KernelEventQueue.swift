import Synchronization

/// What the kernel reported of one process and nobody has taken yet.
///
/// Filled by the drain thread, emptied by one taker; any thread may ask ``hasRecords``. Holds at most so
/// many records; what comes above is only counted (``TakenRecords/overflow``).
package final class KernelEventQueue: Sendable {
    package let pid: Int32
    /// Which events its records come from.
    package let scope: KernelEventSource.Scope
    /// The process that forked it, where it was found by its fork.
    package let parent: Int32?
    /// When it was forked, where it was found so: nanoseconds of CLOCK_MONOTONIC.
    package let forkedAt: Int64?
    /// Nothing that happened before is in here: nanoseconds of CLOCK_MONOTONIC.
    package let since: Int64

    /// Something can be taken, or the queue was closed. Needs no lock.
    package var hasRecords: Bool { pending.load(ordering: .acquiring) }

    /// No mappings are reported for now, because a process of this scope makes more calls than it should be
    /// made to pay for. Forks, programs and ends still are.
    package var isPaused: Bool { paused.load(ordering: .acquiring) }

    func setPaused(_ isPaused: Bool) { paused.store(isPaused, ordering: .releasing) }

    /// The open events behind ``scope``.
    let scopeNumber: ScopeNumber

    private let budget: RecordBudget
    private let pending = Atomic<Bool>(false)
    private let paused = Atomic<Bool>(false)
    private let state = Mutex(State())

    private struct State {
        var records: [KernelRecord] = []
        var cost = 0
        /// A record of one CPU can come to light after younger ones of another.
        var isSorted = true
        var overflow: QueueOverflow?
        var isClosed = false
    }

    init(
        pid: Int32, scope: KernelEventSource.Scope, scopeNumber: ScopeNumber, since: Int64,
        parent: Int32? = nil, forkedAt: Int64? = nil, budget: RecordBudget
    ) {
        self.pid = pid
        self.scope = scope
        self.scopeNumber = scopeNumber
        self.since = since
        self.parent = parent
        self.forkedAt = forkedAt
        self.budget = budget
    }

    deinit {
        state.withLock { budget.giveBack($0.cost) }
    }

    /// Nothing will come any more: the pid belongs to another process, or the source was stopped.
    package var isClosed: Bool { state.withLock { $0.isClosed } }

    /// Takes all there is, in the order of its times.
    package func take() -> TakenRecords {
        // Cleared first: what is put in from here on sets it again.
        pending.store(false, ordering: .sequentiallyConsistent)
        let (records, isSorted, overflow, isClosed) = state.withLock { state in
            let cost = state.cost
            defer {
                // Not kept: a burst's memory shall not stay with every queue it went through.
                state.records = []
                state.cost = 0
                state.isSorted = true
                state.overflow = nil
                budget.giveBack(cost)
            }
            return (state.records, state.isSorted, state.overflow, state.isClosed)
        }
        let inOrder = isSorted ? records : records.sorted { $0.nanoseconds < $1.nanoseconds }
        return TakenRecords(records: inOrder, overflow: overflow, isClosed: isClosed)
    }

    /// The drain thread's side. - Returns: whether there was room for it.
    func append(_ record: KernelRecord) -> Bool {
        let isStored = state.withLock { state in
            guard !state.isClosed else { return true }
            let cost = record.cost
            // Without the rare records the rest makes no sense, so they have some room of their own.
            let limit = budget.perQueue + (record.isMapping ? 0 : RecordBudget.reserve)
            guard state.cost + cost <= limit, budget.take(cost, isMapping: record.isMapping) else {
                state.overflow = (state.overflow ?? QueueOverflow()).adding(record)
                return false
            }
            state.cost += cost
            if let last = state.records.last, last.nanoseconds > record.nanoseconds {
                state.isSorted = false
            }
            state.records.append(record)
            return true
        }
        pending.store(true, ordering: .sequentiallyConsistent)
        return isStored
    }

    /// No record will come any more: the pid belongs to another process, or the source has stopped.
    func close() {
        state.withLock { $0.isClosed = true }
        pending.store(true, ordering: .sequentiallyConsistent)
    }
}

/// What ``KernelEventQueue/take()`` returns.
package struct TakenRecords: Sendable {
    /// In the order of their times. A record of a CPU that was stopped in the middle of writing it can
    /// still come with a later batch than younger ones.
    package var records: [KernelRecord]
    /// What did not fit behind ``records``; nil where all did.
    package var overflow: QueueOverflow?
    /// The pid was given to another process, or the source was stopped: nothing will come any more.
    package var isClosed: Bool
}

/// The sum of the records for which there was no room.
package struct QueueOverflow: Hashable, Sendable {
    package var count: UInt64 = 0
    /// Lengths of the areas in them. Each is a whole area after merging, so this is no growth.
    package var mappedBytes: UInt64 = 0
    /// Times of the first and of the last of them.
    package var firstNanoseconds: Int64 = .max
    package var lastNanoseconds: Int64 = .min

    func adding(_ record: KernelRecord) -> QueueOverflow {
        var sum = self
        sum.count &+= 1
        if case .mapping(let mapping) = record.content {
            let (bytes, overflow) = mappedBytes.addingReportingOverflow(mapping.end &- mapping.start)
            sum.mappedBytes = overflow ? .max : bytes
        }
        sum.firstNanoseconds = min(firstNanoseconds, record.nanoseconds)
        sum.lastNanoseconds = max(lastNanoseconds, record.nanoseconds)
        return sum
    }
}
