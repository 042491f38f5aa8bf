import KernelEvents
import MemoryModel
import TestSupport
import Testing

@testable import Tracing

@Suite(
    "Between two ticks a look's events are told at once, its map and sample a little later",
    .requiresTool("cc"),
    .timeLimit(.minutes(2)),
    .requires("perf", KernelEventSource.probe().ownProcess == nil, "perf_event_open is refused here"))
struct LateStoringTests {
    /// What happens between the look and its storing is told with its own time. A map that is stored with a later
    /// time than it is of would hide it: whoever adds up the events up to there has more than the map.
    @Test("what is stored late is stored as of the look that found it")
    func time() throws {
        let program = try ChangingProcess(areas: 2)
        // A tenth of the interval long no sample is stored because of records: six minutes here.
        var observed = try ObservedProcess(program.pid, every: 3_600_000_000, records: .init())
        defer { observed.source?.stop() }
        let first = try #require(try observed.tick())
        let place = try program.map(bytes: 1 << 20)
        observed.source?.drain()
        #expect(try observed.tick(.records) == nil)
        let looked = Timestamp.now
        #expect(observed.events.last.map { $0.type == .mmap && $0.delta == 1 << 20 } == true)
        #expect(!observed.map.contains { $0.region.contains(place) })

        let late = try #require(try observed.tick(.records, later: true))
        #expect(late.time > first.time && late.time <= looked)
        #expect(late.vmSizeBytes == first.vmSizeBytes.map { $0 + 1 << 20 })
        #expect(observed.map.contains { $0.region.contains(place) })
        // And once: there is nothing new.
        #expect(try observed.tick(.records, later: true) == nil)
    }

    /// A small map is looked at; a huge one is followed by the records, as long as only a few places change.
    @Test(
        "of a process that changes all the time, the events up to each consistent sample add up to it",
        arguments: [(areas: 50, changes: 300), (areas: 4_200, changes: 6)], 1...2)
    func sums(_ process: (areas: Int, changes: Int), seed: Int) throws {
        let program = try ChangingProcess(areas: process.areas, seed: seed)
        var observed = try ObservedProcess(program.pid, every: 20_000, records: .init())
        defer { observed.source?.stop() }
        let first = try #require(try observed.tick())
        // Only at the second look is known what grows in place.
        try program.change(5)
        try observed.tick(later: true)
        for _ in 0..<100 {
            // It changes its map while it is looked at.
            try program.process.send("c \(process.changes)\n")
            for step in 0..<20 { try observed.tick(step % 4 == 0 ? .interval : .records) }
            _ = try program.process.nextLine()
            try observed.tick()
        }

        let samples = observed.samples.filter(\.isConsistent)
        #expect(samples.count > 8)
        let events = observed.events.filter { $0.delta != nil }.sorted { $0.time < $1.time }
        var (size, told) = (Int64(first.vmSizeBytes ?? 0), 0)
        for sample in samples {
            while told < events.count, events[told].time <= sample.time {
                size += events[told].delta ?? 0
                told += 1
            }
            #expect(sample.vmSizeBytes == UInt64(size), "at \(sample.time), after \(told) of \(events.count)")
        }
    }
}

extension Region {
    fileprivate func contains(_ place: Range<UInt64>) -> Bool {
        start <= place.lowerBound && place.upperBound <= end
    }
}
