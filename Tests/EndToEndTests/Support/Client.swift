import Glibc
import TestSupport

/// What a run of the built client gave.
struct ClientRun: Sendable {
    var exit: ChildProcess.Exit
    var output: String
    var errors: String

    /// How many lines standard error has.
    var errorLines: Int { errors.split(separator: "\n", omittingEmptySubsequences: false).count - 1 }

    /// Failed as the contract says: this status, nothing printed, one line of error.
    func failed(_ status: Int32) -> Bool {
        exit == .status(status) && output.isEmpty && errorLines == 1 && errors.hasPrefix("memwatch: ")
    }
}

enum Client {
    static func start(
        _ arguments: [String], socket: String, client: String? = nil, through wrapper: [String] = []
    ) throws -> ChildProcess {
        let words = wrapper + [try client ?? builtProduct("memwatch")] + arguments
        return try ChildProcess(words[0], Array(words.dropFirst()), environment: environment(socket))
    }

    static func run(
        _ arguments: [String], socket: String, client: String? = nil, through wrapper: [String] = []
    ) throws -> ClientRun {
        try finish(try start(arguments, socket: socket, client: client, through: wrapper))
    }

    /// A shell script, with the client in PATH.
    static func shell(
        _ script: String, socket: String, _ variables: [String: String] = [:]
    ) throws -> ClientRun {
        var environment = environment(socket)
        let client = try builtProduct("memwatch")
        let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"
        environment["PATH"] = client.prefix(upTo: client.lastIndex(of: "/") ?? client.endIndex) + ":" + path
        for (name, value) in variables { environment[name] = value }
        return try finish(try ChildProcess("bash", ["-c", script], environment: environment))
    }

    static func finish(_ child: ChildProcess) throws -> ClientRun {
        child.closeInput()
        let output = try child.remainingOutput()
        let exit = try child.waitForExit()
        return ClientRun(exit: exit, output: output, errors: child.errorText())
    }

    private static func environment(_ socket: String) -> [String: String?] {
        ["MEMWATCH_SOCKET": socket, "XDG_RUNTIME_DIR": nil, "TZ": "UTC"]
    }
}

/// Two users that are nobody, and programs where they can reach them: a checkout may lie in a
/// closed home.
final class Strangers {
    static let one: UInt32 = 64_901
    static let other: UInt32 = 64_902

    private let directory: TemporaryDirectory
    var client: String { directory.file("memwatch") }
    var memgrow: String { directory.file("memgrow") }

    init() throws {
        directory = try TemporaryDirectory()
        chmod(directory.path, 0o755)
        for name in ["memwatch", "memgrow"] {
            try TestSupport.run("cp", [try builtProduct(name), directory.file(name)])
        }
    }

    /// A prefix that runs a program as a user, without groups, by exec.
    static func setpriv(_ uid: UInt32) -> [String] {
        ["setpriv", "--reuid", "\(uid)", "--regid", "\(uid)", "--clear-groups"]
    }

    /// The system's own Python: the first in root's PATH may lie in root's home.
    static let python = ["/usr/bin/env", "-i", "PATH=/usr/bin:/bin", "python3"]

    /// The client, run by a user.
    func run(_ uid: UInt32, _ arguments: String..., socket: String) throws -> ClientRun {
        try Client.run(arguments, socket: socket, client: client, through: Self.setpriv(uid))
    }
}
