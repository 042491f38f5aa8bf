/// Reads text byte by byte, with none of the product's shortcuts: what a target compares the product with.
struct PlainReader {
    let bytes: UnsafeRawBufferPointer
    var index: Int
    let end: Int

    init(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) {
        self.bytes = bytes
        index = range.lowerBound
        end = range.upperBound
    }

    init(_ bytes: UnsafeRawBufferPointer) { self.init(bytes, 0..<bytes.count) }

    /// The byte here, nil at the end.
    var next: UInt8? { index < end ? bytes[index] : nil }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: character) else { return false }
        index += 1
        return true
    }

    mutating func takeAll(_ characters: Unicode.Scalar...) {
        while let byte = next, characters.contains(Unicode.Scalar(byte)) { index += 1 }
    }

    /// The digits here; nil, and nowhere moved, where there are none or more than 64 bits of them.
    mutating func number(radix: UInt64) -> UInt64? {
        let first = index
        var value: UInt64 = 0
        while let byte = next, let digit = Self.digit(byte), digit < radix {
            let (scaled, tooLarge) = value.multipliedReportingOverflow(by: radix)
            let (sum, carried) = scaled.addingReportingOverflow(digit)
            guard !tooLarge, !carried else {
                index = first
                return nil
            }
            value = sum
            index += 1
        }
        return index > first ? value : nil
    }

    private static func digit(_ byte: UInt8) -> UInt64? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt64(byte - UInt8(ascii: "a")) + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt64(byte - UInt8(ascii: "A")) + 10
        default: nil
        }
    }

    /// Where each line is, without its newline; the last may have none.
    static func lines(_ bytes: UnsafeRawBufferPointer) -> [Range<Int>] {
        var lines: [Range<Int>] = []
        var start = 0
        while let end = bytes.first(UInt8(ascii: "\n"), in: start..<bytes.count) {
            lines.append(start..<end)
            start = end + 1
        }
        if start < bytes.count { lines.append(start..<bytes.count) }
        return lines
    }
}
