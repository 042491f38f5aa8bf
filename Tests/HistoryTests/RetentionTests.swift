import MemoryModel
import Testing

@testable import History

@Suite("Old data shrinks and goes, and peaks survive")
struct RetentionTests {
    private func retain(_ store: HistoryStore, now: Timestamp, rows: Int = 4096) throws -> RetentionReport {
        var total = RetentionReport()
        for _ in 0..<100_000 {
            let report = try store.runRetention(now: now, budget: RetentionBudget(rows: rows))
            total.removedRows += report.removedRows
            total.rolledUpSamples += report.rolledUpSamples
            total.releasedBytes += report.releasedBytes
            if report.isFinished { return total }
        }
        Issue.record("retention never finished")
        return total
    }

    @Test("going through very many processes once, with nothing to do, is enough")
    func manyProcesses() throws {
        let scratch = Scratch()
        let store = try scratch.open()
        for number: Int32 in 1...600 {
            _ = try store.register(description(pid: number), attached: morning, reader: nil)
        }
        var slices = 1
        while try !store.runRetention(now: morning, budget: RetentionBudget(rows: 512)).isFinished {
            slices += 1
            guard slices < 100 else { break }
        }
        #expect((2...20).contains(slices))
    }

    /// Minimum and maximum of one field as written down independently of the product.
    private func check(
        _ rolled: HistorySample, _ raw: [Sample], _ field: (Sample) -> UInt64?, _ name: String
    ) {
        let values = raw.compactMap(field)
        #expect(rolled.extremes.flatMap { field($0.minimum) } == values.min(), "\(name)")
        #expect(rolled.extremes.flatMap { field($0.maximum) } == values.max(), "\(name)")
    }

