import Glibc

extension KernelEventSource {
    /// Which events a process's records come from.
    package enum Scope: Hashable, Sendable, CustomStringConvertible {
        /// All processes of the machine: one event for each CPU. CAP_PERFMON, or perf_event_paranoid ≤ 0.
        case machine
        /// All processes of a cgroup and those below it, named as in `/proc/[pid]/cgroup` (`0::/…`): one
        /// event for each CPU. CAP_PERFMON, or perf_event_paranoid ≤ 0.
        case cgroup(String)
        /// One process with its threads, and all that they fork from now on: one event for each thread and
        /// CPU. Unprivileged for one's own processes at perf_event_paranoid ≤ 2.
        case process

        package var description: String {
            switch self {
            case .machine: "machine"
            case .cgroup(let path): "cgroup \(path)"
            case .process: "process"
            }
        }
    }

    package struct Options: Sendable {
        /// Of each CPU's ring; a power of two, at least a page. Less is taken where the limit of locked
        /// memory does not allow it, down to 32 KiB.
        package var ringBytes: Int
        /// Records one process's queue holds, 100 bytes each.
        package var queueLimit = 65_536
        /// Records all queues hold together.
        package var totalLimit = 524_288
        /// Queues of followed children that nobody has taken yet.
        package var pendingChildrenLimit = 4_096
        /// Execs of unwatched processes reported after one pass.
        package var execLimit = 1_024
        /// Mapping records of one process that are worth what they cost it; at most 1,000,000,000.
        package var mappingsPerSecond = RecordFlow.usuallyAllowedPerSecond
        /// How long to try to catch all threads of a process that goes on making new ones; the caller waits.
        package var openingMilliseconds = usualOpeningMilliseconds
        static let usualOpeningMilliseconds: Int32 = 100
        /// How long a record may lie in a ring: milliseconds between passes while nothing happens …
        package var idleMilliseconds: Int32 = 80
        /// … and while records came within the last second.
        package var activeMilliseconds: Int32 = 30
        /// … and while records are switched on only to be counted.
        package var probeMilliseconds: Int32 = 10

        package init() {
            // The kernel lets each user lock 516 KiB for each CPU (perf_event_mlock_kb) without counting
            // them against RLIMIT_MEMLOCK: a ring of 512 KiB and its page for the heads.
            ringBytes = sysconf(Int32(_SC_NPROCESSORS_ONLN)) <= 16 ? 512 << 10 : 128 << 10
        }
    }
}
