/// What decides who may read a process's maps, as `/proc/[pid]` shows it at one moment.
///
/// Read it before **and** after what is to be answered: a process may exec a set-user-id
/// program between two reads, and an answer is allowed only if both looks allow it.
package struct TargetCredentials: Hashable, Sendable {
    /// The three that count of a line `Uid:` or `Gid:` in `/proc/[pid]/status`; the fourth, the
    /// file system id, follows the effective one.
    package struct IDs: Hashable, Sendable {
        package var real: UInt32
        package var effective: UInt32
        package var saved: UInt32

        package init(real: UInt32, effective: UInt32, saved: UInt32) {
            self.real = real
            self.effective = effective
            self.saved = saved
        }

        /// The id, where all three are the same one.
        package var single: UInt32? { real == effective && effective == saved ? effective : nil }
    }

    package var uid: IDs
    package var gid: IDs
    /// Owner of the file `/proc/[pid]/maps`: the effective uid of a dumpable process, else root.
    /// This is how the kernel shows `dumpable = 0` (prctl(2), or root that became the user).
    package var mapsOwner: UInt32
    /// The line `CapPrm:` in `/proc/[pid]/status`: capabilities the process may make use of.
    package var permittedCapabilities: UInt64
    /// ``UserNamespace/isShared(processDirectory:)``. In a namespace that root made for it, a process
    /// with its user's ids and no capability is still not that user's to read.
    package var sharesUserNamespace: Bool

    package init(
        uid: IDs, gid: IDs, mapsOwner: UInt32, permittedCapabilities: UInt64, sharesUserNamespace: Bool
    ) {
        self.uid = uid
        self.gid = gid
        self.mapsOwner = mapsOwner
        self.permittedCapabilities = permittedCapabilities
        self.sharesUserNamespace = sharesUserNamespace
    }
}
