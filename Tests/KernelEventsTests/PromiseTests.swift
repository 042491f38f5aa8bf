import Glibc
import MemoryModel
import TestSupport
import Testing

@testable import KernelEvents

/// Somebody who wakes up anyway empties the rings, so that the thread which otherwise does may sleep.
@Suite(.requiresPerf, .requiresTool("cc"), .timeLimit(.minutes(2)))
struct PromiseTests {
    /// The drain thread's wake-ups by time.
    private func wakeUps(_ watcher: Watcher) -> UInt64 {
        let statistics = watcher.source.statistics
        return statistics.wakeups &- statistics.earlyWakeups
    }

    /// Promises again and again, until the thread has woken up so many times more.
    private func promise(_ watcher: Watcher, untilWokenUp times: UInt64) throws {
        let deadline = MonotonicTime.nanoseconds + 60_000_000_000
        let first = wakeUps(watcher)
        while wakeUps(watcher) < first + times {
            watcher.source.drain(againWithin: 1_000_000_000)
            guard MonotonicTime.nanoseconds < deadline else {
                throw TestFailure("asleep for a minute; \(watcher.source.statistics)")
            }
        }
    }

    @Test("while the promise is kept nothing wakes the thread up, and nothing is missing")
    func kept() throws {
        let (watcher, subject) = (try Watcher(), try Subject())
        let queue = try watcher.watch(subject.pid, allowedScopes[0], followsChildren: false)
        while true {
            // The thread takes notice when it next wakes up.
            try promise(watcher, untilWokenUp: 1)
            let (began, first) = (MonotonicTime.nanoseconds, wakeUps(watcher))
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
            let woken = wakeUps(watcher) - first
            watcher.source.drain()
            found += queue.take().records.count { $0.mapping != nil }
            #expect(found == made)
            // This process may have been off its processor for so long that it broke its promise.
            guard longest < 900_000_000 else { continue }
            #expect(woken <= 1)
            return
        }
    }

    @Test("the thread goes on by itself while children are followed, which may live for milliseconds only")
    func children() throws {
        let (watcher, subject) = (try Watcher(), try Subject())
        _ = try watcher.watch(subject.pid, allowedScopes[0], followsChildren: true)
        try promise(watcher, untilWokenUp: 5)
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
