import History
import MemoryModel
import TestSupport
import Testing

@testable import MemwatchDaemon

@Suite("A unit as one series")
struct UnitSamplesTests {
    /// A history on disk, and processes of one unit in it.
    private final class Unit {
        let directory: TemporaryDirectory
        let store: HistoryStore
        let queries = BlockingWork(threads: 1)
        var next: Int32 = 100

        init() throws {
            directory = try TemporaryDirectory()
            store = try HistoryStore.open(
                HistoryConfiguration(directory: directory.path, ballastBytes: 0)
            ).0
        }

        deinit { store.close() }

        /// A process with samples of so many MiB of heap at those seconds (nil: nothing could be read).
        @discardableResult
        func process(
            _ samples: [(second: Double, mebibytes: UInt64?)], ended: Double? = nil
        ) throws -> HistoryProcessID {
            next += 1
            var process = ProcessDescription(
                identity: ProcessIdentity(bootID: "b", pid: next, startTicks: 1, pidfdInode: nil), comm: [])
            process.unit = "nginx.service"
            let id = try store.register(process, attached: at(samples[0].second), reader: nil)
            let entries = samples.map { sample in
                HistoryEntry(
                    process: id, time: at(sample.second),
                    sample: UnitSamplesTests.sample(at(sample.second), sample.mebibytes))
            }
            try store.write(HistoryBatch(entries: entries))
            if let ended {
                let end = HistoryEntry(
                    process: id, time: at(ended), ended: .init(time: at(ended), state: .exited))
                try store.write(HistoryBatch(entries: [end]))
            }
            return id
        }

        func samples(since: Double? = nil, until: Double? = nil) throws -> UnitSamples {
            let rows = try store.processes(unit: "nginx.service")
            return UnitSamples(
                of: rows.sorted { ($0.attached, $0.id.rawValue) < ($1.attached, $1.id.rawValue) },
                since: since.map(at), until: until.map(at), store: store, queries: queries)
        }

        func series(since: Double? = nil, until: Double? = nil) async throws -> [Sample] {
            var source = try samples(since: since, until: until)
            var result: [Sample] = []
            while let part = try await source.next() { result += part }
            return result
        }
    }

    private static func sample(_ time: Timestamp, _ mebibytes: UInt64?) -> Sample {
        var sample = Sample(time: time, pid: 1)
        guard let mebibytes else { return sample }
        var kinds = KindTotals()
        kinds[.heap] = mebibytes << 20
        kinds[.text] = 1 << 20
        sample.kinds = kinds
        sample.vmSizeBytes = kinds.total
        sample.rssBytes = mebibytes << 19
        sample.threads = 2
        sample.regionCount = 10
        sample.programBreak = 0x5000_0000
        sample.stackLimitBytes = 8 << 20
        sample.isConsistent = true
        return sample
    }

    /// Second and MiB of heap of each row.
    private func heap(_ series: [Sample]) -> [String] {
        series.map { sample in
            let second = Double(sample.time.microseconds - morning.microseconds) / 1_000_000
            return "\(second) " + (sample.kinds.map { "\($0[.heap] >> 20)" } ?? "nil")
        }
    }

