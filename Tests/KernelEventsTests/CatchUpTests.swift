import Glibc
import MemoryModel
import ProcFS
import TestSupport
import Testing

@testable import KernelEvents

/// Threads that missed their events and are looked for afterwards. The kernel lets that happen to one in hundreds
/// only, so it is made up that somebody said nothing; all the rest is real.
@Suite(.requiresPerf, .requiresTool("cc"))
struct CatchUpTests {
    @Test("a process that had none is observed from then on, and told of by a gap")
    func observed() throws {
        let (parent, child) = (try Subject(), try Subject())
        var drain = try Drain(of: parent.pid, missing: child.pid)
        defer { drain.close() }
        let queue = drain.watch(child.pid)
        try child.perform("map 0 4096 3 \(MAP_SHARED)")
        #expect(drain.records(of: queue).isEmpty)
        drain.catchUp()
        try child.perform("map 0 8192 3 \(MAP_SHARED)")
        try child.perform("thread 12288")
        let records = drain.records(of: queue)
        #expect(records.first?.content == .gap(count: 0) && !drain.isPaused)
        let shared = records.compactMap(\.mapping).filter { $0.permissions.contains(.shared) }
        #expect(shared.map(\.size) == [8_192, 12_288])
    }

    @Test("threads that inherited all the same are told of once, and so are those that they make")
    func once() throws {
        var covered = 0
        for _ in 0..<8 {
            let subject = try Subject()
            var drain = try Drain(of: subject.pid, missing: subject.pid)
            defer { drain.close() }
            let queue = drain.watch(subject.pid)
            try subject.perform("chain 200")
            drain.catchUp()
            let last = Int(try subject.perform("chainstop 500").value)
            let records = drain.records(of: queue)
            let gap = try #require(records.lastIndex { $0.isGap })
            if drain.isPaused { continue }
            covered += 1
            expectWholeChain(records[gap...], upTo: last)
        }
        #expect(covered > 0)
    }
}

/// One scope, its rings and its table, without a thread that empties them.
private struct Drain {
    private let rings: [PerfRing]
    private var table: WatchTable
    private var pass: DrainPass
    private let number = ScopeNumber(rawValue: 1)

    /// - Parameter missing: a process that is made out to have said nothing since long ago.
    init(of pid: Int32, missing: Int32) throws {
        rings = try openRings(
            bytes: KernelEventSource.Options.roomy.ringBytes, processors: Processors.online, for: .process)
        table = WatchTable(options: .roomy)
        pass = DrainPass(rings: rings)
        var scope = try EventScope.open(.process, pid: pid, number: number, rings: rings, options: .roomy)
        scope.checks[.tasks, default: .init()].watch([0], since: 0)
        scope.checks[.tasks]?.made(missing, of: missing, by: 0, at: 1, isFollowed: true)
        table.add(scope)
    }

    mutating func watch(_ pid: Int32) -> KernelEventQueue {
        let queue = KernelEventQueue(
            pid: pid, scope: .process, scopeNumber: number, since: 0, budget: table.budget)
        table.add(queue, followsChildren: false)
        return queue
    }

    /// Without a pass before, in which the missing would be heard.
    mutating func catchUp() {
        var outcome = WatchTable.Outcome()
        table.stepChecks(at: MonotonicTime.nanoseconds, handedOn: 0, rings, &outcome)
    }

    /// All that was written until now.
    mutating func records(of queue: KernelEventQueue) -> [KernelRecord] {
        _ = pass.run(&table, startingAt: .max, slack: 0)
        return queue.take().records
    }

    var isPaused: Bool { table.scopes[number]?.flow.isPaused ?? true }

    mutating func close() {
        for scope in table.removeAll() { scope.close() }
        pass.deallocate()
        for ring in rings { ring.close() }
    }
}
