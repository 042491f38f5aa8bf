import Glibc
import TestSupport
import Testing
import Varlink

@Suite("Symbolic links are planted where memwatchd writes and reads", .timeLimit(.minutes(5)))
struct PlantedLinksTests {
    private let directory: TemporaryDirectory
    private let victim: String
    private static let content = "[secret]\npassword = \"of another program's\"\n"

    init() throws {
        directory = try TemporaryDirectory()
        victim = try directory.write(Self.content, to: "victim", mode: 0o600)
        mkdir(directory.file("state"), 0o700)
        try directory.write(Daemon.quiet, to: "memwatchd.toml")
    }

    private func plant(_ name: String, owner: UInt32? = nil) {
        unlink(directory.file(name))
        #expect(symlink(victim, directory.file(name)) == 0)
        if let owner { #expect(lchown(directory.file(name), owner, owner) == 0) }
    }

    /// The link is still there, and what it points to is as it was.
    private func expectUntouched(_ name: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
        var (link, target) = (stat(), stat())
        #expect(lstat(directory.file(name), &link) == 0 && link.st_mode & S_IFMT == S_IFLNK)
        #expect(
            stat(victim, &target) == 0 && target.st_mode & 0o7777 == 0o600, sourceLocation: sourceLocation)
        #expect(try readText(victim) == Self.content, sourceLocation: sourceLocation)
    }

    /// One line that names the place, this status, and nothing of what is in the victim.
    private func expectRefused(_ name: String, _ status: Int32) throws {
        let child = try Daemon.start(in: directory)
        #expect(try child.waitForExit() == .status(status))
        let errors = child.errorText()
        #expect(errors.contains(directory.file(name)) && !errors.contains("secret"), "\(errors)")
        #expect(errors.split(separator: "\n").count == 1, "\(errors)")
        try expectUntouched(name)
    }

    @Test(
        "at the database, its companions and its lock: refused, and the target is untouched",
        arguments: ["history.sqlite", "history.sqlite-wal", "history.sqlite-shm", "history.lock"])
    func database(name: String) throws {
        plant("state/\(name)")
        try expectRefused("state/\(name)", 77)
    }

    @Test("at the file that is only kept to be given up: not followed")
    func ballast() throws {
        plant("state/history.ballast")
        let daemon = try Daemon(in: directory)
        try daemon.stop()
        #expect(try readText(victim) == Self.content)
    }

    @Test("at the state directory itself: refused")
    func stateDirectory() throws {
        let elsewhere = try TemporaryDirectory()
        rmdir(directory.file("state"))
        #expect(symlink(elsewhere.path, directory.file("state")) == 0)
        let child = try Daemon.start(in: directory)
        #expect(try child.waitForExit() == .status(77))
        #expect(child.errorText().contains("is a symbolic link"))
        #expect(try run("ls", ["-A", elsewhere.path]) == "")
    }

    @Test("at the socket and at its lock: refused", arguments: ["socket", "socket.lock"])
    func socket(name: String) throws {
        plant(name)
        try expectRefused(name, 69)
    }

    @Test("another user's at the configuration: refused, and not a word of the target is told", .requiresRoot)
    func configuration() throws {
        plant("memwatchd.toml", owner: Strangers.one)
        try expectRefused("memwatchd.toml", 78)
        unlink(directory.file("memwatchd.toml"))
        try directory.write(Daemon.quiet, to: "memwatchd.toml")
        mkdir(directory.file("conf.d"), 0o755)
        plant("conf.d/10-mine.toml", owner: Strangers.one)
        try expectRefused("conf.d/10-mine.toml", 78)
    }

    @Test("another user's at the configuration, before a reload: the old one stays", .requiresRoot)
    func reload() throws {
        let daemon = try Daemon(in: directory)
        plant("memwatchd.toml", owner: Strangers.one)
        daemon.notifications.forget()
        daemon.process.signal(SIGHUP)
        try daemon.notifications.wait(for: "RELOADING=1", from: daemon.process)
        try daemon.notifications.wait(for: "READY=1", from: daemon.process)
        let errors = daemon.process.errorText()
        #expect(errors.contains("the old one stays") && errors.contains("is a symbolic link"), "\(errors)")
        #expect(!errors.contains("secret"))
        #expect(try daemon.run("list").exit == .status(0))
        try daemon.stop()
        try expectUntouched("memwatchd.toml")
    }

    @Test("root's own at the configuration is how configuration managers write it: followed")
    func managed() throws {
        try directory.write(Daemon.quiet, to: "managed.toml")
        unlink(directory.file("memwatchd.toml"))
        #expect(symlink("managed.toml", directory.file("memwatchd.toml")) == 0)
        let check = try ChildProcess(
            try builtProduct("memwatchd"), ["--config", directory.file("memwatchd.toml"), "--check-config"])
        #expect(try check.waitForExit() == .status(0), "\(check.errorText())")
    }
}
