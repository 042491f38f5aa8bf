import MemoryModel
import Testing

@testable import History

@Suite("Events are found by runs as if each had an entry of its own")
struct EventRunTests {
    private struct Written {
        var id: Int64
        var process: HistoryProcessID
        var time: Timestamp
    }

    private func order(_ events: [Written]) -> [Int64] {
        events.sorted { ($0.time, $0.id) < ($1.time, $1.id) }.map(\.id)
    }

    /// Several processes, busy and calm, under a clock that steps back and forth; daemons that restart; and
    /// retention in between.
    @Test("whatever the clock does, over restarts, and while retention removes the oldest", arguments: 1...4)
    func random(seed: UInt64) throws {
        let scratch = Scratch()
        var store = try scratch.open(maximumAgeSeconds: 7200)
        var generator = SeededGenerator(seed: seed)
        let ids = try (0..<5).map { index in
            try store.register(description(pid: 900 + index), attached: morning, reader: nil)
        }
        var clock = morning
        var kept: [Written] = []
        func known() throws -> Int64 { try store.lastEventID() }
        for round in 0..<400 {
            clock = clock.advanced(bySeconds: Double.random(in: 0...40, using: &generator))
            if Int.random(in: 0..<40, using: &generator) == 0 {
                clock = clock.advanced(bySeconds: Double.random(in: -900...900, using: &generator))
            }
            let last = try known()
            var entries: [HistoryEntry] = []
            for (index, id) in ids.enumerated() where Int.random(in: 0...index, using: &generator) == 0 {
                let count = index == 0 ? Int.random(in: 0...90, using: &generator) : 1
                let events = (0..<count).map { number in
                    // Within a look by time, and some from before the look.
                    MemoryEvent(
                        time: clock.advanced(bySeconds: Double(number - count) * 0.02), pid: 900, comm: [65],
                        type: .mmap, source: .perf)
                }
                entries.append(HistoryEntry(process: id, time: clock, events: events))
            }
            try store.write(HistoryBatch(entries: entries))
            let added = try store.allEvents(after: last)
            #expect(added.map(\.event.time) == entries.flatMap { $0.events.map(\.time) })
            kept += added.map { Written(id: $0.id, process: $0.process, time: $0.event.time) }
            if round % 67 == 66 {
                store.close()
                store = try scratch.open(maximumAgeSeconds: 7200)
                // As the daemon does for what it goes on watching.
                for index in ids.indices {
                    let again = description(pid: 900 + Int32(index))
                    #expect(try store.register(again, attached: clock, reader: nil) == ids[index])
                }
            }
            if round % 50 == 49 {
                while try !store.runRetention(now: clock, budget: RetentionBudget(rows: 300)).isFinished {}
                let cutoff = clock.advanced(bySeconds: -7200)
                kept.removeAll { $0.time < cutoff }
            }
        }
        #expect(kept.count > 2000)
        #expect(try store.allEvents().map(\.id) == kept.map(\.id).sorted())
        for id in ids {
            let own = kept.filter { $0.process == id }
            #expect(try store.allEvents(id).map(\.id) == order(own))
            for _ in 0..<5 {
                let since = clock.advanced(bySeconds: Double.random(in: -8000...0, using: &generator))
                let until = since.advanced(bySeconds: Double.random(in: 0...3000, using: &generator))
                let asked = own.filter { $0.time >= since && $0.time <= until }
                #expect(try store.allEvents(id, since: since, until: until).map(\.id) == order(asked))
                #expect(
                    try store.allEvents(since: since, until: until).map(\.id)
                        == kept.filter { $0.time >= since && $0.time <= until }.map(\.id).sorted())
            }
        }
        // Each event lies in exactly one run of its process.
        let covered = """
            SELECT count(*) FROM event e WHERE (SELECT count(*) FROM event_run r WHERE r.process = e.process
                AND e.id >= r.first AND e.id < r.first + r.ids) <> 1
            """
        #expect(sqlite3(scratch.database, covered) == "0")
    }

    @Test("a busy process has few runs, and each process that is calm has its own")
    func few() throws {
        let scratch = Scratch()
        let store = try scratch.open()
        let id = try store.register(description(), attached: morning, reader: nil)
        for second in 0..<100 {
            let time = morning.advanced(bySeconds: Double(second))
            let event = MemoryEvent(time: time, pid: 812, comm: [65], type: .mmap)
            try store.write(
                HistoryBatch(entries: [
                    HistoryEntry(process: id, time: time, events: Array(repeating: event, count: 100))
                ]))
        }
        let runs = Int(sqlite3(scratch.database, "SELECT count(*) FROM event_run")) ?? 0
        #expect((39...42).contains(runs))
        #expect(try store.allEvents(id).count == 10_000)
        #expect(try store.allEvents(id, limit: 7).count == 7)
    }
}
