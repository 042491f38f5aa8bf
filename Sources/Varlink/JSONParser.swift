/// Why bytes are not JSON.
package struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What was expected or exceeded.
    package let reason: String
    /// Index of the byte where it was noticed.
    package let offset: Int

    package var description: String { "not JSON at byte \(offset): \(reason)" }
}

extension JSON {
    /// Parses one JSON value that fills `bytes` but for white space around it.
    ///
    /// Strict RFC 8259: no comments, no trailing commas, no bare control characters in strings,
    /// valid UTF-8 only. Nesting deeper than `maximumDepth` is refused, so that a frame of `[[[[…`
    /// costs its sender a connection and us no stack.
    ///
    /// - Parameter limitsMarks: Refuse strings that are not ``Swift/String/isStreamSafe``: what strangers send, and
    ///   is compared with words and looked up by.
    package init(
        parsing bytes: UnsafeRawBufferPointer, maximumDepth: Int = 64, limitsMarks: Bool = false
    ) throws(JSONError) {
        var parser = JSONParser(bytes: bytes, depth: maximumDepth, limitsMarks: limitsMarks)
        self = try parser.document()
    }

    package init(
        parsing bytes: [UInt8], maximumDepth: Int = 64, limitsMarks: Bool = false
    ) throws(JSONError) {
        var outcome: Result<JSON, JSONError> = .success(.null)
        bytes.withUnsafeBytes { buffer in
            do throws(JSONError) {
                outcome = .success(
                    try JSON(parsing: buffer, maximumDepth: maximumDepth, limitsMarks: limitsMarks))
            } catch {
                outcome = .failure(error)
            }
        }
        self = try outcome.get()
    }

    package init(parsing text: String, maximumDepth: Int = 64) throws(JSONError) {
        try self.init(parsing: Array(text.utf8), maximumDepth: maximumDepth)
    }
}

/// Recursive descent over bytes that stay where they are.
private struct JSONParser {
    let bytes: UnsafeRawBufferPointer
    let limitsMarks: Bool
    var depth: Int
    var index = 0

    init(bytes: UnsafeRawBufferPointer, depth: Int, limitsMarks: Bool) {
        self.bytes = bytes
        self.depth = depth
        self.limitsMarks = limitsMarks
    }

    mutating func document() throws(JSONError) -> JSON {
        let value = try value()
        skipWhiteSpace()
        guard index == bytes.count else { throw fail("something follows the value") }
        return value
    }

    private func fail(_ reason: String) -> JSONError { JSONError(reason: reason, offset: index) }

    private mutating func skipWhiteSpace() {
        while index < bytes.count {
            switch bytes[index] {
            case 0x20, 0x0a, 0x0d, 0x09: index += 1
            default: return
            }
        }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard index < bytes.count, bytes[index] == byte else { return false }
        index += 1
        return true
    }

    private mutating func value() throws(JSONError) -> JSON {
        skipWhiteSpace()
        guard index < bytes.count else { throw fail("it ends where a value should be") }
        switch bytes[index] {
        case UInt8(ascii: "{"):
            return try nested { (parser) throws(JSONError) in .object(try parser.object()) }
        case UInt8(ascii: "["): return try nested { (parser) throws(JSONError) in .array(try parser.array()) }
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        default: throw fail("a value cannot begin like this")
        }
    }

    private mutating func nested(
        _ body: (inout JSONParser) throws(JSONError) -> JSON
    ) throws(JSONError) -> JSON {
        guard depth > 0 else { throw fail("it is nested too deeply") }
        depth -= 1
        index += 1
        let value = try body(&self)
        depth += 1
        return value
    }

    private mutating func object() throws(JSONError) -> JSONObject {
        var object = JSONObject()
        skipWhiteSpace()
        if take(UInt8(ascii: "}")) { return object }
        while true {
            skipWhiteSpace()
            guard index < bytes.count, bytes[index] == UInt8(ascii: "\"") else {
                throw fail("a member name is missing")
            }
            let key = try string()
            skipWhiteSpace()
            guard take(UInt8(ascii: ":")) else { throw fail("a colon is missing") }
            object.append(key, try value())
            skipWhiteSpace()
            if take(UInt8(ascii: ",")) { continue }
            if take(UInt8(ascii: "}")) { return object }
            throw fail("a comma or } is missing")
        }
    }

