import Testing

@testable import Journal

@Suite("The limit of entries")
struct RateLimiterTests {
    private let second: UInt64 = 1_000_000_000
    private var limits: JournalWriter.Limits {
        var limits = JournalWriter.Limits()
        limits.perTarget = JournalWriter.Rate(burst: 10, perSecond: 2)
        limits.total = JournalWriter.Rate(burst: 25, perSecond: 5)
        return limits
    }

    private func admitted(_ count: Int, pid: Int32, _ limiter: inout RateLimiter, now: UInt64) -> Int {
        (0..<count).count { _ in limiter.admit(pid: pid, comm: [], limits: limits, now: now) }
    }

    @Test("a target may burst, and then goes on at its rate")
    func burst() {
        var limiter = RateLimiter()
        #expect(admitted(100, pid: 1, &limiter, now: second) == 10)
        #expect(admitted(100, pid: 1, &limiter, now: 2 * second) == 2)
        #expect(admitted(100, pid: 1, &limiter, now: 4 * second) == 4)
        #expect(admitted(100, pid: 1, &limiter, now: 1000 * second) == 10)
    }

    @Test("one target's flood leaves another its share, and all together have a limit")
    func total() {
        var limiter = RateLimiter()
        #expect(admitted(1000, pid: 1, &limiter, now: second) == 10)
        #expect(admitted(8, pid: 2, &limiter, now: second) == 8)
        #expect(admitted(10, pid: 3, &limiter, now: second) == 7)
    }

    @Test("a table full of targets still limits, and forgets idle ones")
    func fullTable() {
        var limiter = RateLimiter(capacity: 2)
        #expect(admitted(1, pid: 1, &limiter, now: second) == 1)
        #expect(admitted(1, pid: 2, &limiter, now: second) == 1)
        #expect(admitted(100, pid: 3, &limiter, now: second) == 23)
        // The two are idle by now, so the third gets a bucket of its own.
        #expect(admitted(100, pid: 3, &limiter, now: 100 * second) == 10)
    }

    @Test("drops are told once they ended, and once more while they last")
    func summaries() {
        var limiter = RateLimiter()
        #expect(admitted(15, pid: 1, &limiter, now: second) == 10)
        #expect(limiter.nextDue(quiet: 5 * second) == 6 * second)
        #expect(limiter.takeDue(quiet: 5 * second, now: 5 * second).isEmpty)
        let told = limiter.takeDue(quiet: 5 * second, now: 6 * second)
        #expect(told.map(\.pid) == [1] && told.map(\.tally.count) == [5])
        #expect(limiter.nextDue(quiet: 5 * second) == nil)
        for time in 10...80 { _ = admitted(10, pid: 1, &limiter, now: UInt64(time) * second) }
        #expect(limiter.nextDue(quiet: 5 * second) == 71 * second)
    }

    @Test("many loud targets at once are told in one entry")
    func manySummaries() {
        var limiter = RateLimiter()
        for pid in 1...100 { _ = admitted(3, pid: Int32(pid), &limiter, now: second) }
        let told = limiter.takeDue(quiet: second, now: 10 * second, force: true)
        #expect(told.count == 1 && told[0].pid == nil && told[0].tally.count == 275)
    }

    @Test("clocks at their end do not trap")
    func extremes() {
        var limiter = RateLimiter()
        #expect(admitted(100, pid: 1, &limiter, now: .max) >= 1)
        #expect(limiter.takeDue(quiet: .max, now: .max, force: true).count <= 1)
        #expect(Duration.seconds(Int64.max).nanoseconds == .max)
        #expect(Duration.seconds(-1).nanoseconds == 0)
    }
}
