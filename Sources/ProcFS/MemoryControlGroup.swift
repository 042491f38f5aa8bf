import Glibc
import SystemPackage

/// Where a process's control group counts its out-of-memory kills.
///
/// `memory.events.local` of version 2 (Linux 5.2; `memory.events`, which includes the groups below it,
/// since 4.18), or `memory.oom_control` of version 1 (the count since 4.13). The kernel counts in the
/// victim's own group, whichever limit was hit.
package struct MemoryControlGroup: Hashable, Sendable {
    private let path: String

    /// How many of the group's processes the kernel has killed for want of memory since it was made; nil
    /// where the group is gone or does not count.
    package func outOfMemoryKills() -> UInt64? {
        guard let bytes = try? readAll(openBelow(AT_FDCWD, path), limit: 65_536) else { return nil }
        return bytes.withUnsafeBytes(Self.kills)
    }

    fileprivate init?(existing path: String) {
        guard access(path, R_OK) == 0 else { return nil }
        self.path = path
    }

    /// The number behind `oom_kill`. Pure, for tests.
    static func kills(_ bytes: UnsafeRawBufferPointer) -> UInt64? {
        var lines = ByteCursor(bytes)
        while let line = lines.line() {
            guard line.hasPrefix("oom_kill ") else { continue }
            var cursor = ByteCursor(line, from: 9)
            return cursor.decimal()
        }
        return nil
    }
}

extension ProcessDirectory {
    /// The group that the process's memory is charged to; nil where no hierarchy counts it, or where this
    /// user cannot see it.
    package func memoryControlGroup() -> MemoryControlGroup? {
        guard let bytes = try? contents("cgroup", limit: 65_536) else { return nil }
        let paths = bytes.withUnsafeBytes(Self.memoryPaths)
        let mounts = ControlGroupMounts.ofThisMachine
        if let path = paths.unified, let mount = mounts.unified {
            for name in ["memory.events.local", "memory.events"] {
                if let group = MemoryControlGroup(existing: mount + path + "/" + name) { return group }
            }
        }
        guard let path = paths.memory, let mount = mounts.memory else { return nil }
        return MemoryControlGroup(existing: mount + path + "/memory.oom_control")
    }

    /// The process's path in the cgroup hierarchy of version 2, which need not be the one that systemd goes
    /// by; nil where there is none.
    package func unifiedCgroupPath() -> String? {
        guard let bytes = try? contents("cgroup", limit: 65_536) else { return nil }
        return bytes.withUnsafeBytes(Self.memoryPaths).unified
    }

    /// The paths in the hierarchies that may charge memory, from lines of `hierarchy:controllers:path`.
    static func memoryPaths(_ bytes: UnsafeRawBufferPointer) -> (unified: String?, memory: String?) {
        var unified: String?
        var memory: String?
        var lines = ByteCursor(bytes)
        while let line = lines.line() {
            var cursor = ByteCursor(line)
            let hierarchy = cursor.upTo(UInt8(ascii: ":"))
            let controllers = cursor.upTo(UInt8(ascii: ":"))
            let path = String(decoding: line[cursor.offset...], as: UTF8.self)
            if hierarchy.equals("0"), controllers.isEmpty { unified = path }
            let names = controllers.split(separator: UInt8(ascii: ","))
            if names.contains(where: { UnsafeRawBufferPointer(rebasing: $0).equals("memory") }) {
                memory = path
            }
        }
        return (unified, memory)
    }
}