    private mutating func array() throws(JSONError) -> [JSON] {
        var elements: [JSON] = []
        skipWhiteSpace()
        if take(UInt8(ascii: "]")) { return elements }
        while true {
            elements.append(try value())
            skipWhiteSpace()
            if take(UInt8(ascii: ",")) { continue }
            if take(UInt8(ascii: "]")) { return elements }
            throw fail("a comma or ] is missing")
        }
    }

    private mutating func word(_ text: StaticString, _ value: JSON) throws(JSONError) -> JSON {
        let count = text.utf8CodeUnitCount
        guard count <= bytes.count - index,
            text.withUTF8Buffer({ bytes[index..<index + count].elementsEqual($0) })
        else { throw fail("a value cannot begin like this") }
        index += count
        return value
    }

    private mutating func number() throws(JSONError) -> JSON {
        let start = index
        _ = take(UInt8(ascii: "-"))
        let integerStart = index
        let integerDigits = skipDigits()
        guard integerDigits > 0 else { throw fail("a number has no digits") }
        guard integerDigits == 1 || bytes[integerStart] != UInt8(ascii: "0") else {
            throw fail("a number begins with 0")
        }
        var isInteger = true
        if take(UInt8(ascii: ".")) {
            isInteger = false
            guard skipDigits() > 0 else { throw fail("a number has no digits behind its point") }
        }
        if index < bytes.count, bytes[index] | 0x20 == UInt8(ascii: "e") {
            isInteger = false
            index += 1
            if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
            guard skipDigits() > 0 else { throw fail("a number has no digits in its exponent") }
        }
        let text = String(decoding: bytes[start..<index], as: UTF8.self)
        if isInteger, let value = Int64(text) { return .integer(value) }
        guard let value = Double(text), value.isFinite else { throw fail("a number is too large") }
        return .number(value)
    }

    private mutating func skipDigits() -> Int {
        let start = index
        while index < bytes.count, bytes[index] &- UInt8(ascii: "0") < 10 { index += 1 }
        return index - start
    }

    private mutating func string() throws(JSONError) -> String {
        index += 1
        let start = index
        while index < bytes.count {
            let byte = bytes[index]
            if byte == UInt8(ascii: "\"") {
                let text = try valid(String(validating: bytes[start..<index], as: UTF8.self))
                index += 1
                return text
            }
            if byte == UInt8(ascii: "\\") { return try escapedString(from: start) }
            guard byte >= 0x20 else { throw fail("a control character stands in a string") }
            index += 1
        }
        throw fail("a string does not end")
    }

    private func valid(_ text: String?) throws(JSONError) -> String {
        guard let text else { throw fail("a string is not UTF-8") }
        guard !limitsMarks || text.isStreamSafe else { throw fail("a string has too many combining marks") }
        return text
    }

    /// The slow way, from the first backslash on.
    private mutating func escapedString(from start: Int) throws(JSONError) -> String {
        var text = Array(bytes[start..<index])
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            switch byte {
            case UInt8(ascii: "\""):
                return try valid(String(validating: text, as: UTF8.self))
            case UInt8(ascii: "\\"):
                text.append(contentsOf: Array(try escape().utf8))
            case 0..<0x20:
                throw fail("a control character stands in a string")
            default:
                text.append(byte)
            }
        }
        throw fail("a string does not end")
    }

    private mutating func escape() throws(JSONError) -> String {
        guard index < bytes.count else { throw fail("a string does not end") }
        let byte = bytes[index]
        index += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"):
            return String(Unicode.Scalar(byte))
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{c}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return try unicodeEscape()
        default: throw fail("an escape is unknown")
        }
    }

    private mutating func unicodeEscape() throws(JSONError) -> String {
        let first = try hexadecimal4()
        if let scalar = Unicode.Scalar(first) { return String(scalar) }
        // A surrogate: only a high one with a low one behind it stands for a character.
        guard first < 0xdc00, take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) else {
            throw fail("half a surrogate pair")
        }
        let second = try hexadecimal4()
        guard (0xdc00..<0xe000).contains(second),
            let scalar = Unicode.Scalar(0x10000 + (first - 0xd800) << 10 + (second - 0xdc00))
        else { throw fail("half a surrogate pair") }
        return String(scalar)
    }

    private mutating func hexadecimal4() throws(JSONError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard index < bytes.count else { throw fail("a string does not end") }
            let byte = bytes[index]
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
            default: throw fail("a \\u escape wants four hexadecimal digits")
            }
            value = value << 4 | UInt32(digit)
            index += 1
        }
        return value
    }
}
