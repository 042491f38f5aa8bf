import MemoryModel
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
    private enum Row {
        case cells([ShownText])
        case line(ShownText)
    }

    private var waiting: [Row] = []
    private var line: [UInt8] = []
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
        let row = cells.map { $0.map { ShownText($0) } ?? ShownText.unknown }
        if isStarted { return try print(row) }
        for (index, cell) in zip(widths.indices, row) where cell.width > widths[index] {
            widths[index] = cell.width
        }
        waiting.append(.cells(row))
        if waiting.count >= lookahead { try start() }
    }

    /// A line of its own between the rows, which has no columns.
    func write(line text: String) throws(Failure) {
        let shown = ShownText(text)
        if isStarted { return try print(shown) }
        waiting.append(.line(shown))
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
        try print(columns.map { ShownText($0.title) }, style: .bold)
        for row in waiting {
            switch row {
            case .cells(let cells): try print(cells)
            case .line(let text): try print(text)
            }
        }
        waiting = []
    }

    private func print(_ line: ShownText) throws(Failure) {
        try output.write((output.isStyled ? Style.bold.applied(to: line.text) : line.text) + "\n")
    }

    private func print(_ cells: [ShownText], style: Style? = nil) throws(Failure) {
        let style = output.isStyled ? style : nil
        line.removeAll(keepingCapacity: true)
        line.append(contentsOf: (style?.start ?? "").utf8)
        // Blanks are written only in front of something: none at line ends.
        var blanks = 0
        var used = 0
        for (index, cell) in cells.enumerated() where index < columns.count {
            let shown = index == columns.count - 1 ? fitted(cell, from: used) : cell
            let padding = max(0, widths[index] - shown.width)
            let isRight = columns[index].alignment == .right
            if isRight { blanks += padding }
            if shown.width > 0 {
                line.append(contentsOf: repeatElement(UInt8(ascii: " "), count: blanks))
                line.append(contentsOf: shown.text.utf8)
                blanks = 0
            }
            blanks += (isRight ? 0 : padding) + 2
            used += padding + shown.width + 2
        }
        line.append(contentsOf: (style?.end ?? "").utf8)
        line.append(UInt8(ascii: "\n"))
        try output.write(line)
    }

    /// On a terminal a long path loses its middle rather than breaking the table; in a pipe nothing is cut.
    private func fitted(_ cell: ShownText, from column: Int) -> ShownText {
        guard let width = output.size?.columns, width - column >= 16 else { return cell }
        return ShownText(Ellipsis.middle(cell.text, width: width - column))
    }
}

/// A cell, safe to show, and the columns it takes.
///
/// Everything is escaped: cells hold names that processes chose. Printable ASCII, which nearly
/// every cell is, needs neither escaping nor measuring.
private struct ShownText {
    let text: String
    let width: Int

    init(_ text: String) {
        if text.utf8.allSatisfy({ (0x20...0x7e).contains($0) }) {
            self.text = text
            width = text.utf8.count
        } else {
            self.text = PrintableText.escape(text)
            width = DisplayWidth.of(self.text)
        }
    }

    /// For what could not be read.
    static let unknown = ShownText("-")
}

enum Style: String {
    case bold = "1"
    case dim = "2"
    case reverse = "7"
    case green = "32"
    case blue = "34"
    case magenta = "35"
    case cyan = "36"

    var start: String { "\u{1b}[\(rawValue)m" }
    var end: String { "\u{1b}[0m" }

    func applied(to text: String) -> String { start + text + end }
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
