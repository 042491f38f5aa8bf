import Glibc
import MemoryModel
import ProcFS

/// Finds the processes that rules mean, and the children of those that are followed, by going through /proc.
///
/// A new pid is looked at in several scans in a row, because a process is its parent's twin until it
/// executes its own program; all pids are looked at now and then, because names and control groups change.
struct RuleScanner {
    private let root: ProcRoot
    private var timesSeen: [Int32: Int] = [:]
    private var scans = 0

    init(root: ProcRoot) { self.root = root }

    /// A process that may have to be watched.
    struct Candidate: Sendable {
        var process: ProcessDescription
        /// Who forked it, or who inherited it from its dead parent.
        var parent: Int32
    }

    /// The processes worth asking the rules about in this scan, ascending, so that a parent mostly comes
    /// before its children.
    mutating func candidates() -> [Candidate] {
        guard let pids = try? root.processIDs() else { return [] }
        scans &+= 1
        let isThorough = scans % 10 == 1
        var next: [Int32: Int] = [:]
        next.reserveCapacity(pids.count)
        var found: [Candidate] = []
        for pid in pids {
            let times = timesSeen[pid] ?? 0
            next[pid] = min(times + 1, 3)
            guard times < 3 || isThorough, pid != getpid() else { continue }
            guard let directory = try? root.open(pid: pid), let stat = try? directory.stat(),
                !stat.isKernelThread, !stat.isZombie, let description = try? directory.describe()
            else { continue }
            found.append(Candidate(process: description, parent: stat.parent))
        }
        timesSeen = next
        return found
    }

    /// Forgets what it has seen, because the rules have changed.
    mutating func restart() {
        timesSeen = [:]
        scans = 0
    }
}
