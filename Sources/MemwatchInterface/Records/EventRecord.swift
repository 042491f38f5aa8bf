package import MemoryModel
package import Varlink

/// An event as users see it. Fields: DESIGN "Data fields", docs/json.md.
package struct EventRecord: Record, Hashable {
    package var time: Timestamp
    package var pid: Int32
    package var comm: String
    package var event: EventType
    package var kind: RegionKind?
    package var delta: Int64?
    package var size: UInt64?
    package var start: UInt64?
    package var end: UInt64?
    package var perms: String?
    package var path: String?
    package var tid: Int32?
    package var source: EventSource
    /// How many changes the event stands for, where it is not one; the records a gap lost.
    package var count: UInt64?
    /// The new process, where it is a fork.
    package var child: Int32?
    /// The end of an alert.
    package var isCleared = false

    package init(_ event: MemoryEvent) {
        time = event.time
        pid = event.pid
        comm = PrintableText.jsonText(event.comm)
        self.event = event.type
        kind = event.kind
        delta = event.delta
        size = event.size
        start = event.start
        end = event.end
        perms = event.permissions?.text
        path = event.path.flatMap { $0.isEmpty ? nil : PrintableText.jsonText($0) }
        tid = event.tid
        source = event.source
        count = event.type == .gap || (event.count ?? 1) > 1 ? event.count : nil
        child = event.child
        isCleared = event.isCleared
    }

    /// `count`, `child` and `cleared` are not among them: they are members only where they say something.
    package static let fields = [
        "time", "pid", "comm", "event", "kind", "delta", "size", "start", "end", "perms", "path", "tid",
        "source",
    ]

    package func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("time")
        writer.value(time)
        writer.key("pid")
        writer.value(pid)
        writer.key("comm")
        writer.value(comm)
        writer.key("event")
        writer.value(event.name)
        writer.key("kind")
        writer.value(kind?.name)
        writer.key("delta")
        writer.value(delta)
        writer.key("size")
        writer.value(size)
        writer.key("start")
        writer.hexadecimal(start)
        writer.key("end")
        writer.hexadecimal(end)
        writer.key("perms")
        writer.value(perms)
        writer.key("path")
        writer.value(path)
        writer.key("tid")
        writer.value(tid)
        writer.key("source")
        writer.value(source.name)
        if let count {
            writer.key("count")
            writer.value(count)
        }
        if let child {
            writer.key("child")
            writer.value(child)
        }
        if isCleared {
            writer.key("cleared")
            writer.value(true)
        }
        writer.endObject()
    }

    package init(json: JSONObject) throws(RecordError) {
        guard let time = Timestamp(rfc3339Written: try json.string("time")) else {
            throw RecordError(field: "time")
        }
        self.time = time
        guard let pid = Int32(exactly: try json.integer("pid")) else { throw RecordError(field: "pid") }
        self.pid = pid
        comm = try json.string("comm")
        guard let event = EventType(name: try json.string("event")) else { throw RecordError(field: "event") }
        self.event = event
        kind = try json.optional("kind", JSONObject.string).flatMap { RegionKind(name: $0) }
        delta = try json.optional("delta", JSONObject.integer)
        size = try json.optional("size", JSONObject.unsigned)
        start = try json.optional("start", JSONObject.address)
        end = try json.optional("end", JSONObject.address)
        perms = try json.optional("perms", JSONObject.string)
        path = try json.optional("path", JSONObject.string)
        tid = try json.optional("tid", JSONObject.integer).flatMap { Int32(exactly: $0) }
        source = try json.string("source") == EventSource.perf.name ? .perf : .sample
        count = try json.optional("count", JSONObject.unsigned)
        child = try json.optional("child", JSONObject.integer).flatMap { Int32(exactly: $0) }
        isCleared = json["cleared"]?.boolValue ?? false
    }
}
