import Glibc
import MemoryModel
import Synchronization
import TestSupport
import Testing

@testable import KernelEvents

/// Real forks, execs and ends.
@Suite(.requiresPerf, .requiresTool("cc"))
struct ChildTests {
    @Test("a child is followed from its fork on, to its end", arguments: allowedScopes)
    func fork(_ scope: KernelEventSource.Scope) throws {
        let watcher = try Watcher()
        let subject = try Subject()
        let queue = try watcher.watch(subject.pid, scope, followsChildren: true)
        let fork = try subject.perform("fork \(5 * 4_096)")
        let records = try watcher.records(of: queue, upToNowBy: subject)
        let told = try #require(records.first { $0.child != nil })
        #expect(told.child == Int32(fork.value) && told.tid == subject.pid)
        #expect(fork.times.contains(told.nanoseconds))
        let children = watcher.source.takeChildren()
        let child = try #require(children.first)
        #expect(children.count == 1 && child.pid == Int32(fork.value) && child.parent == subject.pid)
        #expect(child.forkedAt == told.nanoseconds && child.scope == scope)
        let its = child.take().records
        #expect(its.compactMap { $0.mapping?.size } == [5 * 4_096])
        #expect(its.last?.content == .exit(isLeader: true) && its.allSatisfy { $0.tid == child.pid })
    }

    @Test(
        "a child that executes a program tells of that, and of the program's image", arguments: allowedScopes)
    func spawn(_ scope: KernelEventSource.Scope) throws {
        let watcher = try Watcher()
        let subject = try Subject()
        let queue = try watcher.watch(subject.pid, scope, followsChildren: true)
        try subject.perform("spawn /bin/true")
        _ = try watcher.records(of: queue, upToNowBy: subject)
        let child = try #require(watcher.source.takeChildren().first)
        let records = child.take().records
        #expect(records.first?.exec == "true")
        #expect(records.contains { $0.mapping?.path?.hasSuffix("/true") == true })
        #expect(records.last?.content == .exit(isLeader: true))
    }

    @Test("children's children are followed as well", arguments: allowedScopes)
    func nest(_ scope: KernelEventSource.Scope) throws {
        let watcher = try Watcher()
        let subject = try Subject()
        let queue = try watcher.watch(subject.pid, scope, followsChildren: true)
        try subject.perform("nest 6 4096")
        _ = try watcher.records(of: queue, upToNowBy: subject)
        let children = watcher.source.takeChildren()
        #expect(children.count == 6)
        #expect(children.map(\.parent) == [subject.pid] + children.dropLast().map(\.pid))
        for (index, child) in children.enumerated() {
            #expect(child.take().records.first?.mapping?.size == UInt64(index + 1) * 4_096)
        }
    }

    @Test("the events of a family live as long as one of its queues", arguments: allowedScopes)
    func family(_ scope: KernelEventSource.Scope) throws {
        let watcher = try Watcher()
        let subject = try Subject()
        let queue = try watcher.watch(subject.pid, scope, followsChildren: true)
        try subject.perform("hold 4096")
        _ = try watcher.records(of: queue, upToNowBy: subject)
        let child = try #require(watcher.source.takeChildren().first)
        watcher.source.unwatch(queue)
        #expect(watcher.source.statistics.scopesOpen == 1)
        try subject.perform("release")
        let records = try watcher.records(of: child) { $0.content == .exit(isLeader: true) }
        #expect(records.contains { $0.mapping?.size == 4_096 })
        watcher.source.unwatch(child)
        #expect(watcher.source.statistics.scopesOpen == 0)
    }

