import MemwatchInterface

/// How memwatch ends, by sysexits.h: the whole contract with scripts.
package struct ExitStatus: RawRepresentable, Hashable, Sendable {
    package let rawValue: Int32

    package init(rawValue: Int32) { self.rawValue = rawValue }

    package static let done = ExitStatus(rawValue: 0)
    /// EX_USAGE: the command line makes no sense.
    package static let usage = ExitStatus(rawValue: 64)
    /// EX_NOINPUT: no such process, no history for it, or a process without memory of its own.
    package static let noInput = ExitStatus(rawValue: 66)
    /// EX_UNAVAILABLE: no daemon.
    package static let unavailable = ExitStatus(rawValue: 69)
    /// EX_SOFTWARE: an internal error.
    package static let software = ExitStatus(rawValue: 70)
    /// EX_NOPERM: not permitted.
    package static let noPermission = ExitStatus(rawValue: 77)

    // Of `run`, which passes on its program's status.
    /// The program cannot be executed.
    static let notExecutable = ExitStatus(rawValue: 126)
    /// There is no such program.
    static let notFound = ExitStatus(rawValue: 127)
}

/// Why a command ends early: an exit status, and one line that says what to do next.
struct Failure: Error, Hashable, CustomStringConvertible {
    let status: ExitStatus
    /// nil where there is nothing more to say.
    let message: String?

    /// - Parameter message: What failed, on what, and what to do; no line breaks, no full stop.
    init(_ status: ExitStatus, _ message: String) {
        self.status = status
        self.message = message
    }

    private init(status: ExitStatus) {
        self.status = status
        message = nil
    }

    var description: String { message ?? "ends with status \(status.rawValue)" }

    /// The reader of our output has gone (`| head`): the end of the work and no error.
    static let readerGone = Failure(status: .done)

    /// All there is to say stands on standard error already.
    static func told(_ status: ExitStatus) -> Failure { Failure(status: status) }

    /// What a program that was run ended with, which has said itself what there was to say.
    static func ofProgram(_ status: Int32) -> Failure { Failure(status: ExitStatus(rawValue: status)) }

    static func noHistory(_ pid: Int32) -> Failure {
        Failure(
            .noInput,
            "process \(pid) has no history in this time: 'memwatch list --all' shows what there is, "
                + "--since reaches further back")
    }

    static func usage(_ message: String) -> Failure { Failure(.usage, message) }

    /// Text of a person's that one of the `…Text` parsers refused.
    static func usage(_ option: String, _ problem: UnreadableText) -> Failure {
        Failure(.usage, option + ": " + problem.description)
    }
}
