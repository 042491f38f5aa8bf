import MemwatchInterface
import Varlink

/// Replies that carry rows: `{"regions": [...], ...}`.
///
/// Rows write themselves straight into the frame; a thousand samples are one buffer and no tree.
struct RowsReply<Row: JSONWritable & Sendable>: JSONWritable, Sendable {
    var name: StaticString
    var rows: [Row]
    /// What stands beside the rows.
    var others: JSONObject = [:]

    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        for (key, value) in others {
            writer.key(named: key)
            value.write(to: &writer)
        }
        writer.key(name)
        writer.beginArray()
        for row in rows { row.write(to: &writer) }
        writer.endArray()
        writer.endObject()
    }
}

extension JSONWritable {
    /// The row as a JSON value, for the few replies that are one object.
    var json: JSON { (try? JSON(parsing: serialized())) ?? .null }
}