    @Test(
        "minutes and hours hold the minimum, maximum and last of what they were made of",
        arguments: [97, 100_000])
    func rollUp(budget: Int) throws {
        let scratch = Scratch()
        let store = try scratch.open()
        let id = try store.register(description(), attached: morning, reader: nil)
        var generator = SeededGenerator(seed: 7)
        var all: [Sample] = []
        var second = 0.0
        // Nine days, sparsely, with dense stretches.
        while second < 9 * 86_400 {
            let time = morning.advanced(bySeconds: second)
            var next = sample(
                time, heapPages: UInt64.random(in: 0...500, using: &generator),
                residentPages: UInt64.random(in: 0...90_000, using: &generator))
            if Int.random(in: 0..<20, using: &generator) == 0 { next.kinds = nil }
            if Int.random(in: 0..<20, using: &generator) == 0 { next.threads = nil }
            if Int.random(in: 0..<40, using: &generator) == 0 { next.kinds?[.anon] = 4097 }
            next.swapBytes = UInt64.random(in: 0...2, using: &generator) << 12
            next.isConsistent = Bool.random(using: &generator)
            all.append(next)
            try store.write(HistoryBatch(entries: [HistoryEntry(process: id, time: time, sample: next)]))
            second += Double.random(in: 1...(Int(second) % 20_000 < 2000 ? 20 : 900), using: &generator)
        }
        let now = morning.advanced(bySeconds: 9 * 86_400)
        _ = try retain(store, now: now, rows: budget)

        let stored = try store.allSamples(id)
        #expect(Set(stored.map(\.resolution)).count == 3)
        #expect(stored.map(\.sample.time) == stored.map(\.sample.time).sorted())
        for entry in stored {
            guard entry.resolution != .raw else {
                #expect(entry.extremes == nil)
                continue
            }
            let width: Int64 = entry.resolution == .hour ? 3_600_000_000 : 60_000_000
            let bucket = (entry.sample.time.microseconds - morning.microseconds) / width
            let raw = all.filter { ($0.time.microseconds - morning.microseconds) / width == bucket }
            #expect(entry.sample == raw.last)
            check(entry, raw, \.vmSizeBytes, "vm_size")
            check(entry, raw, \.rssBytes, "rss")
            check(entry, raw, \.swapBytes, "swap")
            check(entry, raw, \.programBreak, "break")
            check(entry, raw, { $0.threads.map(UInt64.init) }, "threads")
            check(entry, raw, { $0.kinds?[.heap] }, "heap")
            check(entry, raw, { $0.kinds?[.anon] }, "anon")
        }
        // Each minute or hour once, and nothing left out.
        let rawTimes = stored.filter { $0.resolution == .raw }.map(\.sample.time)
        #expect(rawTimes == all.map(\.time).suffix(rawTimes.count))
        #expect(rawTimes.first.map { $0 >= now.advanced(bySeconds: -86_400 - 60) } == true)
        let hours = stored.filter { $0.resolution == .hour }
        #expect(hours.last.map { $0.sample.time <= now.advanced(bySeconds: -7 * 86_400) } == true)
        let expectedHours = Set(
            all.filter { $0.time <= hours.last?.sample.time ?? morning }
                .map { ($0.time.microseconds - morning.microseconds) / 3_600_000_000 })
        #expect(hours.count == expectedHours.count)
        #expect(
            try store.lastSample(of: id, atOrBefore: morning.advanced(bySeconds: 50_000))?.resolution == .hour
        )
        // The history goes on after it.
        let next = sample(now.advanced(bySeconds: 1))
        try store.write(HistoryBatch(entries: [HistoryEntry(process: id, time: next.time, sample: next)]))
        #expect(try store.allSamples(id).last?.sample == next)
        #expect(sqlite3(scratch.database, "PRAGMA integrity_check") == "ok")
        #expect(
            sqlite3(
                scratch.database,
                "SELECT count(*) FROM samples WHERE part = 'max' AND vm_size < rss_anon * 0") == "0")
    }

    @Test("what is too old goes: samples, intervals, events, names and at last the process")
    func age() throws {
        let scratch = Scratch()
        let store = try scratch.open(maximumAgeSeconds: 10 * 86_400)
        let gone = try store.register(description(), attached: morning, reader: nil)
        let alive = try store.register(description(pid: 2, start: 2), attached: morning, reader: nil)
        let kept = region(0x7f00_0000_0000, pages: 7, .text, path: "/usr/lib/still-there.so")
        var previous: [HistoryRegion] = []
        for hour in 0..<(20 * 24) {
            let time = morning.advanced(bySeconds: Double(hour) * 3600)
            let file = region(0x7f10_0000_0000, pages: 3, .file, path: "/tmp/file-\(hour)")
            var event = MemoryEvent(time: time, pid: 2, comm: Array("x".utf8), type: .mmap)
            event.path = file.path
            var entries = [
                HistoryEntry(
                    process: alive, time: time, sample: sample(time, pid: 2), died: previous,
                    born: hour == 0 ? [kept, file] : [file], events: [event])
            ]
            previous = [file]
            if hour < 24 {
                var entry = HistoryEntry(process: gone, time: time, sample: sample(time), events: [event])
                if hour == 0 { entry.born = [kept, region(0x1000, pages: 1)] }
                if hour == 23 { entry.ended = .init(time: time, state: .exited) }
                entries.append(entry)
            }
            #expect(try store.write(HistoryBatch(entries: entries)) == HistoryWriteReport())
            if hour % 24 == 23 { _ = try retain(store, now: time) }
        }
        let now = morning.advanced(bySeconds: 20 * 86_400)
        _ = try retain(store, now: now)
        _ = try retain(store, now: now)
        #expect(try store.processes().map(\.id) == [alive])
        let samples = try store.allSamples(alive)
        #expect(samples.first.map { $0.sample.time > now.advanced(bySeconds: -10 * 86_400 - 3600) } == true)
        let events = try store.allEvents(alive)
        #expect(events.count == 240)
        #expect(try store.openRegions(of: alive).contains(kept))
        #expect(try store.regions(of: alive, at: morning.advanced(bySeconds: 5 * 86_400)) == nil)
        let map = try store.regions(of: alive, at: morning.advanced(bySeconds: 15 * 86_400))
        #expect(map?.regions == [kept, region(0x7f10_0000_0000, pages: 3, .file, path: "/tmp/file-360")])
        let names = sqlite3(
            scratch.database, "SELECT count(*) FROM name WHERE CAST(bytes AS TEXT) LIKE '/tmp/file-%'")
        #expect((240...290).contains(Int(names) ?? 0), "\(names)")
        #expect(sqlite3(scratch.database, "SELECT count(*) FROM clock_step, sample_base WHERE 0") == "0")
        #expect(
            sqlite3(scratch.database, "SELECT count(*) FROM sample_base WHERE process = \(gone.rawValue)")
                == "0")
    }

    @Test("a history that is too large loses its oldest and keeps its newest, within the limit")
    func size() throws {
        let limit: Int64 = 3 << 20
        let scratch = Scratch()
        let store = try scratch.open(maximumBytes: limit)
        let ids = try (0..<20).map { pid in
            try store.register(
                description(pid: Int32(pid) + 100, start: UInt64(pid)), attached: morning, reader: nil)
        }
        var previous: [HistoryRegion] = []
        var released: Int64 = 0
        var largest: Int64 = 0
        for step in 0..<4000 {
            let time = morning.advanced(bySeconds: Double(step) * 10)
            let heap = region(0x5581_0000_0000, pages: UInt64(step) + 1, .heap, path: "[heap]")
            let batch = HistoryBatch(
                entries: ids.map { id in
                    HistoryEntry(
                        process: id, time: time, sample: sample(time, heapPages: UInt64(step)),
                        died: previous, born: [heap])
                })
            #expect(try store.write(batch) == HistoryWriteReport())
            previous = [heap]
            if step % 50 == 49 {
                released += try retain(store, now: time, rows: 1000).releasedBytes
                let statistics = try store.statistics()
                largest = max(
                    largest, (statistics.pageCount - statistics.freePages) * statistics.pageSizeBytes)
            }
        }
        let now = morning.advanced(bySeconds: 40_000)
        #expect(largest <= limit)
        let statistics = try store.statistics(countingRows: true)
        print("bounded history: \(statistics), given back \(released)")
        #expect(statistics.bytesOnDisk < limit + (8 << 20) + (4 << 20))
        for id in ids {
            let samples = try store.allSamples(id)
            #expect(samples.last?.sample.time == now.advanced(bySeconds: -10))
            #expect(samples.count > 200)
            #expect(samples.first.map { $0.sample.time > morning } == true)
            #expect(try store.openRegions(of: id) == previous)
            #expect(try store.regions(of: id, at: now.advanced(bySeconds: -1000))?.regions.count == 1)
        }
        #expect(sqlite3(scratch.database, "PRAGMA integrity_check") == "ok")
    }

    @Test("a clock that was years wrong for a moment does not cost the history")
    func wrongClock() throws {
        let scratch = Scratch()
        let store = try scratch.open()
        let id = try store.register(description(), attached: morning, reader: nil)
        let times =
            [0, 1, 2].map { morning.advanced(bySeconds: $0) }
            + [Timestamp(seconds: 100), Timestamp(seconds: 101)]
            + [3, 4].map { morning.advanced(bySeconds: $0) }
            + [Timestamp(seconds: 4_000_000_000)]
            + [5, 6].map { morning.advanced(bySeconds: $0) }
        for time in times {
            let entry = HistoryEntry(
                process: id, time: time, sample: sample(time),
                born: [region(0x7f00_0000_0000, pages: 7, path: "/x")])
            try store.write(HistoryBatch(entries: [entry]))
        }
        _ = try retain(store, now: morning.advanced(bySeconds: 7))
        _ = try retain(store, now: morning.advanced(bySeconds: 8))
        #expect(try store.allSamples(id).map(\.sample.time) == times)
        #expect(try store.openRegions(of: id).count == 1)
    }
}
