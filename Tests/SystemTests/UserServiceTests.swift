import TestSupport
import Testing
import Varlink

@Suite(
    "A user's own memwatchd needs no root", .requiresRoot, .requiresTool("systemd-nspawn"),
    .requiresMachine(), .timeLimit(.minutes(5)))
struct UserServiceTests {
    @Test("a user's own service watches that user's processes, with no capability and under the same filter")
    func ownProcesses() throws {
        let machine = try TestMachine()
        let user = try OrdinaryUser(on: machine)
        try user.run("systemctl", "--user", "start", "memwatchd.service")
        let status = try #require(try user.records("status").first)
        #expect(status["uid"]?.integerValue == OrdinaryUser.uid)
        #expect(status["capabilities"] == .array([]))
        #expect(status["capabilities_reason"]?.stringValue?.contains("none were granted") == true)

        try user.run("systemd-run", "--user", "--unit=mine", "--property=Type=exec", "sleep", "1000")
        let pid = try user.mainPID(of: "mine.service")
        try user.run("memwatch", "attach", "\(pid)", "--interval", "100ms")
        let target = try #require(try user.records("list").first)
        #expect(target["exe"]?.stringValue == "/usr/bin/sleep")
        #expect(target["uid"]?.integerValue == OrdinaryUser.uid)
        #expect(try user.records("regions", "\(pid)").count > 10)
        // PID 1 is root's.
        #expect(try user.attempt("memwatch", "attach", "1").exit == .status(77))

        let daemon = try user.mainPID(of: "memwatchd.service")
        let lines = try machine.run("cat", "/proc/\(daemon)/status")
        for line in ["CapPrm:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"] {
            #expect(lines.contains(line))
        }
    }
}

/// A user with a manager of their own, as after a login.
private struct OrdinaryUser {
    static let uid: Int64 = 1_234
    private let machine: TestMachine

    init(on machine: TestMachine) throws {
        self.machine = machine
        try machine.run("useradd", "--create-home", "--uid", "\(Self.uid)", "ada")
        // This Debian has no libpam-systemd, which would say where the user's directory is.
        try machine.run("mkdir", "-p", "/etc/systemd/system/user@.service.d")
        try machine.write(
            "[Service]\nEnvironment=XDG_RUNTIME_DIR=/run/user/%i\n",
            to: "/etc/systemd/system/user@.service.d/directory.conf")
        try machine.run("systemctl", "daemon-reload")
        try machine.run("systemctl", "start", "user@\(Self.uid).service")
    }

    private func words(_ words: [String]) -> [String] {
        [
            "setpriv", "--reuid", "\(Self.uid)", "--regid", "\(Self.uid)", "--clear-groups", "env",
            "HOME=/home/ada", "XDG_RUNTIME_DIR=/run/user/\(Self.uid)",
        ] + words
    }

    @discardableResult
    func run(_ arguments: String...) throws -> String { try machine.run(words(arguments)) }

    func attempt(_ arguments: String...) throws -> TestMachine.Result {
        try machine.attempt(words(arguments))
    }

    func records(_ arguments: String...) throws -> [JSON] {
        try machine.run(words(["memwatch"] + arguments + ["--format", "ndjson"])).split(separator: "\n").map {
            try JSON(parsing: String($0))
        }
    }

    func mainPID(of unit: String) throws -> Int64 {
        let text = try run("systemctl", "--user", "show", "--property=MainPID", "--value", unit)
        guard let pid = Int64(text.prefix { $0 != "\n" }), pid > 0 else {
            throw TestFailure("\(unit) has no main process")
        }
        return pid
    }
}
