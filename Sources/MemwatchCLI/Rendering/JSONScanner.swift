/// Walks over JSON without building values: where a record begins and ends is all that is needed
/// to pass it on.
///
/// A day of history is 86,400 objects of 33 members; as values of an enum they cost several
/// times what reading them does. The scanner checks what could break a line of NDJSON or a row
/// of CSV (strings end, brackets match in number, no raw control characters) and leaves the rest
/// of the grammar to whoever reads the values.
struct JSONScanner {
    /// Not what was promised; becomes an internal error at the edge.
    struct Malformed: Error {}

    private let bytes: UnsafeRawBufferPointer
    private var index = 0

    /// - Parameter bytes: Must outlive the scanner.
    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// Calls `body` with each member of the object that `bytes` is: the name between its quotes
    /// as written, and the value.
    mutating func forEachMember<Failure: Error>(
        _ body: (_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(ScanError<Failure>) {
        do throws(Malformed) { try expect(UInt8(ascii: "{")) } catch { throw .malformed }
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
    mutating func forEachElement<Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(ScanError<Failure>) {
        do throws(Malformed) { try expect(UInt8(ascii: "[")) } catch { throw .malformed }
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
    mutating func enter(_ name: StaticString) throws(Malformed) -> Bool {
        try expect(UInt8(ascii: "{"))
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

    private mutating func skipWhiteSpace() {
        while index < bytes.count, bytes[index] <= 0x20 { index += 1 }
    }

    private mutating func expect(_ byte: UInt8) throws(Malformed) {
        skipWhiteSpace()
        guard index < bytes.count, bytes[index] == byte else { throw Malformed() }
        index += 1
    }

    /// True at the closing bracket; false in front of the next member or element.
    private mutating func endsOrContinues(with close: UInt8, isFirst: Bool) throws(Malformed) -> Bool {
        skipWhiteSpace()
        guard index < bytes.count else { throw Malformed() }
        if bytes[index] == close {
            index += 1
            return true
        }
        if !isFirst { try expect(UInt8(ascii: ",")) }
        skipWhiteSpace()
        return false
    }

    /// From quote to quote, both included.
    private mutating func string() throws(Malformed) -> Range<Int> {
        let start = index
        guard index < bytes.count, bytes[index] == UInt8(ascii: "\"") else { throw Malformed() }
        index += 1
        while index < bytes.count {
            let byte = bytes[index]
            if byte == UInt8(ascii: "\"") {
                index += 1
                return start..<index
            }
            guard byte >= 0x20 else { throw Malformed() }
            index += byte == UInt8(ascii: "\\") ? 2 : 1
        }
        throw Malformed()
    }

    private mutating func value() throws(Malformed) -> Range<Int> {
        skipWhiteSpace()
        let start = index
        var depth = 0
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\""):
                _ = try string()
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                index += 1
                continue
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                guard depth > 0 else { throw Malformed() }
                depth -= 1
                index += 1
            case UInt8(ascii: ","), UInt8(ascii: ":"):
                guard depth > 0 else { throw Malformed() }
                index += 1
                continue
            case 0...0x20:
                index += 1
                continue
            default:
                skipWord()
            }
            if depth == 0 { return start..<index }
        }
        throw Malformed()
    }

    /// A number, `true`, `false` or `null`.
    private mutating func skipWord() {
        while index < bytes.count {
            switch bytes[index] {
            case 0...0x20, UInt8(ascii: ","), UInt8(ascii: ":"), UInt8(ascii: "\""), UInt8(ascii: "{"),
                UInt8(ascii: "}"), UInt8(ascii: "["), UInt8(ascii: "]"):
                return
            default: index += 1
            }
        }
    }
}

/// What ended a walk before its end.
enum ScanError<Body: Error>: Error {
    case malformed
    case body(Body)
}

extension [UInt8] {
    /// `withUnsafeBytes` that keeps the error's type.
    func withRawBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try withUnsafeBufferPointer { (bytes) throws(Failure) in try body(UnsafeRawBufferPointer(bytes)) }
    }
}
