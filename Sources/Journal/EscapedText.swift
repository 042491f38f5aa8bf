/// Text that a watched process chose (its name, a path), made safe to show.
package enum EscapedText {
    /// `bytes` as one line of printable text.
    ///
    /// A process may call itself anything but NUL. Printed raw, a newline forges a second log
    /// line, ESC drives the reader's terminal, a bidi mark reverses the text behind it, and invalid
    /// UTF-8 makes `journalctl` show `[blob data]` in place of the whole sentence. So everything that
    /// is not a printable scalar becomes `\n`, `\t`, `\r`, `\xHH` (a byte) or `\u{HEX}` (a scalar).
    /// A backslash stays one: unit names hold `\x2d` as text. The exact bytes are in the entry's fields.
    ///
    /// - Parameter limit: bytes of input that are shown; what is cut off shows as `…`.
    package static func line(_ bytes: some Collection<UInt8>, limit: Int = 256) -> String {
        var text = ""
        var decoder = UTF8ScalarReader(bytes.prefix(limit))
        while let next = decoder.next() {
            switch next {
            case .scalar(let scalar): append(scalar, to: &text)
            case .invalid(let byte): text += "\\x" + hex(UInt32(byte), digits: 2)
            }
        }
        if bytes.count > limit { text += "…" }
        return text
    }

    /// The same for text that is valid UTF-8 already.
    package static func line(_ string: String, limit: Int = 4096) -> String {
        line(Array(string.utf8), limit: limit)
    }

    private static func append(_ scalar: Unicode.Scalar, to text: inout String) {
        switch scalar {
        case "\n": text += "\\n"
        case "\r": text += "\\r"
        case "\t": text += "\\t"
        case _ where scalar.value < 0x20 || scalar.value == 0x7f: text += "\\x" + hex(scalar.value, digits: 2)
        case _ where isPrintable(scalar): text.unicodeScalars.append(scalar)
        default: text += "\\u{" + hex(scalar.value, digits: 1) + "}"
        }
    }

    /// Format characters (Cf) hold the bidi marks, isolates and zero-width joiners; C1 controls
    /// (0x80…0x9f) include CSI; the line and paragraph separators break lines in some viewers.
    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned:
            false
        default: true
        }
    }

    static func hex(_ value: UInt32, digits: Int) -> String {
        let text = String(value, radix: 16)
        return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
    }
}

/// Reads scalars one by one and gives every byte that belongs to none as it is.
private struct UTF8ScalarReader {
    enum Element {
        case scalar(Unicode.Scalar)
        case invalid(UInt8)
    }

    private let bytes: [UInt8]
    private var index = 0

    init(_ bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }

    mutating func next() -> Element? {
        guard index < bytes.count else { return nil }
        let first = bytes[index]
        let length =
            switch first {
            case 0x00...0x7f: 1
            case 0xc2...0xdf: 2
            case 0xe0...0xef: 3
            case 0xf0...0xf4: 4
            default: 0
            }
        if length > 0, index + length <= bytes.count,
            let text = String(validating: bytes[index..<index + length], as: UTF8.self),
            let scalar = text.unicodeScalars.first
        {
            index += length
            return .scalar(scalar)
        }
        index += 1
        return .invalid(first)
    }
}
