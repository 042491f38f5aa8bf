/// Where the keys and values of a TOML text stand.
///
/// TOMLKit says where a syntax error is, but not where a key or a value that it has read came
/// from. This walks over the text once more and notes that, and nothing else: it knows where
/// a value begins and ends, not what it means. What it does not understand ends the walk, and
/// is TOMLKit's to complain of.
struct TOMLPositions {
    enum Step: Hashable {
        case key(String)
        /// Of an array, `[[tables]]` included, from 0.
        case index(Int)
    }
    typealias Path = [Step]

    struct Place {
        /// Of the key's first character; of a table, of the name in its `[header]`.
        var key: Int
        /// Of the value's first character; of a table with a header, as `key`.
        var value: Int
    }

    private(set) var places: [Path: Place] = [:]
    /// Where the text goes deeper than ``deepest``.
    private(set) var tooDeepAt: Int?

    /// toml++, which TOMLKit wraps, follows dotted keys by recursion without an end: 500,000 of
    /// them in a row overflow its stack. Nothing here goes deeper than three.
    static let deepest = 32

    private let text: [UInt8]
    private var index = 0

    init(_ text: [UInt8]) {
        self.text = text
        if text.starts(with: [0xef, 0xbb, 0xbf]) { index = 3 }
        walk()
    }

    func position(of path: Path) -> TextPosition? {
        places[path].map { TextPosition(offset: $0.key, in: text) }
    }

    func positionOfValue(_ path: Path) -> TextPosition? {
        places[path].map { TextPosition(offset: $0.value, in: text) }
    }

    // MARK: Lines

    private mutating func walk() {
        var table: Path = []
        // How many tables each `[[array]]` has so far: `[array.inner]` is in the last of them.
        var counts: [Path: Int] = [:]
        while true {
            skipBlank(newlines: true)
            guard let byte = peek() else { return }
            if byte == UInt8(ascii: "[") {
                index += 1
                let isArray = peek() == UInt8(ascii: "[")
                if isArray { index += 1 }
                skipBlank()
                let start = index
                guard let names = readKey() else { return }
                table = []
                for (place, name) in names.enumerated() {
                    table.append(.key(name))
                    note(table, key: start, value: start)
                    guard let count = counts[table] else { continue }
                    if isArray && place == names.count - 1 { continue }
                    table.append(.index(count - 1))
                }
                if isArray {
                    let number = counts[table, default: 0]
                    counts[table] = number + 1
                    table.append(.index(number))
                    note(table, key: start, value: start)
                }
                skipBlank()
                guard take(UInt8(ascii: "]")), !isArray || take(UInt8(ascii: "]")) else { return }
            } else {
                guard readPair(in: table) else { return }
            }
            skipBlank()
            guard peek() == nil || peek() == UInt8(ascii: "\n") else { return }
        }
    }

    private mutating func readPair(in table: Path) -> Bool {
        let start = index
        guard let names = readKey() else { return false }
        skipBlank()
        guard take(UInt8(ascii: "=")) else { return false }
        skipBlank()
        var path = table
        for name in names {
            path.append(.key(name))
            note(path, key: start, value: index)
        }
        return readValue(at: path)
    }

    /// The first mention of a table is where it is complained of.
    private mutating func note(_ path: Path, key: Int, value: Int) {
        if places[path] == nil { places[path] = Place(key: key, value: value) }
    }

    // MARK: Keys

