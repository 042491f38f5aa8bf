import Glibc
import MemoryModel

/// Work that takes long, shown on standard error: how much is done, and what of.
///
///     history: 214,016 samples
///
/// Only on a terminal, only where data does not go to the same one, only after a second, and gone when the work is done:
/// scripts and quick answers never see it.
struct Progress {
    private let command: String
    private let isShown: Bool
    private let began = Progress.now
    private var last: Double
    private var isDrawn = false

    private static let patience = 1.0
    private static let interval = 0.2

    /// - Parameter isAlone: Nothing is written to standard output, so that it does not matter where that goes.
    init(command: String, isAlone: Bool = false) {
        self.command = command
        isShown =
            isatty(STDERR_FILENO) == 1 && (isAlone || isatty(STDOUT_FILENO) == 0)
            && Environment.value("TERM") != "dumb"
        last = began + Self.patience - Self.interval
    }

    /// - Parameter text: made only where it is shown.
    mutating func show(_ text: () -> String) {
        guard isShown else { return }
        let now = Self.now
        guard now - last >= Self.interval else { return }
        last = now
        isDrawn = true
        let columns = TerminalSize(of: STDERR_FILENO)?.columns ?? 80
        Self.write(
            "\r" + TextFit.cut("\(command): \(PrintableText.escape(text()))", columns - 1) + "\u{1b}[K")
    }

    func end() { if isDrawn { Self.write("\r\u{1b}[K") } }

    private static func write(_ text: String) {
        _ = Array(text.utf8).withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }

    private static var now: Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
