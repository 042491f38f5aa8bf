import Glibc
import TestSupport
import Testing
import Varlink

/// The built memwatchd, with a socket, a state directory and a configuration of its own.
final class Daemon {
    let directory: TemporaryDirectory
    let notifications: NotifySocket
    private(set) var process: ChildProcess
    private let wrapper: [String]

    var socket: String { directory.file("socket") }
    var stateDirectory: String { directory.file("state") }
    var configurationFile: String { directory.file("memwatchd.toml") }
    var database: String { directory.file("state/history.sqlite") }

    /// The machine's journal is none of a test's business.
    static let quiet = "[journal]\nenabled = false\n"

    /// Returns when clients can connect.
    ///
    /// - Parameters:
    ///   - wrapper: a program that runs the daemon in turn by exec, with its arguments.
    ///   - environment: what to change in the daemon's environment.
    init(
        _ configuration: String = quiet, through wrapper: [String] = [],
        environment: [String: String?] = [:], in directory: TemporaryDirectory? = nil
    ) throws {
        self.wrapper = wrapper
        self.directory = try directory ?? TemporaryDirectory()
        // Other users must reach the socket.
        chmod(self.directory.path, 0o755)
        mkdir(self.directory.file("state"), 0o700)
        try self.directory.write(configuration, to: "memwatchd.toml")
        notifications = try NotifySocket(self.directory.file("notify"))
        process = try Self.start(in: self.directory, wrapper, environment)
        try waitUntilReady()
    }

    /// Starts it without waiting, for what is to fail.
    static func start(
        in directory: TemporaryDirectory, _ wrapper: [String] = [], _ environment: [String: String?] = [:],
        socket: String? = nil, state: String? = nil
    ) throws -> ChildProcess {
        let words =
            wrapper + [
                try builtProduct("memwatchd"), "--config", directory.file("memwatchd.toml"),
                "--socket", socket ?? directory.file("socket"),
                "--state-directory", state ?? directory.file("state"),
            ]
        var changes: [String: String?] = ["NOTIFY_SOCKET": directory.file("notify")]
        // Whoever runs the tests may itself be a service.
        for name in ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "WATCHDOG_USEC", "WATCHDOG_PID"] {
            changes[name] = .some(nil)
        }
        changes["JOURNAL_STREAM"] = .some(nil)
        changes.merge(environment) { $1 }
        return try ChildProcess(words[0], Array(words.dropFirst()), environment: changes)
    }

    private func waitUntilReady() throws {
        try notifications.wait(for: "READY=1", from: process)
    }

    /// SIGTERM, and the exit status 0 that it must have.
    func stop(sourceLocation: SourceLocation = #_sourceLocation) throws {
        process.signal(SIGTERM)
        let exit = try process.waitForExit()
        #expect(exit == .status(0), "\(process.errorText())", sourceLocation: sourceLocation)
    }

    /// SIGKILL.
    func kill() throws {
        process.signal(SIGKILL)
        #expect(try process.waitForExit() == .signal(SIGKILL))
    }

    /// The next one on the same socket and state.
    func startAgain() throws {
        notifications.forget()
        process = try Self.start(in: directory, wrapper)
        try waitUntilReady()
    }

    /// SIGHUP, and the end of the reload.
    func reload(_ configuration: String) throws {
        try directory.write(configuration, to: "memwatchd.toml")
        notifications.forget()
        process.signal(SIGHUP)
        try notifications.wait(for: "RELOADING=1", from: process)
        try notifications.wait(for: "READY=1", from: process)
    }

    // MARK: Asking it

    /// Runs the client to its end.
    func run(_ arguments: String..., through wrapper: [String] = []) throws -> ClientRun {
        try Client.run(arguments, socket: socket, through: wrapper)
    }

    /// What the client printed, which must have succeeded.
    func output(_ arguments: String..., sourceLocation: SourceLocation = #_sourceLocation) throws -> String {
        let run = try Client.run(arguments, socket: socket)
        #expect(run.exit == .status(0), "\(arguments): \(run.errors)", sourceLocation: sourceLocation)
        return run.output
    }

    /// The records that `--format json` prints.
    func records(
        _ arguments: String..., sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> [JSON] {
        let run = try Client.run(arguments + ["--format", "json"], socket: socket)
        #expect(run.exit == .status(0), "\(arguments): \(run.errors)", sourceLocation: sourceLocation)
        return try #require(try JSON(parsing: run.output).arrayValue, sourceLocation: sourceLocation)
    }

    /// Watches a process ten times a second, and returns when it has been looked at.
    func attach(_ pid: pid_t, sourceLocation: SourceLocation = #_sourceLocation) throws -> Follower {
        _ = try output("attach", "\(pid)", "--interval", "100ms", sourceLocation: sourceLocation)
        let follower = try follow(pid)
        try follower.wait(for: "attached")
        return follower
    }

    func follow(_ pid: pid_t? = nil, _ more: String...) throws -> Follower {
        let which = pid.map { ["\($0)"] } ?? []
        return Follower(
            try Client.start(
                ["events"] + which + ["--follow", "--since", "-1h", "--format", "ndjson"] + more,
                socket: socket))
    }
}
