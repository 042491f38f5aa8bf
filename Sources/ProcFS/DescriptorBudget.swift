import Glibc
import Synchronization

/// How many files of /proc may stay open only to save opening them again.
///
/// One descriptor a process is needed, the directory's, which is what holds on to the process. The second, of
/// statm, makes the cheap question three times cheaper. It is given while there are plenty, and given back by
/// whoever is asked while there are few, so that directories of further processes, connections, images and the
/// history find room.
enum DescriptorBudget {
    private static let used = Atomic<Int>(0)

    /// Up to so many the second one is given, and above so many taken back.
    struct Limits: Hashable {
        var plenty: Int
        var few: Int

        /// - Parameter soft: how many files this process may have open.
        init(soft: Int) {
            // Half of a small number; of a large one more, as what else needs descriptors does not grow with it.
            plenty = max(soft / 2, soft - 2_048)
            few = plenty + (soft - plenty) / 2
        }
    }

    /// Read once: a program that raises its limit does so when it starts.
    private static let limits: Limits = {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            return Limits(soft: 1_024)
        }
        return Limits(soft: min(Int(clamping: limit.rlim_cur), 1 << 30))
    }()

    /// Counts a descriptor that is needed in any case.
    static func took() { used.add(1, ordering: .relaxed) }

    static func gaveBack() { used.subtract(1, ordering: .relaxed) }

    /// Counts one that is kept to save time; false if there are not plenty left.
    static func mayKeep() -> Bool {
        if used.add(1, ordering: .relaxed).newValue <= limits.plenty { return true }
        gaveBack()
        return false
    }

    /// Whether one that is only kept to save time is to be given back.
    static var isShort: Bool { used.load(ordering: .relaxed) > limits.few }
}
