import MemoryModel

/// shared: memfd, POSIX and System V shared memory, shared anonymous memory.
enum SharedRules {
    static func isShared(_ area: VMA, _ name: AreaName, on filesystem: Filesystem) -> Bool {
        // Everything on the kernel's own shmem mount: memfd_create, shmget and
        // mmap(MAP_SHARED | MAP_ANONYMOUS) all make their files there.
        if filesystem == .internalShmem { return true }
        switch name {
        case .memfd, .sharedAnonymous, .systemV, .secret: return filesystem.mayBeInternal
        case .posixShared:
            // shm_open is open on a tmpfs. A private mapping of it is a copy, not shared memory.
            let isTmpfs = filesystem == .tmpfs || filesystem == .unlisted
            return isTmpfs && area.permissions.isShared
        default: return false
        }
    }
}
