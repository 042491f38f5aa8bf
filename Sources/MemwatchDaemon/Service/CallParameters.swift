import MemoryModel
import MemwatchInterface
import Varlink
import VarlinkServing

/// Reads the parameters of a call whose types were checked against the interface already.
struct CallParameters {
    let parameters: JSONObject
    let now: Timestamp

    init(_ call: VarlinkCall) {
        parameters = call.parameters
        now = .now
    }

    func string(_ name: String) -> String? { parameters[name]?.stringValue }

    func bool(_ name: String) -> Bool { parameters[name]?.boolValue ?? false }

    func strings(_ name: String) -> [String]? { parameters[name]?.arrayValue?.compactMap(\.stringValue) }

    func pid() throws -> Int32? {
        try parameters["pid"]?.integerValue.map { try Self.pid($0, "pid") }
    }

    /// Each once; nil where none are named.
    func pids() throws -> [Int32]? {
        guard let values = parameters["pids"]?.arrayValue?.compactMap(\.integerValue) else { return nil }
        var pids: [Int32] = []
        for value in values {
            let pid = try Self.pid(value, "pids")
            if !pids.contains(pid) { pids.append(pid) }
        }
        return pids
    }

    /// PID_MAX_LIMIT is 4,194,304 (proc(5)).
    private static func pid(_ value: Int64, _ parameter: String) throws -> Int32 {
        guard (1...4_194_304).contains(value) else {
            throw MonitorError.invalidValue(
                parameter: parameter, reason: "\(value) is not a process id: write a number from 1 to 4194304"
            )
        }
        return Int32(value)
    }

    func requiredPID() throws -> Int32 {
        guard let pid = try pid() else { throw VarlinkError.invalidParameter("pid") }
        return pid
    }

    func time(_ name: String) throws -> Timestamp? {
        guard let text = string(name) else { return nil }
        do {
            return try TimeText.parse(text, now: now)
        } catch {
            throw MonitorError.invalidTime(value: text, reason: error.description)
        }
    }

    /// `since` and `until`, in order.
    func period() throws -> (since: Timestamp?, until: Timestamp?) {
        let since = try time("since")
        let until = try time("until")
        if let since, let until, since > until {
            throw MonitorError.invalidTime(
                value: string("since") ?? "", reason: "since is after until: exchange them")
        }
        return (since, until)
    }

    func duration(_ name: String) throws -> Int64? {
        guard let text = string(name) else { return nil }
        do {
            return try DurationText.parse(text)
        } catch {
            throw MonitorError.invalidValue(parameter: name, reason: error.description)
        }
    }

    func kinds() throws -> [RegionKind]? {
        try strings("kinds")?.map { name in
            guard let kind = RegionKind(name: name) else {
                throw MonitorError.invalidValue(
                    parameter: "kinds", reason: "there is no kind \(UnreadableText.quote(name))")
            }
            return kind
        }
    }

    func eventTypes() throws -> Set<EventType>? {
        guard let names = strings("events") else { return nil }
        return Set(
            try names.map { name in
                guard let type = EventType(name: name) else {
                    throw MonitorError.invalidValue(
                        parameter: "events", reason: "there is no event \(UnreadableText.quote(name))")
                }
                return type
            })
    }
}
