import TestSupport
import Testing

// What a power cut leaves of what was flushed: PowerCutTests.swift, of the history itself.
@Suite(
    "What memwatchd writes outlives the machine's power", .requiresTool("strace"), .requiresStrace,
    .timeLimit(.minutes(5)))
struct PowerLossTests {
    @Test("the history's log is flushed by itself, while the daemon has something to write")
    func flushed() throws {
        let daemon = try Daemon()
        let memgrow = try Memgrow("sbrk", "--size", "40KiB", "--count", "10", "--keep", "--step", "--hold")
        let follower = try daemon.attach(memgrow.pid)
        let strace = try ChildProcess(
            "strace", ["-f", "-y", "-e", "trace=fdatasync,fsync", "-p", "\(daemon.process.pid)"],
            errorsToOutput: true)
        while let line = try strace.nextLine(), !line.contains(" attached") {}
        _ = try memgrow.step()
        try follower.wait(for: "brk-grow")
        while let line = try strace.nextLine(), !line.contains("<\(daemon.database)-wal>") {}
        strace.signal(2)
        try daemon.stop()
    }
}
