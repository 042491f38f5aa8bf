import Journal
import MemoryModel
import Testing

@Suite("A journal that does not keep up", .requiresPrivateJournal, .serialized)
struct JournalPressureTests {
    @Test("a stopped journald stops nobody; what it misses is counted, and told when it is back")
    func stoppedJournal() throws {
        let journal = try JournalNamespace()
        try journal.startHelper()
        try journal.helper("limits 0 1000000 1000000 1000000 1024 20")
        try journal.helper("event exit 1 6162 - - - - sample - -")
        try journal.helper("settle 1")
        try journal.shell("kill -STOP $journal")
        // That this returns is the point: without a thread of its own it hangs at the twelfth entry.
        #expect(try journal.helper("flood 5000 2") == "ok")
        let during = try journal.statistics()
        #expect(during.failed == 0 && during.droppedByRate == 0)
        #expect(during.droppedByFull > 3000)
        try journal.shell("kill -CONT $journal")
        #expect(try journal.helper("stop 60000") == "stopped=true")
        let after = try journal.statistics()
        let lost = try journal.entries("MESSAGE_ID=\(DaemonMessage.entriesLost.rawValue)")
        #expect(after.droppedByFull == during.droppedByFull)
        #expect(after.sent == 5001 - after.droppedByFull + UInt64(lost.count))
        let told = lost.compactMap { ($0["MEMWATCH_DROPPED"] as? String).flatMap(UInt64.init) }
        #expect(told.reduce(0, +) == after.droppedByFull)
        #expect(try journal.entries("MEMWATCH_PID=2").count == Int(5000 - after.droppedByFull))
    }

    @Test("a daemon stops at its deadline although journald is stopped")
    func stopWhileStopped() throws {
        let journal = try JournalNamespace()
        try journal.startHelper()
        try journal.helper("limits 0 1000000 1000000 1000000 1024 5000")
        try journal.shell("kill -STOP $journal")
        try journal.helper("flood 200 2")
        #expect(try journal.helper("stop 50") == "stopped=false")
        let statistics = try journal.statistics()
        #expect(statistics.sent + statistics.droppedByFull == 200)
        #expect(statistics.droppedByFull > 0)
        // The process ends although its thread hangs in sendmsg(2).
        try journal.shell("exec 7>&-; wait $helper")
        try journal.shell("kill -CONT $journal")
    }

    @Test("entries for a killed journald are counted, and those after its return arrive")
    func killedJournal() throws {
        let journal = try JournalNamespace()
        try journal.startHelper()
        try journal.helper("limits 0 1000 50 2000 1024 20")
        try journal.helper("event exit 1 6162 - - - - sample - -")
        try journal.helper("settle 1")
        try journal.shell("kill -KILL $journal; wait $journal; true")
        for _ in 0..<3 { try journal.helper("event exit 2 6162 - - - - sample - -") }
        try journal.helper("settle 4")
        #expect(try journal.statistics().sent == 1)
        #expect(try journal.statistics().failed >= 3)
        // libsystemd itself calls it success when there is no socket at all.
        try journal.shell("rm /run/systemd/journal/socket")
        #expect(try journal.helper("available") == "available=false")
        let before = try journal.statistics().failed
        try journal.helper("event exit 3 6162 - - - - sample - -")
        try journal.helper("settle \(before + 2)")
        #expect(try journal.statistics().sent == 1)
        try journal.startJournal()
        #expect(try journal.helper("available") == "available=true")
        try journal.helper("event exit 4 6162 - - - - sample - -")
        #expect(try journal.helper("stop 30000") == "stopped=true")
        #expect(
            try journal.entries("MEMWATCH_EVENT=exit").compactMap { $0["MEMWATCH_PID"] as? String }.last
                == "4")
        let told = try journal.entries("MESSAGE_ID=\(DaemonMessage.entriesLost.rawValue)")
            .compactMap { ($0["MEMWATCH_DROPPED"] as? String).flatMap(UInt64.init) }
        #expect(told.reduce(0, +) == 4)
    }

    @Test("a flood is cut to its limit, summed up once, and does not touch another target")
    func flood() throws {
        let journal = try JournalNamespace()
        try journal.startHelper()
        try journal.helper("limits 0 100 1 10000 1024 600000")
        try journal.helper("flood 20000 2")
        for _ in 0..<10 { try journal.helper("event exit 3 6162 - - - - sample - -") }
        try journal.helper("note 6 6162")
        #expect(try journal.helper("stop 30000") == "stopped=true")
        let statistics = try journal.statistics()
        #expect(statistics.droppedByRate > 19_000)
        #expect(
            try journal.entries("MEMWATCH_EVENT=brk-grow").count == Int(20_000 - statistics.droppedByRate))
        #expect(try journal.entries("MEMWATCH_PID=3").count == 10)
        #expect(try journal.entries("MESSAGE_ID=\(DaemonMessage.started.rawValue)").count == 1)
        let summaries = try journal.entries("MESSAGE_ID=\(DaemonMessage.entriesSuppressed.rawValue)")
        try #require(summaries.count == 1)
        #expect(summaries[0]["MEMWATCH_DROPPED"] as? String == String(statistics.droppedByRate))
        #expect(summaries[0]["MEMWATCH_PID"] as? String == "2")
        #expect(summaries[0]["MEMWATCH_COMM"] as? String == "flood")
    }
}
