import Glibc
import TestSupport
import Testing
import Varlink

@Suite("What memwatchd does where it cannot start as told", .timeLimit(.minutes(5)))
struct DaemonStartTests {
    private func prepared(_ configuration: String = Daemon.quiet) throws -> TemporaryDirectory {
        let directory = try TemporaryDirectory()
        mkdir(directory.file("state"), 0o700)
        try directory.write(configuration, to: "memwatchd.toml")
        return directory
    }

    /// Ends with this status and one line that holds the text.
    private func expectRefusal(
        _ child: ChildProcess, _ status: Int32, _ text: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let exit = try child.waitForExit()
        let errors = child.errorText()
        #expect(exit == .status(status), "\(errors)", sourceLocation: sourceLocation)
        #expect(errors.split(separator: "\n").count == 1, "\(errors)", sourceLocation: sourceLocation)
        #expect(
            errors.hasPrefix("memwatchd: ") && errors.contains(text), "\(errors)",
            sourceLocation: sourceLocation)
    }

    @Test("a socket path that is too long is refused before anything is touched")
    func longPath() throws {
        let directory = try prepared()
        let path = directory.file(String(repeating: "s", count: 200))
        try expectRefusal(try Daemon.start(in: directory, socket: path), 64, "longer than")
        #expect(access(directory.file("state/history.sqlite"), F_OK) != 0)
    }

    @Test("a live daemon's socket and a live daemon's state are left alone")
    func inUse() throws {
        let daemon = try Daemon()
        let other = try prepared()
        try expectRefusal(try Daemon.start(in: other, socket: daemon.socket), 69, daemon.socket)
        try expectRefusal(
            try Daemon.start(in: other, state: daemon.stateDirectory), 69, "in use by another memwatchd")
        #expect(try daemon.run("status").exit == .status(0))
        try daemon.stop()
    }

    @Test("the socket that a killed daemon left is replaced")
    func staleSocket() throws {
        let daemon = try Daemon()
        try daemon.kill()
        #expect(access(daemon.socket, F_OK) == 0)
        let run = try daemon.run("list")
        #expect(run.failed(69), "\(run)")
        try daemon.startAgain()
        #expect(try daemon.run("list").exit == .status(0))
        try daemon.stop()
    }

    @Test("a file that is no socket is not replaced")
    func noSocket() throws {
        let directory = try prepared()
        try directory.write("mine", to: "socket")
        try expectRefusal(try Daemon.start(in: directory), 69, "not a socket")
        #expect(try readText(directory.file("socket")) == "mine")
    }

    @Test("a configuration that is not there, or cannot be read")
    func unreadableConfiguration() throws {
        let missing = try prepared()
        unlink(missing.file("memwatchd.toml"))
        try expectRefusal(try Daemon.start(in: missing), 78, missing.file("memwatchd.toml"))
        let directory = try prepared()
        unlink(directory.file("memwatchd.toml"))
        mkdir(directory.file("memwatchd.toml"), 0o755)
        try expectRefusal(try Daemon.start(in: directory), 78, directory.file("memwatchd.toml"))
    }

    @Test("a state directory that is missing, or is a file")
    func stateDirectory() throws {
        let directory = try prepared()
        let missing = directory.file("none")
        try expectRefusal(try Daemon.start(in: directory, state: missing), 69, missing)
        #expect(access(missing, F_OK) != 0)
        let file = try directory.write("", to: "file")
        let child = try Daemon.start(in: directory, state: file)
        #expect(try child.waitForExit() != .status(0))
        #expect(child.errorText().split(separator: "\n").count == 1)
    }

    @Test("a state directory that its user may not write", .requiresRoot, .requiresTool("setpriv"))
    func unwritableState() throws {
        let directory = try prepared()
        chmod(directory.path, 0o777)
        chmod(directory.file("state"), 0o755)
        try run("cp", [try builtProduct("memwatchd"), directory.file("memwatchd")])
        let words =
            Strangers.setpriv(Strangers.one) + [
                directory.file("memwatchd"), "--config", directory.file("memwatchd.toml"),
                "--socket", directory.file("socket"), "--state-directory", directory.file("state"),
            ]
        try expectRefusal(
            try ChildProcess(words[0], Array(words.dropFirst())), 77, directory.file("state"))
    }

    @Test("a damaged history is renamed aside, whole, and said once")
    func corrupt() throws {
        let directory = try prepared()
        let garbage = String(repeating: "this is no database. ", count: 1000)
        try directory.write(garbage, to: "state/history.sqlite", mode: 0o600)
        let daemon = try Daemon(in: directory)
        let memgrow = try Memgrow("sbrk", "--step")
        _ = try daemon.attach(memgrow.pid)
        try daemon.stop()
        let lines = daemon.process.errorText().split(separator: "\n")
        #expect(lines.filter { $0.contains("corrupt") || $0.contains("damaged") }.count == 1, "\(lines)")
        let listing = try run("ls", [directory.file("state")]).split(separator: "\n")
        let aside = listing.filter { $0.hasPrefix("history.sqlite.corrupt-") }
        #expect(aside.count == 1)
        if let name = aside.first { #expect(try readText(directory.file("state/\(name)")) == garbage) }
        try daemon.startAgain()
        #expect(!daemon.process.errorText().contains("corrupt"))
        #expect(try daemon.records("events", "\(memgrow.pid)").count == 1)
        try daemon.stop()
    }

    @Test("a history of a newer version is refused and left as it is", .requiresTool("sqlite3"))
    func newer() throws {
        let daemon = try Daemon()
        try daemon.stop()
        try run("sqlite3", [daemon.database, "INSERT INTO grdb_migrations VALUES ('v999')"])
        let before = try readBytes(daemon.database)
        try expectRefusal(try Daemon.start(in: daemon.directory), 69, "newer")
        #expect(try readBytes(daemon.database) == before)
    }
}
