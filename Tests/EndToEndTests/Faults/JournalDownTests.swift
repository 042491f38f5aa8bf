import Glibc
import TestSupport
import Testing
import Varlink

@Suite("journald is away while memwatchd watches", .requiresPrivateJournal, .timeLimit(.minutes(10)))
struct JournalDownTests {
    private static let talkative = """
        [journal]
        minimum_growth = "1KiB"
        rate_burst = 1000000
        rate_per_second = 100000
        """
    private static let lost = "MESSAGE_ID=078cf656007740b0a76d173f907ec2cb"

    /// A daemon that tells its journal of every change of two processes.
    private struct Scene {
        let journal: PrivateJournal
        let daemon: Daemon
        let memgrow: Memgrow
        let follower: Follower
        let busy: ChangingProcess

        init() throws {
            journal = try PrivateJournal()
            daemon = try Daemon(JournalDownTests.talkative, through: journal.wrapper)
            memgrow = try Memgrow(
                "sbrk", "--size", "40KiB", "--count", "100000", "--keep", "--step", "--hold")
            busy = try ChangingProcess(areas: 50)
            _ = try daemon.output("attach", "\(busy.pid)", "--interval", "100ms")
            follower = try daemon.attach(memgrow.pid)
        }

        /// From a growth until its event has been looked at, written and followed.
        func grow(_ times: Int, _ latencies: inout Latencies) throws {
            for _ in 0..<times {
                try latencies.measure {
                    let said = try memgrow.step()
                    while try follower.next().end != said.string("end") {}
                }
            }
        }

        /// Changes until the journal's queue has no room.
        func overflow() throws {
            let before = try daemon.status()["journal_dropped"]?.integerValue ?? 0
            try daemon.status { status in
                if (status["journal_dropped"]?.integerValue ?? 0) > before { return true }
                _ = try? busy.change(400)
                return false
            }
        }
    }

    @Test("stopped: ticks come as they did, what it misses is counted and told, and entries go on")
    func stopped() throws {
        let scene = try Scene()
        let (journal, daemon) = (scene.journal, scene.daemon)
        let steps = environmentNumber("MEMWATCH_JOURNAL_STEPS", else: 60)
        var running = Latencies()
        var stopped = Latencies()
        // By turns, so that what else the machine does falls on both alike.
        for _ in 0..<3 {
            try scene.grow(steps, &running)
            journal.signal(SIGSTOP)
            try scene.overflow()
            let late = try daemon.status()["late_ticks"]?.integerValue ?? 0
            try scene.grow(steps, &stopped)
            let ticks = try daemon.status()
            // Whoever waited for the journal would be late with every tick.
            #expect((ticks["late_ticks"]?.integerValue ?? 0) - late <= Int64(steps / 4), "\(ticks)")
            journal.signal(SIGCONT)
            // Resumed: what happens now arrives.
            let sent = ticks["journal_sent"]?.integerValue ?? 0
            try daemon.status { ($0["journal_sent"]?.integerValue ?? 0) > sent }
        }
        print("journald runs: \(running.text); stopped: \(stopped.text)")
        // A tick that waits for a journal that is stopped waits for ever; the rest is the machine's noise.
        #expect(stopped.quantile(0.5) <= running.quantile(0.5) * 2 + 50)
        #expect(stopped.quantile(0.99) <= running.quantile(1) * 2 + 250)
        var last = Latencies()
        try scene.grow(1, &last)
        let end = try #require(scene.follower.events.last)
        try daemon.stop()
        let arrived = try journal.entries("MEMWATCH_PID=\(scene.memgrow.pid)").last
        #expect(arrived?["MEMWATCH_SIZE_BYTES"]?.stringValue == end.size.map(String.init))
        let told = try journal.entries(Self.lost)
        #expect(!told.isEmpty)
        // What was sent arrived, all of it: nothing was lost without a count.
        let dropped = told.compactMap { ($0["MEMWATCH_DROPPED"]?.stringValue).flatMap { Int($0) } }.reduce(
            0, +)
        #expect(dropped > 0)
        let growths = try journal.entries("MEMWATCH_PID=\(scene.memgrow.pid)", "MEMWATCH_EVENT=brk-grow")
            .count
        #expect(growths + dropped >= steps * 6 + 1)
    }

    @Test("killed, and started again: nobody waits, what is lost is counted and told, and entries go on")
    func killed() throws {
        let scene = try Scene()
        let (journal, daemon) = (scene.journal, scene.daemon)
        var latencies = Latencies()
        try scene.grow(5, &latencies)
        for signal in [SIGKILL, SIGTERM] {
            let before = try daemon.status()["journal_dropped"]?.integerValue ?? 0
            try journal.end(signal)
            try scene.grow(20, &latencies)
            let lost = try daemon.status { ($0["journal_dropped"]?.integerValue ?? 0) >= before + 20 }
            try journal.startAgain()
            try scene.grow(5, &latencies)
            let sent = lost["journal_sent"]?.integerValue ?? 0
            try daemon.status { ($0["journal_sent"]?.integerValue ?? 0) >= sent + 5 }
        }
        let all = try daemon.status()
        print("journald killed and started again: \(latencies.text)")
        try daemon.stop()
        let growths = try journal.entries("MEMWATCH_PID=\(scene.memgrow.pid)", "MEMWATCH_EVENT=brk-grow")
        let end = try #require(scene.follower.events.last)
        #expect(growths.last?["MEMWATCH_SIZE_BYTES"]?.stringValue == end.size.map(String.init))
        let told = try journal.entries(Self.lost)
            .compactMap { ($0["MEMWATCH_DROPPED"]?.stringValue).flatMap { Int64($0) } }.reduce(0, +)
        #expect(told == all["journal_dropped"]?.integerValue)
    }
}
