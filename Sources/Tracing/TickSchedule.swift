import MemoryModel

/// Which targets are due when. Targets of one interval tick together, so that one tick is one
/// transaction of the history and a thousand idle targets are one wake-up.
struct TickSchedule {
    private struct Group {
        var due: MonotonicTime
        var targets: Set<TargetID>
    }

    /// By interval in microseconds.
    private var groups: [Int64: Group] = [:]

    var nextDue: MonotonicTime? { groups.values.map(\.due).min() }

    mutating func add(_ target: TargetID, interval: Int64, now: MonotonicTime) {
        groups[interval, default: Group(due: now.advanced(byMicroseconds: interval), targets: [])]
            .targets.insert(target)
    }

    mutating func remove(_ target: TargetID, interval: Int64) {
        groups[interval]?.targets.remove(target)
        if groups[interval]?.targets.isEmpty == true { groups[interval] = nil }
    }

    /// The targets that are due now, and how many ticks have gone by unused since they were.
    mutating func takeDue(at now: MonotonicTime) -> (targets: [TargetID], missed: Int64) {
        var targets: [TargetID] = []
        var missed: Int64 = 0
        for (interval, group) in groups where group.due <= now {
            targets.append(contentsOf: group.targets)
            let late = (now.microseconds - group.due.microseconds) / interval
            missed += late
            groups[interval]?.due = group.due.advanced(byMicroseconds: (late + 1) * interval)
        }
        return (targets, missed)
    }
}
