import Glibc
import TestSupport
import Testing
import Varlink

@Suite(
    "Whose target it is", .requiresRoot, .requiresTool("setpriv"), .timeLimit(.minutes(5)))
struct OwnershipTests {
    private let strangers: Strangers

    init() throws { strangers = try Strangers() }

    private func memgrow() throws -> Memgrow {
        try Memgrow(
            "sbrk", "--step", "--hold", executable: strangers.memgrow,
            through: Strangers.setpriv(Strangers.one))
    }

    private func interval(_ daemon: Daemon, _ pid: pid_t) throws -> String? {
        try daemon.records("list").first { $0["pid"]?.integerValue == Int64(pid) }?["interval"]?.stringValue
    }

    @Test("a user neither ends nor slows down what root watches of the user's own")
    func rootsTarget() throws {
        let daemon = try Daemon()
        let memgrow = try memgrow()
        _ = try daemon.output("attach", "\(memgrow.pid)", "--interval", "500ms")
        let pid = "\(memgrow.pid)"
        func asUser(_ words: String...) throws -> ClientRun {
            try Client.run(
                words, socket: daemon.socket, client: strangers.client,
                through: Strangers.setpriv(Strangers.one))
        }
        #expect(try asUser("detach", pid).failed(77))
        #expect(try asUser("detach", "--all").exit == .status(0))
        #expect(try interval(daemon, memgrow.pid) == "500ms")

        // Slower for the user is not slower for root; faster is faster for as long as the user wants it.
        #expect(try asUser("attach", pid, "--interval", "1h").exit == .status(0))
        #expect(try interval(daemon, memgrow.pid) == "500ms")
        #expect(try asUser("attach", pid, "--interval", "100ms").exit == .status(0))
        #expect(try interval(daemon, memgrow.pid) == "100ms")
        #expect(try asUser("detach", pid).exit == .status(0))
        #expect(try interval(daemon, memgrow.pid) == "500ms")
        #expect(try asUser("detach", pid).failed(77))
        _ = try daemon.output("detach", pid)
        #expect(try daemon.records("list").isEmpty)
        try daemon.stop()
    }

    @Test("what a user watches goes on when root's rule for it goes, and over a restart as the user's")
    func usersTarget() throws {
        let daemon = try Daemon()
        let memgrow = try memgrow()
        let pid = "\(memgrow.pid)"
        func asUser(_ words: String...) throws -> ClientRun {
            try Client.run(
                words, socket: daemon.socket, client: strangers.client,
                through: Strangers.setpriv(Strangers.one))
        }
        #expect(try asUser("attach", pid, "--interval", "2s").exit == .status(0))
        let follower = try daemon.follow(memgrow.pid)
        try follower.wait(for: "attached")
        let rule = "[[target]]\ncomm = \"memgrow\"\ninterval = \"200ms\"\n"
        try daemon.reload(Daemon.quiet + rule)
        #expect(try interval(daemon, memgrow.pid) == "200ms")
        #expect(try asUser("detach", pid).exit == .status(0))
        #expect(try asUser("detach", pid).failed(77), "the rule has it still")
        #expect(try asUser("attach", pid, "--interval", "2s").exit == .status(0))
        try daemon.reload(Daemon.quiet)
        #expect(try interval(daemon, memgrow.pid) == "2s")

        try daemon.stop()
        try daemon.startAgain()
        #expect(try interval(daemon, memgrow.pid) == "2s")
        #expect(try asUser("detach", pid).exit == .status(0))
        #expect(try daemon.records("list").isEmpty)
        try daemon.stop()
    }

    @Test("whether another's process is watched is not told: watched or not, the answer is the same")
    func sameAnswer() throws {
        let daemon = try Daemon()
        let watched = try memgrow()
        let unwatched = try memgrow()
        _ = try daemon.output("attach", "\(watched.pid)")
        var answers: Set<String> = []
        for pid in [watched.pid, unwatched.pid] {
            for command in ["detach", "attach"] {
                let run = try strangers.run(Strangers.other, command, "\(pid)", socket: daemon.socket)
                #expect(run.failed(77), "\(run)")
                let neutral = run.errors.split(separator: "\(pid)", omittingEmptySubsequences: false)
                answers.insert(command + neutral.joined(separator: "PID"))
            }
        }
        #expect(answers.count == 2, "\(answers)")
        try daemon.stop()
    }

    @Test(
        "a connection that outlives the process that made it is a stranger's", .requiresTool("python3"),
        .requires("peer-pidfd", Self.hasPeerPidfd, "SO_PEERPIDFD is of Linux 6.5"))
    func inherited() throws {
        let daemon = try Daemon()
        let memgrow = try memgrow()
        let own = try strangers.run(Strangers.one, "attach", "\(memgrow.pid)", socket: daemon.socket)
        #expect(own.exit == .status(0))
        let script = """
            import json, os, select, socket, sys
            s = socket.socket(socket.AF_UNIX)
            s.connect(sys.argv[1])
            def ask():
                s.sendall(json.dumps({"method": "org.memwatch.Monitor.Regions",
                    "parameters": {"pid": int(sys.argv[2])}}).encode() + b"\\0")
                reply = b""
                while not reply.endswith(b"\\0"): reply += s.recv(65536)
                return json.loads(reply[:-1]).get("error", "told")
            print(ask(), flush=True)
            parent = os.pidfd_open(os.getpid())
            if os.fork(): os._exit(0)
            select.select([parent], [], [])
            print(ask(), flush=True)
            """
        let words =
            Strangers.setpriv(Strangers.one) + Strangers.python + [
                "-c", script, daemon.socket, "\(memgrow.pid)",
            ]
        let process = try ChildProcess(words[0], Array(words.dropFirst()))
        #expect(try process.nextLine() == "told", "\(process.errorText())")
        #expect(try process.nextLine() == "org.memwatch.Monitor.PermissionDenied", "\(process.errorText())")
        try daemon.stop()
    }

    private static let hasPeerPidfd: Bool = {
        let release = ((try? readText("/proc/sys/kernel/osrelease")) ?? "").split { $0 == "." || $0 == "-" }
        let numbers = release.prefix(2).compactMap { Int($0) }
        return numbers.count == 2 && (numbers[0], numbers[1]) >= (6, 5)
    }()

    @Test(
        "the user of a sandbox with the same uid is a stranger",
        .requiresTool("unshare"))
    func sandbox() throws {
        let daemon = try Daemon()
        let memgrow = try memgrow()
        let own = try strangers.run(Strangers.one, "attach", "\(memgrow.pid)", socket: daemon.socket)
        #expect(own.exit == .status(0))
        for command in ["detach", "history", "events"] {
            let boxed = try Client.run(
                [command, "\(memgrow.pid)"], socket: daemon.socket, client: strangers.client,
                through: Strangers.setpriv(Strangers.one) + ["unshare", "-U", "--map-current-user"])
            #expect(boxed.failed(77), "\(boxed)")
        }
        try daemon.stop()
    }
}
