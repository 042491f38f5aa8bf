import Glibc
import Synchronization

/// How many files of /proc may stay open only to save opening them again.
///
/// One descriptor a process is needed, the directory's, which is what holds on to the process. The second, of
/// statm, makes the cheap question three times cheaper, and is given while half of all that may be open are free:
/// with ten thousand targets and a limit of 20,000 a half of them do without, and the directories of as many again
/// find room, as do connections, images and the history.
enum DescriptorBudget {
    private static let used = Atomic<Int>(0)

    /// Half of the soft limit. Read once: a program that raises its limit does so when it starts.
    private static let limit: Int = {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 512 }
        let soft = Int(clamping: limit.rlim_cur)
        return soft / 2
    }()

    /// Counts a descriptor that is needed in any case.
    static func took() { used.add(1, ordering: .relaxed) }

    static func gaveBack() { used.subtract(1, ordering: .relaxed) }

    /// Counts one that is kept to save time; false if there are not plenty left.
    static func mayKeep() -> Bool {
        if used.add(1, ordering: .relaxed).newValue <= limit { return true }
        gaveBack()
        return false
    }
}
