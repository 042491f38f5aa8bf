package import MemoryModel
package import Varlink

/// A target as users see it. Fields: DESIGN "Data fields", docs/json.md.
package struct TargetRecord: Record, Hashable {
    package var pid: Int32
    package var comm: String
    package var exe: String?
    package var uid: UInt32?
    package var unit: String?
    package var started: Timestamp?
    package var attached: Timestamp
    /// As DUR: `1s`; nil for a process that is gone.
    package var interval: String?
    package var state: TargetState
    /// `perf` or `sampling`; nil for a process that is gone.
    package var eventSource: String?
    /// Why it is not `perf`. No field of a target: `List` says it once for all of them.
    package var eventSourceReason: String?
    /// The rule that adopted it (`comm:python*`), nil where it was attached by pid.
    package var rule: String?

    package init(
        _ description: ProcessDescription, attached: Timestamp, intervalMicroseconds: Int64?,
        state: TargetState, eventSource: String?, eventSourceReason: String?, rule: String?
    ) {
        pid = description.identity.pid
        comm = PrintableText.jsonText(description.comm)
        exe = description.exe.map { PrintableText.jsonText($0) }
        uid = description.uid
        unit = description.unit
        started = description.started
        self.attached = attached
        interval = intervalMicroseconds.map { DurationText.format($0) }
        self.state = state
        self.eventSource = eventSource
        self.eventSourceReason = eventSourceReason
        self.rule = rule
    }

    package static let fields = [
        "pid", "comm", "exe", "uid", "unit", "started", "attached", "interval", "state", "event_source",
        "rule",
    ]

    package func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("pid")
        writer.value(pid)
        writer.key("comm")
        writer.value(comm)
        writer.key("exe")
        writer.value(exe)
        writer.key("uid")
        writer.value(uid)
        writer.key("unit")
        writer.value(unit)
        writer.key("started")
        writer.value(started)
        writer.key("attached")
        writer.value(attached)
        writer.key("interval")
        writer.value(interval)
        writer.key("state")
        writer.value(state.rawValue)
        writer.key("event_source")
        writer.value(eventSource)
        writer.key("rule")
        writer.value(rule)
        writer.endObject()
    }

    package init(json: JSONObject) throws(RecordError) {
        guard let pid = Int32(exactly: try json.integer("pid")) else { throw RecordError(field: "pid") }
        self.pid = pid
        comm = try json.string("comm")
        exe = try json.optional("exe", JSONObject.string)
        uid = try json.optional("uid", JSONObject.integer).flatMap { UInt32(exactly: $0) }
        unit = try json.optional("unit", JSONObject.string)
        started = try json.optional("started", JSONObject.string).flatMap { Timestamp(rfc3339Written: $0) }
        guard let attached = Timestamp(rfc3339Written: try json.string("attached")) else {
            throw RecordError(field: "attached")
        }
        self.attached = attached
        interval = try json.optional("interval", JSONObject.string)
        guard let state = TargetState(rawValue: try json.string("state")) else {
            throw RecordError(field: "state")
        }
        self.state = state
        eventSource = try json.optional("event_source", JSONObject.string)
        rule = try json.optional("rule", JSONObject.string)
    }
}

/// A rule as users see it.
package struct RuleRecord: Record, Hashable {
    /// `unit:nginx.service`, `cgroup:/…`, `comm:python*`, `exe:/usr/bin/…`.
    package var rule: String
    package var interval: String
    package var children: Bool
    /// `configuration` or `client`.
    package var origin: String
    /// Processes it holds now.
    package var targets: Int64
    /// Bytes of them all at their last looks, as far as known; nil where none is.
    package var vmSize: UInt64?
    package var rss: UInt64?

    package init(rule: String, interval: String, children: Bool, origin: String, targets: Int64) {
        self.rule = rule
        self.interval = interval
        self.children = children
        self.origin = origin
        self.targets = targets
    }

    package static let fields = ["rule", "interval", "children", "origin", "targets", "vm_size", "rss"]

    package func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("rule")
        writer.value(rule)
        writer.key("interval")
        writer.value(interval)
        writer.key("children")
        writer.value(children)
        writer.key("origin")
        writer.value(origin)
        writer.key("targets")
        writer.value(targets)
        writer.key("vm_size")
        writer.value(vmSize)
        writer.key("rss")
        writer.value(rss)
        writer.endObject()
    }

    package init(json: JSONObject) throws(RecordError) {
        rule = try json.string("rule")
        interval = try json.string("interval")
        children = try json.bool("children")
        origin = try json.string("origin")
        targets = try json.integer("targets")
        vmSize = try json.optional("vm_size", JSONObject.unsigned)
        rss = try json.optional("rss", JSONObject.unsigned)
    }
}
