import MemoryModel

/// Which targets are due when. Targets of one interval tick together, so that one tick is one
/// transaction of the history and a thousand idle targets are one wake-up.
struct TickSchedule<Target: Identifiable> where Target.ID: Comparable {
    private struct Group {
        var due: MonotonicTime
        /// By id, which is the order in which they came: what the kernel and we know of neighbours lies close
        /// together, and ten thousand are gone through in two thirds of the time that any other order takes.
        var targets: [Target]

        /// Where the target is, or would be.
        func index(of id: Target.ID) -> Int {
            var (low, high) = (0, targets.count)
            // Nearly always the newest.
            if let last = targets.last, last.id < id { return high }
            while low < high {
                let middle = (low + high) / 2
                if targets[middle].id < id { low = middle + 1 } else { high = middle }
            }
            return low
        }
    }

    /// By interval in microseconds.
    private var groups: [Int64: Group] = [:]

    var nextDue: MonotonicTime? { groups.values.map(\.due).min() }

    /// Microseconds from one tick to the next at most; nil while there are none.
    var shortestInterval: Int64? { groups.keys.min() }

    mutating func add(_ target: Target, interval: Int64, now: MonotonicTime) {
        var group =
            groups.removeValue(forKey: interval)
            ?? Group(
                due: now.advanced(byMicroseconds: interval), targets: [])
        let index = group.index(of: target.id)
        if index == group.targets.count || group.targets[index].id != target.id {
            group.targets.insert(target, at: index)
        }
        groups[interval] = group
    }

    mutating func remove(_ id: Target.ID, interval: Int64) {
        guard var group = groups.removeValue(forKey: interval) else { return }
        let index = group.index(of: id)
        if index < group.targets.count, group.targets[index].id == id { group.targets.remove(at: index) }
        if !group.targets.isEmpty { groups[interval] = group }
    }

    /// The targets that are due now, and how many ticks have gone by unused since they were.
    mutating func takeDue(at now: MonotonicTime) -> (targets: [Target], missed: Int64) {
        var targets: [Target] = []
        var missed: Int64 = 0
        for (interval, group) in groups where group.due <= now {
            if targets.isEmpty { targets = group.targets } else { targets.append(contentsOf: group.targets) }
            let late = (now.microseconds - group.due.microseconds) / interval
            missed += late
            groups[interval]?.due = group.due.advanced(byMicroseconds: (late + 1) * interval)
        }
        return (targets, missed)
    }
}
