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
}

extension Region {
    fileprivate func contains(_ place: Range<UInt64>) -> Bool {
        start <= place.lowerBound && place.upperBound <= end
    }
}
