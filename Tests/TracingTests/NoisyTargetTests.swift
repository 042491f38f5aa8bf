import KernelEvents
import MemoryModel
import TestSupport
import Testing

@testable import Tracing

@Suite(
    "A target that maps more than its records are worth", .requiresTool("cc"), .timeLimit(.minutes(2)),
    .requires("perf", KernelEventSource.probe().ownProcess == nil, "perf_event_open is refused here"))
struct NoisyTargetTests {
    @Test("it is on sampling meanwhile, and its events lead from before to after, kind by kind")
    func sums() throws {
        let program = try ChangingProcess(areas: 50)
        var options = KernelEventSource.Options()
        options.mappingsPerSecond = 1_000
        var observed = try ObservedProcess(program.pid, records: options)
        defer { observed.source?.stop() }
        let first = try #require(try observed.tick())
        try program.change(40)
        try observed.tick()
        #expect(observed.target.snapshot.eventMode == .perf)

        try program.makeNoise()
        try observed.tick { $0.snapshot.eventMode != .perf }
        #expect(observed.target.snapshot.eventMode.reason?.contains("mapping calls a second") == true)
        // Takes what was recorded before, or nearly all: the rings are emptied by a thread of their own.
        try observed.tick()
        let paused = Timestamp.now
        // What it does now is nobody's record. (The mappings off, its fork is still told.)
        let kept = try program.map(bytes: 3 << 20)
        try program.fork()
        try program.change(40)
        let told = observed.events.count
        try observed.tick()
        let meanwhile = observed.events.dropFirst(told)
        #expect(meanwhile.contains { $0.type == .fork && $0.source == .perf })
        let found = meanwhile.filter { $0.type != .fork }
        #expect(found.contains { $0.type == .mmap && $0.source == .sample })
        #expect(found.allSatisfy { $0.source == .sample || $0.time < paused }, "\(found)")
        try agree(observed, program, since: first)

        try observed.tick { $0.snapshot.eventMode == .perf }
        // Exactly dated again, by the record.
        let before = Timestamp.now
        let place = try program.map(bytes: 5 << 20)
        let after = Timestamp.now
        try observed.tick()
        let event = try #require(
            observed.events.last { $0.type == .mmap && $0.source == .perf && $0.delta == 5 << 20 })
        #expect(event.start.map { $0 <= place.lowerBound } == true && event.tid == program.pid)
        #expect(before <= event.time && event.time <= after)
        #expect(observed.target.regions.contains { $0.region.start <= kept.lowerBound })
        try agree(observed, program, since: first)
    }

    /// The events lead from the first sample to the last, and that is what the process has.
    private func agree(_ observed: ObservedProcess, _ program: ChangingProcess, since first: Sample) throws {
        let last = try #require(observed.samples.last)
        #expect(last.isConsistent)
        #expect(try last.vmSizeBytes == program.vmSize())
        let (began, ended) = (try #require(first.kinds), try #require(last.kinds))
        #expect(ended.total == last.vmSizeBytes)
        for kind in RegionKind.allCases {
            let told = observed.events.reduce(Int64(0)) { $1.kind == kind ? $0 + ($1.delta ?? 0) : $0 }
            #expect(told == Int64(ended[kind]) - Int64(began[kind]), "\(kind)")
        }
        #expect(try ChangingProcess.Stretch.of(observed.map) == program.stretches())
    }
}
