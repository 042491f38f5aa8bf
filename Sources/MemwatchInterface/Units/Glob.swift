/// A shell pattern over bytes, for names that processes choose: `postgres`, `python*`, `*/bin/[a-f]?`.
///
/// - `*` any bytes, also none, also `/`; `?` one byte
/// - `[abc]`, `[a-z]`, `[!abc]` or `[^abc]`: one byte (not) of a set; a `]` in first place is itself
/// - `\` takes the next byte as it is
///
/// Matches the whole name. Bytes, because names are bytes: a `é` in a pattern is its two bytes.
/// The time is at most pattern × name, whatever both hold: only the last `*` is ever tried again.
package struct Glob: Hashable, Sendable, CustomStringConvertible {
    /// As written.
    package let pattern: String
    private let parts: [Part]

    private enum Part: Hashable, Sendable {
        case byte(UInt8)
        case anyByte
        case anyBytes
        case oneOf(ByteSet)
    }

    /// Patterns are compared with every process of a machine: this bounds what one costs.
    package static let longestPattern = 1_024

    package init(_ pattern: some StringProtocol) throws(UnreadableText) {
        self.pattern = String(pattern)
        parts = try Self.parse(pattern)
    }

    package var description: String { pattern }

    /// Names shorter than this, in bytes, never match.
    package var minimumLength: Int { parts.count { $0 != .anyBytes } }

    /// Whether it matches one name only.
    package var isLiteral: Bool {
        parts.allSatisfy { part in if case .byte = part { true } else { false } }
    }

    /// Whether any name that matches could begin with this byte.
    package func mayBegin(with byte: UInt8) -> Bool {
        guard let first = parts.first else { return false }
        return first == .anyBytes || fits(first, byte)
    }

    package func matches(_ name: [UInt8]) -> Bool { name.withUnsafeBytes { matches($0) } }

    package func matches(_ name: UnsafeRawBufferPointer) -> Bool {
        var part = 0
        var index = 0
        // Where to go on if what follows the last `*` does not fit. Earlier ones need no second
        // try: whatever they could take more, the last one can take as well.
        var retryPart = -1
        var retryIndex = 0
        while true {
            if part < parts.count, case .anyBytes = parts[part] {
                part += 1
                retryPart = part
                retryIndex = index
            } else if index == name.count {
                if part == parts.count { return true }
                return false
            } else if part < parts.count, fits(parts[part], name[index]) {
                part += 1
                index += 1
            } else if retryPart >= 0 {
                retryIndex += 1
                part = retryPart
                index = retryIndex
            } else {
                return false
            }
        }
    }

    package static func == (a: Glob, b: Glob) -> Bool { a.pattern == b.pattern }
    package func hash(into hasher: inout Hasher) { hasher.combine(pattern) }

    private func fits(_ part: Part, _ byte: UInt8) -> Bool {
        switch part {
        case .byte(let expected): byte == expected
        case .anyByte: true
        case .anyBytes: false
        case .oneOf(let set): set.contains(byte)
        }
    }

    private static func parse(_ text: some StringProtocol) throws(UnreadableText) -> [Part] {
        let bytes = Array(text.utf8)
        let quoted = UnreadableText.quote(text)
        guard !bytes.isEmpty else {
            throw UnreadableText("an empty pattern matches nothing: write a name, or * for every name")
        }
        guard bytes.count <= longestPattern else {
            throw UnreadableText(
                "the pattern \(quoted) is longer than \(longestPattern) bytes: shorten it with *")
        }
        guard !bytes.contains(0) else {
            throw UnreadableText("the pattern \(quoted) holds a NUL byte, which no name does: leave it out")
        }
        var parts: [Part] = []
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            switch byte {
            case UInt8(ascii: "*"):
                // A run of stars is one.
                if parts.last != .anyBytes { parts.append(.anyBytes) }
            case UInt8(ascii: "?"): parts.append(.anyByte)
            case UInt8(ascii: "["): parts.append(.oneOf(try ByteSet(bytes, at: &index, quoted: quoted)))
            case UInt8(ascii: "\\"):
                guard index < bytes.count else {
                    throw UnreadableText("the pattern \(quoted) ends in a backslash: write \\\\ for one")
                }
                parts.append(.byte(bytes[index]))
                index += 1
            default: parts.append(.byte(byte))
            }
        }
        return parts
    }
}

/// The `[…]` of a pattern.
private struct ByteSet: Hashable, Sendable {
    private var low: UInt64 = 0
    private var high: UInt64 = 0
    private var isNegated = false

    func contains(_ byte: UInt8) -> Bool {
        // Sets hold ASCII only, so a negated one holds all bytes above it.
        if byte >= 128 { return isNegated }
        let word = byte < 64 ? low : high
        return (word >> UInt64(byte & 63) & 1 == 1) != isNegated
    }

    private mutating func insert(_ range: ClosedRange<UInt8>) {
        for byte in range {
            if byte < 64 { low |= 1 << UInt64(byte) } else { high |= 1 << UInt64(byte & 63) }
        }
    }

    /// Reads on from behind the `[`, to behind the `]`.
    init(_ bytes: [UInt8], at index: inout Int, quoted: String) throws(UnreadableText) {
        if index < bytes.count, bytes[index] == UInt8(ascii: "!") || bytes[index] == UInt8(ascii: "^") {
            isNegated = true
            index += 1
        }
        let first = index
        while true {
            if index < bytes.count, index > first, bytes[index] == UInt8(ascii: "]") {
                index += 1
                return
            }
            let from = try Self.member(bytes, at: &index, quoted: quoted)
            // A `-` in last place is itself.
            guard index + 1 < bytes.count, bytes[index] == UInt8(ascii: "-"),
                bytes[index + 1] != UInt8(ascii: "]")
            else {
                insert(from...from)
                continue
            }
            index += 1
            let to = try Self.member(bytes, at: &index, quoted: quoted)
            guard from <= to else {
                throw UnreadableText(
                    "the pattern \(quoted) has a range that runs backwards: write [a-z], not [z-a]")
            }
            insert(from...to)
        }
    }

    private static func member(
        _ bytes: [UInt8], at index: inout Int, quoted: String
    ) throws(UnreadableText) -> UInt8 {
        if index < bytes.count, bytes[index] == UInt8(ascii: "\\") { index += 1 }
        guard index < bytes.count else {
            throw UnreadableText(
                "the pattern \(quoted) has a [ without its ]: close it, or write \\[ for the character")
        }
        let byte = bytes[index]
        guard byte < 128 else {
            throw UnreadableText(
                "the pattern \(quoted) has a character outside ASCII in […]: write * or ? for it")
        }
        index += 1
        return byte
    }
}
