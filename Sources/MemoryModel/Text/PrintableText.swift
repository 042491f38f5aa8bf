/// Text that a watched process chose (its name, its files' names), made safe to show.
///
/// A process can name itself `\x1b]0;…`, and a file can be called almost anything. Printed
/// raw, that moves the cursor, sets the window's title, hides a line behind a carriage return,
/// turns the reading direction round or forges a second line of a log; and invalid UTF-8 makes
/// `journalctl` show `[blob data]` in place of a sentence. What a reader would not see as a
/// character is written out instead.
package enum PrintableText {
    /// Printable text in one line.
    ///
    /// - `\n`, `\r`, `\t`; other control characters below U+0080 as `\x1b`
    /// - C1 controls, bidi marks, zero-width and other invisible characters, line separators,
    ///   private and unassigned code points as `\u{202e}`
    /// - bytes that are not UTF-8 as `\xff`
    ///
    /// A backslash stays one: unit names hold `\x2d` as text, and must stay what `systemctl`
    /// prints. The result is for eyes, and cannot be turned back.
    package static func escape(_ bytes: some Sequence<UInt8>) -> String {
        var result = ""
        forEachPiece(of: bytes) { piece in
            switch piece {
            case .invalid(let byte): result += hex(byte)
            case .scalar(let scalar): appendEscaped(scalar, to: &result)
            }
        }
        return result
    }

    package static func escape(_ text: some StringProtocol) -> String { escape(text.utf8) }

    /// The same of the first `limit` bytes; what is cut off shows as `…`.
    package static func escape(_ bytes: some Collection<UInt8>, limit: Int) -> String {
        escape(bytes.prefix(limit)) + (bytes.count > limit ? "…" : "")
    }

    /// Text for a JSON string, before JSON's own quoting: the bytes as they are, and each byte
    /// that is not UTF-8 as the four characters `\xff`, because JSON cannot hold it.
    ///
    /// Control characters stay: JSON quotes them itself, and a program gets the name unchanged.
    package static func jsonText(_ bytes: some Collection<UInt8>) -> String {
        // Nearly every name is UTF-8; character by character it costs a hundred times as much.
        if let text = String(validating: bytes, as: UTF8.self) { return text }
        var result = ""
        forEachPiece(of: bytes) { piece in
            switch piece {
            case .invalid(let byte): result += hex(byte)
            case .scalar(let scalar): result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    private enum Piece {
        case scalar(Unicode.Scalar)
        case invalid(UInt8)
    }

    private static func forEachPiece(of bytes: some Sequence<UInt8>, _ body: (Piece) -> Void) {
        let bytes = Array(bytes)
        var iterator = bytes.makeIterator()
        var parser = Unicode.UTF8.ForwardParser()
        var offset = 0
        while true {
            switch parser.parseScalar(from: &iterator) {
            case .valid(let encoded):
                body(.scalar(Unicode.UTF8.decode(encoded)))
                offset += encoded.count
            case .error(let length):
                for byte in bytes[offset..<min(offset + length, bytes.count)] { body(.invalid(byte)) }
                offset += length
            case .emptyInput: return
            }
        }
    }

    private static func appendEscaped(_ scalar: Unicode.Scalar, to result: inout String) {
        switch scalar {
        case "\n": result += "\\n"
        case "\r": result += "\\r"
        case "\t": result += "\\t"
        case "\u{20}"..."\u{7e}": result.unicodeScalars.append(scalar)
        case "\u{0}"..."\u{7f}": result += hex(UInt8(scalar.value))
        default:
            if isInvisible(scalar) {
                result += "\\u{" + String(scalar.value, radix: 16) + "}"
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
    }

    /// Whether a terminal would act on it, or show nothing, rather than draw it.
    private static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate, .unassigned:
            true
        // Hangul fillers, variation selectors, the grapheme joiner: letters and marks by category,
        // and nothing on the screen.
        default: scalar.properties.isDefaultIgnorableCodePoint
        }
    }

    private static func hex(_ byte: UInt8) -> String {
        (byte < 16 ? "\\x0" : "\\x") + String(byte, radix: 16)
    }
}
