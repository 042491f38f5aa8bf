import MemoryModel
import TestSupport
import Testing

@testable import KernelEvents

/// Where a gap is put when the kernel had no room for a record.
struct LossTests {
    private let fed = FedPass()

    init() { fed.open(1) }

    @Test("a gap stands before the record that tells of it, in every queue of the scope")
    func told() {
        let (one, other) = (fed.watch(100), fed.watch(200))
        fed.open(2, .cgroup("/quiet"), countsLost: true)
        let elsewhere = fed.watch(300, scope: 2)
        fed.rings[0].put(.mapping(100, at: 10), .lost(7, at: 20), .mapping(100, at: 20, pages: 2))
        fed.rings[1].put(.mapping(200, at: 15), .mapping(200, at: 25))
        fed.run()
        #expect(one.take().records.map(\.isGap) == [false, true, false])
        let records = other.take().records
        #expect(records.map(\.nanoseconds) == [15, 20, 25] && records[1].content == .gap(count: 7))
        #expect(fed.table.statistics.recordsLost == 7 && fed.table.statistics.gaps == 1)
        // That scope counts for itself, and counted none.
        #expect(elsewhere.take().records.isEmpty)
    }

    @Test("a ring found full is a gap behind what was in it, before the kernel can tell")
    func full() {
        let queue = fed.watch(100)
        let before = MonotonicTime.nanoseconds
        fed.rings[0].put(.mapping(100, at: 10))
        fed.rings[0].fill()
        fed.run()
        let records = queue.take().records
        #expect(records.map(\.isGap) == [false, true])
        #expect(records.last.map { $0.nanoseconds >= before } == true)
    }

    @Test("a ring that was nearly full and lost nothing, by the kernel's own count, is no gap")
    func nearlyFull() {
        fed.open(2, .cgroup("/a"), countsLost: true)
        let queue = fed.watch(100, scope: 2)
        fed.rings[0].put(.mapping(100, at: 10, id: 2))
        fed.rings[0].fill()
        fed.run()
        #expect(queue.take().records.map(\.isGap) == [false])
    }

    @Test("bytes that are no records are thrown away up to the ring's head, and are a gap")
    func damaged() {
        let queue = fed.watch(100)
        fed.rings[0].put(.mapping(100, at: 10))
        fed.rings[0].put([UInt8](repeating: 0, count: 64))
        fed.rings[0].put(.mapping(100, at: 20))
        fed.run()
        fed.rings[0].put(.mapping(100, at: .max - 2_000_000))
        fed.run()
        #expect(queue.take().records.map(\.isGap) == [false, true, false])
        #expect(fed.table.statistics.ringsDamaged == 1)
    }

    @Test("no bytes whatever trap, hang or grow the reader")
    func randomBytes() {
        var random = Seeded(0x6b65_726e)
        let queue = fed.watch(100, followsChildren: true)
        let samples: [FedRecord] = [
            .mapping(100, at: 1, name: "/some/file"), .fork(100, child: 200, at: 2), .exit(100, at: 3),
            .exec(100, "x", at: 4), .lost(3, at: 5), .mapping(200, at: 6),
        ]
        for round in 0..<20_000 {
            var bytes: [UInt8] = []
            for _ in 0..<Int.random(in: 0...8, using: &random) {
                var record = samples.randomElement(using: &random)?.bytes ?? []
                for _ in 0..<Int.random(in: 0...3, using: &random) {
                    // The header more often than the rest.
                    let end = Bool.random(using: &random) ? 8 : record.count
                    record[Int.random(in: 0..<end, using: &random)] = .random(
                        in: .min ... .max, using: &random)
                }
                if Int.random(in: 0..<8, using: &random) == 0 {
                    record.removeLast(Int.random(in: 1...record.count, using: &random))
                }
                bytes += record
            }
            fed.rings[round % 2].put(bytes)
            if Bool.random(using: &random) { fed.rings[round % 2].fill() }
            fed.run()
            for child in fed.table.takeChildren() { _ = fed.table.remove(child) }
            #expect(queue.take().records.count <= 64)
        }
        #expect(fed.table.statistics.recordsRead > 20_000)
        #expect(fed.table.statistics.ringsDamaged > 1_000)
    }
}
