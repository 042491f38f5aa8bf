import MemoryModel
import TestSupport
import Testing

@testable import KernelEvents

@Suite("A process that maps more than its records are worth", .requiresPerf, .timeLimit(.minutes(2)))
struct NoisySubjectTests {
    /// A source for which a thousand mapping calls a second are enough, so that a test's own programs and nobody
    /// else's make the difference.
    private static var strict: KernelEventSource.Options {
        var options = KernelEventSource.Options.roomy
        options.mappingsPerSecond = 1_000
        return options
    }

    /// Lets the subject map until its records are switched off, and returns what came until then.
    private func makeNoise(
        _ subject: Subject, _ watcher: Watcher, _ queue: KernelEventQueue
    ) throws -> [KernelRecord] {
        var records: [KernelRecord] = []
        for _ in 0..<1_000 where !queue.isPaused {
            try subject.perform("burst 2000 4096")
            records += queue.take().records
        }
        // The gap is told in the same pass.
        try watcher.wait("the gap of the pause") {
            records += queue.take().records
            return records.contains(where: \.isGap)
        }
        return records
    }

    @Test("its mappings are not recorded, its forks and programs are; quiet again, everything is")
    func process() throws {
        let subject = try Subject()
        try pauseAndResume(subject, .process)
    }

    // Not the machine's events: whoever builds beside the test would keep them off.
    @Test("the same by the events of its control group", .requiresMachinePerf, .requiresCgroup2)
    func group() throws {
        let group = try TestCgroup()
        do {
            let subject = try Subject()
            try group.add(subject.pid)
            try pauseAndResume(subject, .cgroup(group.path))
        }
    }

    private func pauseAndResume(_ subject: Subject, _ scope: KernelEventSource.Scope) throws {
        let watcher = try Watcher(Self.strict)
        let queue = try watcher.watch(subject.pid, scope)
        let open = watcher.source.statistics.eventsOpen
        let before = try makeNoise(subject, watcher, queue)
        // Closed, and not only unread: an open event costs the subject its records.
        #expect(watcher.source.statistics.eventsOpen < open)
        #expect(before.contains { $0.mapping != nil } && before.last?.isGap == true)
        #expect(watcher.source.statistics.pauses == 1)

        // All of this while mappings are off: they stay off for three seconds at least.
        let child = try subject.perform("fork 8192")
        let burst = try subject.perform("burst 500 12288")
        try subject.exec()
        #expect(queue.isPaused)
        var paused: [KernelRecord] = []
        try watcher.wait("the end of the pause") {
            paused += queue.take().records
            return !queue.isPaused && paused.contains(where: \.isGap)
        }
        let resumed = paused.firstIndex { $0.isGap } ?? 0
        let told = paused[..<resumed]
        #expect(told.compactMap(\.child) == [Int32(child.value)])
        let isInTime = told.filter { $0.child != nil }.allSatisfy { child.times.contains($0.nanoseconds) }
        #expect(isInTime)
        #expect(told.compactMap(\.exec) == ["exe"])
        #expect(told.allSatisfy { $0.mapping == nil }, "mappings of the pause were handed on")
        #expect(told.allSatisfy { !burst.times.contains($0.nanoseconds) })

        #expect(watcher.source.statistics.eventsOpen == open)
        // Those of after the pause come as ever, and are whole.
        let reply = try subject.perform("map 3 \(0x3_1000) 3 1")
        let after = try watcher.records(of: queue, upToNowBy: subject)
        let mapping = try #require(after.first { $0.mapping?.start == reply.address })
        #expect(mapping.mapping?.size == 0x3_1000 && mapping.tid == subject.pid)
        #expect(reply.times.contains(mapping.nanoseconds))
        #expect(watcher.source.statistics.recordsLost == 0)
    }

    @Test("quiet again, the mappings of its children are recorded as well")
    func children() throws {
        let (watcher, subject) = (try Watcher(Self.strict), try Subject())
        let queue = try watcher.watch(subject.pid, .process, followsChildren: true)
        try subject.perform("hold 4096")
        _ = try watcher.records(of: queue, upToNowBy: subject)
        let child = try #require(watcher.source.takeChildren().first)
        _ = try makeNoise(subject, watcher, queue)
        #expect(child.isPaused)
        try watcher.wait("the end of the pause") { !child.isPaused }
        try subject.perform("release")
        let records = try watcher.records(of: child) { $0.content == .exit(isLeader: true) }
        // What the subject maps at the end; see its source.
        #expect(records.compactMap { $0.mapping?.size }.last == 0x6b_7000)
        #expect(watcher.source.statistics.recordsLost == 0)
    }

    @Test("its end is told though its mappings are off")
    func end() throws {
        let (watcher, subject) = (try Watcher(Self.strict), try Subject())
        let queue = try watcher.watch(subject.pid, .process)
        _ = try makeNoise(subject, watcher, queue)
        subject.process.signal(9)
        let records = try watcher.records(of: queue) { $0.content == .exit(isLeader: true) }
        #expect(records.allSatisfy { $0.mapping == nil })
    }

    @Test(
        "who is watched by the same events is told that his are off, also if he comes later",
        .requiresMachinePerf, .requiresCgroup2)
    func shared() throws {
        let group = try TestCgroup()
        try shared(.cgroup(group.path), group)
    }

    private func shared(_ scope: KernelEventSource.Scope, _ group: TestCgroup) throws {
        let watcher = try Watcher(Self.strict)
        let (noisy, quiet, late) = (try Subject(), try Subject(), try Subject())
        for subject in [noisy, quiet, late] { try group.add(subject.pid) }
        let queue = try watcher.watch(noisy.pid, scope)
        let other = try watcher.watch(quiet.pid, scope)
        _ = try makeNoise(noisy, watcher, queue)
        #expect(other.isPaused)
        _ = try watcher.records(of: other) { $0.isGap }
        #expect(try watcher.watch(late.pid, scope).isPaused)
    }

    @Test("a process that is noisy for ever is counted for a moment each second, and stays off")
    func probes() throws {
        let (watcher, subject) = (try Watcher(Self.strict), try Subject())
        let queue = try watcher.watch(subject.pid, .process)
        _ = try makeNoise(subject, watcher, queue)
        let began = MonotonicTime.nanoseconds
        // Four probes; quiet, the third of them would end it.
        while MonotonicTime.nanoseconds < began + 4_000_000_000 { try subject.perform("burst 2000 4096") }
        #expect(queue.isPaused)
        #expect(queue.take().records.allSatisfy { $0.mapping == nil && !$0.isGap })
        #expect(watcher.source.statistics.pauses == 1)
    }
}
