import KernelEvents
import MemoryModel
import TestSupport
import Testing

@testable import Tracing

@Suite("Huge maps, of which most ticks read nothing", .requiresTool("cc"), .timeLimit(.minutes(2)))
struct SparingTests {
    /// Every map is huge, and the next look is an hour away, so that only ticks of two hours later look.
    private static let rule = LookPace.Rule(
        hugeRegions: 100, pausePerLook: 1 << 40, pausePerLookAccounted: 1 << 40)

    @Test(
        "with the kernel's records each consistent sample adds up to VmSize, and the map is the kernel's",
        .requires(
            "perf", KernelEventSource.probe().ownProcess == nil, "perf_event_open is refused here"),
        arguments: 1...3)
    func records(seed: Int) throws { try follow(seed: seed, records: KernelEventSource.Options()) }

    @Test("by looks alone it does too, and says which samples are not consistent", arguments: 1...3)
    func sampling(seed: Int) throws { try follow(seed: seed, records: nil) }

    private func follow(seed: Int, records: KernelEventSource.Options?) throws {
        // More than 4,096, which is huge without any rule of the test's.
        let program = try ChangingProcess(areas: 4_200, seed: seed)
        var observed = try ObservedProcess(program.pid, records: records)
        defer { observed.source?.stop() }
        observed.sparing = Self.rule
        let first = try #require(try observed.tick())
        // Only at the second look is known what grows in place.
        try program.change(5)
        try observed.tick(later: true)
        let looks = observed.looks
        var consistent = 0
        for step in 1...240 {
            try program.change(step % 7)
            let sample = try observed.tick()
            if let sample, sample.isConsistent {
                consistent += 1
                #expect(try sample.vmSizeBytes == program.vmSize())
                try #require(sample.kinds?.total == sample.vmSizeBytes)
            }
            // Whatever was assumed is held against a look now and then.
            guard step % 20 == 0 else { continue }
            try observed.tick(later: true)
            #expect(try ChangingProcess.Stretch.of(observed.map) == program.stretches())
            #expect(Set(observed.target.regions) == observed.map)
        }
        #expect(observed.looks == looks + 12)
        #expect(records == nil || consistent > 12, "\(consistent) of 240 samples are consistent")
        let last = try #require(observed.samples.last)
        #expect(last.isConsistent)
        let (began, ended) = (try #require(first.kinds), try #require(last.kinds))
        for kind in RegionKind.allCases {
            let told = observed.events.reduce(Int64(0)) { $1.kind == kind ? $0 + ($1.delta ?? 0) : $0 }
            #expect(told == Int64(ended[kind]) - Int64(began[kind]), "\(kind)")
        }
    }

    @Test("a map that changes without a pause is right once it stops", arguments: [true, false])
    func running(withRecords: Bool) async throws {
        let program = try ChangingProcess(areas: 300)
        var timing = TracerTiming.rare
        timing.sampleMicroseconds = 1
        timing.fullLookMicroseconds = 1_000_000
        timing.sparing = LookPace.Rule(hugeRegions: 100)
        try await Watch.run(
            timing: timing, kernel: withRecords ? .records() : .none(reason: "not in this test")
        ) { watch in
            let id = try await watch.attach(program.pid).id
            for _ in 0..<40 {
                try program.change(50)
                try await watch.next()
            }
            let (truth, size) = (try program.stretches(), try program.vmSize())
            // The next look comes by itself, when its time has come; and it is shown before it is delivered.
            while true {
                let known = await watch.tracer.regions(of: id) ?? []
                if ChangingProcess.Stretch.of(known) == truth, try watch.map(program.pid) == Set(known),
                    watch.samples(program.pid).last?.vmSizeBytes == size
                {
                    break
                }
                try await watch.next()
            }
            let samples = watch.samples(program.pid).filter(\.isConsistent)
            let areWhole = samples.allSatisfy { $0.kinds?.total == $0.vmSizeBytes }
            #expect(areWhole && samples.last?.vmSizeBytes == size)
        }
    }
}
