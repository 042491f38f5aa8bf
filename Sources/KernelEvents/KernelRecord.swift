package import MemoryModel

/// What the kernel reported of one process, in the order in which it happened.
///
/// Source: perf_event_open(2), the side-band records of a dummy software event. Times are nanoseconds of
/// CLOCK_MONOTONIC, pids and tids those of the daemon's pid namespace.
package struct KernelRecord: Hashable, Sendable {
    package enum Content: Hashable, Sendable {
        /// Memory was mapped, protected anew, or grew (`PERF_RECORD_MMAP2`).
        case mapping(MappingRecord)
        /// The process runs another program from now on; all its memory before is gone
        /// (`PERF_RECORD_COMM` with the exec bit, Linux 3.16).
        case exec(comm: [UInt8])
        /// The process has forked `child` (`PERF_RECORD_FORK` of another pid). Threads are not reported.
        case fork(child: Int32)
        /// The thread ``KernelRecord/tid`` has ended (`PERF_RECORD_EXIT`). `isLeader` only says that it was the
        /// thread group's leader, which need not be the last one to go.
        case exit(isLeader: Bool)
        /// Records were lost before this one, of this process or of others: `count` of all processes; 0 where
        /// nobody counted them, because mapping records were switched off or on just now.
        case gap(count: UInt64)
    }

    package var nanoseconds: Int64
    /// The thread that did it; 0 for a gap.
    package var tid: Int32
    package var content: Content

    package init(nanoseconds: Int64, tid: Int32, _ content: Content) {
        self.nanoseconds = nanoseconds
        self.tid = tid
        self.content = content
    }
}

/// The area that a mapping call left behind: not what the call asked for, but the whole area after the
/// kernel merged it with its neighbours.
///
/// Written for each mmap, growth of the break, growth of a stack and mprotect that changed something, and
/// for what exec maps. Never for munmap, mremap or a shrinking break.
package struct MappingRecord: Hashable, Sendable {
    package enum Name: Hashable, Sendable {
        /// `//anon`: private anonymous memory, named or not.
        case anonymous
        /// `[heap]`. The first growth of an empty heap is called `//anon`.
        case heap
        /// `[stack]`: the main thread's.
        case stack
        /// `[vdso]`, `[vvar]`, `[vvar_vclock]` and whatever else the kernel maps for itself.
        case kernel([UInt8])
        /// A file's path as the process sees it, raw, with ` (deleted)` where that is so; also
        /// `/dev/zero (deleted)` for shared anonymous memory, `/memfd:…`, `/SYSV…`, `/anon_hugepage (deleted)`.
        case file([UInt8])
    }

    package var start: UInt64
    package var end: UInt64
    /// Offset into the file of ``start``, in bytes; 0 for memory without a file.
    package var offset: UInt64
    /// Of the file system that really holds the file: on overlayfs maps(5) may show another.
    package var device: DeviceNumber
    package var inode: UInt64
    package var permissions: Permissions
    package var name: Name

    package init(
        start: UInt64, end: UInt64, permissions: Permissions, offset: UInt64 = 0,
        device: DeviceNumber = .none, inode: UInt64 = 0, name: Name = .anonymous
    ) {
        self.start = start
        self.end = end
        self.offset = offset
        self.device = device
        self.inode = inode
        self.permissions = permissions
        self.name = name
    }
}
