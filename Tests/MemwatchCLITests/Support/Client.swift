import Glibc
import TestSupport

/// What a run of the built client gave.
struct ClientRun: Sendable {
    var exit: ChildProcess.Exit
    var output: String
    var errors: String
}

enum Client {
    /// So that no daemon of the machine's is asked, and tables show the same times everywhere.
    static let environment: [String: String?] = [
        "MEMWATCH_SOCKET": "/nonexistent/memwatch.socket", "XDG_RUNTIME_DIR": nil, "TZ": "UTC",
    ]

    static func start(_ arguments: [String], through wrapper: [String] = []) throws -> ChildProcess {
        let words = wrapper + [try builtProduct("memwatch")] + arguments
        return try ChildProcess(words[0], Array(words.dropFirst()), environment: environment)
    }

    /// Runs it to its end.
    static func run(_ arguments: String..., through wrapper: [String] = []) throws -> ClientRun {
        try finish(try start(arguments, through: wrapper))
    }

    /// Runs a line of bash, with the client as `$memwatch`.
    static func bash(_ script: String, _ variables: [String: String] = [:]) throws -> ClientRun {
        var environment = environment
        environment["memwatch"] = try builtProduct("memwatch")
        for (name, value) in variables { environment[name] = value }
        return try finish(try ChildProcess("bash", ["-c", script], environment: environment))
    }

    static func finish(_ child: ChildProcess) throws -> ClientRun {
        child.closeInput()
        let output = try child.remainingOutput()
        let exit = try child.waitForExit()
        return ClientRun(exit: exit, output: output, errors: child.errorText())
    }

    /// The same beside a fake daemon in this process: its handlers need the threads of Swift's
    /// pool, which a test that waits for a child must not hold.
    static func ask(_ daemon: FakeDaemon, _ arguments: String...) async throws -> ClientRun {
        try await offPool { try finish(try start(arguments + ["--socket", daemon.socket])) }
    }
}

/// A user that nobody is, for what needs another one.
let stranger: UInt32 = 64_999

extension Client {
    /// A prefix that runs a program as ``stranger``, without groups.
    static let asStranger = ["setpriv", "--reuid", "\(stranger)", "--regid", "\(stranger)", "--clear-groups"]

    /// The client where any user can reach it; a checkout may lie in a closed home.
    static func copyForAll() throws -> (directory: TemporaryDirectory, path: String) {
        let directory = try TemporaryDirectory()
        guard chmod(directory.path, 0o755) == 0 else { throw TestFailure("chmod \(directory.path)") }
        try TestSupport.run("cp", [try builtProduct("memwatch"), directory.file("memwatch")])
        return (directory, directory.file("memwatch"))
    }
}
