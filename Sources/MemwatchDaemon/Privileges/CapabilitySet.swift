/// A set of capabilities (capabilities(7)), as the kernel prints it in `/proc/[pid]/status`: a bit each.
package struct CapabilitySet: OptionSet, Hashable, Sendable {
    package let rawValue: UInt64

    package init(rawValue: UInt64) { self.rawValue = rawValue }

    /// File permissions do not hold this process up: root's own way into other users' directories.
    package static let dacOverride = CapabilitySet(number: 1)
    /// The same for reading only: what lies behind `/proc/[pid]/root`, and files of mode 0400 in `/proc/[pid]`.
    package static let dacReadSearch = CapabilitySet(number: 2)
    /// Rings beyond RLIMIT_MEMLOCK.
    package static let ipcLock = CapabilitySet(number: 14)
    /// Everything in `/proc/[pid]` of other users, and of processes that are not dumpable.
    package static let sysPtrace = CapabilitySet(number: 19)
    package static let sysAdmin = CapabilitySet(number: 21)
    /// Swift's executor runs urgent work at nice -4, and says on standard error where it may not.
    package static let sysNice = CapabilitySet(number: 23)
    /// More open files than the hard limit; prlimit(2) of other users' processes.
    package static let sysResource = CapabilitySet(number: 24)
    /// Linux 5.8: perf events of every process. Linux 6.15: maps of every process.
    package static let perfmon = CapabilitySet(number: 38)
    /// Linux 5.9: `/proc/[pid]/map_files`, the only way to the headers of deleted images.
    package static let checkpointRestore = CapabilitySet(number: 40)

    init(number: Int) { rawValue = 1 << UInt64(number) }

    /// By number.
    private static let words = [
        "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
        "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK",
        "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN",
        "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE",
        "AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND",
        "AUDIT_READ", "PERFMON", "BPF", "CHECKPOINT_RESTORE",
    ]

    /// The numbers in it, ascending.
    package var numbers: [Int] { (0..<64).filter { rawValue & 1 << UInt64($0) != 0 } }

    /// `CAP_PERFMON` and so on, by number; one that came after this program is called by its number, `CAP_41`.
    package var names: [String] {
        numbers.map { "CAP_" + ($0 < Self.words.count ? Self.words[$0] : String($0)) }
    }
}
