import Glibc
import MemoryModel
import TestSupport
import Testing

@testable import History

private let crashDirectory = "MEMWATCH_HISTORY_CRASH_DIRECTORY"
/// Set where the child is to flush, as the daemon does every ten seconds: after each so many ticks.
private let crashFlush = "MEMWATCH_HISTORY_CRASH_FLUSH"

/// The child's descriptor on which it says what it has written.
private let acknowledgements: Int32 = 3

private func configuration(_ directory: String) -> HistoryConfiguration {
    HistoryConfiguration(directory: directory, maximumBytes: 16 << 20, ballastBytes: 0)
}

/// The child of the tests of crashes: this very test runner again, told by its environment.
@Suite(
    "The writer that is going to be killed",
    .requires("child-only", getenv(crashDirectory) != nil, "it runs as another test's child"))
struct CrashWriter {
    @Test("writes until killed")
    func write() throws {
        guard let directory = getenv(crashDirectory).map({ String(cString: $0) }) else { return }
        let flush = getenv(crashFlush).flatMap { UInt64(String(cString: $0)) }
        let store = try HistoryStore.open(configuration(directory)).0
        let ids = try (0..<3).map {
            try store.register(description(pid: 100 + Int32($0)), attached: morning, reader: nil)
        }
        // Each tick says its number in the sample, the event and the region of all three.
        var tick = UInt64(try store.allEvents(ids[0]).last?.event.size ?? 0)
        var open = try store.openRegions(of: ids[0])
        while true {
            tick += 1
            let time = morning.advanced(bySeconds: Double(tick))
            let mark = region(0x7f00_0000_0000, pages: tick)
            let batch = HistoryBatch(
                entries: ids.map { id in
                    var event = MemoryEvent(time: time, pid: 1, comm: [0x78], type: .mmap)
                    event.size = tick
                    return HistoryEntry(
                        process: id, time: time, sample: sample(time, residentPages: tick), died: open,
                        born: [mark],
                        events: [event])
                })
            try store.write(batch)
            open = [mark]
            if tick % 16 == 0 { _ = try store.runRetention(now: time) }
            // Acknowledged: what the parent reads must be there afterwards.
            var number = tick
            _ = Glibc.write(acknowledgements, &number, 8)
            if let flush, tick % flush == 0 { try store.flush() }
        }
    }
}

/// The child, as its parent sees it.
struct CrashChild {
    private let pid: pid_t
    private let output: Int32

    /// - Parameter flushedEvery: so many ticks, if it shall flush at all.
    init(_ directory: String, flushedEvery: Int? = nil, environment more: [String] = []) throws {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw TestFailure("pipe: \(errno)") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[1], acknowledgements)
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0)
        let arguments = [
            "/proc/self/exe", "--testing-library", "swift-testing", "--filter", "CrashWriter", "--quiet",
        ]
        var variables = ["\(crashDirectory)=\(directory)"] + more
        if let flushedEvery { variables.append("\(crashFlush)=\(flushedEvery)") }
        if let path = getenv("LD_LIBRARY_PATH") {
            variables.append("LD_LIBRARY_PATH=" + String(cString: path))
        }
        var argv = arguments.map { strdup($0) } + [nil]
        var environment = variables.map { strdup($0) } + [nil]
        defer { for pointer in argv + environment { free(pointer) } }
        var pid: pid_t = 0
        let code = posix_spawn(&pid, "/proc/self/exe", &actions, nil, &argv, &environment)
        Glibc.close(ends[1])
        guard code == 0 else {
            Glibc.close(ends[0])
            throw TestFailure("no child: \(code)")
        }
        self.pid = pid
        output = ends[0]
    }

    /// Kills it after so many acknowledgements; returns the last tick that it acknowledged before it died.
    func kill(after count: Int) -> UInt64 {
        var acknowledged: UInt64 = 0
        for _ in 0..<count {
            guard read(output, &acknowledged, 8) == 8 else { break }
        }
        Glibc.kill(pid, SIGKILL)
        var status: Int32 = 0
        waitpid(pid, &status, 0)
        // What it still said before it died counts too.
        while read(output, &acknowledged, 8) == 8 {}
        Glibc.close(output)
        return acknowledged
    }
}

/// What a database that a ``CrashWriter`` wrote holds after its end.
enum CrashedHistory {
    /// The last tick; 0 where there is none. Fails where the database is damaged, or a tick half there.
    static func lastTick(in scratch: Scratch, since: UInt64) throws -> UInt64 {
        let (store, notes) = try HistoryStore.open(configuration(scratch.path))
        defer { store.close() }
        for case .setAside(_, _, let reason) in notes { Issue.record("it was taken for damaged: \(reason)") }
        var marks: Set<UInt64> = []
        for process in try store.processes() {
            var latest: UInt64 = 0
            try store.events(of: process.id, since: morning.advanced(bySeconds: Double(since) - 1)) {
                latest = $0.event.size ?? 0
                return true
            }
            marks.insert(latest)
            let open = try store.openRegions(of: process.id)
            #expect(open.map { $0.size >> 12 } == (latest > 0 ? [latest] : []))
            let sample = try store.lastSample(of: process.id, atOrBefore: .distantFuture)?.sample
            #expect(sample?.rssAnonBytes == (latest > 0 ? latest << 12 : nil))
        }
        // All three processes at the same tick: no tick is half there.
        #expect(marks.count <= 1)
        #expect(sqlite3(scratch.database, "PRAGMA integrity_check") == "ok")
        return marks.first ?? 0
    }
}