    @Test("following can be begun and ended while a process is watched", arguments: allowedScopes)
    func change(_ scope: KernelEventSource.Scope) throws {
        let watcher = try Watcher()
        let subject = try Subject()
        let queue = try watcher.watch(subject.pid, scope)
        try subject.perform("fork 4096")
        _ = try watcher.records(of: queue, upToNowBy: subject)
        watcher.source.setFollowsChildren(pid: subject.pid, true)
        try subject.perform("fork 8192")
        _ = try watcher.records(of: queue, upToNowBy: subject)
        watcher.source.setFollowsChildren(pid: subject.pid, false)
        try subject.perform("fork 12288")
        _ = try watcher.records(of: queue, upToNowBy: subject)
        let children = watcher.source.takeChildren()
        #expect(children.compactMap { $0.take().records.first?.mapping?.size } == [8_192])
    }

    @Test(
        "a pid that the kernel gives to another process does not mix the two up", .requiresRoot,
        .requiresMachinePerf, arguments: [true, false])
    func reuse(_ followsChildren: Bool) throws {
        let watcher = try Watcher()
        let subject = try Subject()
        let parent = try watcher.watch(subject.pid, .machine, followsChildren: followsChildren)
        for round in 1...20 as ClosedRange<UInt64> {
            let pid = Int32(try subject.perform("hold \(round * 4_096)").value)
            let old = try watcher.watch(pid, .machine)
            try subject.perform("release")
            let again = try subject.perform("hold \((round + 100) * 4_096) \(pid)")
            guard again.value == Int64(pid) else {
                // Somebody else got it in between.
                if again.value > 0 { try subject.perform("release") }
                continue
            }
            _ = try watcher.records(of: parent, upToNowBy: subject)
            let taken = old.take()
            #expect(taken.isClosed && taken.records.last?.content == .exit(isLeader: true))
            #expect(taken.records.allSatisfy { ($0.mapping?.size ?? 0) != (round + 100) * 4_096 })
            let children = watcher.source.takeChildren()
            if followsChildren {
                let new = try #require(children.last)
                #expect(new.pid == pid && new !== old)
                #expect(new.take().records.first?.mapping?.size == (round + 100) * 4_096)
            }
            try subject.perform("release")
            for queue in children { watcher.source.unwatch(queue) }
        }
        #expect(watcher.source.statistics.forksDropped == 0)
    }

    @Test("thousands of forks that nobody looks at are bounded and counted", arguments: allowedScopes)
    func storm(_ scope: KernelEventSource.Scope) throws {
        var options = KernelEventSource.Options.roomy
        options.pendingChildrenLimit = 50
        let watcher = try Watcher(options)
        let subject = try Subject()
        let queue = try watcher.watch(subject.pid, scope, followsChildren: true)
        try subject.perform("forks 500")
        let records = try watcher.records(of: queue, upToNowBy: subject)
        #expect(records.compactMap(\.child).count == 500)
        let statistics = watcher.source.statistics
        #expect(statistics.childrenWaiting == 50 && statistics.forksDropped == 450)
        #expect(statistics.processesWatched == 51 && statistics.recordsWaiting <= 50 * 8)
    }

    @Test("programs that start anywhere are reported while rules by name ask for it", .requiresMachinePerf)
    func execs() throws {
        let seen = Seen()
        let watcher = try Watcher(execs: { seen.insert($0) })
        let subject = try Subject()
        let before = try subject.perform("spawn /bin/true")
        #expect(watcher.source.reportExecs(true) == nil)
        #expect(watcher.source.statistics.scopesOpen == 1)
        let child = try subject.perform("spawn /bin/true")
        try watcher.wait("report of an exec") { seen.contains(Int32(child.value)) }
        #expect(!seen.contains(Int32(before.value)))
        watcher.source.reportExecs(false)
        #expect(watcher.source.statistics.scopesOpen == 0)
    }

    private final class Seen: Sendable {
        private let pids = Mutex<Set<Int32>>([])
        func insert(_ pid: Int32) { pids.withLock { _ = $0.insert(pid) } }
        func contains(_ pid: Int32) -> Bool { pids.withLock { $0.contains(pid) } }
    }
}
