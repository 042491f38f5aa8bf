import MemoryModel
import TestSupport
import Testing

@testable import Tracing

@Suite("Gathering one tick's looks", .timeLimit(.minutes(1)))
struct LookCollectorTests {
    private func observation(_ number: UInt64) -> Observation {
        Observation(
            target: TargetID(rawValue: number),
            identity: ProcessIdentity(bootID: "", pid: 1, startTicks: 1, pidfdInode: nil),
            time: Timestamp(microseconds: 0))
    }

    private func ids(_ observations: [Observation]) -> Set<UInt64> {
        Set(observations.map(\.target.rawValue))
    }

    @Test("all looks that come in time are in the tick, those that found nothing too")
    func all() async throws {
        let stragglers = Stragglers()
        let collector = LookCollector(count: 50, stragglers: stragglers)
        let adding = Task.detached {
            for number: UInt64 in 0..<50 {
                collector.add(number % 10 == 9 ? nil : self.observation(number))
            }
        }
        let seen = try await offPool { collector.collect(within: .seconds(3_600)) }
        await adding.value
        #expect(ids(seen) == Set((0..<50).filter { $0 % 10 != 9 }))
        #expect(stragglers.take().isEmpty)
    }

    @Test("looks from many threads at once are all there")
    func concurrent() async throws {
        for _ in 0..<200 {
            let collector = LookCollector(count: 8, stragglers: Stragglers())
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number: UInt64 in 0..<8 {
                    group.addTask { collector.add(self.observation(number)) }
                }
                let seen = try await offPool { collector.collect(within: .seconds(3_600)) }
                #expect(ids(seen) == Set(0..<8))
            }
        }
    }

    @Test("nothing to wait for: nothing is waited for")
    func none() {
        let collector = LookCollector(count: 0, stragglers: Stragglers())
        #expect(collector.collect(within: .seconds(3_600)).isEmpty)
    }

    @Test("when time is up, what is there is given, and the rest comes with the next tick, once")
    func late() {
        let stragglers = Stragglers()
        let collector = LookCollector(count: 3, stragglers: stragglers)
        collector.add(observation(1))
        #expect(ids(collector.collect(within: .milliseconds(1))) == [1])
        collector.add(observation(2))
        collector.add(nil)
        #expect(ids(stragglers.take()) == [2])
        #expect(stragglers.take().isEmpty)
    }

    @Test("an endless limit is no trap")
    func endless() {
        let collector = LookCollector(count: 1, stragglers: Stragglers())
        collector.add(observation(1))
        #expect(ids(collector.collect(within: .seconds(Int64.max))) == [1])
    }
}
