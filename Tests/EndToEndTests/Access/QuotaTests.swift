import Glibc
import TestSupport
import Testing
import Varlink

@Suite(
    "What one user may have of the daemon", .requiresRoot, .requiresTool("setpriv"), .timeLimit(.minutes(5)))
struct QuotaTests {
    private let strangers: Strangers

    init() throws { strangers = try Strangers() }

    private func sleeper(_ uid: UInt32 = Strangers.one) throws -> Memgrow {
        try Memgrow(
            "sbrk", "--step", "--hold", executable: strangers.memgrow, through: Strangers.setpriv(uid))
    }

    @Test("no more targets than [access] targets_per_user, and it is no concern of others")
    func targets() throws {
        let daemon = try Daemon(Daemon.quiet + "[access]\ntargets_per_user = 2\n")
        let mine = try (0..<3).map { _ in try sleeper() }
        func asUser(_ words: String..., uid: UInt32 = Strangers.one) throws -> ClientRun {
            try Client.run(
                words, socket: daemon.socket, client: strangers.client, through: Strangers.setpriv(uid))
        }
        #expect(try asUser("attach", "\(mine[0].pid)").exit == .status(0))
        #expect(try asUser("attach", "\(mine[1].pid)").exit == .status(0))
        let third = try asUser("attach", "\(mine[2].pid)")
        #expect(third.failed(77) && third.errors.contains("no more than 2 targets"), "\(third)")
        // The same once more is no further one.
        #expect(try asUser("attach", "\(mine[1].pid)", "--interval", "2s").exit == .status(0))
        // Not root, though it watches the same process, nor another user.
        _ = try daemon.output("attach", "\(mine[2].pid)")
        let other = try sleeper(Strangers.other)
        #expect(try asUser("attach", "\(other.pid)", uid: Strangers.other).exit == .status(0))
        // What has ended counts no longer.
        let follower = try daemon.follow(mine[0].pid)
        mine[0].process.signal(SIGKILL)
        try mine[0].process.waitForExit()
        try follower.wait(for: "exit")
        #expect(try asUser("attach", "\(mine[2].pid)").exit == .status(0))
        // Nor what is given up.
        let fourth = try sleeper()
        #expect(try asUser("attach", "\(fourth.pid)").failed(77))
        #expect(try asUser("detach", "\(mine[1].pid)").exit == .status(0))
        #expect(try asUser("attach", "\(fourth.pid)").exit == .status(0))
        // More by a reload.
        try daemon.reload(Daemon.quiet + "[access]\ntargets_per_user = 3\n")
        #expect(try asUser("attach", "\(mine[1].pid)").exit == .status(0))
        try daemon.stop()
    }

