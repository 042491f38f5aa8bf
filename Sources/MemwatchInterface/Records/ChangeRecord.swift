package import MemoryModel
package import Varlink

/// One difference between two region maps as users see it. Fields: docs/json.md.
package struct ChangeRecord: Record, Hashable {
    package enum Change: String, Sendable, CaseIterable {
        /// There was no such region.
        case appeared
        case vanished
        case grew
        case shrank
        /// The same memory with other permissions.
        case protected
    }

    package var change: Change
    package var kind: RegionKind
    /// Signed bytes of ``kind``. Summed by kind, the difference of the totals.
    package var delta: Int64
    /// Of the region afterwards; 0 where it vanished.
    package var size: UInt64
    /// The range that changed, not the whole region.
    package var start: UInt64
    package var end: UInt64
    /// Afterwards; of what vanished, the last.
    package var perms: String
    /// nil unless they changed.
    package var permsBefore: String?
    package var path: String?
    package var tid: Int32?

    /// - Parameter path: the bytes maps shows; empty for anonymous memory.
    package init(
        _ change: Change, kind: RegionKind, delta: Int64, size: UInt64, start: UInt64, end: UInt64,
        permissions: Permissions, permissionsBefore: Permissions?, path: some Collection<UInt8>, tid: Int32
    ) {
        self.change = change
        self.kind = kind
        self.delta = delta
        self.size = size
        self.start = start
        self.end = end
        perms = permissions.text
        permsBefore = permissionsBefore?.text
        self.path = path.isEmpty ? nil : PrintableText.jsonText(Array(path))
        self.tid = tid == 0 ? nil : tid
    }

    package static let fields = [
        "change", "kind", "origin", "delta", "size", "start", "end", "perms", "perms_before", "path", "tid",
    ]

    package func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("change")
        writer.value(change.rawValue)
        writer.key("kind")
        writer.value(kind.name)
        writer.key("origin")
        writer.value(kind.origin.rawValue)
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
        writer.key("perms_before")
        writer.value(permsBefore)
        writer.key("path")
        writer.value(path)
        writer.key("tid")
        writer.value(tid)
        writer.endObject()
    }

    package init(json: JSONObject) throws(RecordError) {
        guard let change = Change(rawValue: try json.string("change")) else {
            throw RecordError(field: "change")
        }
        self.change = change
        guard let kind = RegionKind(name: try json.string("kind")) else { throw RecordError(field: "kind") }
        self.kind = kind
        delta = try json.integer("delta")
        size = try json.unsigned("size")
        start = try json.address("start")
        end = try json.address("end")
        perms = try json.string("perms")
        permsBefore = try json.optional("perms_before", JSONObject.string)
        path = try json.optional("path", JSONObject.string)
        tid = try json.optional("tid", JSONObject.integer).flatMap { Int32(exactly: $0) }
    }
}

/// The bytes of every kind at two instants: the object `kinds` of a diff.
package struct KindChanges: Hashable, Sendable, JSONWritable {
    package var before: KindTotals
    package var after: KindTotals

    package init(before: KindTotals, after: KindTotals) {
        self.before = before
        self.after = after
    }

    package func delta(_ kind: RegionKind) -> Int64 { Int64(bitPattern: after[kind] &- before[kind]) }

    package func write(to writer: inout JSONWriter) {
        writer.beginObject()
        for kind in RegionKind.allCases {
            writer.key(kind.staticName)
            writer.beginObject()
            writer.key("before")
            writer.value(before[kind])
            writer.key("after")
            writer.value(after[kind])
            writer.key("delta")
            writer.value(delta(kind))
            writer.endObject()
        }
        writer.endObject()
    }

    package init(json: JSONObject) throws(RecordError) {
        before = KindTotals()
        after = KindTotals()
        for (name, value) in json {
            // A kind of a newer daemon is none that could be shown.
            guard let kind = RegionKind(name: name) else { continue }
            guard let change = value.objectValue else { throw RecordError(field: "kinds") }
            before[kind] = try change.unsigned("before")
            after[kind] = try change.unsigned("after")
        }
    }
}
