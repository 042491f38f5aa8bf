/// The words of a TOML text: keys, strings, bare values, and what is between them.
struct TOMLScanner {
    let text: [UInt8]
    /// The next byte.
    var index = 0

    init(_ text: [UInt8]) {
        self.text = text
        // A byte order mark.
        if text.starts(with: [0xef, 0xbb, 0xbf]) { index = 3 }
    }

    func peek(_ ahead: Int = 0) -> UInt8? {
        index + ahead < text.count ? text[index + ahead] : nil
    }

    var isAtEndOfLine: Bool { peek() == nil || peek() == UInt8(ascii: "\n") }

    mutating func take(_ byte: UInt8) -> Bool {
        guard peek() == byte else { return false }
        index += 1
        return true
    }

    mutating func skipSpaces() {
        while let byte = peek(), byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") { index += 1 }
    }

    /// Spaces and a comment, up to the end of the line; with `newlines`, lines of them.
    mutating func skipBlank(newlines: Bool = false) {
        while true {
            skipSpaces()
            if peek() == UInt8(ascii: "#") {
                while !isAtEndOfLine { index += 1 }
            }
            // A carriage return is blank only as part of the end of a line.
            if peek() == UInt8(ascii: "\r"), peek(1) == UInt8(ascii: "\n") { index += 1 }
            guard newlines, take(UInt8(ascii: "\n")) else { return }
        }
    }

    /// At the next byte: `what` was expected, `remedy` is what to write.
    func malformed(_ what: String, _ remedy: String, at offset: Int? = nil) -> TOMLPositions.Malformation {
        TOMLPositions.Malformation(offset: offset ?? index, message: what + "; " + remedy)
    }

    // MARK: Words

    mutating func readKeyPart() throws(TOMLPositions.Malformation) -> String {
        let quote = peek()
        if quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") {
            guard peek(1) != quote || peek(2) != quote else {
                throw malformed("a key is not a multi-line string", "write it in single quotation marks")
            }
            return try readString()
        }
        let start = index
        while let byte = peek(), Self.isBareKey(byte) { index += 1 }
        guard index > start else {
            throw malformed(
                "expected a key", "write one of letters, digits, - and _, or quote it")
        }
        return String(decoding: text[start..<index], as: UTF8.self)
    }

    private static func isBareKey(_ byte: UInt8) -> Bool {
        isAlphanumeric(byte) || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }

    /// A number, a boolean or a date, which alone may hold a space.
    mutating func skipBareValue() throws(TOMLPositions.Malformation) {
        let start = index
        if peek() == UInt8(ascii: "+") || peek() == UInt8(ascii: "-") { index += 1 }
        guard let first = peek(), Self.isAlphanumeric(first) else {
            throw malformed("expected a value", "write a number, true, false or text in quotes", at: start)
        }
        while let byte = peek() {
            guard Self.isAlphanumeric(byte) || "+-_:.".utf8.contains(byte) || isWithinDateAndTime(from: start)
            else { return }
            index += 1
        }
    }

    /// Whether this is the space in `1979-05-27 07:32:00`. toml++ fails an assertion over a date with
    /// a space and a digit behind it that are not the beginning of a time.
    private func isWithinDateAndTime(from start: Int) -> Bool {
        guard index - start == 10, index + 3 < text.count else { return false }
        return zip(text[start..<index + 4], "0000-00-00 00:".utf8).allSatisfy { byte, form in
            form == 0x30 ? (0x30...0x39).contains(byte) : byte == form
        }
    }

    /// Any of the four kinds of string, from its first quote to behind its last.
    ///
    /// The content is right for keys; of values it is only the length that matters here.
    mutating func readString() throws(TOMLPositions.Malformation) -> String {
        let start = index
        guard let quote = peek() else { throw malformed("expected a string", "write text in quotes") }
        let isBasic = quote == UInt8(ascii: "\"")
        let isLong = peek(1) == quote && peek(2) == quote
        index += isLong ? 3 : 1
        var content: [UInt8] = []
        while let byte = peek(), isLong || byte != UInt8(ascii: "\n") {
            if byte == quote, !isLong || peek(1) == quote && peek(2) == quote {
                index += isLong ? 3 : 1
                // `""""`: up to two quotes before the closing three are content.
                var extra = 0
                while isLong, extra < 2, take(quote) { extra += 1 }
                return String(decoding: content, as: UTF8.self)
            }
            index += 1
            if isBasic, byte == UInt8(ascii: "\\") {
                try readEscape(into: &content)
            } else {
                content.append(byte)
            }
        }
        let closing = String(repeating: isBasic ? "\"" : "'", count: isLong ? 3 : 1)
        throw malformed("the string has no end", "close it with \(closing)", at: start)
    }

    /// What follows a backslash.
    private mutating func readEscape(into content: inout [UInt8]) throws(TOMLPositions.Malformation) {
        guard let byte = peek() else { return }
        index += 1
        switch byte {
        case UInt8(ascii: "b"): content.append(0x08)
        case UInt8(ascii: "t"): content.append(0x09)
        case UInt8(ascii: "n"): content.append(0x0a)
        case UInt8(ascii: "f"): content.append(0x0c)
        case UInt8(ascii: "r"): content.append(0x0d)
        case UInt8(ascii: "u"), UInt8(ascii: "U"):
            let digits = text[index...].prefix(byte == UInt8(ascii: "u") ? 4 : 8)
            guard digits.count >= 4, let value = UInt32(String(decoding: digits, as: UTF8.self), radix: 16),
                let scalar = Unicode.Scalar(value)
            else {
                throw malformed("no such character", "write \\u and four hexadecimal digits", at: index - 2)
            }
            // TOMLKit hands strings over as C strings, which would end here without a word.
            guard value != 0 else {
                throw malformed(
                    "a NUL character", "leave it out, nothing that memwatch reads holds one", at: index - 2)
            }
            index += digits.count
            content.append(contentsOf: String(scalar).utf8)
        // TOMLKit knows which others there are; a quote or a backslash is itself.
        default: content.append(byte)
        }
    }
}
