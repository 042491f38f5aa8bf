import MemoryModel
import TestSupport
import Testing

@testable import KernelEvents

/// What becomes of records between the rings and the queues; with records made up, so that what is rare in
/// life comes in every run.
struct PassTests {
    private let fed = FedPass()

    init() { fed.open(1) }

    @Test("records of several CPUs are handed on in the order of time")
    func order() {
        let queue = fed.watch(100)
        fed.rings[0].put(.mapping(100, at: 10, pages: 1), .mapping(100, at: 40, pages: 4))
        fed.rings[1].put(.mapping(100, at: 20, pages: 2), .mapping(100, at: 30, pages: 3))
        fed.run()
        #expect(queue.take().records.map(\.nanoseconds) == [10, 20, 30, 40])
    }

    @Test(
        "what is younger than a pass waits for the next, in which an older record may come from another CPU")
    func holdsBack() {
        let queue = fed.watch(100)
        let ms: Int64 = 1_000_000
        fed.rings[1].put(.mapping(100, at: 5 * ms), .mapping(100, at: 12 * ms))
        fed.run(at: 10 * ms)
        #expect(queue.take().records.map(\.nanoseconds) == [5 * ms])
        #expect(fed.pass.holdsRecords)
        fed.rings[0].put(.mapping(100, at: 11 * ms))
        fed.run(at: 20 * ms)
        #expect(queue.take().records.map(\.nanoseconds) == [11 * ms, 12 * ms])
        #expect(!fed.pass.holdsRecords)
    }

    @Test("a record that came to light late is sorted in with what was not taken yet")
    func late() {
        let queue = fed.watch(100)
        fed.rings[0].put(.mapping(100, at: 20))
        fed.run()
        fed.rings[1].put(.mapping(100, at: 10))
        fed.run()
        #expect(queue.take().records.map(\.nanoseconds) == [10, 20])
    }

    @Test("a child's records are kept from its fork on, also where another CPU's ring is read first")
    func child() {
        let parent = fed.watch(100, followsChildren: true)
        fed.rings[0].put(.mapping(200, at: 30, pages: 3), .exit(200, at: 40))
        fed.rings[1].put(.fork(100, child: 200, at: 20))
        fed.run()
        #expect(parent.take().records.map(\.content) == [.fork(child: 200)])
        let children = fed.table.takeChildren()
        #expect(children.map(\.pid) == [200] && children.map(\.parent) == [100])
        #expect(children.first?.forkedAt == 20)
        #expect(children.first?.take().records.map(\.nanoseconds) == [30, 40])
        #expect(fed.lastOutcome.touched == [100, 200])
    }

    /// No kernel gives these numbers away (PID_MAX_LIMIT is 4,194,304).
    private static let (nobody, noThread, noChild): (Int32, Int32, Int32) = (5_000_100, 5_000_101, 5_000_200)

    private func stepTwice(_ fed: FedPass, at time: Int64) {
        var outcome = WatchTable.Outcome()
        for now in [time, time + 1] { fed.table.stepChecks(at: now, handedOn: now, [], &outcome) }
    }

    @Test("a thread that was made while events were opened and ends without a word is told of by a gap")
    func threadWithoutEvents() {
        fed.open(2, .process, maker: Self.nobody)
        let (queue, other) = (fed.watch(Self.nobody, scope: 2), fed.watch(100))
        fed.rings[0].put(.fork(Self.nobody, child: Self.nobody, at: 10, id: 2, thread: Self.noThread))
        fed.run()
        stepTwice(fed, at: 20)
        #expect(queue.take().records.map(\.content) == [.gap(count: 0)])
        #expect(other.take().records.isEmpty)
        #expect(fed.table.statistics.threadsMissed == 1)
    }

    @Test("one that writes its end has events, and nothing is told")
    func threadWithEvents() {
        fed.open(2, .process, maker: Self.nobody)
        let queue = fed.watch(Self.nobody, scope: 2)
        fed.rings[0].put(.fork(Self.nobody, child: Self.nobody, at: 10, id: 2, thread: Self.noThread))
        fed.rings[1].put(.exit(Self.nobody, tid: Self.noThread, at: 15, id: 2))
        fed.run()
        stepTwice(fed, at: 20)
        #expect(queue.take().records.map(\.content) == [.exit(isLeader: false)])
        #expect(fed.table.statistics.threadsMissed == 0)
    }

