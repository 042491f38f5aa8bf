package import MemoryModel
package import Varlink

/// A region as users see it. Fields: DESIGN "Data fields", docs/json.md.
package struct RegionRecord: Record, Hashable {
    package var start: UInt64
    package var end: UInt64
    package var perms: String
    package var offset: UInt64
    package var device: String
    package var inode: UInt64
    package var kind: RegionKind
    package var path: String?
    package var tid: Int32?
    /// Bytes in memory; nil unless asked for (then it is not written at all) or not readable.
    package var resident: UInt64?
    package var hasResident = false

    package var size: UInt64 { end &- start }

    /// - Parameter path: the bytes maps shows; empty for anonymous memory.
    package init(_ region: Region, path: some Collection<UInt8>) {
        start = region.start
        end = region.end
        perms = region.permissions.text
        offset = region.offset
        device = region.device.text
        inode = region.inode
        kind = region.kind
        self.path = path.isEmpty ? nil : PrintableText.jsonText(path)
        tid = region.tid == 0 ? nil : region.tid
    }

    /// How much of it is in memory was asked for; nil where that could not be told.
    package mutating func setResident(_ bytes: UInt64?) {
        resident = bytes
        hasResident = true
    }

    package static let fields = [
        "start", "end", "size", "perms", "offset", "device", "inode", "kind", "origin", "path", "tid",
    ]

    package func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("start")
        writer.hexadecimal(start)
        writer.key("end")
        writer.hexadecimal(end)
        writer.key("size")
        writer.value(size)
        writer.key("perms")
        writer.value(perms)
        writer.key("offset")
        writer.value(offset)
        writer.key("device")
        writer.value(device)
        writer.key("inode")
        writer.value(inode)
        writer.key("kind")
        writer.value(kind.name)
        writer.key("origin")
        writer.value(kind.origin.rawValue)
        writer.key("path")
        writer.value(path)
        writer.key("tid")
        writer.value(tid)
        if hasResident {
            writer.key("resident")
            writer.value(resident)
        }
        writer.endObject()
    }

    package init(json: JSONObject) throws(RecordError) {
        start = try json.address("start")
        end = try json.address("end")
        perms = try json.string("perms")
        offset = try json.unsigned("offset")
        device = try json.string("device")
        inode = try json.unsigned("inode")
        guard let kind = RegionKind(name: try json.string("kind")) else { throw RecordError(field: "kind") }
        self.kind = kind
        path = try json.optional("path", JSONObject.string)
        tid = try json.optional("tid", JSONObject.integer).flatMap { Int32(exactly: $0) }
        resident = try json.optional("resident", JSONObject.unsigned)
        hasResident = json["resident"] != nil
    }
}
