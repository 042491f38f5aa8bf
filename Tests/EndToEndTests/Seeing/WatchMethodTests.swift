import Glibc
import TestSupport
import Testing
import Varlink

@Suite("The method Watch", .timeLimit(.minutes(2)))
struct WatchMethodTests {
    @Test(
        "answers at its interval with samples and what has happened, and ends when all that were named are gone"
    )
    func stream() throws {
        let daemon = try Daemon(Daemon.quiet)
        let memgrow = try Memgrow("malloc", "--size", "64KiB", "--count", "200", "--step", "--hold")
        let follower = try daemon.attach(memgrow.pid)
        let client = try VarlinkClient.connect(path: daemon.socket, patience: .seconds(30))
        let pid = Int64(memgrow.pid)
        var (answers, events, last) = (0, 0, JSONObject())
        try client.callMore(
            "org.memwatch.Monitor.Watch", ["pids": .array([.integer(pid)]), "interval": "100ms"]
        ) { reply in
            let answer = reply.parameters
            answers += 1
            last = answer
            let rows = try #require(answer["watched"]?.arrayValue)
            #expect(rows.count == 1 && rows[0]["target"]?["pid"]?.integerValue == pid)
            let told = answer["events"]?.arrayValue ?? []
            #expect(answers > 1 || told.isEmpty)
            events += told.count { $0["event"] == "brk-grow" }
            if answers == 2 { for _ in 0..<10 { _ = try memgrow.step() } }
            if events > 0 { kill(memgrow.pid, SIGKILL) }
        }
        #expect(answers > 2 && events > 0)
        #expect(last["watched"]?.arrayValue?.first?["target"]?["state"] == "exited")
        _ = follower
        try daemon.stop()
    }

    @Test("without more it is one answer; what is no target and no interval is refused")
    func once() throws {
        let daemon = try Daemon(Daemon.quiet)
        #expect(try oneCall(daemon.socket, "Watch")["parameters"]?["watched"]?.arrayValue == [])
        let nobody = try oneCall(daemon.socket, "Watch", "{\"pids\":[\(getpid())]}")
        #expect(nobody["error"] == "org.memwatch.Monitor.NotAttached")
        for parameters in [
            "{\"interval\":\"1ms\"}", "{\"pids\":[0]}", "{\"interval\":\"x\"}", "{\"pids\":[99999999999]}",
        ] {
            #expect(
                try oneCall(daemon.socket, "Watch", parameters)["error"]
                    == "org.memwatch.Monitor.InvalidValue")
        }
    }

    @Test("a daemon that stops ends its streams")
    func stops() throws {
        let daemon = try Daemon(Daemon.quiet)
        let client = try VarlinkClient.connect(path: daemon.socket, patience: .seconds(30))
        var answers = 0
        #expect(throws: (any Error).self) {
            try client.callMore("org.memwatch.Monitor.Watch", ["interval": "100ms"]) { _ in
                answers += 1
                if answers == 2 { daemon.process.signal(SIGTERM) }
            }
        }
        #expect(answers >= 2)
        #expect(try daemon.process.waitForExit() == .status(0))
    }
}
