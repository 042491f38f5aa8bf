import MemoryModel
import MemwatchInterface

/// A rule in force, and where it came from.
package struct WatchedRule: Hashable, Sendable {
    package enum Origin: Hashable, Sendable {
        case configuration
        /// A client with this uid.
        case client(UInt32)

        package var name: String { self == .configuration ? "configuration" : "client" }
    }

    package var rule: TargetRule
    package var origin: Origin
}

extension TargetRule.Matcher {
    /// Whether it means all processes of a control group.
    var isControlGroup: Bool {
        switch self {
        case .unit, .cgroup: true
        case .pid, .comm, .exe: false
        }
    }

    /// Whether the rule means this process.
    func matches(_ process: ProcessDescription) -> Bool {
        switch self {
        case .pid(let pid): return process.identity.pid == pid
        case .comm(let glob): return glob.matches(process.comm)
        case .exe(let glob): return process.exe.map { glob.matches($0) } ?? false
        case .unit(let name): return process.unit == name
        case .cgroup(let path):
            guard let cgroup = process.cgroup else { return false }
            return path == "/" || cgroup == path || cgroup.hasPrefix(path + "/")
        }
    }
}
