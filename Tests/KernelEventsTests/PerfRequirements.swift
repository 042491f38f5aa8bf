import Glibc
import ProcFS
import TestSupport
import Testing

@testable import KernelEvents

extension Trait where Self == ConditionTrait {
    /// Events of one's own processes.
    static var requiresPerf: Self {
        requires("perf", permission.ownProcess == nil, permission.ownProcess?.description ?? "")
    }

    /// Events of the whole machine.
    static var requiresMachinePerf: Self {
        requires("perf-machine", permission.machine == nil, permission.machine?.description ?? "")
    }

    /// Ordinary users may watch their own processes: perf_event_paranoid is at most 2 (Debian's kernels: 3).
    static var requiresOrdinaryPerf: Self {
        requires(
            "perf-ordinary-user", (ProcRoot().perfEventParanoid() ?? 3) <= 2, "perf_event_paranoid is above 2"
        )
    }

    /// Directories can be made in the cgroup2 hierarchy, and events opened for them.
    static var requiresCgroup2: Self {
        requires(
            "perf-cgroup", permission.machine == nil && (try? TestCgroup()) != nil,
            "no writable cgroup2 hierarchy, or no events of cgroups")
    }

    private static var permission: KernelEventPermission { cachedPermission }
}

private let cachedPermission = KernelEventSource.probe()

/// Those of one test process's subject that this machine allows.
let allowedScopes: [KernelEventSource.Scope] =
    cachedPermission.machine == nil ? [.machine, .cgroup("/"), .process] : [.process]

/// A cgroup of the test's own.
final class TestCgroup {
    let path: String
    private let directory: String

    init() throws {
        guard let mount = ControlGroupMounts.ofThisMachine.unified else {
            throw TestFailure("no cgroup2")
        }
        path = "/memwatch-test-\(getpid())-\(UInt32.random(in: .min ... .max))"
        directory = mount + path
        guard mkdir(directory, 0o755) == 0 else { throw TestFailure("mkdir \(directory): \(errno)") }
    }

    func add(_ pid: Int32) throws {
        let descriptor = open(directory + "/cgroup.procs", O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw TestFailure("open cgroup.procs: \(errno)") }
        defer { close(descriptor) }
        let text = Array("\(pid)\n".utf8)
        guard write(descriptor, text, text.count) == text.count else {
            throw TestFailure("write cgroup.procs: \(errno)")
        }
    }

    /// Its processes must have ended.
    deinit { rmdir(directory) }
}
