import Glibc
import MemoryModel
import MemwatchInterface

/// Standard output, written in large pieces.
///
/// Not `print`: that takes a lock and a copy for each piece of each line, cannot say that the
/// disk is full, and a history of a day is 50 MB of lines.
final class Output {
    let isTerminal: Bool
    /// Whether bold and dim may be used: on a terminal that is not dumb, unless NO_COLOR says no.
    let isStyled: Bool
    private let descriptor: Int32
    /// For errors.
    private let name: String
    private var buffer: [UInt8] = []
    private static let capacity = 65_536

    init(descriptor: Int32 = STDOUT_FILENO, name: String = "standard output") {
        self.descriptor = descriptor
        self.name = name
        isTerminal = isatty(descriptor) == 1
        isStyled =
            isTerminal && Environment.value("NO_COLOR") == nil && Environment.value("TERM") != "dumb"
        buffer.reserveCapacity(Self.capacity + 4_096)
    }

    /// Of the terminal; nil where it is none, or does not say.
    var size: TerminalSize? { isTerminal ? TerminalSize(of: descriptor) : nil }

    func write(_ bytes: UnsafeRawBufferPointer) throws(Failure) {
        buffer.append(contentsOf: bytes)
        if buffer.count >= Self.capacity { try flush() }
    }

    func write(_ bytes: [UInt8]) throws(Failure) {
        buffer.append(contentsOf: bytes)
        if buffer.count >= Self.capacity { try flush() }
    }

    func write(_ text: String) throws(Failure) {
        buffer.append(contentsOf: text.utf8)
        if buffer.count >= Self.capacity { try flush() }
    }

    func write(byte: UInt8) throws(Failure) {
        buffer.append(byte)
        if buffer.count >= Self.capacity { try flush() }
    }

    /// Hands everything to the kernel. ``Failure/readerGone`` where nobody reads any more.
    func flush() throws(Failure) {
        var written = 0
        while written < buffer.count {
            let count = buffer.withUnsafeBytes { bytes in
                Glibc.write(descriptor, bytes.baseAddress.map { $0 + written }, bytes.count - written)
            }
            if count >= 0 {
                written += count
                continue
            }
            let code = errno
            switch code {
            case EINTR: continue
            case EAGAIN: waitUntilWritable()
            case EPIPE:
                buffer.removeAll(keepingCapacity: true)
                throw .readerGone
            default:
                buffer.removeAll(keepingCapacity: true)
                throw Failure(
                    .software,
                    "cannot write \(name): \(SystemError.text(code)): the output is not complete")
            }
        }
        buffer.removeAll(keepingCapacity: true)
    }

    /// Somebody who shares the terminal or pipe (a remote shell does) may have made it non-blocking.
    private func waitUntilWritable() {
        var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = poll(&entry, 1, -1)
    }
}

/// Standard error: one line at a time, and nothing to be done where it cannot be written.
enum Diagnostics {
    static func line(command: String?, _ message: String) {
        let prefix = command.map { "memwatch: \($0): " } ?? "memwatch: "
        var bytes = Array((prefix + PrintableText.escape(message)).utf8)
        bytes.append(UInt8(ascii: "\n"))
        // One write, so that lines of several programs do not mix.
        _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}

enum Environment {
    /// nil where it is unset or empty.
    static func value(_ name: String) -> String? {
        guard let text = getenv(name), text[0] != 0 else { return nil }
        return String(cString: text)
    }
}

enum SystemError {
    /// `No space left on device`.
    static func text(_ code: Int32) -> String {
        guard let text = strerror(code) else { return "error \(code)" }
        return String(cString: text)
    }
}
