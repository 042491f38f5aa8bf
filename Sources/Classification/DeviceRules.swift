import MemoryModel

/// device: what a driver hands out through mmap, io_uring rings, KVM and perf pages, dma-buf.
enum DeviceRules {
    static func isDevice(_ area: VMA, _ name: AreaName, on filesystem: Filesystem) -> Bool {
        switch filesystem {
        case .hugetlbfs: return false
        case .kernelFiles: return true
        case .devtmpfs: return name != .zero
        case .internalShmem, .tmpfs, .mounted, .unlisted: break
        }
        switch name {
        // No path, so no file: `anon_inode:[io_uring]`, `socket:[…]` (packet rings).
        case .pathless: return true
        // Containers have their device nodes on a tmpfs, or bind-mounted from any filesystem.
        case .device: return true
        case .pseudoDevice, .graphics: return filesystem.mayBeInternal
        default: return false
        }
    }

    /// A private mapping of /dev/zero is anonymous memory: the kernel drops the file
    /// (`mmap_zero` in drivers/char/mem.c) and only the name remains.
    static func isZero(_ area: VMA, _ name: AreaName) -> Bool {
        name == .zero && !area.permissions.isShared
    }
}
