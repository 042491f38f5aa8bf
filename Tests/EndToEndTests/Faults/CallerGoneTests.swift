import Glibc
import TestSupport
import Testing
import Varlink

/// What changes something goes on without whoever asked for it: a timeout, ^C or a dropped connection must not leave
/// half of it behind, nor look like a history that cannot be written.
@Suite(
    "A client that goes while its call is under way", .requiresTool("cc"), .requiresTool("sqlite3"),
    .timeLimit(.minutes(5)))
struct CallerGoneTests {
    private static let count = 300

    /// Makes children that sleep.
    private static let program = """
        #include <stdio.h>
        #include <stdlib.h>
        #include <sys/prctl.h>
        #include <signal.h>
        #include <unistd.h>

        int main(int count, char **words) {
            for (int i = 0; i < atoi(words[1]); i++)
                if (fork() == 0) {
                    prctl(PR_SET_PDEATHSIG, SIGKILL);
                    for (;;) pause();
                }
            puts("ready");
            fflush(stdout);
            for (;;) pause();
        }
        """

    @Test("while its targets are taken up: each is there with what was first seen of it, and over a restart")
    func attaching() throws {
        let daemon = try Daemon()
        let crowd = try CProgram(Self.program).start("\(Self.count)")
        let all = Int64(Self.count + 1)
        try call(daemon, "Attach", "{\"pid\":\(crowd.pid),\"children\":true}") { $0 > 1 }
        let status = try daemon.status { $0["targets"] == .integer(all) }
        #expect(status["history_error"] == .null)
        let follower = try daemon.follow()
        _ = try follower.wait { events in events.count { $0.type == "attached" } == Self.count + 1 }
        #expect(try sqlite(daemon.database, "SELECT count(DISTINCT process) FROM samples") == ["\(all)"])
        try daemon.kill()
        try daemon.startAgain()
        try daemon.status { $0["targets"] == .integer(all) }
        try daemon.stop()
    }

    @Test("while its targets are let go: they are, all of them, and over a restart")
    func detaching() throws {
        let daemon = try Daemon()
        let crowd = try CProgram(Self.program).start("\(Self.count)")
        _ = try daemon.output("attach", "\(crowd.pid)", "--children")
        try call(daemon, "Detach", "{\"all\":true}") { $0 <= Self.count }
        let status = try daemon.status { $0["targets"] == 0 }
        #expect(status["history_error"] == .null)
        let follower = try daemon.follow()
        _ = try follower.wait { events in events.count { $0.type == "detached" } == Self.count + 1 }
        #expect(try sqlite(daemon.database, "SELECT count(*) FROM processes WHERE ended IS NULL") == ["0"])
        try daemon.kill()
        try daemon.startAgain()
        #expect(try daemon.status()["targets"] == 0)
        try daemon.stop()
    }

    /// Calls a method, and hangs up as soon as the number of targets shows that it is under way.
    private func call(
        _ daemon: Daemon, _ method: String, _ parameters: String, goneWhen isUnderWay: (Int) -> Bool
    ) throws {
        let caller = try SocketConnection(daemon.socket)
        let call = "{\"method\":\"org.memwatch.Monitor.\(method)\",\"parameters\":\(parameters)}"
        let frame = Array(call.utf8) + [0]
        try #require(caller.send(frame) == frame.count)
        try daemon.status { isUnderWay(Int($0["targets"]?.integerValue ?? 0)) }
        withExtendedLifetime(caller) {}
    }
}
