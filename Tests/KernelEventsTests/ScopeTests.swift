import Glibc
import MemoryModel
import TestSupport
import Testing

@testable import KernelEvents

/// Which events a process's records come from, and who may have them.
@Suite(.requiresPerf, .requiresTool("cc"))
struct ScopeTests {
    @Test("a cgroup's events tell of its processes and of no others", .requiresMachinePerf, .requiresCgroup2)
    func cgroup() throws {
        let cgroup = try TestCgroup()
        let watcher = try Watcher()
        do {
            let (inside, outside) = (try Subject(), try Subject())
            try cgroup.add(inside.pid)
            let queue = try watcher.watch(inside.pid, .cgroup(cgroup.path), followsChildren: true)
            let other = try watcher.watch(outside.pid, .cgroup(cgroup.path))
            #expect(watcher.source.statistics.scopesOpen == 1)
            try outside.perform("map 0 4096 3 \(MAP_SHARED)")
            try inside.perform("map 0 8192 3 \(MAP_SHARED)")
            let child = try inside.perform("fork 12288")
            let records = try watcher.records(of: queue, upToNowBy: inside)
            #expect(records.compactMap { $0.mapping?.size } == [8_192])
            #expect(records.compactMap(\.child) == [Int32(child.value)])
            #expect(other.take().records.isEmpty)
            let children = watcher.source.takeChildren()
            #expect(children.map(\.scope) == [.cgroup(cgroup.path)])
            #expect(children.first?.take().records.compactMap { $0.mapping?.size } == [12_288])
            for queue in [queue, other] + children { watcher.source.unwatch(queue) }
            #expect(watcher.source.statistics.scopesOpen == 0)
            for subject in [inside, outside] {
                subject.process.closeInput()
                try subject.process.waitForExit()
            }
        }
    }

    @Test("several scopes at once count nothing twice", .requiresMachinePerf)
    func together() throws {
        let watcher = try Watcher()
        let subjects = try allowedScopes.map { _ in try Subject() }
        let queues = try zip(subjects, allowedScopes).map { try watcher.watch($0.pid, $1) }
        #expect(queues.map(\.scope) == allowedScopes)
        for (subject, queue) in zip(subjects, queues) {
            for _ in 0..<20 { try subject.perform("map 0 4096 3 \(MAP_SHARED)") }
            #expect(try watcher.records(of: queue, upToNowBy: subject).count == 20)
        }
        #expect(watcher.source.statistics.recordsIgnored > 0)
    }

    @Test("the next scope is tried where one is refused, and the last one's reason is told")
    func preference() throws {
        let watcher = try Watcher()
        let subject = try Subject()
        let missing = KernelEventSource.Scope.cgroup("/memwatch-there-is-no-such-cgroup")
        let queue = try watcher.source.watch(
            pid: subject.pid, preferring: [missing, .process], followsChildren: false
        ).get()
        #expect(queue.scope == .process)
        watcher.source.unwatch(queue)
        let refused = watcher.source.watch(pid: subject.pid, preferring: [missing], followsChildren: false)
        guard case .failure(let refusal) = refused else {
            Issue.record("a missing cgroup was watched")
            return
        }
        #expect(refusal.scope == missing && refusal.cause == .noSuchCgroup)
        #expect(refusal.description.contains("no such cgroup"))
        #expect(watcher.source.statistics.scopesOpen == 0)
    }

    @Test("a pid that nobody has is refused, whatever the scope", arguments: allowedScopes)
    func noSuchProcess(_ scope: KernelEventSource.Scope) throws {
        let watcher = try Watcher()
        let subject = try Subject()
        subject.process.closeInput()
        try subject.process.waitForExit()
        for pid in [subject.pid, 0, -1, .min, .max] {
            let result = watcher.source.watch(pid: pid, preferring: [scope], followsChildren: false)
            guard case .failure(let refusal) = result else {
                Issue.record("\(pid) was watched")
                return
            }
            #expect(refusal.cause == .noSuchProcess)
        }
    }

    @Test("a process that is watched keeps its queue when it is asked for again", arguments: allowedScopes)
    func again(_ scope: KernelEventSource.Scope) throws {
        let watcher = try Watcher()
        let subject = try Subject()
        let queue = try watcher.watch(subject.pid, scope)
        #expect(try watcher.watch(subject.pid, .process) === queue)
        watcher.source.unwatch(queue)
        #expect(queue.take().isClosed)
        #expect(watcher.source.statistics.scopesOpen == 0 && watcher.source.statistics.processesWatched == 0)
        let next = try watcher.watch(subject.pid, scope)
        #expect(next !== queue && next.since > queue.since)
    }

    @Test(
        "threads that start while a process's events are opened are covered once and whole, or refused, or told of"
    )
    func threads() throws {
        /// `MEMWATCH_CHAINS=2000` to meet what happens to one in hundreds.
        let chains = environmentNumber("MEMWATCH_CHAINS", else: 8)
        var (covered, refused, told) = (0, 0, 0)
        for _ in 0..<chains {
            let watcher = try Watcher()
            let subject = try Subject()
            try subject.perform("chain 200")
            let result = watcher.source.watch(
                pid: subject.pid, preferring: [.process], followsChildren: false)
            // A race, which a busy machine may lose for all the time it has; what counts is that it knows.
            if case .failure(let refusal) = result {
                #expect(refusal.cause == .threads && watcher.source.statistics.scopesOpen == 0)
                refused += 1
                continue
            }
            let queue = try result.get()
            let last = Int(try subject.perform("chainstop 500").value)
            var records = try watcher.records(of: queue, upToNowBy: subject)
            // Every link has ended by now: one that has not said so has missed its events, and that is told.
            try watcher.wait("word of what was missed") { watcher.source.statistics.threadsAwaited == 0 }
            records += queue.take().records
            if watcher.source.statistics.threadsMissed > 0 {
                #expect(records.contains { $0.isGap })
                told += 1
                continue
            }
            covered += 1
            expectWholeChain(records, upTo: last)
        }
        print("chains of threads: \(covered) covered, \(refused) refused, \(told) told of as missed")
        #expect(covered > 0)
    }

    @Test("a process whose threads cannot all be found in time is refused, and nothing stays open")
    func tooManyTooFast() throws {
        var options = KernelEventSource.Options.roomy
        options.openingMilliseconds = 0
        let watcher = try Watcher(options)
        let subject = try Subject()
        let result = watcher.source.watch(pid: subject.pid, preferring: [.process], followsChildren: false)
        guard case .failure(let refusal) = result else {
            Issue.record("watched, though not one of its threads was looked for")
            return
        }
        #expect(refusal.cause == .threads && refusal.description.contains("faster"))
        let statistics = watcher.source.statistics
        #expect(statistics.scopesOpen == 0 && statistics.eventsOpen == statistics.rings)
    }
}