    @Test("each row is the sum of what was last known of those alive, and 0 while none is")
    func sums() async throws {
        let unit = try Unit()
        try unit.process([(0, 10), (2, 12)], ended: 5)
        try unit.process([(1, 3), (2, 4)], ended: 4)
        try unit.process([(8, 20), (9, 21)])
        let series = try await unit.series()
        #expect(
            heap(series) == [
                "0.0 10", "1.0 13", "2.0 16", "4.0 12", "5.0 0", "8.0 20", "9.0 21",
            ])
        #expect(series.allSatisfy { $0.pid == 0 && $0.programBreak == nil && $0.stackLimitBytes == nil })
        #expect(series[2].vmSizeBytes == 18 << 20 && series[2].threads == 4 && series[2].regionCount == 20)
        #expect(series[4].vmSizeBytes == 0 && series[4].threads == 0 && series[4].kinds?.total == 0)
        #expect(series.allSatisfy { $0.isConsistent })
    }

    @Test("a field is unknown only where it is of all; one inconsistent sample makes the sum so")
    func unknown() async throws {
        let unit = try Unit()
        try unit.process([(0, nil), (3, 5)])
        try unit.process([(1, 7), (2, nil)])
        let series = try await unit.series()
        #expect(heap(series) == ["0.0 nil", "1.0 7", "2.0 nil", "3.0 5"])
        #expect(series.map(\.vmSizeBytes) == [nil, 8 << 20, nil, 6 << 20])
        #expect(series.map(\.rssAnonBytes) == [nil, nil, nil, nil])
        #expect(series.map(\.isConsistent) == [false, false, false, false])
    }

    @Test("between two times there are their rows only, with the sums that they had in the whole")
    func period() async throws {
        let unit = try Unit()
        try unit.process([(0, 10), (2, 12), (6, 13)], ended: 9)
        try unit.process([(1, 3), (5, 4)])
        try unit.process([(0, 99)], ended: 1)
        let whole = heap(try await unit.series())
        #expect(whole == ["0.0 109", "1.0 13", "2.0 15", "5.0 16", "6.0 17", "9.0 4"])
        for (since, until, rows) in [(2, 6, 2...4), (1.5, nil, 2...5), (nil, 5.5, 0...3)]
            as [(Double?, Double?, ClosedRange<Int>)]
        {
            let part = heap(try await unit.series(since: since, until: until))
            #expect(part == Array(whole[rows]))
        }
        let (later, earlier) = (try await unit.series(since: 20), try await unit.series(until: -1))
        #expect(later.isEmpty && earlier.isEmpty)
        var source = try unit.samples(since: 4)
        let before = try await source.valueAtBeginning()
        #expect(before?.kinds?[.heap] == 15 << 20)
        let rest = try await source.next() ?? []
        #expect(heap(rest) == Array(whole[3...]))
    }

    @Test("where the clock stepped back for all, the rows follow each other as they were seen")
    func clockStep() async throws {
        let unit = try Unit()
        try unit.process([(100, 1), (102, 2), (50, 3), (52, 4), (104, 5)])
        try unit.process([(101, 10), (102, 15), (51, 20), (53, 30)])
        let series = heap(try await unit.series())
        #expect(
            series == [
                "100.0 1", "101.0 11", "102.0 17", "50.0 18", "51.0 23", "52.0 24", "53.0 34", "104.0 35",
            ])
    }

    @Test("a unit that was restarted often is one series through every life")
    func restarts() async throws {
        let unit = try Unit()
        for life in 0..<300 {
            try unit.process(
                [(Double(life) * 2, 1), (Double(life) * 2 + 0.5, 2)], ended: Double(life) * 2 + 1)
        }
        let series = heap(try await unit.series())
        #expect(series.count == 900)
        #expect(series.suffix(3) == ["598.0 1", "598.5 2", "599.0 0"])
        #expect(series.filter { $0.hasSuffix(" 0") }.count == 300)
    }

    @Test("a long series comes in parts, equal to the sums of all samples at hand")
    func many() async throws {
        let unit = try Unit()
        var random = Seeded(7)
        var lives: [[(second: Double, mebibytes: UInt64?)]] = []
        for _ in 0..<20 {
            var second = Double(Int.random(in: 0...50, using: &random))
            var samples: [(second: Double, mebibytes: UInt64?)] = []
            for _ in 0..<200 {
                samples.append((second, UInt64.random(in: 0...100, using: &random)))
                second += Double(Int.random(in: 1...3, using: &random))
            }
            lives.append(samples)
            try unit.process(samples)
        }
        let times = Set(lives.flatMap { $0.map(\.second) }).sorted()
        let expected = times.map { time in
            let sum = lives.reduce(UInt64(0)) { $0 + ($1.last { $0.second <= time }?.mebibytes ?? 0) }
            return "\(time) \(sum)"
        }
        let series = heap(try await unit.series())
        #expect(series == expected)
    }
}

private let morning = Timestamp(seconds: 1_795_500_000)

private func at(_ seconds: Double) -> Timestamp {
    Timestamp(microseconds: morning.microseconds + Int64(seconds * 1_000_000))
}
