/// Walks over JSON without building values: where a record begins and ends is all that is needed
/// to pass it on.
///
/// A day of history is 86,400 objects of 33 members; as values of an enum they cost ten times what
/// checking them does. What the scanner passes over it has read as strictly as ``JSON/init(parsing:)``
/// does: both take the same bytes, and refuse the same.
package struct JSONScanner {
    /// Not JSON, or not of the shape that was promised.
    package struct Malformed: Error {
        package init() {}
    }

    private let bytes: UnsafeRawBufferPointer
    private var index = 0
    private var depth: Int

    /// - Parameters:
    ///   - bytes: Must outlive the scanner.
    ///   - maximumDepth: Deeper nesting is malformed, and so is a value that alone is nested 65 deep.
    package init(_ bytes: UnsafeRawBufferPointer, maximumDepth: Int = 64) {
        self.bytes = bytes
        depth = maximumDepth
    }

    /// Calls `body` with each member of the object that `bytes` is: the name between its quotes
    /// as written, and the value.
    package mutating func forEachMember<Failure: Error>(
        _ body: (_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(ScanError<Failure>) {
        do throws(Malformed) { try open(UInt8(ascii: "{")) } catch { throw .malformed }
        var isFirst = true
        while true {
            let name: Range<Int>
            let value: Range<Int>
            do throws(Malformed) {
                if try endsOrContinues(with: UInt8(ascii: "}"), isFirst: isFirst) { return }
                name = try string()
                try expect(UInt8(ascii: ":"))
                value = try self.value()
            } catch { throw .malformed }
            isFirst = false
            do throws(Failure) {
                try body(
                    UnsafeRawBufferPointer(rebasing: bytes[(name.lowerBound + 1)..<(name.upperBound - 1)]),
                    UnsafeRawBufferPointer(rebasing: bytes[value]))
            } catch { throw .body(error) }
        }
    }

    /// Calls `body` with each element of the array that `bytes` is, or that was entered.
    package mutating func forEachElement<Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(ScanError<Failure>) {
        do throws(Malformed) { try open(UInt8(ascii: "[")) } catch { throw .malformed }
        var isFirst = true
        while true {
            let element: Range<Int>
            do throws(Malformed) {
                if try endsOrContinues(with: UInt8(ascii: "]"), isFirst: isFirst) { return }
                element = try value()
            } catch { throw .malformed }
            isFirst = false
            do throws(Failure) { try body(UnsafeRawBufferPointer(rebasing: bytes[element])) } catch {
                throw .body(error)
            }
        }
    }

    /// Goes on into the value of the object's member `name`, which is not read before: a walk into
    /// a large value passes over its bytes once. False where the object has no such member.
    package mutating func enter(_ name: StaticString) throws(Malformed) -> Bool {
        try open(UInt8(ascii: "{"))
        var isFirst = true
        while try !endsOrContinues(with: UInt8(ascii: "}"), isFirst: isFirst) {
            isFirst = false
            let key = try string()
            try expect(UInt8(ascii: ":"))
            let inner = UnsafeRawBufferPointer(rebasing: bytes[(key.lowerBound + 1)..<(key.upperBound - 1)])
            if name.withUTF8Buffer({ inner.elementsEqual($0) }) { return true }
            _ = try value()
        }
        return false
    }

    /// Nothing but white space may be left.
    package mutating func end() throws(Malformed) {
        skipWhiteSpace()
        guard index == bytes.count else { throw Malformed() }
    }

    // MARK: Tokens

    private mutating func skipWhiteSpace() {
        while index < bytes.count, Self.isWhiteSpace(bytes[index]) { index += 1 }
    }

    private static func isWhiteSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard index < bytes.count, bytes[index] == byte else { return false }
        index += 1
        return true
    }

    private mutating func expect(_ byte: UInt8) throws(Malformed) {
        skipWhiteSpace()
        guard take(byte) else { throw Malformed() }
    }

    private mutating func open(_ bracket: UInt8) throws(Malformed) {
        try expect(bracket)
        guard depth > 0 else { throw Malformed() }
        depth -= 1
    }

    /// True at the closing bracket; false in front of the next member or element.
    private mutating func endsOrContinues(with close: UInt8, isFirst: Bool) throws(Malformed) -> Bool {
        skipWhiteSpace()
        if take(close) {
            depth += 1
            return true
        }
        if !isFirst {
            guard take(UInt8(ascii: ",")) else { throw Malformed() }
            skipWhiteSpace()
        }
        return false
    }

    // MARK: Values

    /// One whole value, without the white space around it.
    private mutating func value() throws(Malformed) -> Range<Int> {
        skipWhiteSpace()
        let start = index
        // One bit per open bracket, set for an object: nesting costs no stack.
        var isObject: UInt64 = 0
        var level = 0
        while true {
            // In front of a value.
            skipWhiteSpace()
            guard index < bytes.count else { throw Malformed() }
            let byte = bytes[index]
            if byte == UInt8(ascii: "{") || byte == UInt8(ascii: "[") {
                guard level < depth, level < 64 else { throw Malformed() }
                index += 1
                level += 1
                isObject = isObject << 1 | (byte == UInt8(ascii: "{") ? 1 : 0)
                skipWhiteSpace()
                if !take(byte + 2) {
                    if isObject & 1 == 1 { try key() }
                    continue
                }
                level -= 1
                isObject >>= 1
            } else {
                try scalar(byte)
            }
            // Behind a value.
            while true {
                if level == 0 { return start..<index }
                skipWhiteSpace()
                if take(UInt8(ascii: ",")) {
                    if isObject & 1 == 1 { try key() }
                    break
                }
                // "]" and "}" stand two behind their opening brackets in ASCII.
                guard take(isObject & 1 == 1 ? UInt8(ascii: "}") : UInt8(ascii: "]")) else {
                    throw Malformed()
                }
                level -= 1
                isObject >>= 1
            }
        }
    }

    private mutating func key() throws(Malformed) {
        skipWhiteSpace()
        _ = try string()
        try expect(UInt8(ascii: ":"))
    }

    private mutating func scalar(_ first: UInt8) throws(Malformed) {
        switch first {
        case UInt8(ascii: "\""): _ = try string()
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): try number()
        case UInt8(ascii: "t"): try word("true")
        case UInt8(ascii: "f"): try word("false")
        case UInt8(ascii: "n"): try word("null")
        default: throw Malformed()
        }
    }

    private mutating func word(_ text: StaticString) throws(Malformed) {
        let count = text.utf8CodeUnitCount
        guard count <= bytes.count - index,
            text.withUTF8Buffer({ bytes[index..<index + count].elementsEqual($0) })
        else { throw Malformed() }
        index += count
    }

    private mutating func number() throws(Malformed) {
        let start = index
        _ = take(UInt8(ascii: "-"))
        let first = index
        let digits = skipDigits()
        guard digits > 0, digits == 1 || bytes[first] != UInt8(ascii: "0") else { throw Malformed() }
        var isShort = digits < 100
        if take(UInt8(ascii: ".")) { guard skipDigits() > 0 else { throw Malformed() } }
        if index < bytes.count, bytes[index] | 0x20 == UInt8(ascii: "e") {
            isShort = false
            index += 1
            if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
            guard skipDigits() > 0 else { throw Malformed() }
        }
        // A Double reaches 1.8e308; what is greater the parser refuses too.
        if !isShort {
            guard Double(String(decoding: bytes[start..<index], as: UTF8.self))?.isFinite == true else {
                throw Malformed()
            }
        }
    }

    private mutating func skipDigits() -> Int {
        let start = index
        while index < bytes.count, bytes[index] &- UInt8(ascii: "0") < 10 { index += 1 }
        return index - start
    }

    /// From quote to quote, both included.
    private mutating func string() throws(Malformed) -> Range<Int> {
        let start = index
        guard take(UInt8(ascii: "\"")) else { throw Malformed() }
        var isASCII = true
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            switch byte {
            case UInt8(ascii: "\""):
                // Escapes are ASCII and stand for whole characters, so the bytes may be judged as they are.
                guard isASCII || String(validating: bytes[start..<index], as: UTF8.self) != nil else {
                    throw Malformed()
                }
                return start..<index
            case UInt8(ascii: "\\"): try escape()
            case 0..<0x20: throw Malformed()
            case 0x80...0xff: isASCII = false
            default: break
            }
        }
        throw Malformed()
    }

    private mutating func escape() throws(Malformed) {
        guard index < bytes.count else { throw Malformed() }
        let byte = bytes[index]
        index += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            return
        case UInt8(ascii: "u"):
            let unit = try hexadecimal4()
            guard unit & 0xf800 == 0xd800 else { return }
            // A surrogate: only a high one with a low one behind it stands for a character.
            guard unit < 0xdc00, take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")),
                try hexadecimal4() & 0xfc00 == 0xdc00
            else { throw Malformed() }
        default: throw Malformed()
        }
    }

    private mutating func hexadecimal4() throws(Malformed) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard index < bytes.count else { throw Malformed() }
            let byte = bytes[index]
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                value = value << 4 | UInt32(byte - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"), UInt8(ascii: "A")...UInt8(ascii: "F"):
                value = value << 4 | UInt32((byte | 0x20) - UInt8(ascii: "a") + 10)
            default: throw Malformed()
            }
            index += 1
        }
        return value
    }
}

/// What ended a walk before its end.
package enum ScanError<Body: Error>: Error {
    case malformed
    case body(Body)
}
