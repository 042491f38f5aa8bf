import MemoryModel
import TestSupport
import Testing

@testable import Tracing

@Suite("Waiting for an instant or a signal", .timeLimit(.minutes(1)))
struct WaitPointTests {
    private static let never: Int64 = 3_600_000_000

    @Test("a signal ends a wait, from whatever thread")
    func signalled() async throws {
        let point = WaitPoint()
        for until in [nil, MonotonicTime.now.advanced(byMicroseconds: Self.never)] {
            let signalling = Task.detached { point.signal() }
            #expect(try await offPool { point.wait(until: until) })
            await signalling.value
        }
    }

    @Test("a signal that comes before the wait is not lost, and is used up by one wait")
    func early() {
        let point = WaitPoint()
        point.signal()
        point.signal()
        #expect(point.wait(until: nil))
        #expect(!point.wait(until: .now))
    }

    @Test("without a signal the wait ends with its instant, and not before")
    func instant() {
        let point = WaitPoint()
        for microseconds: Int64 in [0, 1, 999, 20_000] {
            let until = MonotonicTime.now.advanced(byMicroseconds: microseconds)
            #expect(!point.wait(until: until))
            #expect(MonotonicTime.now >= until)
        }
        #expect(!point.wait(until: MonotonicTime(microseconds: .min)))
    }

    @Test("no signal of many is waited for in vain")
    func many() async throws {
        let (there, back) = (WaitPoint(), WaitPoint())
        let answering = Task {
            try await offPool {
                for _ in 0..<10_000 {
                    there.wait(until: nil)
                    back.signal()
                }
            }
        }
        try await offPool {
            for _ in 0..<10_000 {
                there.signal()
                back.wait(until: nil)
            }
        }
        try await answering.value
    }
}
