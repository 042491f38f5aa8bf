import Synchronization

/// How much all queues together, and each of them, may hold.
///
/// Counted in records, where one with a long name counts for several: whoever is watched chooses the names,
/// and 65,536 records with names of four kilobytes each would be 270 MB.
final class RecordBudget: Sendable {
    /// How many above its limit a queue takes of what is not a mapping.
    static let reserve = 4_096

    let perQueue: Int
    private let total: Int
    private let used = Atomic<Int>(0)

    init(perQueue: Int, total: Int) {
        self.perQueue = perQueue
        self.total = total
    }

    var current: Int { used.load(ordering: .relaxed) }

    /// Only the drain thread takes, so the check needs no loop.
    func take(_ cost: Int, isMapping: Bool) -> Bool {
        let limit = isMapping ? total : total + total / 8
        guard used.load(ordering: .relaxed) + cost <= limit else { return false }
        used.add(cost, ordering: .relaxed)
        return true
    }

    func giveBack(_ cost: Int) { used.subtract(cost, ordering: .relaxed) }
}

extension KernelRecord {
    var isMapping: Bool {
        if case .mapping = content { return true }
        return false
    }

    /// In units of a ``RecordBudget``, about 100 bytes each.
    var cost: Int {
        guard case .mapping(let mapping) = content else { return 1 }
        switch mapping.name {
        case .file(let name), .kernel(let name): return 1 + name.count / 128
        case .anonymous, .heap, .stack: return 1
        }
    }
}
