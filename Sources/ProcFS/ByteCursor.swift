import Glibc

/// A place in some bytes, for the small files of /proc. It never reads outside them and
/// never traps: what is not there reads as nil.
struct ByteCursor {
    private let bytes: UnsafeRawBufferPointer
    private(set) var offset: Int

    init(_ bytes: UnsafeRawBufferPointer, from offset: Int = 0) {
        self.bytes = bytes
        self.offset = offset
    }

    var isAtEnd: Bool { offset >= bytes.count }

    /// The byte at the cursor, nil at the end.
    var next: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    /// Goes over spaces and tabs.
    mutating func skipBlanks() {
        while let byte = next, byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") { offset += 1 }
    }

    /// Goes over `byte` if it is there.
    mutating func skip(_ byte: UInt8) -> Bool {
        guard next == byte else { return false }
        offset += 1
        return true
    }

    /// A decimal number. nil, and nowhere moved, if there is no digit or it passes 64 bits.
    mutating func decimal() -> UInt64? {
        var value: UInt64 = 0
        var index = offset
        while index < bytes.count, case let digit = bytes[index] &- UInt8(ascii: "0"), digit < 10 {
            let (scaled, tooLarge) = value.multipliedReportingOverflow(by: 10)
            let (sum, carried) = scaled.addingReportingOverflow(UInt64(digit))
            if tooLarge || carried { return nil }
            value = sum
            index += 1
        }
        guard index > offset else { return nil }
        offset = index
        return value
    }

    /// A hexadecimal number, with or without `0x`. nil, and nowhere moved, if there is none
    /// or it passes 64 bits.
    mutating func hexadecimal() -> UInt64? {
        var index = offset
        if index + 1 < bytes.count, bytes[index] == UInt8(ascii: "0"), bytes[index + 1] == UInt8(ascii: "x") {
            index += 2
        }
        let first = index
        var value: UInt64 = 0
        while index < bytes.count, let digit = Self.hexDigit(bytes[index]) {
            if value >> 60 != 0 { return nil }
            value = value << 4 | UInt64(digit)
            index += 1
        }
        guard index > first else { return nil }
        offset = index
        return value
    }

    /// The bytes up to `byte` or the end; the cursor then stands behind `byte`.
    mutating func upTo(_ byte: UInt8) -> UnsafeRawBufferPointer {
        let rest = UnsafeRawBufferPointer(rebasing: bytes[offset...])
        // memchr(3) looks at 32 bytes at a time.
        guard let base = rest.baseAddress, let found = memchr(base, Int32(byte), rest.count) else {
            offset = bytes.count
            return rest
        }
        let count = UnsafeRawPointer(found) - base
        offset += count + 1
        return UnsafeRawBufferPointer(rebasing: rest[..<count])
    }

    /// A line without its newline, nil at the end.
    mutating func line() -> UnsafeRawBufferPointer? {
        isAtEnd ? nil : upTo(UInt8(ascii: "\n"))
    }

    /// The next word between blanks, nil if there is none on this line.
    mutating func word() -> UnsafeRawBufferPointer? {
        skipBlanks()
        let first = offset
        while let byte = next, byte != UInt8(ascii: " "), byte != UInt8(ascii: "\t"),
            byte != UInt8(ascii: "\n")
        {
            offset += 1
        }
        return first == offset ? nil : UnsafeRawBufferPointer(rebasing: bytes[first..<offset])
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        let digit = byte &- UInt8(ascii: "0")
        if digit < 10 { return digit }
        let letter = (byte | 0x20) &- UInt8(ascii: "a")
        return letter < 6 ? letter + 10 : nil
    }
}

extension UnsafeRawBufferPointer {
    func equals(_ text: StaticString) -> Bool {
        count == text.utf8CodeUnitCount && hasPrefix(text)
    }

    func hasPrefix(_ text: StaticString) -> Bool {
        guard count >= text.utf8CodeUnitCount else { return false }
        for index in 0..<text.utf8CodeUnitCount where self[index] != text.utf8Start[index] { return false }
        return true
    }

    func hasSuffix(_ text: StaticString) -> Bool {
        guard count >= text.utf8CodeUnitCount else { return false }
        return UnsafeRawBufferPointer(rebasing: self[(count - text.utf8CodeUnitCount)...]).equals(text)
    }
}
