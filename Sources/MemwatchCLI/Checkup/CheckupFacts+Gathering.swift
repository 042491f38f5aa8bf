import Glibc
import KernelEvents
import MemwatchInterface
import ProcFS

extension CheckupFacts {
    /// Looks at this machine, and asks the daemon.
    static func gather(_ endpoint: Endpoint) -> CheckupFacts {
        CheckupFacts(
            kernel: .probe(), otherMaps: otherMaps(), kernelEvents: KernelEventSource.probe(),
            isRoot: geteuid() == 0,
            isInGroup: isInGroup(), maxMapCount: ProcRoot().maxMapCount(), socket: endpoint.path,
            clientVersion: MemwatchVersion.text, daemon: ask(endpoint), unit: unit(),
            hasJournal: access("/run/systemd/journal/socket", F_OK) == 0)
    }

    private static func ask(_ endpoint: Endpoint) -> Answer {
        do throws(Failure) {
            return .status(try Daemon.connect(endpoint, patience: .seconds(5)).call(.status))
        } catch {
            return .failure(error)
        }
    }

    /// Process 1 is always there, and another user's; where it is ours, there is nobody else to see.
    private static func otherMaps() -> OtherMaps {
        do throws(ProcError) {
            var look = MapsLook()
            try ProcRoot().open(pid: 1).look(into: &look)
            return .opens
        } catch .denied {
            return .denied
        } catch .gone {
            return .hidden
        } catch {
            return .denied
        }
    }

    private static func isInGroup() -> Bool? {
        guard let group = getgrnam(Endpoint.serviceUser) else { return nil }
        let wanted = group.pointee.gr_gid
        var groups = [gid_t](repeating: 0, count: 65_536)
        let count = getgroups(Int32(groups.count), &groups)
        return getegid() == wanted || groups.prefix(Int(max(0, count))).contains(wanted)
    }

    /// Files and not systemctl(1), which needs the bus and tells the same.
    private static func unit() -> Unit {
        let directories = [
            "/usr/lib/systemd/system", "/lib/systemd/system", "/usr/local/lib/systemd/system",
            "/etc/systemd/system",
        ]
        func isThere(_ name: String) -> Bool { access(name, F_OK) == 0 }
        return Unit(
            isSystemdRunning: isThere("/run/systemd/system"),
            isInstalled: directories.contains { isThere($0 + "/memwatchd.service") },
            isEnabled: isThere("/etc/systemd/system/sockets.target.wants/memwatchd.socket")
                || isThere("/etc/systemd/system/multi-user.target.wants/memwatchd.service"))
    }
}
