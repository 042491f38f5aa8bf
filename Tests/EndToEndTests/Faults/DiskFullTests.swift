import Glibc
import TestSupport
import Testing
import Varlink

/// A small disk with the daemon's state directory on it.
private final class StateDisk {
    let directory: TemporaryDirectory
    private let state: String

    init(mebibytes: Int) throws {
        directory = try TemporaryDirectory()
        state = directory.file("state")
        mkdir(state, 0o700)
        try run("mount", ["-t", "tmpfs", "-o", "size=\(mebibytes)m,mode=0700", "memwatch-test", state])
    }

    deinit { umount2(state, CInt(MNT_DETACH)) }

    /// Takes every byte that is left.
    func fill() throws {
        let file = open(state + "/hog", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw TestFailure("cannot fill the disk: \(errno)") }
        defer { close(file) }
        let page = [UInt8](repeating: 1, count: 4096)
        while write(file, page, page.count) > 0 {}
        guard errno == ENOSPC else { throw TestFailure("the disk is not full: \(errno)") }
    }

    func empty() { unlink(state + "/hog") }

    static let isPossible: Bool = {
        geteuid() == 0 && (try? StateDisk(mebibytes: 1)) != nil
    }()
}

@Suite(
    "The disk is full while memwatchd writes", .requiresPrivateJournal, .requiresTool("sqlite3"),
    .requires("tmpfs", StateDisk.isPossible, "it needs root and a kernel that lets it mount tmpfs"),
    .timeLimit(.minutes(5)))
struct DiskFullTests {
    private static let failing = "MESSAGE_ID=aee9834b75d041ebaf2efa6cde725cfc"

    @Test("answers and the journal go on, it is said once, and recording resumes by itself, true to the byte")
    func full() throws {
        let disk = try StateDisk(mebibytes: 64)
        let journal = try PrivateJournal()
        let daemon = try Daemon(
            "[journal]\nminimum_growth = \"1KiB\"\nrate_burst = 1000000\n", through: journal.wrapper,
            in: disk.directory)
        let memgrow = try Memgrow(
            "sbrk", "--size", "40KiB", "--count", "100000", "--keep", "--step", "--hold")
        let mortal = try Memgrow("sbrk", "--step")
        _ = try daemon.output("attach", "\(mortal.pid)", "--interval", "100ms")
        let follower = try daemon.attach(memgrow.pid)
        _ = try memgrow.step()
        try follower.wait(for: "brk-grow")
        #expect(try daemon.status()["history_error"] == .null)
        let before = try daemon.records("events", "\(memgrow.pid)")

        try disk.fill()
        // The log has room that it used before: it takes some ticks until a write fails.
        var steps = 1
        repeat {
            _ = try memgrow.step()
            steps += 1
        } while try daemon.status()["history_error"] == .null && steps < 5000
        let error = try daemon.status()["history_error"]?.stringValue
        #expect(error?.contains("no room to write \(daemon.database)") == true, "\(error ?? "none")")
        // Answers of now and of before.
        #expect(try daemon.records("list").count == 2)
        #expect(try daemon.records("events", "\(memgrow.pid)").prefix(before.count) == before[...])
        #expect(try daemon.records("history", "\(memgrow.pid)").isEmpty == false)
        let late = try Memgrow("sbrk", "--step")
        _ = try daemon.output("attach", "\(late.pid)", "--interval", "100ms")
        #expect(try daemon.records("list").count == 3)
        // Whoever ends meanwhile has ended, and not when somebody restarts the daemon.
        mortal.process.signal(SIGKILL)
        try mortal.process.waitForExit()
        try daemon.status { $0["targets"] == 2 }
        for _ in 0..<20 {
            _ = try memgrow.step()
            steps += 1
        }

        disk.empty()
        // Each look that changes something tries anew.
        repeat {
            _ = try memgrow.step()
            steps += 1
        } while try daemon.status()["history_error"] != .null && steps < 50_000
        let said = try memgrow.step()
        let grown = try follower.wait { $0.last?.end == said.string("end") }
        #expect(grown.last?.type == "brk-grow")
        let regions = try daemon.records("regions", "\(memgrow.pid)", "--at", "now", "--kind", "heap")
        let heap = try daemon.records("regions", "\(memgrow.pid)", "--kind", "heap")
        #expect(regions.map { $0["size"] } == heap.map { $0["size"] } && !heap.isEmpty)
        let last = try #require(try daemon.records("history", "\(memgrow.pid)").last)
        #expect(last["kinds"]?["heap"] == heap.first?["size"])
        #expect(try daemon.records("events", "\(mortal.pid)").last?["event"]?.stringValue == "exit")
        #expect(
            try sqlite(daemon.database, "SELECT ended IS NULL FROM processes WHERE pid = \(mortal.pid)") == [
                "0"
            ])
        try daemon.stop()
        #expect(try sqlite(daemon.database, "PRAGMA integrity_check") == ["ok"])

