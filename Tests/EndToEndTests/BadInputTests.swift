import Glibc
import TestSupport
import Testing
import Varlink

@Suite("Bad input to the client: a status, one line, and nothing lost", .timeLimit(.minutes(5)))
struct BadInputTests {
    @Test(
        "a command line that makes no sense",
        arguments: [
            ["attach", "abc"], ["attach", "0"], ["attach", "-5"], ["attach", "99999999999"],
            ["attach", "1.5"],
            ["history", "12x"], ["regions", "18446744073709551617"], ["attach"], ["detach"], ["frobnicate"],
            ["list", "--format", "xml"], ["history", "1", "--since", "yesterday"],
            ["attach", "1", "--interval", "5"],
            ["attach", "1", "--interval", "50ms"], ["regions", "1", "--kind", "memory"],
            ["events", "--event", "growth"], ["history", "1", "--step", "0s"],
            ["history", "1", "--since", "now", "--until", "-5m"],
            ["events", "--since", "now", "--until", "-5m"],
        ])
    func usage(_ arguments: [String]) throws {
        let daemon = try Daemon()
        let run = try Client.run(arguments, socket: daemon.socket)
        #expect(run.failed(64), "\(run)")
        #expect(try daemon.records("list").isEmpty)
    }

    @Test("a process that is not there, or was never watched")
    func noSuchProcess() throws {
        let daemon = try Daemon()
        let gone = try ChildProcess("true")
        try gone.waitForExit()
        for command in ["attach", "regions", "history", "events", "detach"] {
            let run = try daemon.run(command, "\(gone.pid)")
            #expect(run.failed(66), "\(command): \(run)")
        }
        let memgrow = try Memgrow("sbrk", "--step")
        for command in ["history", "events", "detach"] {
            #expect(try daemon.run(command, "\(memgrow.pid)").failed(66))
        }
    }

    @Test(
        "a kernel thread has no memory",
        .requires("kernel-threads", (try? readText("/proc/2/comm")) == "kthreadd\n", "no kernel threads here")
    )
    func kernelThread() throws {
        let daemon = try Daemon()
        for command in ["attach", "regions"] {
            let run = try daemon.run(command, "2")
            #expect(run.failed(66) && run.errors.contains("kernel thread"), "\(run)")
        }
    }

    @Test("a zombie has no memory")
    func zombie() throws {
        let daemon = try Daemon()
        let child = try ChildProcess("true")
        var info = siginfo_t()
        while waitid(P_PID, id_t(child.pid), &info, WEXITED | WNOWAIT) < 0 && errno == EINTR {}
        for command in ["attach", "regions"] {
            let run = try daemon.run(command, "\(child.pid)")
            #expect(run.failed(66) && run.errors.contains("zombie"), "\(run)")
        }
    }

    @Test("one bad pid of several: the others are attached, the bad one is said")
    func several() throws {
        let daemon = try Daemon()
        let gone = try ChildProcess("true")
        try gone.waitForExit()
        let memgrow = try Memgrow("sbrk", "--step")
        let run = try daemon.run("attach", "\(gone.pid)", "\(memgrow.pid)")
        #expect(run.exit == .status(66) && run.errorLines == 1)
        #expect(try daemon.records("list").count == 1)
    }

    @Test("no daemon: every command that needs one says how to start it")
    func noDaemon() throws {
        let directory = try TemporaryDirectory()
        for command in [
            ["list"], ["attach", "1"], ["history", "1"], ["events"], ["status"], ["detach", "--all"],
        ] {
            let run = try Client.run(command, socket: directory.file("socket"))
            #expect(run.failed(69) && run.errors.contains("memwatchd"), "\(command): \(run)")
        }
        let own = try Client.run(["regions", "\(getpid())"], socket: directory.file("socket"))
        #expect(own.exit == .status(0) && own.errors.isEmpty)
    }

    @Test("a socket path that is too long")
    func longPath() throws {
        let run = try Client.run(["list"], socket: "/tmp/" + String(repeating: "s", count: 200))
        #expect(run.failed(64), "\(run)")
    }

    @Test("a reader that goes away ends it quietly", arguments: ["table", "json", "ndjson", "csv"])
    func closedPipe(_ format: String) throws {
        let daemon = try Daemon()
        let memgrow = try Memgrow("sbrk", "--step")
        _ = try daemon.attach(memgrow.pid)
        for command in [
            "regions $PID", "regions $PID --at now", "history $PID --since -15m --step 1ms", "list",
        ] {
            let run = try Client.shell(
                "memwatch \(command) --format \(format) | head -c 1 > /dev/null; echo ${PIPESTATUS[0]}",
                socket: daemon.socket, ["PID": "\(memgrow.pid)"])
            #expect(run.output == "0\n" && run.errors.isEmpty, "\(command): \(run)")
        }
    }
}