    @Test("a process that was forked while events were opened is waited for only where children are followed")
    func childWithoutEvents() {
        for follows in [true, false] {
            let fed = FedPass()
            fed.open(2, .process, maker: Self.nobody)
            let queue = fed.watch(Self.nobody, scope: 2, followsChildren: follows)
            fed.rings[0].put(.fork(Self.nobody, child: Self.noChild, at: 10, id: 2))
            fed.run()
            stepTwice(fed, at: 20)
            let told: [KernelRecord.Content] =
                [.fork(child: Self.noChild)] + (follows ? [.gap(count: 0)] : [])
            #expect(queue.take().records.map(\.content) == told)
        }
    }

    @Test("a child of a process whose children are not followed gets no queue, but its fork is told")
    func notFollowed() {
        let parent = fed.watch(100)
        fed.rings[0].put(.fork(100, child: 200, at: 20), .mapping(200, at: 30))
        fed.run()
        #expect(parent.take().records.map(\.content) == [.fork(child: 200)])
        #expect(fed.table.takeChildren().isEmpty && fed.table.queues.count == 1)
    }

    @Test("children of followed children are followed; threads are no children")
    func grandchildren() {
        _ = fed.watch(100, followsChildren: true)
        fed.rings[0].put(
            .fork(100, child: 100, at: 10, thread: 101), .fork(100, child: 200, at: 20, by: 101),
            .fork(200, child: 300, at: 30))
        fed.run()
        let children = fed.table.takeChildren()
        #expect(children.map(\.pid) == [200, 300] && children.map(\.parent) == [100, 200])
    }

    @Test("a pid that is given to another process closes its queue, and the other's records never reach it")
    func reuse() {
        let parent = fed.watch(100, followsChildren: true)
        let old = fed.watch(200)
        fed.rings[0].put(.mapping(200, at: 10), .exit(200, at: 20), .fork(100, child: 200, at: 30))
        fed.rings[1].put(.mapping(200, at: 40, pages: 9))
        fed.run()
        let taken = old.take()
        #expect(taken.records.map(\.nanoseconds) == [10, 20] && taken.isClosed)
        #expect(parent.take().records.count == 1)
        let new = fed.table.takeChildren()
        #expect(new.count == 1 && new.first?.take().records.compactMap { $0.mapping?.size } == [9 * 4_096])
        // Forgetting the old one leaves the new one alone.
        #expect(fed.table.remove(old) == nil && fed.table.queues[200]?.queue === new.first)
    }

    @Test("also where a stranger forks the pid's new owner")
    func reuseByStranger() {
        let old = fed.watch(200)
        fed.rings[0].put(.exit(200, at: 20), .fork(77, child: 200, at: 30), .mapping(200, at: 40))
        fed.run()
        #expect(old.take().isClosed && fed.table.queues.isEmpty)
    }

    @Test("the fork of a process that was found otherwise meanwhile does not close its queue")
    func forkBefore() {
        let queue = fed.watch(200, since: 50)
        fed.rings[0].put(.fork(77, child: 200, at: 30), .mapping(200, at: 40), .mapping(200, at: 60))
        fed.run()
        let taken = queue.take()
        #expect(taken.records.map(\.nanoseconds) == [60] && !taken.isClosed)
    }

    @Test("of several scopes that tell of a process only its own counts")
    func scopes() {
        fed.open(2, .cgroup("/a"))
        fed.open(3, .process)
        let parent = fed.watch(100, scope: 2, followsChildren: true)
        for id in [1, 2, 3] as [UInt64] {
            let time = Int64(id)
            fed.rings[0].put(
                .mapping(100, at: 10 + time, id: id), .fork(100, child: 200, at: 20 + time, id: id),
                .mapping(200, at: 30 + time, id: id), .exit(200, at: 40 + time, id: id))
        }
        fed.run()
        #expect(parent.take().records.map(\.nanoseconds) == [12, 22])
        let children = fed.table.takeChildren()
        #expect(children.map(\.scope) == [.cgroup("/a")])
        #expect(children.first?.take().records.map(\.nanoseconds) == [32, 42])
        #expect(fed.table.statistics.recordsIgnored == 8)
        // Another scope tells of the reuse, when the old owner of the pid is known to have ended.
        fed.rings[0].put(.fork(5, child: 200, at: 60, id: 1))
        fed.run()
        #expect(children.first?.take().isClosed == true)
    }

