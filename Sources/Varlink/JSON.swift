/// A JSON value (RFC 8259).
///
/// Written here rather than taken from FoundationEssentials for four reasons: the client must
/// start in about the time `pmap` does, integers must stay integers (addresses and byte counts
/// do not fit a Double), nesting must be bounded by the reader of a socket and not by its stack,
/// and a history of 86,400 samples must be written without a dictionary per sample.
package enum JSON: Hashable, Sendable {
    case null
    case bool(Bool)
    /// A number without fraction or exponent that fits 64 bits.
    case integer(Int64)
    /// Any other number.
    case number(Double)
    case string(String)
    case array([JSON])
    case object(JSONObject)
}

extension JSON {
    package var isNull: Bool { self == .null }

    package var boolValue: Bool? {
        if case .bool(let value) = self { value } else { nil }
    }

    /// The value as an integer; also a number without a fraction, such as `1.0` or `1e3`.
    package var integerValue: Int64? {
        switch self {
        case .integer(let value): value
        case .number(let value): Int64(exactly: value)
        default: nil
        }
    }

    package var doubleValue: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value
        default: nil
        }
    }

    package var stringValue: String? {
        if case .string(let value) = self { value } else { nil }
    }

    package var arrayValue: [JSON]? {
        if case .array(let value) = self { value } else { nil }
    }

    package var objectValue: JSONObject? {
        if case .object(let value) = self { value } else { nil }
    }

    /// A member of an object; nil where this is no object or has no such member.
    package subscript(key: String) -> JSON? { objectValue?[key] }
}

extension JSON: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByStringLiteral, ExpressibleByArrayLiteral,
    ExpressibleByDictionaryLiteral
{
    package init(nilLiteral: ()) { self = .null }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(integerLiteral value: Int64) { self = .integer(value) }
    package init(floatLiteral value: Double) { self = .number(value) }
    package init(stringLiteral value: String) { self = .string(value) }
    package init(arrayLiteral elements: JSON...) { self = .array(elements) }
    package init(dictionaryLiteral elements: (String, JSON)...) { self = .object(JSONObject(elements)) }
}

/// An object: its members in the order they were written.
package struct JSONObject: Hashable, Sendable {
    private var keys: [String]
    private var values: [JSON]

    package init() {
        keys = []
        values = []
    }

    package init(_ members: some Sequence<(String, JSON)>) {
        self.init()
        for (key, value) in members { append(key, value) }
    }

    package var count: Int { keys.count }
    package var isEmpty: Bool { keys.isEmpty }

    /// The member of that name; the last one where a name stands twice, as most readers have it.
    /// Setting nil removes.
    package subscript(key: String) -> JSON? {
        get { keys.lastIndex(of: key).map { values[$0] } }
        set {
            if let index = keys.lastIndex(of: key) {
                if let newValue {
                    values[index] = newValue
                } else {
                    keys.remove(at: index)
                    values.remove(at: index)
                }
            } else if let newValue {
                append(key, newValue)
            }
        }
    }

    /// Adds a member without looking for one of the same name: a parser that looked would need
    /// time quadratic in what a stranger sends.
    package mutating func append(_ key: String, _ value: JSON) {
        keys.append(key)
        values.append(value)
    }
}

extension JSONObject: Sequence {
    package func makeIterator() -> Zip2Sequence<[String], [JSON]>.Iterator {
        zip(keys, values).makeIterator()
    }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
    package init(dictionaryLiteral elements: (String, JSON)...) { self.init(elements) }
}