        let entries = try journal.entries(Self.failing)
        #expect(entries.map { $0["PRIORITY"]?.stringValue } == ["3", "5"], "\(entries)")
        #expect(entries.first?["MESSAGE"]?.stringValue?.contains("no room to write") == true)
        // Every growth is there, whatever the disk did: some in one entry, where looks fell together.
        let told = try journal.entries("MEMWATCH_PID=\(memgrow.pid)", "MEMWATCH_EVENT=brk-grow")
        let sum = told.reduce(Int64(0)) { $0 + (Int64($1["MEMWATCH_DELTA_BYTES"]?.stringValue ?? "") ?? 0) }
        #expect(sum == Int64(steps + 1) * 40 << 10)
    }

    /// With the default interval looks come between two samples: those tell events, and no map. What is caught up
    /// with must be the map that the next observation goes on from.
    @Test(
        "of a process that never stands still the map is true, too, from the first sample that finds room",
        .requiresTool("cc"))
    func busy() throws {
        let disk = try StateDisk(mebibytes: 64)
        let daemon = try Daemon(in: disk.directory)
        let program = try ChangingProcess(areas: 50)
        _ = try daemon.output("attach", "\(program.pid)")
        let newest = "SELECT max(id) FROM events"
        let mapped = """
            SELECT CAST(total(size) AS INTEGER) FROM regions WHERE died_us IS NULL AND path IS NOT '[vsyscall]'
            """
        for round in 1...3 {
            try disk.fill()
            repeat { try program.change(20) } while try daemon.status()["history_error"] == .null
            let told = try sqlite(daemon.database, newest)
            disk.empty()
            // After more, most of what was wrong would be mended by chance.
            repeat { try program.change(20) } while try sqlite(daemon.database, newest) == told

            // It stands still, and what was found last is stored within a tenth of a second.
            let size = try ["\(program.vmSize())"]
            let patience = ContinuousClock.now + .seconds(20)
            while try sqlite(daemon.database, mapped) != size, .now < patience {}
            #expect(try sqlite(daemon.database, mapped) == size, "round \(round)")
            repeat { try program.change(20) } while try daemon.status()["history_error"] != .null
        }
        try daemon.stop()
    }

    @Test("a daemon that is started on a full disk gives up its ballast and answers")
    func start() throws {
        let disk = try StateDisk(mebibytes: 64)
        let daemon = try Daemon(in: disk.directory)
        let memgrow = try Memgrow("sbrk", "--step")
        _ = try daemon.attach(memgrow.pid)
        #expect(access(daemon.stateDirectory + "/history.ballast", F_OK) == 0)
        try daemon.kill()
        try disk.fill()
        try daemon.startAgain()
        #expect(try daemon.records("list").count == 1)
        #expect(try daemon.records("events", "\(memgrow.pid)").count == 1)
        try daemon.stop()
    }
}
