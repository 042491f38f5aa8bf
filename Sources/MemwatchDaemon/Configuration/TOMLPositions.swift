/// Where the keys and values of a TOML text stand, and the first place where it is no TOML at all.
///
/// TOMLKit says where a syntax error is, but not where a key or a value that it has read came
/// from; this walk notes that. And it keeps from TOMLKit what must not reach it: toml++ inside
/// it answers `[[[list]]` or `[.a]` with a failed assertion, and dotted keys without an end with
/// a stack overflow, either of which would end a running daemon at a SIGHUP. A text that
/// passes here has keys, values and brackets where they belong; whether each value is right
/// and no key is there twice stays TOMLKit's to say.
struct TOMLPositions {
    enum Step: Hashable {
        case key(String)
        /// Of an array, `[[tables]]` included, from 0.
        case index(Int)
    }
    typealias Path = [Step]

    struct Malformation: Error {
        /// The byte where it shows.
        var offset: Int
        var message: String
    }

    private struct Place {
        /// Of the key's first character; of a table, of the name in its `[header]`.
        var key: Int
        /// Of the value's first character; of a table with a header, as `key`.
        var value: Int
    }

    /// nil if the text keeps to the grammar as far as this walk looks.
    private(set) var malformation: Malformation?

    /// Nothing in the configuration goes deeper than three.
    static let deepest = 32

    private var places: [Path: Place] = [:]
    private var scanner: TOMLScanner

    init(_ text: [UInt8]) {
        scanner = TOMLScanner(text)
        do throws(Malformation) { try walk() } catch { malformation = error }
    }

    func position(of path: Path) -> TextPosition? {
        places[path].map { TextPosition(offset: $0.key, in: scanner.text) }
    }

    func positionOfValue(_ path: Path) -> TextPosition? {
        places[path].map { TextPosition(offset: $0.value, in: scanner.text) }
    }

    // MARK: Lines

    private mutating func walk() throws(Malformation) {
        var table: Path = []
        // How many tables each `[[array]]` has so far: `[array.inner]` is in the last of them.
        var counts: [Path: Int] = [:]
        while true {
            scanner.skipBlank(newlines: true)
            guard let byte = scanner.peek() else { return }
            if byte == UInt8(ascii: "[") {
                table = try readHeader(&counts)
            } else {
                try readPair(in: table)
            }
            scanner.skipBlank()
            guard scanner.isAtEndOfLine else {
                throw scanner.malformed("expected the end of the line", "write one key or one section a line")
            }
        }
    }

    /// `[a.b]` or `[[a.b]]`; returns the path of what follows it.
    private mutating func readHeader(_ counts: inout [Path: Int]) throws(Malformation) -> Path {
        scanner.index += 1
        let isArray = scanner.take(UInt8(ascii: "["))
        scanner.skipSpaces()
        let start = scanner.index
        let names = try readKey()
        var path: Path = []
        for (place, name) in names.enumerated() {
            path.append(.key(name))
            note(path, key: start, value: start)
            guard let count = counts[path], !(isArray && place == names.count - 1) else { continue }
            path.append(.index(count - 1))
        }
        if isArray {
            let number = counts[path, default: 0]
            counts[path] = number + 1
            path.append(.index(number))
            note(path, key: start, value: start)
        }
        let closing = isArray ? "]]" : "]"
        for byte in closing.utf8 where !scanner.take(byte) {
            throw scanner.malformed(
                "expected \(closing) after the section's name", "write it behind the name")
        }
        return path
    }

    private mutating func readPair(in table: Path) throws(Malformation) {
        let start = scanner.index
        let names = try readKey()
        guard scanner.take(UInt8(ascii: "=")) else {
            throw scanner.malformed("expected = after the key", "write key = value")
        }
        scanner.skipSpaces()
        var path = table
        for name in names {
            path.append(.key(name))
            note(path, key: start, value: scanner.index)
        }
        try readValue(at: path)
    }

    /// The first mention of a table is where it is complained of.
    private mutating func note(_ path: Path, key: Int, value: Int) {
        if places[path] == nil { places[path] = Place(key: key, value: value) }
    }

    /// `a`, `a.b`, `"a b" . 'c'`, with the space behind it.
    private mutating func readKey() throws(Malformation) -> [String] {
        var names: [String] = []
        while true {
            guard names.count < Self.deepest else { throw tooDeep() }
            names.append(try scanner.readKeyPart())
            scanner.skipSpaces()
            guard scanner.take(UInt8(ascii: ".")) else { return names }
            scanner.skipSpaces()
        }
    }

    private func tooDeep() -> Malformation {
        scanner.malformed("nested more than \(Self.deepest) deep", "no key of memwatch is")
    }

    // MARK: Values

    private mutating func readValue(at path: Path) throws(Malformation) {
        guard path.count < Self.deepest else { throw tooDeep() }
        switch scanner.peek() {
        case UInt8(ascii: "\""), UInt8(ascii: "'"): _ = try scanner.readString()
        case UInt8(ascii: "["): try readArray(at: path)
        case UInt8(ascii: "{"): try readInlineTable(at: path)
        default: try scanner.skipBareValue()
        }
    }

    private mutating func readArray(at path: Path) throws(Malformation) {
        scanner.index += 1
        var number = 0
        while true {
            scanner.skipBlank(newlines: true)
            if scanner.take(UInt8(ascii: "]")) { return }
            let element = path + [.index(number)]
            note(element, key: scanner.index, value: scanner.index)
            try readValue(at: element)
            number += 1
            scanner.skipBlank(newlines: true)
            if scanner.take(UInt8(ascii: ",")) { continue }
            guard scanner.take(UInt8(ascii: "]")) else {
                throw scanner.malformed("expected , or ] in the array", "close it with ]")
            }
            return
        }
    }

    /// On one line, and without a comma at its end, as TOML 1.0 has it.
    private mutating func readInlineTable(at path: Path) throws(Malformation) {
        scanner.index += 1
        scanner.skipSpaces()
        if scanner.take(UInt8(ascii: "}")) { return }
        while true {
            try readPair(in: path)
            scanner.skipSpaces()
            if scanner.take(UInt8(ascii: "}")) { return }
            guard scanner.take(UInt8(ascii: ",")) else {
                throw scanner.malformed(
                    "expected , or } in the inline table", "close it with } on the same line")
            }
            scanner.skipSpaces()
        }
    }
}
