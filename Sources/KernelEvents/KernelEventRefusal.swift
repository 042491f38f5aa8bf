import Glibc
import ProcFS

/// Why the kernel reports nothing of a process, in words that say how to mend it.
package struct KernelEventRefusal: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Cause: Hashable, Sendable {
        /// EACCES: `/proc/sys/kernel/perf_event_paranoid`, or a process of another user.
        case permission(paranoid: Int?)
        /// EPERM: a seccomp filter (containers, systemd's SystemCallFilter=) or a security module.
        case filter
        /// ENOSYS, ENOENT, EOPNOTSUPP: a kernel without perf events or without what is asked.
        case unsupported
        /// EMFILE, ENFILE: an event is a descriptor, and there is one for each thread and CPU.
        case descriptors
        /// RLIMIT_MEMLOCK and `/proc/sys/kernel/perf_event_mlock_kb` leave no room for the rings.
        case lockedMemory
        case noSuchProcess
        /// Some of its threads may have been missed, each time until we gave up.
        case threads
        /// No cgroup2 hierarchy, or no such cgroup.
        case noSuchCgroup
        /// The source was stopped.
        case stopped
        /// Anything else, by its errno.
        case other(Int32)
    }

    package var scope: KernelEventSource.Scope
    package var cause: Cause
    /// One line.
    package var description: String { "\(scope): \(reason)" }

    package init(scope: KernelEventSource.Scope, cause: Cause) {
        self.scope = scope
        self.cause = cause
    }

    /// From an errno of perf_event_open.
    init(scope: KernelEventSource.Scope, opening code: Int32) {
        self.scope = scope
        switch code {
        case EACCES: cause = .permission(paranoid: ProcRoot().perfEventParanoid())
        case EPERM: cause = .filter
        case ENOSYS, ENOENT, EOPNOTSUPP: cause = .unsupported
        case EMFILE, ENFILE: cause = .descriptors
        case ESRCH: cause = .noSuchProcess
        default: cause = .other(code)
        }
    }

    private var reason: String {
        switch cause {
        case .permission(let paranoid):
            let setting = paranoid.map { "perf_event_paranoid is \($0)" } ?? "perf_event_paranoid forbids it"
            return switch scope {
            case .process where (paranoid ?? 2) <= 2:
                "perf_event_open is refused (EACCES): the process is another user's or not dumpable; "
                    + "give the daemon CAP_PERFMON"
            case .process:
                "perf_event_open is refused (EACCES): \(setting); "
                    + "set kernel.perf_event_paranoid to 2 or give the daemon CAP_PERFMON"
            // Values that Debian and Ubuntu added, and CAP_PERFMON does not pass.
            case .machine where (paranoid ?? 2) > 2, .cgroup where (paranoid ?? 2) > 2:
                "perf_event_open is refused (EACCES): \(setting); "
                    + "set kernel.perf_event_paranoid to 2 and give the daemon CAP_PERFMON"
            default:
                "perf_event_open is refused (EACCES): \(setting); give the daemon CAP_PERFMON"
            }
        case .filter:
            return "perf_event_open is refused (EPERM): a seccomp filter or security module forbids it; "
                + "add perf_event_open to SystemCallFilter= or to the container's seccomp profile"
        case .unsupported:
            return "this kernel has no perf events of this kind; it needs CONFIG_PERF_EVENTS and Linux 3.16"
        case .descriptors:
            return "no descriptors are left for one event per thread and CPU; raise LimitNOFILE="
        case .lockedMemory:
            return "the rings exceed the locked memory allowed; raise LimitMEMLOCK= or "
                + "kernel.perf_event_mlock_kb, or give the daemon CAP_IPC_LOCK"
        case .noSuchProcess: return "there is no such process"
        case .threads:
            return "its threads come and go faster than each can be given an event; "
                + "give the daemon CAP_PERFMON, with which it needs none for each thread"
        case .noSuchCgroup: return "there is no such cgroup in a cgroup2 hierarchy"
        case .stopped: return "the event source was stopped"
        case .other(let code):
            let text = strerror(code).map { String(cString: $0) } ?? "error \(code)"
            return "perf_event_open failed: \(text)"
        }
    }
}
