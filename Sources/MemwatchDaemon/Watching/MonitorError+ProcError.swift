import MemoryModel
package import MemwatchInterface
package import ProcFS

extension MonitorError {
    /// What a client is told when a process cannot be looked at.
    package init(_ error: ProcError, pid: Int32) {
        switch error {
        case .gone:
            self = .noSuchProcess(pid: Int64(pid), reason: "no process \(pid)")
        case .noMemory(_, let state):
            self = .noMemory(pid: Int64(pid), state: state.rawValue)
        case .denied:
            self = .permissionDenied(
                pid: Int64(pid), reason: "memwatchd itself may not read process \(pid)")
        case .malformed, .system:
            self = .noSuchProcess(pid: Int64(pid), reason: error.description)
        }
    }
}
