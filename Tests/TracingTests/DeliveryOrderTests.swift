import Inspection
import MemoryModel
import ProcFS
import TestSupport
import Testing

@testable import Tracing

@Suite("The order in which observations are delivered", .timeLimit(.minutes(2)))
struct DeliveryOrderTests {
    /// A process that grows all the time: every tick has something to tell of it.
    private func growing() throws -> Memgrow {
        try Memgrow("sbrk", "--size", "4KiB", "--count", "100000", "--keep", "--interval", "5ms")
    }

    /// As where a daemon takes up its targets while its disk is busy: the history would take what happened later
    /// first, and have two regions where there is one.
    @Test("nothing of a target is delivered before its first look has been, however long that takes")
    func first() async throws {
        let (metronome, held) = try (growing(), growing())
        let told = AsyncStream.makeStream(of: Int32.self)
        let gate = AsyncStream.makeStream(of: Void.self)
        let pid = held.pid
        let tracer = Tracer(images: DirectImageSource()) { observations in
            for observation in observations { told.continuation.yield(observation.identity.pid) }
            guard
                observations.contains(where: { $0.identity.pid == pid && $0.events.first?.type == .attached })
            else { return }
            for await _ in gate.stream { break }
        }
        let ticking = Task { await tracer.run() }
        defer { ticking.cancel() }
        let options = TargetOptions(intervalMicroseconds: 100_000)
        _ = await tracer.attach(try await tracer.open(pid: metronome.pid), options: options)
        let candidate = try await tracer.open(pid: pid)
        let attaching = Task { await tracer.attach(candidate, options: options) }
        var deliveries = told.stream.makeAsyncIterator()
        while let next = await deliveries.next(), next != pid {}
        for _ in 0..<5 { #expect(await deliveries.next() == metronome.pid) }
        gate.continuation.yield()
        _ = await attaching.value
        while let next = await deliveries.next(), next != pid {}
        ticking.cancel()
        await ticking.value
    }
}
