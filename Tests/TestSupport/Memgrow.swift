package import Glibc

/// The program whose memory is known, run under a test.
///
///     let memgrow = try Memgrow("sbrk", "--step", "--count", "3", "--keep", "--hold")
///     let step = try memgrow.step()        // { "event": "brk-grow", "kind": "heap", … }
package final class Memgrow: Sendable {
    package let process: ChildProcess
    /// What the program says of itself once it is ready.
    package var pid: pid_t { process.pid }

    /// Starts it and waits until it is ready. `executable` is another build of the same source;
    /// `through` a program that runs it in turn by exec, with its arguments (`setarch -R`).
    package init(
        _ arguments: String..., words more: [String] = [], environment: [String: String?] = [:],
        executable: String? = nil, through wrapper: [String] = []
    ) throws {
        let words = wrapper + [try executable ?? builtProduct("memgrow")] + arguments + more
        process = try ChildProcess(words[0], Array(words.dropFirst()), environment: environment)
        let line = try nextLine()
        guard line.event == "ready", line.integer("pid") == Int64(process.pid) else {
            throw TestFailure("memgrow is not ready: \(line)")
        }
    }

    /// The next line it prints. Fails at the end of its output.
    package func nextLine() throws -> Line {
        guard let text = try process.nextLine() else {
            throw TestFailure("memgrow ended: \(process.errorText())")
        }
        return try Line(text)
    }

    /// Lets it do one step (it must run with `--step`) and returns the line that tells of it.
    package func step() throws -> Line {
        try process.send("\n")
        return try nextLine()
    }

    /// All lines up to the one that says `done`, which is left out.
    package func linesUntilDone() throws -> [Line] {
        var lines: [Line] = []
        while true {
            let line = try nextLine()
            if line.event == "done" { return lines }
            lines.append(line)
        }
    }

    /// One line of its output: a flat JSON object of strings and integers.
    package struct Line: Sendable, CustomStringConvertible {
        package let description: String
        private var fields: [String: FlatJSON.Value]

        package init(_ text: String) throws {
            description = text
            fields = try FlatJSON.object(text)
        }

        package var event: String { string("event") ?? "" }
        package var kind: String? { string("kind") }
        package var start: UInt64? { address("start") }
        package var end: UInt64? { address("end") }
        package var delta: Int64? { integer("delta") }
        package var tid: Int32? { integer("tid").map { Int32(truncatingIfNeeded: $0) } }

        package func string(_ key: String) -> String? {
            if case .string(let value)? = fields[key] { return value }
            return nil
        }

        package func integer(_ key: String) -> Int64? {
            if case .integer(let value)? = fields[key] { return value }
            return nil
        }

        /// A hexadecimal string, `"0x7f…"`.
        package func address(_ key: String) -> UInt64? {
            guard let text = string(key), text.hasPrefix("0x") else { return nil }
            return UInt64(text.dropFirst(2), radix: 16)
        }
    }
}
