package import Varlink

/// The errors `org.memwatch.Monitor` answers, for both sides of the socket.
package enum MonitorError: Error, Hashable, Sendable {
    /// `pid` is nil where a unit was asked for.
    case noSuchProcess(pid: Int64?, reason: String)
    case permissionDenied(pid: Int64?, reason: String)
    case notAttached(pid: Int64?, reason: String)
    case noMemory(pid: Int64, state: String)
    case invalidTime(value: String, reason: String)
    case invalidValue(parameter: String, reason: String)
    case tooManyTargets(limit: Int64)
    case tooManyStreams(limit: Int64)
    case historyUnavailable(reason: String)

    /// As it goes over the socket.
    package var varlinkError: VarlinkError {
        let (name, parameters): (String, JSONObject) =
            switch self {
            case .noSuchProcess(let pid, let reason):
                ("NoSuchProcess", ["pid": pid.map(JSON.integer) ?? .null, "reason": .string(reason)])
            case .permissionDenied(let pid, let reason):
                ("PermissionDenied", ["pid": pid.map(JSON.integer) ?? .null, "reason": .string(reason)])
            case .notAttached(let pid, let reason):
                ("NotAttached", ["pid": pid.map(JSON.integer) ?? .null, "reason": .string(reason)])
            case .noMemory(let pid, let state):
                ("NoMemory", ["pid": .integer(pid), "state": .string(state)])
            case .invalidTime(let value, let reason):
                ("InvalidTime", ["value": .string(value), "reason": .string(reason)])
            case .invalidValue(let parameter, let reason):
                ("InvalidValue", ["parameter": .string(parameter), "reason": .string(reason)])
            case .tooManyTargets(let limit):
                ("TooManyTargets", ["limit": .integer(limit)])
            case .tooManyStreams(let limit):
                ("TooManyStreams", ["limit": .integer(limit)])
            case .historyUnavailable(let reason):
                ("HistoryUnavailable", ["reason": .string(reason)])
            }
        return VarlinkError(MonitorInterface.name + "." + name, parameters)
    }

    /// Reads what came over the socket; nil for an error of another interface.
    package init?(_ error: VarlinkError) {
        let prefix = MonitorInterface.name + "."
        guard error.name.hasPrefix(prefix) else { return nil }
        let pid = error.parameters["pid"]?.integerValue
        let reason = error.parameters["reason"]?.stringValue ?? ""
        switch error.name.dropFirst(prefix.count) {
        case "NoSuchProcess": self = .noSuchProcess(pid: pid, reason: reason)
        case "PermissionDenied": self = .permissionDenied(pid: pid, reason: reason)
        case "NotAttached": self = .notAttached(pid: pid, reason: reason)
        case "NoMemory":
            self = .noMemory(pid: pid ?? 0, state: error.parameters["state"]?.stringValue ?? "")
        case "InvalidTime":
            self = .invalidTime(value: error.parameters["value"]?.stringValue ?? "", reason: reason)
        case "InvalidValue":
            self = .invalidValue(
                parameter: error.parameters["parameter"]?.stringValue ?? "", reason: reason)
        case "TooManyTargets":
            self = .tooManyTargets(limit: error.parameters["limit"]?.integerValue ?? 0)
        case "TooManyStreams": self = .tooManyStreams(limit: error.parameters["limit"]?.integerValue ?? 0)
        case "HistoryUnavailable": self = .historyUnavailable(reason: reason)
        default: return nil
        }
    }
}
