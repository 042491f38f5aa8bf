package import Varlink

/// One row of output, the same in JSON, NDJSON, CSV and over Varlink.
package protocol Record: JSONWritable, Sendable {
    /// The fields in their order, which is also CSV's order of columns. A field whose value is
    /// an object (`kinds`) stands for one column per kind there.
    static var fields: [String] { get }

    /// Reads what ``JSONWritable/write(to:)`` wrote.
    init(json: JSONObject) throws(RecordError)
}

/// A reply that does not have the promised shape: the other side is not memwatchd, or another version.
package struct RecordError: Error, Hashable, Sendable, CustomStringConvertible {
    package let field: String
    package var description: String { "the daemon's answer has no valid \"\(field)\"" }
}

extension JSONObject {
    func string(_ field: String) throws(RecordError) -> String {
        guard let value = self[field]?.stringValue else { throw RecordError(field: field) }
        return value
    }

    func integer(_ field: String) throws(RecordError) -> Int64 {
        guard let value = self[field]?.integerValue else { throw RecordError(field: field) }
        return value
    }

    func bool(_ field: String) throws(RecordError) -> Bool {
        guard let value = self[field]?.boolValue else { throw RecordError(field: field) }
        return value
    }

    func unsigned(_ field: String) throws(RecordError) -> UInt64 {
        guard let value = UInt64(exactly: try integer(field)) else { throw RecordError(field: field) }
        return value
    }

    /// An address, `"0x7f…"`.
    func address(_ field: String) throws(RecordError) -> UInt64 {
        let text = try string(field)
        guard text.hasPrefix("0x"), let value = UInt64(text.dropFirst(2), radix: 16) else {
            throw RecordError(field: field)
        }
        return value
    }

    /// The field through `read`, or nil where it is null or missing.
    func optional<Value>(
        _ field: String, _ read: (JSONObject) -> (String) throws(RecordError) -> Value
    ) throws(RecordError) -> Value? {
        guard let value = self[field], !value.isNull else { return nil }
        return try read(self)(field)
    }
}
