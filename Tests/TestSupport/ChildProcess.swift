package import Glibc
import Synchronization

/// A program run beside the test, with pipes to its standard input, output and error.
/// Killed and reaped when the last reference goes, so that no failing test leaves one behind.
package final class ChildProcess: Sendable {
    package let pid: pid_t
    private let name: String
    private let state: Guarded

    private struct State {
        var input: Int32
        var output: LineReader
        var errors: LineReader
        /// Ends when the program does.
        var ended: Int32
        var status: Int32?
    }

    /// A mutex cannot be returned from a closure; a reference to one can.
    private final class Guarded: Sendable {
        private let mutex: Mutex<State>

        init(_ state: State) { mutex = Mutex(state) }

        func withLock<Result>(_ body: (inout State) throws -> Result) rethrows -> Result {
            try mutex.withLock { try body(&$0) }
        }
    }

    /// How a program ended.
    package enum Exit: Equatable, Sendable {
        case status(Int32)
        case signal(Int32)
    }

    /// Starts `path` (looked up in PATH if it has no slash).
    ///
    /// - Parameters:
    ///   - environment: what to change in this process's environment; nil removes a variable.
    ///   - errorsToOutput: one pipe for both, in the order the program wrote.
    package init(
        _ path: String, _ arguments: [String] = [], environment changes: [String: String?] = [:],
        errorsToOutput: Bool = false
    ) throws {
        name = path
        // Else writing to a program that has ended would end the tests.
        Glibc.signal(SIGPIPE, SIG_IGN)
        let words = [path] + arguments
        let variables = Self.environment(changes)
        (pid, state) = try Pipe.whileNoneIsInherited {
            let input = try Pipe()
            let output = try Pipe()
            let errors = try Pipe()
            defer { for pipe in [output, errors] { close(pipe.writer) } }
            defer { close(input.reader) }
            let files = [input.reader, output.writer, errorsToOutput ? output.writer : errors.writer]
            let (code, pid) = spawn(words, variables, files)
            guard code == 0 else {
                for descriptor in [input.writer, output.reader, errors.reader] { close(descriptor) }
                throw TestFailure.system("start \(path)", code)
            }
            let ended = try Pipe()
            watchForEnd(of: pid, closing: ended.writer)
            return (
                pid,
                Guarded(
                    State(
                        input: input.writer, output: LineReader(output.reader),
                        errors: LineReader(errors.reader), ended: ended.reader))
            )
        }
    }

    deinit {
        state.withLock { state in
            if state.status == nil {
                kill(pid, SIGKILL)
                var status: Int32 = 0
                while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
            }
            if state.input >= 0 { close(state.input) }
            close(state.output.descriptor)
            close(state.errors.descriptor)
            close(state.ended)
        }
    }

    // MARK: Talking to it

    /// The next line of standard output without its newline; nil when it has ended.
    /// Fails, with what was seen until then, when none comes in `seconds`.
    package func nextLine(within seconds: Int = 60) throws -> String? {
        try state.withLock { state in
            switch state.output.nextLine(until: monotonicMilliseconds() + Int64(seconds) * 1000) {
            case .line(let line): return line
            case .end: return nil
            case .late(let seen):
                let errors = state.errors.availableText()
                throw TestFailure(
                    "\(name): no line in \(seconds) s; seen \(seen.debugDescription), errors \(errors)")
            }
        }
    }

    /// All that is left of standard output.
    package func remainingOutput(within seconds: Int = 60) throws -> String {
        var text = ""
        while let line = try nextLine(within: seconds) { text += line + "\n" }
        return text
    }

    /// What standard error holds by now. After ``waitForExit(within:)``, all of it.
    package func errorText() -> String { state.withLock { $0.errors.availableText() } }

    /// Writes to standard input.
    package func send(_ text: String) throws {
        try state.withLock { state in
            guard state.input >= 0 else { throw TestFailure("\(name): standard input is closed") }
            var bytes = Array(text.utf8)[...]
            while !bytes.isEmpty {
                let count = bytes.withUnsafeBytes { write(state.input, $0.baseAddress, $0.count) }
                if count < 0 && errno == EINTR { continue }
                if count < 0 { throw TestFailure.system("write to \(name)", errno) }
                bytes = bytes.dropFirst(count)
            }
        }
    }

    /// Ends its standard input.
    package func closeInput() {
        state.withLock { state in
            if state.input >= 0 { close(state.input) }
            state.input = -1
        }
    }

    /// Sends a signal, unless it was already reaped (its pid may be another's by then).
    package func signal(_ number: Int32) {
        state.withLock { if $0.status == nil { _ = kill(pid, number) } }
    }

    /// Waits for its end, reading what it still writes to standard error. Fails after `seconds`.
    @discardableResult
    package func waitForExit(within seconds: Int = 60) throws -> Exit {
        let deadline = monotonicMilliseconds() + Int64(seconds) * 1000
        return try state.withLock { state in
            if let status = state.status { return Self.exit(status) }
            // Whoever waits for an end must not let the pipes fill up.
            while !isReadable(state.ended, orWaitFor: [state.output, state.errors], until: deadline) {
                guard monotonicMilliseconds() < deadline else {
                    throw TestFailure(
                        "\(name) still runs after \(seconds) s: \(state.errors.availableText())")
                }
                state.output.fill()
                state.errors.fill()
            }
            var status: Int32 = 0
            while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
            state.status = status
            return Self.exit(status)
        }
    }

    private static func exit(_ status: Int32) -> Exit {
        let signal = status & 0x7f
        return signal == 0 ? .status((status >> 8) & 0xff) : .signal(signal)
    }

    private static func environment(_ changes: [String: String?]) -> [String] {
        var result: [String] = []
        var next = environ
        while let entry = next.pointee {
            let text = String(cString: entry)
            let key = text.prefix { $0 != "=" }
            if changes[String(key)] == nil { result.append(text) }
            next += 1
        }
        for (key, value) in changes {
            if let value { result.append("\(key)=\(value)") }
        }
        return result
    }
}

/// Runs a program to its end and returns what it wrote to standard output. Fails where it does
/// not exit with 0.
@discardableResult
package func run(
    _ path: String, _ arguments: [String] = [], environment: [String: String?] = [:],
    within seconds: Int = 120
) throws -> String {
    let child = try ChildProcess(path, arguments, environment: environment)
    child.closeInput()
    let output = try child.remainingOutput(within: seconds)
    let exit = try child.waitForExit(within: seconds)
    guard exit == .status(0) else {
        throw TestFailure("\(path) \(arguments.joined(separator: " ")): \(exit): \(child.errorText())")
    }
    return output
}
