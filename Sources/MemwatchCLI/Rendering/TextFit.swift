/// Text cut and padded to columns of a terminal.
enum TextFit {
    /// The beginning of a text that is wider than `width`, with an ellipsis.
    static func cut(_ text: String, _ width: Int, ellipsis: String = "…") -> String {
        guard DisplayWidth.of(text) > width else { return text }
        guard width > 1 else { return "" }
        var (result, room) = ("", width - 1)
        for scalar in text.unicodeScalars {
            room -= DisplayWidth.columns(scalar)
            if room < 0 { break }
            result.unicodeScalars.append(scalar)
        }
        return result + ellipsis
    }

    /// Exactly `width` columns, with blanks behind the text.
    static func left(_ text: String, _ width: Int) -> String {
        let cut = cut(text, width)
        return cut + blanks(width - DisplayWidth.of(cut))
    }

    /// Exactly `width` columns, with blanks in front of the text.
    static func right(_ text: String, _ width: Int) -> String {
        let cut = cut(text, width)
        return blanks(width - DisplayWidth.of(cut)) + cut
    }

    static func blanks(_ count: Int) -> String { String(repeating: " ", count: max(0, count)) }
}
