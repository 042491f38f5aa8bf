import MemoryModel

/// The sum of the last samples of several processes.
///
/// A field that is not known of one of them is the sum of the others; one that is known of none is
/// nil. Of no processes at all the sum is 0.
struct UnitSum {
    private struct Field {
        var sum: UInt64 = 0
        var known = 0

        mutating func add(_ value: UInt64?) {
            guard let value else { return }
            sum &+= value
            known += 1
        }

        mutating func remove(_ value: UInt64?) {
            guard let value else { return }
            sum &-= value
            known -= 1
        }
    }

    private var processes = 0
    private var inconsistent = 0
    private var fields = [Field](repeating: Field(), count: 9)
    private var kinds = KindTotals()
    private var knownKinds = 0

    mutating func add(_ sample: Sample) {
        processes += 1
        if !sample.isConsistent { inconsistent += 1 }
        for (index, value) in Self.values(sample).enumerated() { fields[index].add(value) }
        guard let theirs = sample.kinds else { return }
        knownKinds += 1
        for kind in RegionKind.allCases { kinds[kind] &+= theirs[kind] }
    }

    /// - Parameter sample: one that was added before.
    mutating func remove(_ sample: Sample) {
        processes -= 1
        if !sample.isConsistent { inconsistent -= 1 }
        for (index, value) in Self.values(sample).enumerated() { fields[index].remove(value) }
        guard let theirs = sample.kinds else { return }
        knownKinds -= 1
        for kind in RegionKind.allCases { kinds[kind] &-= theirs[kind] }
    }

    /// Of no process in particular (pid 0), and without what cannot be added up: the program break and
    /// the limit of the stack.
    func sample(at time: Timestamp) -> Sample {
        var sample = Sample(time: time, pid: 0)
        func field(_ index: Int) -> UInt64? {
            processes == 0 || fields[index].known > 0 ? fields[index].sum : nil
        }
        sample.vmSizeBytes = field(0)
        sample.rssBytes = field(1)
        sample.rssAnonBytes = field(2)
        sample.rssFileBytes = field(3)
        sample.rssShmemBytes = field(4)
        sample.swapBytes = field(5)
        sample.pageTablesBytes = field(6)
        sample.threads = field(7).map { UInt32(clamping: $0) }
        sample.regionCount = field(8).map { UInt32(clamping: $0) }
        sample.kinds = processes == 0 || knownKinds > 0 ? kinds : nil
        sample.isConsistent = inconsistent == 0
        return sample
    }

    private static func values(_ sample: Sample) -> [UInt64?] {
        [
            sample.vmSizeBytes, sample.rssBytes, sample.rssAnonBytes, sample.rssFileBytes,
            sample.rssShmemBytes, sample.swapBytes, sample.pageTablesBytes,
            sample.threads.map(UInt64.init), sample.regionCount.map(UInt64.init),
        ]
    }
}