    @Test("a thread observed twice is counted once, and so are the children it makes")
    func observedTwice() {
        // Thread 101 was created by 100 when that had its event on CPU 0, and not yet the one on CPU 1; then
        // its own were opened.
        var scope = EventScope(number: ScopeNumber(rawValue: 9), scope: .process, pid: 1)
        scope.events = [(11, 0, 100), (12, 0, 101), (13, 1, 101)].map {
            PerfEvent(descriptor: -1, id: $0, cpu: $1, thread: $2, content: .tasks, countsLost: false)
        }
        scope.roots = [.tasks: ThreadRoots()]
        fed.table.add(scope)
        let queue = fed.watch(100, scope: 9, followsChildren: true)
        fed.rings[0].put(
            .mapping(100, at: 1, id: 11), .mapping(100, tid: 101, at: 10, id: 12),
            .mapping(100, tid: 101, at: 11, id: 11), .fork(100, child: 200, at: 20, id: 12, by: 101),
            .fork(100, child: 200, at: 21, id: 11, by: 101), .mapping(200, at: 30, id: 11),
            .mapping(200, at: 31, id: 12), .exit(200, at: 40, id: 11), .exit(200, at: 41, id: 12),
            .exit(100, tid: 101, at: 50, id: 12), .exit(100, tid: 101, at: 51, id: 11))
        fed.rings[1].put(
            .mapping(100, tid: 101, at: 12, id: 13).on(cpu: 1), .mapping(200, at: 32, id: 13).on(cpu: 1))
        fed.run()
        #expect(queue.take().records.map(\.nanoseconds) == [1, 10, 12, 20, 50])
        let children = fed.table.takeChildren()
        #expect(children.count == 1 && children.first?.take().records.map(\.nanoseconds) == [30, 32, 40])
        // A new thread of the same id may be observed by other events.
        fed.rings[0].put(
            .fork(100, child: 100, at: 60, id: 11, thread: 101), .mapping(100, tid: 101, at: 70, id: 11))
        fed.run()
        #expect(queue.take().records.map(\.nanoseconds) == [70])
    }

    @Test("a scope is free when nobody uses it any more, the children of the first one included")
    func references() {
        fed.open(3, .process)
        let parent = fed.watch(100, scope: 3, followsChildren: true)
        fed.rings[0].put(.fork(100, child: 200, at: 20, id: 3))
        fed.run()
        let child = fed.table.takeChildren()
        #expect(fed.table.remove(parent) == nil)
        #expect(child.first.flatMap { fed.table.remove($0) }?.number == ScopeNumber(rawValue: 3))
    }

    @Test("execs of processes nobody watches are reported when asked for, and bounded")
    func execs() {
        var options = KernelEventSource.Options()
        options.execLimit = 2
        let fed = FedPass(options: options)
        fed.open(1)
        let watched = fed.watch(100)
        fed.rings[0].put(.exec(7, "early", at: 1))
        fed.run()
        #expect(fed.lastOutcome.execs.isEmpty)
        fed.table.reportsExecs = true
        fed.rings[0].put(
            .exec(100, "mine", at: 2), .exec(7, "a", at: 3), .exec(8, "b", at: 4), .exec(9, "c", at: 5))
        fed.run()
        #expect(fed.lastOutcome.execs == [7, 8] && fed.table.statistics.execsDropped == 1)
        #expect(watched.take().records.map(\.content) == [.exec(comm: Array("mine".utf8))])
    }

    @Test("a process that only gives itself another name has executed nothing")
    func renamed() {
        let queue = fed.watch(100)
        fed.rings[0].put(.exec(100, "new name", at: 1, misc: 0))
        fed.run()
        #expect(queue.take().records.isEmpty)
    }

    @Test("processes outside our pid namespace, which all have pid 0, belong to nobody")
    func outsideNamespace() {
        let queue = fed.watch(100, followsChildren: true)
        fed.rings[0].put(.mapping(0, at: 1), .fork(100, child: 0, at: 2), .mapping(-1, at: 3))
        fed.run()
        #expect(queue.take().records.isEmpty && fed.table.takeChildren().isEmpty)
    }
}
