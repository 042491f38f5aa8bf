import MemoryModel
import TestSupport
import Testing

@testable import Tracing

@Suite("A daemon that is back after a restart", .timeLimit(.minutes(2)))
struct ResumeTests {
    /// A process that was watched for a while, and has grown since.
    private struct Left {
        let memgrow: Memgrow
        let snapshot: TargetSnapshot
        let regions: [ObservedRegion]
        let line: Memgrow.Line

        init() async throws {
            let memgrow = try Memgrow("sbrk", "--step", "--hold", "--count", "2", "--size", "1MiB")
            (snapshot, regions) = try await Watch.run { watch in
                let snapshot = try await watch.attach(memgrow.pid)
                return (snapshot, await watch.tracer.regions(of: snapshot.id) ?? [])
            }
            line = try memgrow.step()
            self.memgrow = memgrow
        }

        /// What the history has of it.
        func memory(toldSince: [RegionKind: Int64] = [:]) -> Tracer.Memory {
            Tracer.Memory(
                attached: snapshot.attached, regions: regions.map { ($0.region, $0.path) },
                sample: snapshot.lastSample, toldSince: toldSince)
        }
    }

    @Test("what changed while nobody watched is told when the daemon is back, without a new attached")
    func resume() async throws {
        let left = try await Left()
        let pid = left.memgrow.pid
        try await Watch.run { watch in
            let snapshot = try await watch.attach(pid, resuming: left.memory())
            #expect(snapshot.attached == left.snapshot.attached)
            try await watch.next()
            let events = watch.events(pid)
            #expect(events.map(\.type) == [.brkGrow])
            #expect(events[0].delta == left.line.delta && events[0].start == left.line.start)
            let regions = await watch.tracer.regions(of: snapshot.id) ?? []
            #expect(try watch.map(pid, from: left.regions) == Set(regions))
        }
    }

    @Test(
        "what had been told before the daemon was killed is not told again, though the map it left is older")
    func resumeBehindTheEvents() async throws {
        let left = try await Left()
        let pid = left.memgrow.pid
        typealias Told = [RegionKind: Int64]
        typealias Change = (type: EventType, kind: RegionKind, delta: Int64)
        // Of the heap's growth all but a page, all, or more was told; of memory that is gone by now, 8 KiB.
        let growth = try #require(left.line.delta)
        let gone: Change = (.munmap, .anon, -8_192)
        let cases: [(told: Told, expected: [Change])] = [
            ([.heap: growth - 4_096], [(.brkGrow, .heap, 4_096)]),
            ([.heap: growth], []),
            ([.heap: growth + 4_096], [(.brkShrink, .heap, -4_096)]),
            ([.heap: growth, .anon: 8_192], [gone]),
            ([.anon: 8_192], [(.brkGrow, .heap, growth), gone]),
        ]
        for (told, expected) in cases {
            try await Watch.run { watch in
                _ = try await watch.attach(pid, resuming: left.memory(toldSince: told))
                try await watch.next()
                let events = watch.events(pid)
                #expect(events.map(\.type) == expected.map { $0.type })
                #expect(events.map(\.kind) == expected.map { Optional($0.kind) })
                #expect(events.map(\.delta) == expected.map { Optional($0.delta) })
            }
        }
    }
}
