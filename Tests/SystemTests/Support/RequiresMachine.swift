import Glibc
import TestSupport
import Testing

extension Trait where Self == ConditionTrait {
    /// A system to boot, and what boots it. `make test-system` builds it first.
    static func requiresMachine(_ release: DebianRelease = .bookworm) -> Self {
        requires(
            "test-machine", release.isPrepared,
            "there is no Debian \(release) to boot; \"scripts/test-machine.sh prepare \(release)\" makes one")
    }

    /// The Debian package. `make deb` makes it, and `make test-system` calls that.
    static var requiresPackage: Self {
        requires(
            "package", (try? DebianPackage.built()) != nil,
            "there is no Debian package; \"make deb\" makes it")
    }

    /// Root in a container that may mount can open performance events wherever there are any.
    static var requiresPerformanceEvents: Self {
        requires(
            "kernel-records", access("/proc/sys/kernel/perf_event_paranoid", F_OK) == 0,
            "this kernel has no performance events")
    }

    /// Something that can hold a unit to MemoryMax=.
    static var requiresMemoryController: Self {
        requires(
            "memory-controller", hasMemoryController(),
            "no control group hierarchy here has the memory controller, so no unit can be held to MemoryMax=")
    }
}

private func hasMemoryController() -> Bool {
    if access("/sys/fs/cgroup/memory/memory.limit_in_bytes", F_OK) == 0 { return true }
    let controllers = (try? readText("/sys/fs/cgroup/cgroup.controllers")) ?? ""
    return controllers.split { " \n".contains($0) }.contains("memory")
}