    @Test("all users together leave the last tenth of [access] maximum_targets to root")
    func reserve() throws {
        let daemon = try Daemon(Daemon.quiet + "[access]\nmaximum_targets = 10\n")
        let all = try (0..<11).map { _ in try sleeper() }
        func asUser(_ memgrow: Memgrow) throws -> ClientRun {
            try strangers.run(Strangers.one, "attach", "\(memgrow.pid)", socket: daemon.socket)
        }
        for memgrow in all[..<9] { #expect(try asUser(memgrow).exit == .status(0)) }
        let tenth = try asUser(all[9])
        #expect(tenth.failed(77) && tenth.errors.contains("no more than 9 targets"), "\(tenth)")
        _ = try daemon.output("attach", "\(all[9].pid)")
        let eleventh = try daemon.run("attach", "\(all[10].pid)")
        #expect(eleventh.failed(77) && eleventh.errors.contains("no more than 10 targets"), "\(eleventh)")
        // Who is watched already takes no further place.
        #expect(try asUser(all[9]).exit == .status(0))
        try daemon.stop()
    }

    @Test("children count as well: a fork storm fills nothing but its user's own share", .requiresTool("cc"))
    func children() throws {
        let program = try CProgram(
            """
            #include <stdio.h>
            #include <unistd.h>
            int main(void) {
                puts("ready");
                fflush(stdout);
                getchar();
                for (int i = 0; i < 20; i++) if (fork() == 0) { pause(); _exit(0); }
                puts("forked");
                fflush(stdout);
                getchar();
                return 0;
            }
            """)
        chmod(String(program.path.dropLast("/program".count)), 0o755)
        let daemon = try Daemon(Daemon.quiet + "[access]\ntargets_per_user = 5\n")
        let running = try program.start(through: ["setsid"] + Strangers.setpriv(Strangers.one))
        let attached = try strangers.run(
            Strangers.one, "attach", "\(running.pid)", "--children", socket: daemon.socket)
        #expect(attached.exit == .status(0), "\(attached)")
        let follower = try daemon.follow()
        try running.send("\n")
        #expect(try running.nextLine() == "forked")
        // Four of them, and then no more.
        _ = try follower.wait { events in events.count { $0.type == "attached" } == 5 }
        _ = try daemon.output("attach", "\(getpid())")
        _ = try follower.wait { events in events.contains { $0.pid == Int64(getpid()) } }
        #expect(try daemon.records("list").count == 6)
        kill(-running.pid, SIGKILL)
        try daemon.stop()
    }

    @Test("no more streams than [access] streams_per_user, and single answers still come")
    func streams() throws {
        let daemon = try Daemon(Daemon.quiet + "[access]\nstreams_per_user = 2\n")
        let mine = try sleeper()
        func start(_ words: String..., uid: UInt32 = Strangers.one) throws -> ChildProcess {
            try Client.start(
                words, socket: daemon.socket, client: strangers.client, through: Strangers.setpriv(uid))
        }
        func run(_ words: String..., uid: UInt32 = Strangers.one) throws -> ClientRun {
            try Client.run(
                words, socket: daemon.socket, client: strangers.client, through: Strangers.setpriv(uid))
        }
        #expect(try run("attach", "\(mine.pid)").exit == .status(0))
        let first = Follower(try start("events", "--follow", "--since", "-1h", "--format", "ndjson"))
        let second = Follower(try start("events", "--follow", "--since", "-1h", "--format", "ndjson"))
        try first.wait(for: "attached")
        try second.wait(for: "attached")
        let third = try run("events", "--follow", "--format", "ndjson")
        #expect(third.failed(77) && third.errors.contains("no more than 2"), "\(third)")
        #expect(try run("list").exit == .status(0))
        _ = try daemon.follow(mine.pid).wait(for: "attached")
        // One that ends makes room, as soon as the daemon has seen it go.
        try first.end()
        let patience = ContinuousClock.now + .seconds(60)
        var next = try run("events", "\(mine.pid)")
        while next.failed(77), ContinuousClock.now < patience { next = try run("events", "\(mine.pid)") }
        #expect(next.exit == .status(0), "\(next)")
        try second.end()
        try daemon.stop()
    }

    @Test("no more connections than [access] connections_per_user; others connect as before")
    func connections() throws {
        let daemon = try Daemon(Daemon.quiet + "[access]\nconnections_per_user = 3\n")
        let hold = """
            import socket, sys
            held = []
            for i in range(3):
                s = socket.socket(socket.AF_UNIX)
                s.connect(sys.argv[1])
                s.sendall(b'{"method":"org.varlink.service.GetInfo"}\\0')
                assert s.recv(1)
                held.append(s)
            print("held", flush=True)
            sys.stdin.read()
            """
        let words = Strangers.setpriv(Strangers.one) + Strangers.python + ["-c", hold, daemon.socket]
        let holder = try ChildProcess(words[0], Array(words.dropFirst()))
        #expect(try holder.nextLine() == "held", "\(holder.errorText())")
        let refused = try strangers.run(Strangers.one, "list", socket: daemon.socket)
        #expect(refused.failed(69) && refused.errors.contains("too many of your connections"), "\(refused)")
        #expect(try strangers.run(Strangers.other, "list", socket: daemon.socket).exit == .status(0))
        #expect(try daemon.run("list").exit == .status(0))
        try daemon.stop()
    }
}
