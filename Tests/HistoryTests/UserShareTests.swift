import MemoryModel
import Testing

@testable import History

@Suite("What one user's processes may fill of the history")
struct UserShareTests {
    private let scratch = Scratch()

    private func open() throws -> HistoryStore {
        try HistoryStore.open(
            HistoryConfiguration(directory: scratch.path, ballastBytes: 0, maximumRowsPerUser: 10_000)
        ).0
    }

    private func retain(_ store: HistoryStore, now: Timestamp) throws {
        for _ in 0..<100_000 where try store.runRetention(now: now).isFinished { return }
        Issue.record("retention never finished")
    }

    /// `count` events, one a second.
    private func write(_ count: Int, _ process: HistoryProcessID, pid: Int32, to store: HistoryStore) throws {
        for start in stride(from: 0, to: count, by: 500) {
            let events = (start..<min(start + 500, count)).map { second in
                MemoryEvent(
                    time: morning.advanced(bySeconds: Double(second)), pid: pid, comm: Array("busy".utf8),
                    type: .mmap)
            }
            let last = try #require(events.last)
            let entry = HistoryEntry(
                process: process, time: last.time, sample: sample(last.time), events: events)
            try store.write(HistoryBatch(entries: [entry]))
        }
    }

    @Test("beyond it the oldest of that user's go, and nothing of others nor of what administrators watch")
    func share() throws {
        let store = try open()
        let greedy = try store.register(description(pid: 10), attached: morning, reader: nil, share: 1_000)
        let modest = try store.register(description(pid: 11), attached: morning, reader: nil, share: 2_000)
        let watched = try store.register(description(pid: 12), attached: morning, reader: nil)
        try write(25_000, greedy, pid: 10, to: store)
        try write(5_000, modest, pid: 11, to: store)
        try write(25_000, watched, pid: 12, to: store)
        let before = try [modest, watched].map { try store.allEvents($0) }
        let now = morning.advanced(bySeconds: 25_000)
        try retain(store, now: now)

        let kept = try store.allEvents(greedy)
        #expect(kept.count <= 10_000 && kept.count > 5_000, "\(kept.count)")
        #expect(kept.last?.event.time == morning.advanced(bySeconds: 24_999), "the newest stay")
        #expect(try [modest, watched].map { try store.allEvents($0) } == before)
        // It goes on as before, and over a restart.
        store.close()
        let again = try open()
        try retain(again, now: now)
        #expect(try again.allEvents(greedy).count == kept.count)
        again.close()
    }

    @Test("several processes share it, and one that the administrators watch too is nobody's share")
    func together() throws {
        let store = try open()
        let ids = try (0..<5).map { number in
            try store.register(
                description(pid: Int32(10 + number)), attached: morning, reader: nil, share: 1_000)
        }
        for (number, id) in ids.enumerated() { try write(4_000, id, pid: Int32(10 + number), to: store) }
        try store.clearShare(of: description(pid: 14).identity)
        try retain(store, now: morning.advanced(bySeconds: 4_000))
        let counts = try ids.map { try store.allEvents($0).count }
        #expect(
            counts.prefix(4).reduce(0, +) <= 10_000 && counts.prefix(4).allSatisfy { $0 > 0 }, "\(counts)")
        #expect(counts[4] == 4_000)
        store.close()
    }

    @Test("what became minutes and hours, and what is too old, is counted as what it is then")
    func rolledUp() throws {
        let store = try open()
        let id = try store.register(description(pid: 10), attached: morning, reader: nil, share: 1_000)
        for second in stride(from: 0, to: 40_000, by: 20) {
            let time = morning.advanced(bySeconds: Double(second))
            let next = sample(time, heapPages: UInt64(second))
            try store.write(HistoryBatch(entries: [HistoryEntry(process: id, time: time, sample: next)]))
        }
        try retain(store, now: morning.advanced(bySeconds: 3 * 86_400))
        let rows = Int(
            sqlite3(
                scratch.database,
                """
                SELECT (SELECT count(*) FROM sample) + (SELECT count(*) FROM sample_minute)
                    + (SELECT count(*) FROM sample_hour) + (SELECT count(*) FROM sample_base)
                """))
        let counted = Int(sqlite3(scratch.database, "SELECT share_rows FROM process"))
        #expect(try #require(rows) > 100 && rows == counted)
        store.close()
    }
}
