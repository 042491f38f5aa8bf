import MemoryModel
import TestSupport
import Testing

@testable import KernelEvents

/// Nothing that happens to the watched grows the watcher.
struct QueueTests {
    private func pass(_ change: (inout KernelEventSource.Options) -> Void) -> FedPass {
        var options = KernelEventSource.Options()
        change(&options)
        let fed = FedPass(options: options)
        fed.open(1)
        return fed
    }

    @Test("a full queue sums up what it cannot hold, and takes records again once it was emptied")
    func overflow() {
        let fed = pass { $0.queueLimit = 10 }
        let queue = fed.watch(100)
        for time in 1...25 { fed.rings[0].put(.mapping(100, at: Int64(time), pages: 2)) }
        fed.rings[0].put(.exec(100, "still told", at: 26))
        fed.run()
        let taken = queue.take()
        #expect(taken.records.map(\.nanoseconds) == Array(1...10) + [26])
        let sum = taken.overflow
        #expect(sum?.count == 15 && sum?.mappedBytes == 15 * 8_192)
        #expect(sum?.firstNanoseconds == 11 && sum?.lastNanoseconds == 25)
        #expect(fed.table.statistics.recordsSummarised == 15)
        fed.rings[0].put(.mapping(100, at: 30))
        fed.run()
        let next = queue.take()
        #expect(next.records.count == 1 && next.overflow == nil)
    }

    @Test("what is no mapping has room of its own, and that is bounded as well")
    func reserve() {
        let fed = pass { $0.queueLimit = 10 }
        let queue = fed.watch(100)
        for time in 1...10_000 { fed.rings[0].put(.exit(100, tid: 7, at: Int64(time))) }
        for _ in 0..<4 { fed.run() }
        let taken = queue.take()
        #expect(taken.records.count == 10 + RecordBudget.reserve)
        #expect(taken.overflow?.count == UInt64(10_000 - taken.records.count))
    }

    @Test("long names count for more")
    func names() {
        let fed = pass { $0.queueLimit = 100 }
        let queue = fed.watch(100)
        for time in 1...100 {
            let name = "/" + String(repeating: "x", count: 3_968) + "\(time)"
            fed.rings[0].put(.mapping(100, at: Int64(time), name: name))
        }
        fed.run()
        #expect(queue.take().records.count == 100 / 32)
    }

    @Test("all queues together are bounded, and give back what is taken or forgotten")
    func total() {
        let fed = pass { $0.totalLimit = 30 }
        let queues = (1...5).map { fed.watch($0) }
        for time in 1...20 {
            for pid in 1...5 { fed.rings[0].put(.mapping(Int32(pid), at: Int64(time))) }
        }
        fed.run()
        #expect(fed.table.budget.current == 30)
        #expect(queues[0].take().records.count == 6)
        #expect(fed.table.budget.current == 24)
        fed.rings[0].put(.mapping(1, at: 99))
        fed.run()
        #expect(queues[0].take().records.count == 1)
        for queue in queues { _ = queue.take() }
        #expect(fed.table.budget.current == 0)
    }

    @Test("a forgotten queue gives back what nobody took")
    func forgotten() {
        let fed = pass { _ in }
        var queue: KernelEventQueue? = fed.watch(100)
        fed.rings[0].put(.mapping(100, at: 1))
        fed.run()
        #expect(fed.table.budget.current == 1)
        if let queue { _ = fed.table.remove(queue) }
        queue = nil
        #expect(fed.table.budget.current == 0)
    }

    @Test("children that nobody takes are followed up to a limit, and the rest is counted")
    func children() {
        let fed = pass { $0.pendingChildrenLimit = 100 }
        let parent = fed.watch(100, followsChildren: true)
        for child in 1_000..<1_500 {
            fed.rings[0].put(
                .fork(100, child: Int32(child), at: Int64(child)), .mapping(Int32(child), at: 5_000))
        }
        fed.run()
        #expect(fed.table.children.count == 100 && fed.table.queues.count == 101)
        #expect(fed.table.statistics.forksDropped == 400)
        // The parent tells of all.
        #expect(parent.take().records.count == 500)
        #expect(fed.table.takeChildren().count == 100)
        fed.rings[0].put(.fork(100, child: 2_000, at: 6_000))
        fed.run()
        #expect(fed.table.takeChildren().map(\.pid) == [2_000])
    }

    @Test("whoever asks whether there is something is told without a lock")
    func hasRecords() {
        let fed = pass { _ in }
        let queue = fed.watch(100)
        #expect(!queue.hasRecords)
        fed.rings[0].put(.mapping(100, at: 1))
        fed.run()
        #expect(queue.hasRecords)
        _ = queue.take()
        #expect(!queue.hasRecords)
        queue.close()
        #expect(queue.hasRecords && queue.take().isClosed)
    }
}
