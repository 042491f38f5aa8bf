/// A size over time in one row of characters: `▁▁▂▃▅▇`.
enum Sparkline {
    private static let blocks: [Unicode.Scalar] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]

    /// One character for each value, from the lowest of them to the highest; blanks where none is known.
    ///
    /// What stands still is a flat line at the bottom, whatever its size: the line shows change.
    static func text(_ values: [UInt64?]) -> String {
        let known = values.compactMap(\.self)
        guard let low = known.min(), let high = known.max() else { return TextFit.blanks(values.count) }
        var result = ""
        for value in values {
            guard let value else {
                result += " "
                continue
            }
            let share = high > low ? Double(value - low) / Double(high - low) : 0
            result.unicodeScalars.append(
                blocks[min(blocks.count - 1, Int(share * Double(blocks.count - 1) + 0.5))])
        }
        return result
    }
}
