import Synchronization

/// What the tracer has done since it started.
package struct TracerCounts: Hashable, Sendable {
    package var ticks: Int64 = 0
    /// Ticks of a target that were left out because the one before was not finished.
    package var lateTicks: Int64 = 0
    /// Full looks at maps.
    package var looks: Int64 = 0
    /// Looks that found the process changing faster than three tries could follow.
    package var inconsistentLooks: Int64 = 0
    /// Children of followed processes that came faster than they could be taken up.
    package var droppedChildren: Int64 = 0
}

/// Counted from all worker threads.
final class TracerCounters: Sendable {
    private let counts = Mutex(TracerCounts())

    var values: TracerCounts { counts.withLock { $0 } }

    func add(_ field: any WritableKeyPath<TracerCounts, Int64> & Sendable, _ amount: Int64 = 1) {
        counts.withLock { $0[keyPath: field] &+= amount }
    }
}
