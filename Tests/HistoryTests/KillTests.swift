import Glibc
import MemoryModel
import TestSupport
import Testing

@testable import History

private let crashDirectory = "MEMWATCH_HISTORY_CRASH_DIRECTORY"

/// The child's descriptor on which it says what it has written.
private let acknowledgements: Int32 = 3

/// The child of ``KillTests``: this very test runner again, told by its environment.
@Suite(
    "The writer that is going to be killed",
    .requires("child-only", getenv(crashDirectory) != nil, "it runs as another test's child"))
struct CrashWriter {
    @Test("writes until killed")
    func write() throws {
        guard let directory = getenv(crashDirectory).map({ String(cString: $0) }) else { return }
        let store = try HistoryStore.open(
            HistoryConfiguration(directory: directory, maximumBytes: 16 << 20, ballastBytes: 0)
        ).0
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
        }
    }
}

@Suite("kill -9 loses at most the tick being written")
struct KillTests {
    /// Starts the child; its acknowledgements come out of the returned descriptor.
    private func spawn(_ directory: String) -> (pid: pid_t, output: Int32)? {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { return nil }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[1], acknowledgements)
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0)
        let arguments = [
            "/proc/self/exe", "--testing-library", "swift-testing", "--filter", "CrashWriter", "--quiet",
        ]
        var argv = arguments.map { strdup($0) } + [nil]
        var environment: [UnsafeMutablePointer<CChar>?] = [strdup("\(crashDirectory)=\(directory)"), nil]
        if let path = getenv("LD_LIBRARY_PATH") {
            environment.insert(strdup("LD_LIBRARY_PATH=" + String(cString: path)), at: 0)
        }
        defer { for pointer in argv + environment { free(pointer) } }
        var pid: pid_t = 0
        let code = posix_spawn(&pid, "/proc/self/exe", &actions, nil, &argv, &environment)
        Glibc.close(ends[1])
        guard code == 0 else {
            Glibc.close(ends[0])
            return nil
        }
        return (pid, ends[0])
    }

    @Test("many kills in the middle of writing leave whole ticks, and every acknowledged one")
    func kills() throws {
        let scratch = Scratch()
        var generator = SystemRandomNumberGenerator()
        let rounds = getenv("MEMWATCH_KILLS").flatMap { Int(String(cString: $0)) } ?? 12
        var unacknowledged = 0
        var last: UInt64 = 0
        for _ in 0..<rounds {
            guard let child = spawn(scratch.path) else {
                Issue.record("no child")
                return
            }
            var acknowledged: UInt64 = 0
            for _ in 0..<Int.random(in: 1...400, using: &generator) {
                guard read(child.output, &acknowledged, 8) == 8 else { break }
            }
            kill(child.pid, SIGKILL)
            var status: Int32 = 0
            waitpid(child.pid, &status, 0)
            // What it still said before it died counts too.
            while read(child.output, &acknowledged, 8) == 8 {}
            Glibc.close(child.output)
            #expect(acknowledged > 0)

            #expect(sqlite3(scratch.database, "PRAGMA integrity_check") == "ok")
            let (store, notes) = try HistoryStore.open(
                HistoryConfiguration(directory: scratch.path, maximumBytes: 16 << 20, ballastBytes: 0))
            #expect(notes.isEmpty)
            var marks: Set<UInt64> = []
            for process in try store.processes() {
                var latest: UInt64 = 0
                try store.events(of: process.id, since: morning.advanced(bySeconds: Double(acknowledged) - 1))
                {
                    latest = $0.event.size ?? 0
                    return true
                }
                marks.insert(latest)
                let open = try store.openRegions(of: process.id)
                #expect(open.map { $0.size >> 12 } == [latest])
                let sample = try store.lastSample(of: process.id, atOrBefore: .distantFuture)?.sample
                #expect(sample?.rssAnonBytes == latest << 12)
            }
            store.close()
            // All three processes at the same tick: no tick is half there.
            #expect(marks.count == 1)
            last = marks.first ?? 0
            #expect(last == acknowledged || last == acknowledged + 1, "\(last), acknowledged \(acknowledged)")
            if last != acknowledged { unacknowledged += 1 }
        }
        print(
            "\(rounds) kills, \(last) ticks; \(unacknowledged) had a tick committed but not yet acknowledged")
    }
}