    /// `a`, `a.b`, `"a b" . 'c'`; nil where it goes wrong or too deep.
    private mutating func readKey() -> [String]? {
        var names: [String] = []
        while true {
            skipBlank()
            guard names.count < Self.deepest else {
                tooDeepAt = tooDeepAt ?? index
                return nil
            }
            guard let byte = peek() else { return nil }
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
                guard let string = readString() else { return nil }
                names.append(string)
            } else {
                let start = index
                while let byte = peek(), Self.isBareKey(byte) { index += 1 }
                guard index > start else { return nil }
                names.append(String(decoding: text[start..<index], as: UTF8.self))
            }
            skipBlank()
            guard take(UInt8(ascii: ".")) else { return names }
        }
    }

    private static func isBareKey(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }

    // MARK: Values

    private mutating func readValue(at path: Path) -> Bool {
        guard path.count < Self.deepest else {
            tooDeepAt = tooDeepAt ?? index
            return false
        }
        switch peek() {
        case UInt8(ascii: "\""), UInt8(ascii: "'"): return readString() != nil
        case UInt8(ascii: "["): return readArray(at: path)
        case UInt8(ascii: "{"): return readInlineTable(at: path)
        default:
            // Numbers, booleans and dates, of which some hold a space. None holds one of these:
            let start = index
            while let byte = peek(), !",]}#\r\n".utf8.contains(byte) { index += 1 }
            return index > start
        }
    }

    private mutating func readArray(at path: Path) -> Bool {
        index += 1
        var number = 0
        while true {
            skipBlank(newlines: true)
            if take(UInt8(ascii: "]")) { return true }
            let element = path + [.index(number)]
            note(element, key: index, value: index)
            guard readValue(at: element) else { return false }
            number += 1
            skipBlank(newlines: true)
            if take(UInt8(ascii: ",")) { continue }
            return take(UInt8(ascii: "]"))
        }
    }

    private mutating func readInlineTable(at path: Path) -> Bool {
        index += 1
        while true {
            // TOML 1.0 has an inline table on one line and without a comma at its end; leniency
            // costs nothing here.
            skipBlank(newlines: true)
            if take(UInt8(ascii: "}")) { return true }
            guard readPair(in: path) else { return false }
            skipBlank(newlines: true)
            if take(UInt8(ascii: ",")) { continue }
            return take(UInt8(ascii: "}"))
        }
    }

    // MARK: Characters

    private func peek(_ ahead: Int = 0) -> UInt8? {
        index + ahead < text.count ? text[index + ahead] : nil
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard peek() == byte else { return false }
        index += 1
        return true
    }

    /// Spaces, tabs and a comment; with `newlines` lines of them.
    private mutating func skipBlank(newlines: Bool = false) {
        while let byte = peek() {
            switch byte {
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"): index += 1
            case UInt8(ascii: "\n") where newlines: index += 1
            case UInt8(ascii: "#"): while let byte = peek(), byte != UInt8(ascii: "\n") { index += 1 }
            default: return
            }
        }
    }

    /// Any of the four kinds of string, from its first quote to behind its last; nil where it has no end.
    private mutating func readString() -> String? {
        guard let quote = peek() else { return nil }
        let isBasic = quote == UInt8(ascii: "\"")
        let isLong = peek(1) == quote && peek(2) == quote
        index += isLong ? 3 : 1
        var content: [UInt8] = []
        while let byte = peek() {
            if byte == quote, !isLong || peek(1) == quote && peek(2) == quote {
                index += isLong ? 3 : 1
                // `""""`: up to two quotes before the closing three are content.
                var extra = 0
                while isLong, extra < 2, take(quote) { extra += 1 }
                return String(decoding: content, as: UTF8.self)
            }
            if byte == UInt8(ascii: "\n"), !isLong { return nil }
            index += 1
            if isBasic, byte == UInt8(ascii: "\\") {
                guard readEscape(into: &content) else { return nil }
            } else {
                content.append(byte)
            }
        }
        return nil
    }

    /// What follows a backslash. Right for keys; of long strings nobody asks the content.
    private mutating func readEscape(into content: inout [UInt8]) -> Bool {
        guard let byte = peek() else { return false }
        index += 1
        switch byte {
        case UInt8(ascii: "b"): content.append(0x08)
        case UInt8(ascii: "t"): content.append(0x09)
        case UInt8(ascii: "n"): content.append(0x0a)
        case UInt8(ascii: "f"): content.append(0x0c)
        case UInt8(ascii: "r"): content.append(0x0d)
        case UInt8(ascii: "u"), UInt8(ascii: "U"):
            let digits = byte == UInt8(ascii: "u") ? 4 : 8
            guard index + digits <= text.count,
                let value = UInt32(String(decoding: text[index..<index + digits], as: UTF8.self), radix: 16),
                let scalar = Unicode.Scalar(value)
            else { return false }
            index += digits
            content.append(contentsOf: String(scalar).utf8)
        default: content.append(byte)
        }
        return true
    }
}
