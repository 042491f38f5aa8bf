import Testing

@testable import KernelEvents

@Suite("Whether mapping records are worth their cost")
struct RecordFlowTests {
    private static let millisecond: Int64 = 1_000_000
    private static let second: Int64 = 1_000_000_000

    /// Counts so many records a second for so long, ten milliseconds at a time, and returns the steps taken.
    private func run(
        _ flow: inout RecordFlow, from start: Int64, seconds: Int64, rates: [Int32: Int]
    ) -> [RecordFlow.Step] {
        var steps: [RecordFlow.Step] = []
        var now = start
        while now < start + seconds * Self.second {
            now += 10 * Self.millisecond
            // Nothing is read while the events are closed.
            if case .paused = flow.phase {
            } else {
                for (pid, rate) in rates { flow.count(rate / 100, of: pid, at: now) }
            }
            if let step = flow.step(at: now) { steps.append(step) }
        }
        return steps
    }

    @Test("a process may make 10,000 calls a second for ever, and many may together")
    func allowed() {
        var flow = RecordFlow()
        let rates = Dictionary(uniqueKeysWithValues: (1...20).map { (Int32($0), 10_000) })
        #expect(run(&flow, from: 0, seconds: 20, rates: rates).isEmpty)
        #expect(flow.accepts(5 * Self.second))
    }

    @Test("a burst of 10,000 at once is allowed, twice that is not")
    func burst() {
        var flow = RecordFlow()
        flow.count(10_000, of: 7, at: 1)
        #expect(flow.step(at: 1) == nil)
        flow.count(10_000, of: 7, at: 2)
        #expect(flow.step(at: 2) == .pause)
    }

    @Test("a process that never rests is counted for a hundredth of the time, and stays off")
    func noisy() {
        var flow = RecordFlow()
        let steps = run(&flow, from: 0, seconds: 20, rates: [7: 60_000])
        #expect(steps.first == .pause)
        #expect(Set(steps.dropFirst()) == [.probe, .pauseAgain])
        #expect(steps.count(where: { $0 == .probe }) <= 20)
        #expect(flow.isPaused)
    }

    @Test("it is switched on again only when it has been quiet three times in a row")
    func recovers() {
        var flow = RecordFlow()
        _ = run(&flow, from: 0, seconds: 5, rates: [7: 60_000])
        let steps = run(&flow, from: 5 * Self.second, seconds: 10, rates: [7: 1_000])
        #expect(steps.last == .resume)
        #expect(steps.count(where: { $0 == .probe }) >= 3)
        #expect(!flow.isPaused)
    }

    @Test("whoever is noisy again soon must be quiet for longer")
    func relapse() {
        var flow = RecordFlow()
        var now: Int64 = 0
        var probes: [Int] = []
        for _ in 0..<3 {
            _ = run(&flow, from: now, seconds: 2, rates: [7: 60_000])
            now += 2 * Self.second
            let steps = run(&flow, from: now, seconds: 30, rates: [:])
            now += 30 * Self.second
            probes.append(steps.count(where: { $0 == .probe }))
            #expect(steps.last == .resume)
        }
        #expect(probes[0] < probes[1] && probes[1] < probes[2])
    }

    @Test("records from the pause to the resumption are nobody's, also those read late")
    func cutoff() throws {
        var flow = RecordFlow()
        flow.count(30_000, of: 7, at: 100)
        #expect(flow.step(at: 200) == .pause)
        #expect(flow.accepts(199) && !flow.accepts(200) && !flow.accepts(Self.second))
        _ = run(&flow, from: 200, seconds: 10, rates: [:])
        #expect(flow.phase == .flowing)
        #expect(!flow.accepts(300))
        #expect(flow.accepts(11 * Self.second))
    }

    @Test("what could not be counted is not quiet")
    func failure() {
        var flow = RecordFlow()
        flow.count(30_000, of: 7, at: 0)
        #expect(flow.step(at: 0) == .pause)
        for second in 1...20 {
            let now = Int64(second) * 2 * Self.second
            #expect(flow.step(at: now) == .probe)
            flow.couldNotProbe(at: now)
        }
        #expect(flow.isPaused)
    }

    @Test("any number of processes is counted in bounded memory")
    func bounded() {
        var flow = RecordFlow()
        for pid in 1...5_000 { flow.count(1, of: Int32(pid), at: Int64(pid)) }
        for _ in 0..<30 { flow.count(1_000, of: 77, at: 6_000) }
        #expect(flow.step(at: 6_000) == .pause)
    }

    @Test(
        "where threads could not be caught, nothing is handed on until it was quiet, and covered, three times"
    )
    func notCovered() {
        var flow = RecordFlow()
        flow.couldNotCover(at: Self.second)
        #expect(flow.isPaused && flow.accepts(Self.second - 1) && !flow.accepts(Self.second))
        let steps = run(&flow, from: Self.second, seconds: 10, rates: [7: 10])
        #expect(steps == [.probe, .pauseAgain, .probe, .pauseAgain, .probe, .resume])
        #expect(flow.accepts(11 * Self.second))
    }
}
