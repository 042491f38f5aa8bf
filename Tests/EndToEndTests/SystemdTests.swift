import Glibc
import TestSupport
import Testing
import Varlink

@Suite("What a service manager gives and hears", .timeLimit(.minutes(5)))
struct SystemdTests {
    @Test("readiness, status, reload and stop are told in order")
    func notifications() throws {
        let daemon = try Daemon()
        let memgrow = try Memgrow("sbrk", "--step")
        _ = try daemon.output("attach", "\(memgrow.pid)")
        try daemon.notifications.wait(for: "STATUS=Watching 1 process", from: daemon.process)
        daemon.process.signal(SIGHUP)
        try daemon.notifications.wait(for: "RELOADING=1", from: daemon.process)
        let time = try daemon.notifications.wait(for: "MONOTONIC_USEC=", from: daemon.process)
        #expect(time.split(separator: "=").last.flatMap { UInt64($0) } ?? 0 > 0)
        try daemon.notifications.wait(for: "READY=1", from: daemon.process)
        daemon.process.signal(SIGTERM)
        try daemon.notifications.wait(for: "STOPPING=1", from: daemon.process)
        #expect(try daemon.process.waitForExit() == .status(0))
    }

    @Test("the watchdog is fed, also where nothing is watched")
    func watchdog() throws {
        let daemon = try Daemon(environment: ["WATCHDOG_USEC": "500000"])
        for _ in 0..<2 { try daemon.notifications.wait(for: "WATCHDOG=1", from: daemon.process) }
        let memgrow = try Memgrow("sbrk", "--step")
        _ = try daemon.output("attach", "\(memgrow.pid)")
        for _ in 0..<2 { try daemon.notifications.wait(for: "WATCHDOG=1", from: daemon.process) }
        try daemon.stop()
    }

    @Test(
        "the socket comes from systemd, and stays when the daemon goes",
        .requiresTool("systemd-socket-activate"))
    func activation() throws {
        let directory = try TemporaryDirectory()
        mkdir(directory.file("state"), 0o700)
        try directory.write(Daemon.quiet, to: "memwatchd.toml")
        let notifications = try NotifySocket(directory.file("notify"))
        let socket = directory.file("activated")
        let process = try ChildProcess(
            "systemd-socket-activate",
            [
                "--listen", socket, "--fdname=varlink", "-E", "NOTIFY_SOCKET=" + directory.file("notify"),
            ] + Sanitizer.settings.flatMap { ["-E", $0] } + [
                try builtProduct("memwatchd"), "--config", directory.file("memwatchd.toml"),
                "--state-directory", directory.file("state"),
                // Not used: the one that is passed wins.
                "--socket", directory.file("own"),
            ])
        try waitUntilBound(socket)
        // The first client starts the daemon, and waits for it.
        let run = try Client.run(["status", "--format", "json"], socket: socket)
        #expect(run.exit == .status(0), "\(run.errors)")
        #expect(try JSON(parsing: run.output)["pid"]?.integerValue == Int64(process.pid))
        try notifications.wait(for: "READY=1", from: process)
        #expect(access(directory.file("own"), F_OK) != 0)
        process.signal(SIGTERM)
        #expect(try process.waitForExit() == .status(0), "\(process.errorText())")
        #expect(access(socket, F_OK) == 0)
    }

    /// systemd-socket-activate says on standard error only, in words, that it listens: ask until it does.
    private func waitUntilBound(_ path: String) throws {
        for _ in 0..<100_000_000 {
            if access(path, F_OK) == 0 { return }
            sched_yield()
        }
        throw TestFailure("nobody listens at \(path)")
    }
}
