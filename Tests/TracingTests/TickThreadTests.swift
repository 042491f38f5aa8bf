import Glibc
import Synchronization
import TestSupport
import Testing

@testable import Tracing

@Suite("The thread that a tick runs on", .timeLimit(.minutes(1)))
struct TickThreadTests {
    private static var threadName: String {
        guard let file = fopen("/proc/thread-self/comm", "re") else { return "" }
        defer { fclose(file) }
        var name = [CChar](repeating: 0, count: 32)
        guard fgets(&name, Int32(name.count), file) != nil else { return "" }
        return String(decoding: name.prefix { $0 > 10 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private actor Clerk {
        private(set) var count = 0

        func note() -> String {
            count += 1
            return TickThreadTests.threadName
        }
    }

    @concurrent
    private func blocking(_ point: WaitPoint) async -> String {
        point.wait(until: nil)
        return Self.threadName
    }

    @Test("a task that prefers it stays on it, in the actors that it calls and where it blocks")
    func staysOn() async throws {
        let thread = try #require(TickThread.start())
        defer { thread.stop() }
        let (clerk, point) = (Clerk(), WaitPoint())
        point.signal()
        let names = await withTaskExecutorPreference(thread) {
            [await clerk.note(), await blocking(point), await clerk.note()]
        }
        #expect(names == ["ticks", "ticks", "ticks"])
        #expect(await clerk.note() != "ticks")
    }

    @Test("while its task blocks, others call the same actors")
    func blocksNobody() async throws {
        let thread = try #require(TickThread.start())
        defer { thread.stop() }
        let (clerk, begun, point) = (Clerk(), AsyncStream<Void>.makeStream(), WaitPoint())
        let task = Task(executorPreference: thread) {
            _ = await clerk.note()
            begun.continuation.yield()
            return await blocking(point)
        }
        for await _ in begun.stream { break }
        for _ in 0..<100 { _ = await clerk.note() }
        point.signal()
        #expect(await task.value == "ticks")
        #expect(await clerk.count == 101)
    }

    @Test("nothing of what many tasks hand to it at once is lost")
    func many() async throws {
        let thread = try #require(TickThread.start())
        defer { thread.stop() }
        let clerk = Clerk()
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<64 {
                group.addTask(executorPreference: number % 2 == 0 ? thread : nil) {
                    for _ in 0..<100 {
                        _ = await clerk.note()
                        await Task.yield()
                    }
                }
            }
        }
        #expect(await clerk.count == 6_400)
    }
}
