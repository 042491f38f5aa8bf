import TestSupport

/// The documentation, whose examples are run.
enum Document {
    static let root = #filePath.split(separator: "/").dropLast(4).map { "/" + $0 }.joined()

    /// The fenced blocks of a file whose fence says exactly `label` (`sql`, `sh test-example`).
    static func blocks(_ label: String, in file: String) throws -> [String] {
        var blocks: [String] = []
        var current: [Substring]?
        for line in try readText(root + "/" + file).split(separator: "\n", omittingEmptySubsequences: false) {
            if let lines = current {
                if line == "```" {
                    blocks.append(lines.joined(separator: "\n"))
                    current = nil
                } else {
                    current = lines + [line]
                }
            } else if line == "```" + label {
                current = []
            }
        }
        return blocks
    }
}

extension String {
    /// Every occurrence of one text replaced by another.
    func replacing(each text: String, with other: String) -> String {
        var result = ""
        var rest = self[...]
        while let range = rest.firstRange(of: text) {
            result += rest[..<range.lowerBound] + other
            rest = rest[range.upperBound...]
        }
        return result + rest
    }
}
