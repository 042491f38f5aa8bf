import MemoryModel
import TestSupport
import Testing

@testable import Tracing

@Suite("When targets are due")
struct TickScheduleTests {
    private struct Due: Identifiable, Hashable {
        let id: UInt64
    }

    private func target(_ number: UInt64) -> Due { Due(id: number) }
    private func at(_ milliseconds: Int64) -> MonotonicTime {
        MonotonicTime(microseconds: milliseconds * 1_000)
    }
    private let second: Int64 = 1_000_000

    @Test("targets of one interval tick together, at one time")
    func groups() {
        var schedule = TickSchedule<Due>()
        #expect(schedule.nextDue == nil)
        schedule.add(target(1), interval: second, now: at(0))
        schedule.add(target(2), interval: second, now: at(700))
        schedule.add(target(3), interval: 3 * second, now: at(100))
        #expect(schedule.nextDue == at(1_000))
        let first = schedule.takeDue(at: at(1_000))
        #expect(Set(first.targets) == [target(1), target(2)])
        #expect(first.missed == 0)
        #expect(schedule.nextDue == at(2_000))
        _ = schedule.takeDue(at: at(2_000))
        _ = schedule.takeDue(at: at(3_000))
        #expect(Set(schedule.takeDue(at: at(3_100)).targets) == [target(3)])
    }

    @Test("before its time nothing is due")
    func early() {
        var schedule = TickSchedule<Due>()
        schedule.add(target(1), interval: second, now: at(0))
        let none = schedule.takeDue(at: at(999))
        #expect(none.targets.isEmpty && none.missed == 0)
        #expect(schedule.nextDue == at(1_000))
    }

    @Test("ticks that were missed are counted and never made up for")
    func missed() {
        var schedule = TickSchedule<Due>()
        schedule.add(target(1), interval: second, now: at(0))
        let late = schedule.takeDue(at: at(4_500))
        #expect(late.targets == [target(1)])
        #expect(late.missed == 3)
        // The next is on the old grid, not an interval after the late one.
        #expect(schedule.nextDue == at(5_000))
        #expect(schedule.takeDue(at: at(4_999)).targets.isEmpty)
    }

    @Test("however late each tick comes, the grid stays and no tick is lost from the count")
    func grid() {
        var random = Seeded(30)
        var schedule = TickSchedule<Due>()
        let interval: Int64 = 100_000
        let start: Int64 = 12_345
        schedule.add(target(1), interval: interval, now: MonotonicTime(microseconds: start))
        var now = start
        var taken: Int64 = 0
        for _ in 0..<10_000 {
            now += Int64.random(in: 0...350_000, using: &random)
            let due = schedule.takeDue(at: MonotonicTime(microseconds: now))
            taken += Int64(due.targets.count) + due.missed
            #expect(taken == (now - start) / interval)
            let next = (schedule.nextDue?.microseconds ?? 0)
            #expect(next > now && (next - start) % interval == 0 && next - now <= interval)
        }
    }

    @Test("a target that is removed is due no more, and its interval goes with the last one")
    func removal() {
        var schedule = TickSchedule<Due>()
        schedule.add(target(1), interval: second, now: at(0))
        schedule.add(target(2), interval: second, now: at(0))
        schedule.remove(1, interval: second)
        #expect(schedule.takeDue(at: at(1_000)).targets == [target(2)])
        schedule.remove(9, interval: second)
        schedule.remove(2, interval: 5 * second)
        #expect(schedule.nextDue == at(2_000))
        schedule.remove(2, interval: second)
        #expect(schedule.nextDue == nil)
    }

    @Test("intervals outside 100 ms to 1 h are brought to its ends")
    func intervals() {
        #expect(TargetOptions(intervalMicroseconds: 0).intervalMicroseconds == 100_000)
        #expect(TargetOptions(intervalMicroseconds: .min).intervalMicroseconds == 100_000)
        #expect(TargetOptions(intervalMicroseconds: .max).intervalMicroseconds == 3_600_000_000)
        #expect(TargetOptions(intervalMicroseconds: second).intervalMicroseconds == second)
    }
}
