import TestSupport
import Varlink

/// `memwatch events --follow`: how a test waits for what the daemon sees, instead of sleeping.
final class Follower {
    private let process: ChildProcess
    /// Every event until now.
    private(set) var events: [Event] = []

    init(_ process: ChildProcess) { self.process = process }

    /// The next event. Fails when the stream ends, or after a minute.
    func next() throws -> Event {
        guard let line = try process.nextLine() else {
            throw TestFailure("events --follow ended: \(process.errorText())")
        }
        let event = Event(try JSON(parsing: line))
        events.append(event)
        return event
    }

    /// Reads on until an event of this type, and returns it.
    @discardableResult
    func wait(for type: String) throws -> Event {
        while true {
            let event = try next()
            if event.type == type { return event }
        }
    }

    /// Reads on until the events that follow satisfy a condition, and returns them.
    func wait(until isEnough: ([Event]) -> Bool) throws -> [Event] {
        var some: [Event] = []
        while !isEnough(some) { some.append(try next()) }
        return some
    }

    func end() throws {
        process.signal(15)
        try process.waitForExit()
    }
}

/// An event as clients get it.
struct Event: Hashable, CustomStringConvertible {
    let json: JSON

    init(_ json: JSON) { self.json = json }

    var description: String {
        "\(type) \(kind ?? "-") \(delta.map(String.init) ?? "-") \(start ?? "-")…\(end ?? "-")"
    }
    var type: String { json["event"]?.stringValue ?? "" }
    var kind: String? { json["kind"]?.stringValue }
    var pid: Int64? { json["pid"]?.integerValue }
    var delta: Int64? { json["delta"]?.integerValue }
    var size: Int64? { json["size"]?.integerValue }
    var start: String? { json["start"]?.stringValue }
    var end: String? { json["end"]?.stringValue }
    var time: String? { json["time"]?.stringValue }
    var path: String? { json["path"]?.stringValue }
    var tid: Int64? { json["tid"]?.integerValue }
    var source: String? { json["source"]?.stringValue }
}

extension [Event] {
    /// The signed change of a kind.
    func delta(of kind: String) -> Int64 {
        reduce(0) { $1.kind == kind ? $0 + ($1.delta ?? 0) : $0 }
    }
}
