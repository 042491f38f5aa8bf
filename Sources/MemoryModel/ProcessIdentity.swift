/// What makes a process itself, beyond its number.
///
/// (pid, start time) is not unique: 176 of 200 forced reuses of a pid fell into the same
/// clock tick. The inode of a pidfd (pidfs, Linux 6.9) is unique for as long as the
/// machine runs; with the boot id it is unique for ever.
package struct ProcessIdentity: Hashable, Sendable {
    /// `/proc/sys/kernel/random/boot_id`, 36 characters.
    package var bootID: String
    package var pid: Int32
    /// Field 22 of `/proc/[pid]/stat`: clock ticks after boot.
    package var startTicks: UInt64
    /// Inode of the pidfd; nil on kernels without pidfs.
    package var pidfdInode: UInt64?

    package init(bootID: String, pid: Int32, startTicks: UInt64, pidfdInode: UInt64?) {
        self.bootID = bootID
        self.pid = pid
        self.startTicks = startTicks
        self.pidfdInode = pidfdInode
    }
}

/// In what state a target is.
package enum TargetState: String, Sendable, CaseIterable {
    case running
    case exited
    case zombie
    case kernelThread = "kernel-thread"
    case denied
}

/// What is known of a process besides its memory.
package struct ProcessDescription: Hashable, Sendable {
    package var identity: ProcessIdentity
    /// `/proc/[pid]/comm`: up to 15 bytes of anything but NUL.
    package var comm: [UInt8]
    /// `/proc/[pid]/exe` as the link reads, raw bytes; nil where not permitted.
    package var exe: [UInt8]?
    /// Effective uid and gid.
    package var uid: UInt32?
    package var gid: UInt32?
    /// The systemd unit from the cgroup path (`nginx.service`), nil outside any.
    package var unit: String?
    /// Path in the cgroup hierarchy that systemd manages.
    package var cgroup: String?
    /// Wall-clock time of the process's start.
    package var started: Timestamp?

    package init(identity: ProcessIdentity, comm: [UInt8]) {
        self.identity = identity
        self.comm = comm
    }
}
