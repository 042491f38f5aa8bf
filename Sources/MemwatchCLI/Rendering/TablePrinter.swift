import MemwatchInterface

/// A column of a table.
struct Column: Hashable, Sendable {
    enum Alignment { case left, right }

    var title: String
    var alignment: Alignment

    static func left(_ title: String) -> Column { Column(title: title, alignment: .left) }
    static func right(_ title: String) -> Column { Column(title: title, alignment: .right) }
}

/// How a record becomes a line for people.
struct TableLayout<Row> {
    var columns: [Column]
    /// Widths to begin with where rows come one by one and cannot be measured first.
    var liveWidths: [Int] = []
    /// One cell per column, unescaped; nil for what could not be read.
    var cells: (Row) -> [String?]
}

/// Prints aligned columns as wide as what stands in them.
///
/// Widths come from the first rows, ``lookahead`` of them, so that a day of history need not sit
/// in memory; a wider cell later on moves the rest of its own line only.
final class TablePrinter {
    private let columns: [Column]
    private let output: Output
    private let lookahead: Int
    private var widths: [Int]
    private var waiting: [[String]] = []
    private var isStarted = false

    /// - Parameter lookahead: 1 where each line must leave at once.
    init(columns: [Column], output: Output, lookahead: Int = 1_000, minimumWidths: [Int] = []) {
        self.columns = columns
        self.output = output
        self.lookahead = lookahead
        widths = columns.map { DisplayWidth.of($0.title) }
        for (index, width) in zip(widths.indices, minimumWidths) { widths[index] = max(widths[index], width) }
    }

    func write(_ cells: [String?]) throws(Failure) {
        // Everything is escaped: cells hold names that processes chose.
        let row = cells.map { $0.map { TerminalText.escape($0) } ?? "-" }
        if isStarted { return try print(row) }
        for (index, cell) in zip(widths.indices, row) {
            widths[index] = max(widths[index], DisplayWidth.of(cell))
        }
        waiting.append(row)
        if waiting.count >= lookahead { try start() }
    }

    /// Prints what waits, and the header even where there is nothing below it.
    func finish() throws(Failure) {
        try start()
    }

    /// Prints the header and what waits.
    func start() throws(Failure) {
        if isStarted { return }
        isStarted = true
        try print(columns.map(\.title), style: .bold)
        for row in waiting { try print(row) }
        waiting = []
    }

    private func print(_ cells: [String], style: Style? = nil) throws(Failure) {
        var line = ""
        var used = 0
        for (index, cell) in cells.enumerated() where index < columns.count {
            let isLast = index == columns.count - 1
            let shown = isLast ? fitted(cell, from: used) : cell
            let padding = max(0, widths[index] - DisplayWidth.of(shown))
            if columns[index].alignment == .right {
                line += String(repeating: " ", count: padding) + shown
            } else {
                line += isLast ? shown : shown + String(repeating: " ", count: padding)
            }
            used += padding + DisplayWidth.of(shown)
            if !isLast {
                line += "  "
                used += 2
            }
        }
        while line.utf8.last == UInt8(ascii: " ") { line.removeLast() }
        if let style, output.isStyled { line = style.applied(to: line) }
        try output.write(line + "\n")
    }

    /// On a terminal a long path loses its middle rather than breaking the table; in a pipe nothing is cut.
    private func fitted(_ cell: String, from column: Int) -> String {
        guard let width = output.terminalWidth, width - column >= 16 else { return cell }
        return Ellipsis.middle(cell, width: width - column)
    }
}

enum Style: String {
    case bold = "1"
    case dim = "2"

    func applied(to text: String) -> String { "\u{1b}[\(rawValue)m\(text)\u{1b}[0m" }
}

enum Ellipsis {
    /// The text with its middle replaced by `…` where it is wider than `width` columns.
    static func middle(_ text: String, width: Int) -> String {
        guard DisplayWidth.of(text) > width, width > 1 else { return text }
        let scalars = Array(text.unicodeScalars)
        // A third for the beginning: what tells paths apart is mostly at their end.
        var (head, tail) = ("", [Unicode.Scalar]())
        var room = (width - 1) / 3
        for scalar in scalars {
            room -= DisplayWidth.columns(scalar)
            if room < 0 { break }
            head.unicodeScalars.append(scalar)
        }
        room = width - 1 - DisplayWidth.of(head)
        for scalar in scalars.reversed() {
            room -= DisplayWidth.columns(scalar)
            if room < 0 { break }
            tail.append(scalar)
        }
        head.unicodeScalars.append("…")
        head.unicodeScalars.append(contentsOf: tail.reversed())
        return head
    }
}
