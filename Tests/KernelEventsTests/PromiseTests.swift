import Glibc
import MemoryModel
import TestSupport
import Testing

@testable import KernelEvents

/// Somebody who wakes up anyway empties the rings, so that the thread which otherwise does may sleep.
@Suite(.requiresPerf, .requiresTool("cc"), .timeLimit(.minutes(2)))
struct PromiseTests {
    /// The drain thread's wake-ups by time in a fifth of a second of promises for a second each, all of them kept.
    private func wakeUps(followsChildren: Bool) throws -> UInt64 {
        let watcher = try Watcher()
        let subject = try Subject()
        let queue = try watcher.watch(subject.pid, allowedScopes[0], followsChildren: followsChildren)
        func counted() -> UInt64 {
            let statistics = watcher.source.statistics
            return statistics.wakeups &- statistics.earlyWakeups
        }
        while true {
            // The thread takes notice when it next wakes up.
            watcher.source.drain(againWithin: 1_000_000_000)
            let before = counted()
            while counted() == before { watcher.source.drain(againWithin: 1_000_000_000) }
            let (began, first) = (MonotonicTime.nanoseconds, counted())
            var (last, longest) = (began, Int64(0))
            var (made, found) = (0, 0)
            while last - began < 200_000_000 {
                try subject.perform("map 0 4096 3 \(MAP_SHARED)")
                made += 1
                watcher.source.drain(againWithin: 1_000_000_000)
                found += queue.take().records.count { $0.mapping != nil }
                let now = MonotonicTime.nanoseconds
                (last, longest) = (now, max(longest, now - last))
            }
            let woken = counted() - first
            watcher.source.drain()
            found += queue.take().records.count { $0.mapping != nil }
            #expect(found == made)
            // This process may have been off its processor for so long that it broke its promise.
            if longest < 900_000_000 { return woken }
        }
    }

    @Test("while the promise is kept nothing wakes the thread up, and nothing is missing")
    func kept() throws {
        #expect(try wakeUps(followsChildren: false) <= 1)
    }

    @Test("the thread goes on by itself while children are followed, which may live for milliseconds only")
    func children() throws {
        #expect(try wakeUps(followsChildren: true) >= 2)
    }

    @Test("a promise that is not kept delays what is reported, and loses nothing")
    func broken() throws {
        let watcher = try Watcher()
        let subject = try Subject()
        let queue = try watcher.watch(subject.pid, allowedScopes[0])
        watcher.source.drain(againWithin: 300_000_000)
        for _ in 0..<10 { try subject.perform("map 0 4096 3 \(MAP_SHARED)") }
        var found = 0
        try watcher.wait("records after a broken promise") {
            found += queue.take().records.count { $0.mapping != nil }
            return found == 10
        }
    }
}
