/// A place in a text file as editors count: from 1, columns in characters (code points), not bytes.
package struct TextPosition: Hashable, Comparable, Sendable {
    package var line: Int
    package var column: Int

    package init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    /// - Parameter offset: A byte of `text`, or its end.
    init(offset: Int, in text: [UInt8]) {
        var line = 1
        var start = 0
        for index in 0..<min(offset, text.count) where text[index] == UInt8(ascii: "\n") {
            line += 1
            start = index + 1
        }
        // Every byte that is not in the middle of a character begins one.
        let characters = text[start..<max(start, min(offset, text.count))].count { $0 & 0xc0 != 0x80 }
        self.init(line: line, column: characters + 1)
    }

    package static func < (a: TextPosition, b: TextPosition) -> Bool {
        (a.line, a.column) < (b.line, b.column)
    }
}
