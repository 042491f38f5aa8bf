import Glibc
import TestSupport
import Testing

/// A control group with the name of a service, as systemd makes one for each of its units.
final class ServiceGroup {
    let unit: String
    private let path: String

    /// Where systemd keeps its groups: the named hierarchy of the hybrid layout, or the only one.
    private static var root: String {
        access("/sys/fs/cgroup/systemd/cgroup.procs", W_OK) == 0 ? "/sys/fs/cgroup/systemd" : "/sys/fs/cgroup"
    }

    static var isPossible: Bool { access(root + "/cgroup.procs", W_OK) == 0 }

    init() throws {
        unit = "memwatch-test-\(getpid())-\(UInt32.random(in: 0 ... .max)).service"
        path = Self.root + "/" + unit
        guard mkdir(path, 0o755) == 0 else { throw TestFailure("mkdir \(path): \(errno)") }
    }

    /// Put in front of a program, starts it in the group.
    var wrapper: [String] { ["sh", "-c", "echo $$ > \(path)/cgroup.procs && exec \"$@\"", "sh"] }

    // Whatever was in it has ended: a group with processes cannot be removed.
    deinit { rmdir(path) }
}

extension Trait where Self == ConditionTrait {
    /// Groups for services can be made here: as root, outside of a container that forbids it.
    static var requiresServiceGroups: Self {
        requires("cgroup", ServiceGroup.isPossible, "control groups cannot be made here")
    }
}
