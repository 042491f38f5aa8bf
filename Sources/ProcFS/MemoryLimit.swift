import Glibc
import SystemPackage

/// The least memory limit of a process's control group and of those above it, and what is charged to that group.
///
/// `memory.max` and `memory.current` of version 2 (Linux 4.5), `memory.limit_in_bytes` and `memory.usage_in_bytes` of
/// version 1. Beyond it the kernel reclaims, and then kills.
package struct MemoryLimit: Hashable, Sendable {
    /// Bytes.
    package var limitBytes: UInt64
    /// Bytes; nil where the group does not say.
    package var usedBytes: UInt64?

    /// The group at `path` below `mount` and those above it; nil where none has a limit.
    fileprivate init?(mount: String, path: String, limitFile: String, usageFile: String) {
        var least: (limit: UInt64, group: String)?
        var names = path.split(separator: "/")
        while true {
            let group = names.isEmpty ? mount : mount + "/" + names.joined(separator: "/")
            if let limit = Self.number(group + "/" + limitFile), limit < Self.none,
                limit < least?.limit ?? .max
            {
                least = (limit, group)
            }
            if names.isEmpty { break }
            names.removeLast()
        }
        guard let least else { return nil }
        limitBytes = least.limit
        usedBytes = Self.number(least.group + "/" + usageFile)
    }

    /// Version 1 writes no limit as the largest number of pages.
    private static let none: UInt64 = 1 << 62

    /// nil where there is no such file, and for `max`.
    private static func number(_ path: String) -> UInt64? {
        guard let bytes = try? readAll(openBelow(AT_FDCWD, path), limit: 64) else { return nil }
        return bytes.withUnsafeBytes { bytes in
            var cursor = ByteCursor(bytes)
            return cursor.decimal()
        }
    }
}

extension ProcessDirectory {
    /// nil where no group that this user can see has a limit.
    package func memoryLimit() -> MemoryLimit? {
        guard let bytes = try? contents("cgroup", limit: 65_536) else { return nil }
        return Self.memoryLimit(bytes.withUnsafeBytes(Self.memoryPaths), mounts: .ofThisMachine)
    }

    /// Where both versions are mounted, the one that has the memory controller has the files.
    static func memoryLimit(
        _ paths: (unified: String?, memory: String?), mounts: ControlGroupMounts
    ) -> MemoryLimit? {
        if let path = paths.memory, let mount = mounts.memory {
            return MemoryLimit(
                mount: mount, path: path, limitFile: "memory.limit_in_bytes",
                usageFile: "memory.usage_in_bytes")
        }
        guard let path = paths.unified, let mount = mounts.unified else { return nil }
        return MemoryLimit(mount: mount, path: path, limitFile: "memory.max", usageFile: "memory.current")
    }
}
