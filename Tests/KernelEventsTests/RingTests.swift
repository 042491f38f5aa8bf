import Glibc
import MemoryModel
import TestSupport
import Testing

@testable import KernelEvents

/// The rings themselves: their end, their overflow, their closing.
@Suite(.requiresPerf, .requiresTool("cc"))
struct RingTests {
    private var small: KernelEventSource.Options {
        var options = KernelEventSource.Options()
        options.ringBytes = 32 << 10
        return options
    }

    @Test("records that go around a ring's end come out whole")
    func wrap() throws {
        let watcher = try Watcher(small)
        let subject = try Subject()
        try subject.perform("pin 0")
        let queue = try watcher.watch(subject.pid, .process)
        // 100 records are less than half a ring, and each round begins somewhere else.
        for round in 1...40 as ClosedRange<UInt64> {
            try subject.perform("burst 100 \(round * 4_096)")
            let records = try watcher.records(of: queue, upToNowBy: subject)
            #expect(records.count == 100)
            #expect(records.allSatisfy { $0.mapping?.size == round * 4_096 })
        }
        let statistics = watcher.source.statistics
        #expect(statistics.ringBytes == 32 << 10 && statistics.ringsDamaged == 0 && statistics.gaps == 0)
    }

    @Test("a ring that overflows says how much was lost, and where")
    func overflow() throws {
        let watcher = try Watcher(small)
        let subject = try Subject()
        try subject.perform("pin 0")
        let queue = try watcher.watch(subject.pid, .process)
        try subject.perform("burst 10 4096")
        let full = try watcher.source.withoutDraining { try subject.perform("burst 2000 8192") }
        // The gap must be there before anything else tells of it.
        let first = try watcher.records(of: queue) { $0.isGap }
        let gap = try #require(first.last)
        #expect(first.count { $0.isGap } == 1 && gap.isGap && gap.tid == 0)
        #expect(gap.nanoseconds > full.times.upperBound)
        let kept = UInt64(first.count { $0.mapping?.size == 8_192 })
        #expect(first.count { $0.mapping?.size == 4_096 } == 10 && kept > 100)
        #expect(gap.content == .gap(count: 2_000 - kept))
        // Afterwards everything is seen again, and the loss is not told twice.
        try subject.perform("burst 10 16384")
        let rest = try watcher.records(of: queue, upToNowBy: subject)
        #expect(rest.count == 10 && rest.allSatisfy { $0.mapping?.size == 16_384 })
        let statistics = watcher.source.statistics
        #expect(statistics.recordsLost == 2_000 - kept && statistics.gaps == 1)
    }

    @Test("a loss concerns all who are fed by the same events, and nobody else", .requiresMachinePerf)
    func whoLost() throws {
        let watcher = try Watcher(small)
        let (subject, bystander, other) = (try Subject(), try Subject(), try Subject())
        try subject.perform("pin 0")
        let queues = [
            try watcher.watch(subject.pid, .machine), try watcher.watch(bystander.pid, .machine),
        ]
        let elsewhere = try watcher.watch(other.pid, .process)
        _ = try watcher.source.withoutDraining { try subject.perform("burst 2000 8192") }
        for queue in queues { _ = try watcher.records(of: queue) { $0.isGap } }
        #expect(elsewhere.take().records.isEmpty)
        #expect(watcher.source.statistics.recordsLost > 1_000)
    }

    @Test("a queue that is full keeps sums while its process goes on", arguments: allowedScopes)
    func summary(_ scope: KernelEventSource.Scope) throws {
        var options = KernelEventSource.Options.roomy
        options.queueLimit = 100
        let watcher = try Watcher(options)
        let subject = try Subject()
        let queue = try watcher.watch(subject.pid, scope)
        try subject.perform("burst 1000 8192")
        try watcher.wait("the sum of a burst") { watcher.source.statistics.recordsSummarised == 900 }
        let taken = queue.take()
        #expect(taken.records.count == 100)
        #expect(taken.overflow?.count == 900 && taken.overflow?.mappedBytes == 900 * 8_192)
    }

    @Test("a source that is gone leaves no descriptor and no mapping")
    func footprint() throws {
        let subject = try Subject()
        for round in 0..<100 {
            let watcher = try Watcher(small)
            _ = try watcher.watch(subject.pid, .process)
            if round == 0 {
                let (descriptors, mappings) = try perfFootprint()
                #expect(descriptors >= 2 && mappings >= 1)
            }
        }
        // Other tests have theirs at the same time, but not hundreds.
        let (descriptors, mappings) = try perfFootprint()
        #expect(descriptors < 200 && mappings < 100)
    }

    @Test("stopping closes every queue, and can be done twice")
    func stop() throws {
        let watcher = try Watcher()
        let subject = try Subject()
        let queue = try watcher.watch(subject.pid, .process)
        let statistics = watcher.source.statistics
        #expect(statistics.eventsOpen == 3 * statistics.rings && statistics.ringBytes >= 32 << 10)
        watcher.source.stop()
        watcher.source.stop()
        #expect(queue.take().isClosed)
        let refused = watcher.source.watch(pid: subject.pid, preferring: [.process], followsChildren: false)
        guard case .failure(let refusal) = refused else {
            Issue.record("a stopped source watches")
            return
        }
        #expect(refusal.cause == .stopped)
    }

    @Test("drain brings what has happened until now, without waiting", arguments: allowedScopes)
    func drain(_ scope: KernelEventSource.Scope) throws {
        let watcher = try Watcher()
        let subject = try Subject()
        let queue = try watcher.watch(subject.pid, scope)
        for round in 1...200 as ClosedRange<UInt64> {
            try subject.perform("map 0 \(round * 4_096) 3 \(MAP_SHARED)")
            watcher.source.drain()
            #expect(queue.take().records.compactMap { $0.mapping?.size } == [round * 4_096])
        }
    }
}

/// How many open files of this process are events, and how many mappings are rings.
private func perfFootprint() throws -> (descriptors: Int, mappings: Int) {
    let name = "anon_inode:[perf_event]"
    guard let directory = opendir("/proc/self/fd") else { throw TestFailure("opendir: \(errno)") }
    defer { closedir(directory) }
    var descriptors = 0
    while let entry = readdir(directory) {
        let number = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        var target = [CChar](repeating: 0, count: 64)
        let count = readlink("/proc/self/fd/\(number)", &target, target.count)
        let text = String(decoding: target.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        if text == name { descriptors += 1 }
    }
    let maps = try readText("/proc/self/maps")
    return (descriptors, maps.split(separator: "\n").count { $0.hasSuffix(name) })
}
