import Glibc
import SystemPackage

/// Where the control groups are mounted here, from `/proc/self/mounts`.
package struct ControlGroupMounts: Sendable {
    package static let ofThisMachine = ControlGroupMounts(
        parsing: (try? readAll(openBelow(AT_FDCWD, "/proc/self/mounts"), limit: 1 << 20)) ?? [])

    /// Of version 2: `/sys/fs/cgroup`, or `/sys/fs/cgroup/unified` beside hierarchies of version 1.
    package private(set) var unified: String?
    /// Of version 1, with the memory controller.
    private(set) var memory: String?

    init(parsing mounts: [UInt8]) {
        for line in String(decoding: mounts, as: UTF8.self).split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count > 3 else { continue }
            if words[2] == "cgroup2", unified == nil { unified = String(words[1]) }
            if words[2] == "cgroup", words[3].split(separator: ",").contains("memory"), memory == nil {
                memory = String(words[1])
            }
        }
    }
}
