package import MemoryModel

/// One thread of the process, as `/proc/[pid]/task` lists it.
package struct ThreadEvidence: Hashable, Sendable {
    package var tid: Int32
    /// Where the thread's stack pointer stood, from `/proc/[pid]/task/[tid]/syscall`.
    ///
    /// Nil where the thread is running (the kernel prints `running`: only a thread that
    /// sleeps has its registers saved where another can read them) and where ptrace-attach
    /// access is denied.
    package var stackPointer: UInt64?
    /// The thread the kernel started the program with: its tid is the pid, its stack `[stack]`.
    package var isMain: Bool

    package init(tid: Int32, stackPointer: UInt64?, isMain: Bool) {
        self.tid = tid
        self.stackPointer = stackPointer
        self.isMain = isMain
    }
}

/// Device numbers of filesystems that the kernel mounts for itself and shows in no mount table.
///
/// Taken from `fstat` of a fresh `memfd_create` (also with `MFD_HUGETLB`), they tell shared
/// memory from files without trusting a name: any program may call a file `/memfd:x (deleted)`,
/// none can put it on the kernel's own mount.
package struct InternalDevices: Hashable, Sendable {
    /// The kernel's shmem mount: memfd, System V and shared anonymous memory.
    package var shmem: DeviceNumber?
    /// The kernel's hugetlbfs mounts, one for each huge page size.
    package var hugetlb: [DeviceNumber]

    package init(shmem: DeviceNumber? = nil, hugetlb: [DeviceNumber] = []) {
        self.shmem = shmem
        self.hugetlb = hugetlb
    }
}

/// What is known of a process besides its maps. Everything may be missing: rules then fall
/// back on the shape of the memory, and say less.
package struct ProcessEvidence: Sendable {
    /// Field 47 of `/proc/[pid]/stat`: where the heap begins. Nil where hidden (it reads as 0
    /// without ptrace-read access).
    package var startBrk: UInt64?
    /// Field 28 of `/proc/[pid]/stat`: where the main thread's stack began. Nil where hidden.
    package var startStack: UInt64?
    /// Every thread that could be listed, the main one included.
    package var threads: [ThreadEvidence]
    /// Field 20 of `/proc/[pid]/stat`: threads, the main one included. Nil where unreadable.
    package var threadCount: Int?
    /// Filesystem type (`tmpfs`, `hugetlbfs`, …) by device, from `/proc/[pid]/mountinfo`.
    package var mountTypes: [DeviceNumber: String]
    package var internalDevices: InternalDevices
    /// Bytes; a power of two.
    package var pageSize: UInt64

    package init(
        startBrk: UInt64? = nil, startStack: UInt64? = nil, threads: [ThreadEvidence] = [],
        threadCount: Int? = nil, mountTypes: [DeviceNumber: String] = [:],
        internalDevices: InternalDevices = InternalDevices(), pageSize: UInt64 = 4096
    ) {
        self.startBrk = startBrk
        self.startStack = startStack
        self.threads = threads
        self.threadCount = threadCount
        self.mountTypes = mountTypes
        self.internalDevices = internalDevices
        self.pageSize = pageSize
    }
}
