import Glibc
import TestSupport
import Testing
import Varlink

/// A Debian with a real systemd, booted for one test; gone when the last reference to it goes, whatever
/// state it is in then.
///
/// `scripts/test-machine.sh` makes and boots it. Commands run in all of its namespaces, as root.
final class TestMachine {
    /// Lives as long as its standard input is open.
    private let boot: ChildProcess
    /// The machine's PID 1, as it is called out here.
    let leader: pid_t

    /// The machine's file system, seen from out here.
    private var root: String { "/proc/\(leader)/root" }

    /// Returns when all of it has started. The Debian package is installed in it, but its units are disabled, so
    /// that a test says when they start.
    convenience init(_ release: DebianRelease = .bookworm) throws {
        try self.init(release, options: ["--package=" + DebianPackage.built().path])
    }

    /// A machine that has never heard of memwatch.
    convenience init(bare release: DebianRelease) throws { try self.init(release, options: []) }

    private init(_ release: DebianRelease, options: [String]) throws {
        boot = try ChildProcess(DebianRelease.script, ["boot", release.rawValue] + options)
        guard let line = try boot.nextLine(), line.hasPrefix("booted "), let pid = pid_t(line.dropFirst(7))
        else {
            throw TestFailure("the machine did not boot: \(boot.errorText())")
        }
        leader = pid
        // The one that was built with the package: it wants no Swift either.
        try copy(DebianRelease.checkout + "/.build/release/memgrow", to: "/usr/local/bin/memgrow")
    }

    deinit {
        boot.closeInput()
        _ = try? boot.waitForExit()
    }

    // MARK: Commands

    /// What a command gave.
    struct Result {
        var exit: ChildProcess.Exit
        var output: String
        var errors: String
    }

    /// Starts a command and leaves it running; for what is followed.
    func start(_ words: [String]) throws -> ChildProcess {
        try ChildProcess(
            "nsenter",
            ["--target", "\(leader)", "--all", "--wd=/root", "env", "-i"] + Self.environment + words)
    }

    private static let environment = [
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin", "HOME=/root", "LANG=C.UTF-8", "TZ=UTC",
        "SYSTEMD_PAGER=", "SYSTEMD_COLORS=0",
    ]

    /// Runs a command to its end, however it ends.
    func attempt(_ words: String...) throws -> Result { try attempt(words) }

    func attempt(_ words: [String]) throws -> Result {
        let child = try start(words)
        child.closeInput()
        let output = try child.remainingOutput()
        let exit = try child.waitForExit()
        return Result(exit: exit, output: output, errors: child.errorText())
    }

    /// What a command printed, which must succeed.
    @discardableResult
    func run(_ words: String...) throws -> String { try run(words) }

    @discardableResult
    func run(_ words: [String]) throws -> String {
        let result = try attempt(words)
        guard result.exit == .status(0) else {
            throw TestFailure(
                "\(words.joined(separator: " ")): \(result.exit): \(result.errors)\(result.output)")
        }
        return result.output
    }

    // MARK: Files and units

    /// Copies a file from out here; the mode goes with it.
    func copy(_ file: String, to path: String) throws {
        try TestSupport.run("cp", ["--preserve=mode", file, root + path])
    }

    func write(_ text: String, to path: String) throws {
        let inside = try start(["tee", path])
        try inside.send(text)
        inside.closeInput()
        _ = try inside.remainingOutput()
        guard try inside.waitForExit() == .status(0) else {
            throw TestFailure("cannot write \(path): \(inside.errorText())")
        }
    }

    /// Writes a service, as an administrator would. To start it is to wait until it executes its program,
    /// because what has its pid before is still systemd.
    func addService(_ name: String, _ lines: String) throws {
        try write("[Service]\nType=exec\n\(lines)\n", to: "/etc/systemd/system/\(name)")
        try run("systemctl", "daemon-reload")
    }

    /// The main process of a service, as it is called in the machine.
    func mainPID(of unit: String) throws -> Int64 {
        let text = try run("systemctl", "show", "--property=MainPID", "--value", unit)
        guard let pid = Int64(text.prefix { $0 != "\n" }), pid > 0 else {
            throw TestFailure("\(unit) has no main process: \(try run("systemctl", "status", unit))")
        }
        return pid
    }
}

/// The Debian releases that scripts/test-machine.sh can boot.
enum DebianRelease: String, CaseIterable {
    case bookworm, trixie

    static let checkout = #filePath.split(separator: "/").dropLast(4).map { "/" + $0 }.joined()
    static let script = checkout + "/scripts/test-machine.sh"

    /// Whether the system to boot was built.
    var isPrepared: Bool { (try? TestSupport.run(Self.script, ["check", rawValue])) != nil }
}
