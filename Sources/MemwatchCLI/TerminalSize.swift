import Glibc

/// Columns and rows that there are to draw on.
struct TerminalSize: Hashable {
    var columns: Int
    var rows: Int

    /// What nobody can draw below: a narrower or lower terminal shows the beginning of each line, or scrolls.
    static let least = TerminalSize(columns: 40, rows: 8)

    /// What the terminal behind `descriptor` says; nil where it is none, or does not say.
    init?(of descriptor: Int32) {
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
        // A terminal of which only the width was set has 0 rows.
        self.init(columns: Int(size.ws_col), rows: size.ws_row > 0 ? Int(size.ws_row) : 24)
    }

    init(columns: Int, rows: Int) {
        self.columns = columns
        self.rows = rows
    }

    /// For a pipe or a file: COLUMNS and LINES, which shells and watch(1) set, else the usual 80 × 24.
    static var ofEnvironment: TerminalSize {
        TerminalSize(columns: number("COLUMNS") ?? 80, rows: number("LINES") ?? 24)
    }

    /// No more than a thousand: it is a drawing, and the variable anybody's.
    private static func number(_ name: String) -> Int? {
        guard let value = Environment.value(name).flatMap({ Int($0) }), value > 0 else { return nil }
        return min(value, 1_000)
    }
}
