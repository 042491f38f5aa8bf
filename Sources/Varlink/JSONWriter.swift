/// Something that can write itself as one JSON value.
package protocol JSONWritable {
    func write(to writer: inout JSONWriter)
}

/// Writes JSON into bytes, without an intermediate tree: the way a long history leaves the daemon.
///
/// Commas are placed by the writer. It does not check that calls nest properly; its callers are
/// our own `write(to:)` functions, and their tests parse what they wrote.
package struct JSONWriter: Sendable {
    package var bytes: [UInt8] = []
    private var needsComma = false

    package init() {}

    package init(reserving capacity: Int) { bytes.reserveCapacity(capacity) }

    /// Forgets what was written and keeps the memory.
    package mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        needsComma = false
    }

    /// Raw bytes between values, such as the newline of NDJSON or the NUL of a Varlink frame.
    package mutating func separate(by byte: UInt8) {
        bytes.append(byte)
        needsComma = false
    }

    package mutating func beginObject() { open(UInt8(ascii: "{")) }
    package mutating func endObject() { close(UInt8(ascii: "}")) }
    package mutating func beginArray() { open(UInt8(ascii: "[")) }
    package mutating func endArray() { close(UInt8(ascii: "]")) }

    /// A member name known at compile time, of letters, digits, `_` and `-` only: copied as it is.
    package mutating func key(_ name: StaticString) {
        let comma = needsComma
        needsComma = false
        name.withUTF8Buffer { name in
            // Room is made once for all of it: a sample has 32 of these.
            append(atMost: name.count + 4) { target in
                var index = 0
                if comma {
                    target[0] = UInt8(ascii: ",")
                    index = 1
                }
                target[index] = UInt8(ascii: "\"")
                if let source = name.baseAddress {
                    (target + index + 1).update(from: source, count: name.count)
                }
                index += 1 + name.count
                target[index] = UInt8(ascii: "\"")
                target[index + 1] = UInt8(ascii: ":")
                return index + 2
            }
        }
    }

    package mutating func key(named name: String) {
        value(name)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    package mutating func null() { literal("null") }

    package mutating func value(_ value: Bool) { literal(value ? "true" : "false") }

    package mutating func value(_ value: String) {
        beforeValue()
        bytes.append(UInt8(ascii: "\""))
        var value = value
        value.withUTF8 { appendEscaped($0) }
        bytes.append(UInt8(ascii: "\""))
    }

    @inlinable
    package mutating func value(_ value: some FixedWidthInteger) {
        decimal(UInt64(truncatingIfNeeded: value.magnitude), isNegative: value < 0)
    }

    /// A string that `fill` writes: ASCII that needs no escape, exactly `count` bytes of it.
    package mutating func plainString(count: Int, _ fill: (UnsafeMutableBufferPointer<UInt8>) -> Void) {
        beforeValue()
        append(atMost: count + 2) { target in
            target[0] = UInt8(ascii: "\"")
            fill(UnsafeMutableBufferPointer(start: target + 1, count: count))
            target[count + 1] = UInt8(ascii: "\"")
            return count + 2
        }
    }

    /// A number; null for infinities and NaN, which JSON cannot write.
    package mutating func value(_ value: Double) {
        guard value.isFinite else { return null() }
        beforeValue()
        bytes.append(contentsOf: value.description.utf8)
    }

    /// An address as people write it: `"0x7f0012340000"`.
    package mutating func hexadecimal(_ value: UInt64) {
        beforeValue()
        bytes.append(contentsOf: [UInt8(ascii: "\""), UInt8(ascii: "0"), UInt8(ascii: "x")])
        var shift = value == 0 ? 0 : (63 - value.leadingZeroBitCount) & ~3
        while shift >= 0 {
            bytes.append(Self.hexDigit(UInt8(truncatingIfNeeded: value >> UInt64(shift)) & 15))
            shift -= 4
        }
        bytes.append(UInt8(ascii: "\""))
    }

    package mutating func value(_ value: some JSONWritable) { value.write(to: &self) }

    /// A value that is JSON already.
    package mutating func raw(_ json: some Collection<UInt8>) {
        beforeValue()
        bytes.append(contentsOf: json)
    }

    // Optionals: nil is null.
    package mutating func value(_ value: String?) {
        if let value { self.value(value) } else { null() }
    }
    @inlinable
    package mutating func value(_ value: (some FixedWidthInteger)?) {
        if let value { self.value(value) } else { null() }
    }
    package mutating func hexadecimal(_ value: UInt64?) {
        if let value { hexadecimal(value) } else { null() }
    }

    private mutating func open(_ bracket: UInt8) {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        bytes.append(bracket)
        needsComma = false
    }

    private mutating func close(_ bracket: UInt8) {
        bytes.append(bracket)
        needsComma = true
    }

    private mutating func literal(_ text: StaticString) {
        beforeValue()
        text.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }

    private mutating func beforeValue() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
    }

    @usableFromInline
    package mutating func decimal(_ magnitude: UInt64, isNegative: Bool) {
        let comma = needsComma
        needsComma = true
        var digits = 1
        var bound: UInt64 = 10
        while digits < 20, magnitude >= bound {
            digits += 1
            bound = bound &* 10
        }
        append(atMost: 22) { target in
            var end = 0
            if comma {
                target[end] = UInt8(ascii: ",")
                end += 1
            }
            if isNegative {
                target[end] = UInt8(ascii: "-")
                end += 1
            }
            end += digits
            var index = end
            var rest = magnitude
            while rest >= 10 {
                let two = rest % 100
                rest /= 100
                index -= 2
                target[index] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: two / 10)
                target[index + 1] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: two % 10)
            }
            // An odd number of digits; and 0.
            if digits & 1 == 1 { target[index - 1] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest) }
            return end
        }
    }

    /// Has `write` put at most `count` bytes at the end; it says how many.
    private mutating func append(atMost count: Int, _ write: (UnsafeMutablePointer<UInt8>) -> Int) {
        bytes.append(addingCapacity: count) { span in
            span.withUnsafeMutableBufferPointer { buffer, initialized in
                guard let target = buffer.baseAddress else { return }
                initialized = write(target)
            }
        }
    }

    private mutating func appendEscaped(_ text: UnsafeBufferPointer<UInt8>) {
        var plainFrom = 0
        for (index, byte) in text.enumerated()
        where byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte == 0x7f {
            bytes.append(contentsOf: text[plainFrom..<index])
            plainFrom = index + 1
            bytes.append(UInt8(ascii: "\\"))
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes.append(byte)
            case 0x0a: bytes.append(UInt8(ascii: "n"))
            case 0x0d: bytes.append(UInt8(ascii: "r"))
            case 0x09: bytes.append(UInt8(ascii: "t"))
            default:
                bytes.append(contentsOf: [UInt8(ascii: "u"), UInt8(ascii: "0"), UInt8(ascii: "0")])
                bytes.append(Self.hexDigit(byte >> 4))
                bytes.append(Self.hexDigit(byte & 15))
            }
        }
        bytes.append(contentsOf: text[plainFrom...])
    }

    private static func hexDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }
}

extension JSON: JSONWritable {
    package func write(to writer: inout JSONWriter) {
        switch self {
        case .null: writer.null()
        case .bool(let value): writer.value(value)
        case .integer(let value): writer.value(value)
        case .number(let value): writer.value(value)
        case .string(let value): writer.value(value)
        case .array(let values):
            writer.beginArray()
            for value in values { value.write(to: &writer) }
            writer.endArray()
        case .object(let object): object.write(to: &writer)
        }
    }
}

extension JSONObject: JSONWritable {
    package func write(to writer: inout JSONWriter) {
        writer.beginObject()
        for (key, value) in self {
            writer.key(named: key)
            value.write(to: &writer)
        }
        writer.endObject()
    }
}

extension JSONWritable {
    /// This value as JSON bytes.
    package func serialized() -> [UInt8] {
        var writer = JSONWriter()
        write(to: &writer)
        return writer.bytes
    }

    /// This value as JSON text.
    package var jsonText: String { String(decoding: serialized(), as: UTF8.self) }
}
