import Glibc
import Synchronization

/// A terminal that is drawn on: raw, on its other screen, without a cursor; put back as it was on every way out.
///
/// Also on `exit`, on SIGTERM, SIGHUP and SIGINT (``WatchSignals`` takes those), and when this program traps: handlers for
/// the signals of a trap put it back and let the signal go on.
final class TerminalSession: Sendable {
    /// What stays the same from the beginning to the end of the program, for a handler that may not do much.
    private static let saved = Saved()

    /// - Throws: where standard input or output is no terminal.
    init() throws(Failure) {
        guard isatty(STDIN_FILENO) == 1, isatty(STDOUT_FILENO) == 1 else {
            throw Failure.usage(
                "watch draws on a terminal, and this is none: 'memwatch history' and 'memwatch events --follow' are for "
                    + "scripts")
        }
        var settings = termios()
        guard tcgetattr(STDIN_FILENO, &settings) == 0 else {
            throw Failure(.software, "the terminal does not say how it is set: \(SystemError.text(errno))")
        }
        Self.saved.keep(settings)
        atexit { TerminalSession.putBack() }
        for number in [SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV] { Self.putBackBefore(number) }
        enter()
    }

    /// Raw, so that keys come at once and are not shown. Also after the program was stopped and goes on.
    func enter() {
        var raw = Self.saved.settings
        cfmakeraw(&raw)
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw)
        Self.saved.isEntered.store(true, ordering: .releasing)
        // The other screen, no cursor, no wrapping of lines.
        Self.send("\u{1b}[?1049h\u{1b}[?25l\u{1b}[?7l\u{1b}[2J")
    }

    /// Twice is as once.
    func leave() { Self.putBack() }

    /// Draws as many lines as the screen has over what is there, in one piece, so that nothing flickers. Each is cleared
    /// before it is written: behind a character in the last column, clearing the rest would take that one.
    func draw(_ lines: [String]) {
        var text = "\u{1b}[H"
        for (index, line) in lines.enumerated() {
            text += (index > 0 ? "\r\n" : "") + "\u{1b}[2K" + line + "\u{1b}[0m"
        }
        Self.send(text)
    }

    private static func send(_ text: String) {
        var text = text
        text.withUTF8 { bytes in
            var done = 0
            while done < bytes.count {
                let count = write(STDOUT_FILENO, bytes.baseAddress.map { $0 + done }, bytes.count - done)
                if count < 0, errno != EINTR, errno != EAGAIN { return }
                done += max(0, count)
            }
        }
    }

    // MARK: Putting back

    /// Only system calls that a signal handler may make.
    private static func putBack() {
        guard saved.isEntered.exchange(false, ordering: .acquiringAndReleasing) else { return }
        _ = saved.ending.withUnsafeBufferPointer { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
        var settings = saved.settings
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &settings)
    }

    private static func putBackBefore(_ number: Int32) {
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { number in
            TerminalSession.putBack()
            // The handler is gone (SA_RESETHAND): the signal does what it does.
            raise(number)
        }
        action.sa_flags = Int32(bitPattern: UInt32(SA_RESETHAND)) | SA_NODEFER
        sigaction(number, &action, nil)
    }

    /// Written once, before any handler can run.
    private final class Saved: @unchecked Sendable {
        private(set) var settings = termios()
        let isEntered = Atomic(false)
        let ending = Array("\u{1b}[?7h\u{1b}[?25h\u{1b}[?1049l".utf8)

        func keep(_ settings: termios) { self.settings = settings }
    }
}
