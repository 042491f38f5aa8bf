import MemoryModel

/// Text from a person that is not what it should be: what is wrong, and what to write instead, in one line.
///
///     '5 minutes' is not a duration: write a number and ms, s, m, h or d, such as 5m
package struct UnreadableText: Error, Hashable, Sendable, CustomStringConvertible {
    package let description: String

    /// - Parameter problem: A whole sentence without its full stop. What it quotes has gone through ``quote(_:)``.
    package init(_ problem: String) { description = problem }

    /// The offending text in quotes, safe for a terminal and cut to a length a line can carry.
    package static func quote(_ text: some StringProtocol) -> String {
        let longest = 60
        let bytes = Array(text.utf8.prefix(longest + 1))
        guard bytes.count > longest else { return "'" + PrintableText.escape(bytes) + "'" }
        // Cut between characters: a half character would read as invalid UTF-8, which it was not.
        var end = longest
        while end > 0, bytes[end] & 0xc0 == 0x80 { end -= 1 }
        return "'" + PrintableText.escape(bytes[..<end]) + "…'"
    }
}
