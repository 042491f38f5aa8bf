import Glibc
import ProcFS

/// The capabilities of this daemon: given up at its start, and told by `Status`.
package struct Privileges: Sendable {
    /// Why it holds those that it holds.
    package let reason: String

    /// Probes, decides, and gives up the rest.
    ///
    /// The first thing that a daemon does, before it has any other thread: those that exist already would keep
    /// what they have.
    package static func settle(_ policy: PrivilegePolicy) throws -> Privileges {
        let granted = ThreadCapabilities.permitted
        let decision = PrivilegeDecision(
            granted: granted, uid: geteuid(), policy: policy, paranoid: ProcRoot().perfEventParanoid(),
            probe: MapsProbe.run)
        if decision.kept != granted {
            let code = ThreadCapabilities.giveUp(allBut: decision.kept)
            guard code == 0 else {
                throw StartError(
                    "cannot give capabilities up, capset: \(String(cString: strerror(code))); allow capset "
                        + "in SystemCallFilter=, or start with --capabilities full",
                    isPermission: true)
            }
        }
        return Privileges(reason: decision.reason)
    }

    /// What any thread of this process holds now: read, not remembered. Some 30 µs a thread.
    package static var held: CapabilitySet {
        let root = ProcRoot()
        guard let threads = try? root.open(pid: getpid()).threadIDs() else {
            return ThreadCapabilities.permitted
        }
        var held: CapabilitySet = []
        for thread in threads {
            // The directory of a thread is there by its number, although no listing shows it.
            guard let status = try? root.open(pid: thread).status(), let bits = status.permittedCapabilities
            else { continue }
            held.formUnion(CapabilitySet(rawValue: bits))
        }
        return held
    }

    /// True for a daemon that gets to see what the user it runs as could not see.
    package static let seesOtherUsers = geteuid() == 0 || !held.isEmpty
}
