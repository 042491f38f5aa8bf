import Glibc
import TestSupport
import Testing
import Varlink

@Suite("watch, in a real terminal", .requiresTool("tmux"), .timeLimit(.minutes(5)))
struct WatchTests {
    /// A daemon that watches a program which grows its heap by a step when it is asked to, and a terminal.
    private func begin(columns: Int, rows: Int) throws -> (Daemon, Memgrow, Follower, Tmux) {
        let daemon = try Daemon(Daemon.quiet)
        let memgrow = try Memgrow("malloc", "--size", "64KiB", "--count", "200", "--step", "--hold")
        let follower = try daemon.attach(memgrow.pid)
        let tmux = try Tmux(
            columns: columns, rows: rows,
            environment: [
                "MEMWATCH_SOCKET": daemon.socket, "memwatch": try builtProduct("memwatch"), "TZ": "UTC",
            ])
        return (daemon, memgrow, follower, tmux)
    }

    @Test(
        "one process: its kinds, its growth and its events, in a screen of any size",
        arguments: [(80, 24), (200, 60)])
    func single(columns: Int, rows: Int) throws {
        let (daemon, memgrow, follower, tmux) = try begin(columns: columns, rows: rows)
        try tmux.type("$memwatch watch \(memgrow.pid)")
        try tmux.screen {
            $0.contains("memgrow (\(memgrow.pid))") && $0.contains("KIND") && $0.contains("heap")
        }
        #expect(try tmux.state() == (true, false))
        for _ in 0..<10 { _ = try memgrow.step() }
        let screen = try tmux.screen { $0.contains("brk-grow") && $0.contains("a minute)") }
        #expect(screen.contains("EVENTS"))
        let lines = screen.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.count <= rows + 1)
        #expect(lines.allSatisfy { $0.count <= columns })
        // Resized, it fills the new screen, and nothing wraps.
        try tmux.resize(columns: 100, rows: 30)
        try tmux.screen { $0.split(separator: "\n").first?.count ?? 0 == 100 }
        // The terminal is as it was. (What tmux saved of the shell's screen had another size by then.)
        try tmux.press("q")
        try tmux.screen { $0.contains("shell>") && !$0.contains("q quit") }
        #expect(try tmux.state() == (false, true))
        try tmux.type("echo status $?")
        try tmux.screen { $0.contains("status 0") }
        _ = (daemon, follower)
    }

    @Test("SIGTERM puts the terminal back, and is what the program ends of")
    func terminated() throws {
        let (daemon, memgrow, follower, tmux) = try begin(columns: 80, rows: 24)
        try tmux.type("$memwatch watch \(memgrow.pid) & echo pid $!; fg")
        let screen = try tmux.screen { $0.contains("KIND") }
        #expect(screen.contains("memgrow"))
        try TestSupport.run("pkill", ["-TERM", "-f", "memwatch watch \(memgrow.pid)"])
        try tmux.screen { !$0.contains("KIND") && $0.contains("Terminated") }
        #expect(try tmux.state() == (false, true))
        try tmux.type("stty -a | grep -o ' echo '")
        try tmux.screen { $0.contains("\n echo") }
        _ = (daemon, follower)
    }

    @Test("a daemon that dies is said to, and its successor is asked")
    func reconnects() throws {
        let (daemon, memgrow, follower, tmux) = try begin(columns: 80, rows: 24)
        try tmux.type("$memwatch watch \(memgrow.pid)")
        try tmux.screen { $0.contains("KIND") }
        try daemon.kill()
        try tmux.screen { $0.contains("trying again") }
        #expect(try tmux.state() == (true, false))
        try daemon.startAgain()
        try tmux.screen { !$0.contains("trying again") && $0.contains("heap") }
        // A process that ends is said to have ended.
        kill(memgrow.pid, SIGKILL)
        try tmux.screen { $0.contains("ended: q quit") }
        try tmux.press("q")
        try tmux.screen { !$0.contains("KIND") }
        _ = follower
    }

    @Test("several processes: a table sorted by growth, and keys for the rest")
    func several() throws {
        let (daemon, memgrow, follower, tmux) = try begin(columns: 100, rows: 30)
        let still = try Memgrow("malloc", "--size", "64KiB", "--count", "1", "--step", "--hold")
        let other = try daemon.attach(still.pid)
        try tmux.type("$memwatch watch")
        try tmux.screen { $0.contains("2 processes, by growth") }
        for _ in 0..<10 { _ = try memgrow.step() }
        let screen = try tmux.screen { screen in
            let rows = screen.split(separator: "\n").filter { $0.contains("memgrow") }
            return rows.first?.contains(" \(memgrow.pid) ") == true && rows.first?.contains("+") == true
        }
        #expect(screen.contains("A MINUTE"))
        try tmux.press("s")
        try tmux.screen { $0.contains("by virtual") }
        try tmux.press("k")
        try tmux.screen { $0.contains("TEXT") }
        try tmux.press("?")
        try tmux.screen { $0.contains("pause, and go on") }
        try tmux.press("x")
        try tmux.press("p")
        try tmux.screen { $0.contains("PAUSED") }
        try tmux.press("C-c")
        try tmux.screen { !$0.contains("PAUSED") }
        #expect(try tmux.state() == (false, true))
        _ = (follower, other)
    }

    @Test("what is no target, and what is no terminal, is refused in one line")
    func refused() throws {
        let (daemon, _, follower, tmux) = try begin(columns: 80, rows: 24)
        try tmux.type("$memwatch watch \(getpid()); echo status $?")
        let screen = try tmux.screen { $0.contains("status 66") }
        #expect(screen.contains("process \(getpid()) is not watched: attach it first"))
        let piped = try daemon.run("watch")
        #expect(piped.exit == .status(64) && piped.output == "" && piped.errors.contains("terminal"))
        _ = follower
    }
}
