import Glibc
import History
import MemoryModel

/// What the history costs after so many days: a tick's write, a query of an hour, a map of some time ago,
/// and bytes on disk.
enum Length {
    static func measure(in directory: String, days: Int, keepDays: Int) throws {
        let store = try HistoryStore.open(
            HistoryConfiguration(
                directory: directory, maximumBytes: 1 << 30, maximumAgeSeconds: Int64(keepDays) * 86_400,
                ballastBytes: 0)
        ).0
        var fleet = try Fleet(store, seed: 9, tempers: [(.calm, 9), (.active, 1)])
        // Ten minutes to a transaction: the clock is simulated, only the rows count.
        for step in 1...days * 144 {
            var entries: [HistoryEntry] = []
            for _ in 0..<20 { entries += fleet.tick(seconds: 30) }
            try store.write(HistoryBatch(entries: entries))
            if step % 6 == 0 { try fleet.retain() }
        }
        var write: [Int] = []
        while write.count < 101 {
            let entries = fleet.tick(seconds: 30)
            if entries.isEmpty { continue }
            write.append(try time { try store.write(HistoryBatch(entries: entries)) })
        }
        let retention = try time { try fleet.retain() }
        let target = fleet.targets[fleet.targets.count - 1].id
        let hourAgo = Timestamp(microseconds: fleet.now.microseconds - 3_600_000_000)
        let halfway = Timestamp(
            microseconds: fleet.now.microseconds - Int64(min(days, keepDays)) * 43_200_000_000)
        var rows = 0
        let query = try median(21) {
            rows = 0
            try store.samples(of: target, since: hourAgo) { _ in
                rows += 1
                return true
            }
        }
        var all = 0
        let whole = try time {
            try store.samples(of: target) { _ in
                all += 1
                return true
            }
        }
        var regions = 0
        let recent = try median(21) {
            regions = try store.regions(of: target, at: hourAgo)?.regions.count ?? 0
        }
        var oldRegions = 0
        let old = try median(21) {
            oldRegions = try store.regions(of: target, at: halfway)?.regions.count ?? 0
        }
        store.close()
        let used = try DatabaseSizes(path: directory + "/history.sqlite")
        print(
            JSONLine([
                ("days", .int(days)), ("keep_days", .int(keepDays)), ("targets", .int(fleet.targets.count)),
                ("samples_written", .int(fleet.samples)), ("intervals_written", .int(fleet.intervals)),
                ("write_ms", .double(Double(write.sorted()[50]) / 1e6)),
                ("retention_ms", .double(Double(retention) / 1e6)),
                ("history_hour_ms", .double(Double(query) / 1e6)), ("history_hour_rows", .int(rows)),
                ("history_all_ms", .double(Double(whole) / 1e6)), ("history_all_rows", .int(all)),
                ("regions_hour_ago_ms", .double(Double(recent) / 1e6)), ("regions", .int(regions)),
                ("regions_halfway_ms", .double(Double(old) / 1e6)), ("regions_halfway", .int(oldRegions)),
                ("file_bytes", .int(used.fileBytes)), ("free_bytes", .int(used.freeBytes)),
            ]).text)
    }

    private static func time(_ body: () throws -> Void) rethrows -> Int {
        let began = Ingest.clock(CLOCK_MONOTONIC)
        try body()
        return Ingest.clock(CLOCK_MONOTONIC) - began
    }

    private static func median(_ rounds: Int, _ body: () throws -> Void) rethrows -> Int {
        var times: [Int] = []
        for _ in 0..<rounds { times.append(try time(body)) }
        return times.sorted()[rounds / 2]
    }
}
