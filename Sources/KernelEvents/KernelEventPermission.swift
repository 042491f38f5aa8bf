import Glibc
import ProcFS

/// What perf_event_open allows this process here.
package struct KernelEventPermission: Hashable, Sendable {
    /// Why the whole machine's records are refused; nil where they are not.
    package var machine: KernelEventRefusal?
    /// Why those of the own processes are refused; nil where they are not.
    package var ownProcess: KernelEventRefusal?
    /// `/proc/sys/kernel/perf_event_paranoid`; nil where it cannot be read.
    package var paranoid: Int?
    /// Bytes of the largest ring that could be had for each CPU (of those the source would ask for);
    /// nil where not even the smallest was.
    package var ringBytes: Int?
    /// Linux 6.0: the kernel counts what it loses. Without it a full ring can go unnoticed for a while.
    package var countsLost: Bool
}

extension KernelEventSource {
    /// Tries what can be had, and closes it again. Takes a millisecond or so.
    package static func probe() -> KernelEventPermission {
        let processor = Processors.online.first ?? 0
        var result = KernelEventPermission(
            machine: nil, ownProcess: nil, paranoid: ProcRoot().perfEventParanoid(), ringBytes: nil,
            countsLost: false)
        do throws(KernelEventRefusal) {
            let rings = try openRings(
                bytes: Options().ringBytes, processors: [processor], for: .process)
            defer { for ring in rings { ring.close() } }
            result.ringBytes = rings.first?.bytes
            result.countsLost = rings.first?.owner.countsLost ?? false
            result.machine = tryOpening(.machine, rings)
            result.ownProcess = tryOpening(.process, rings)
        } catch {
            result.ownProcess = error
            result.machine = KernelEventRefusal(scope: .machine, cause: error.cause)
        }
        return result
    }

    private static func tryOpening(_ scope: Scope, _ rings: [PerfRing]) -> KernelEventRefusal? {
        do throws(KernelEventRefusal) {
            try EventScope.open(scope, pid: getpid(), number: ScopeNumber(rawValue: 0), rings: rings).close()
            return nil
        } catch {
            return error
        }
    }
}
