import Inspection
import MemoryModel
import ProcFS
import TestSupport
import Testing

@testable import Tracing

/// A tracer at work, and what it has delivered, taken in as the test asks for it.
struct Watch {
    let tracer: Tracer
    private(set) var observations: [Observation] = []
    private var incoming: AsyncStream<[Observation]>.AsyncIterator

    /// Ticks while `body` runs. Nothing is forced by time but what `timing` says.
    static func run<Result>(
        images: any ImageSource = DirectImageSource(), timing: TracerTiming = .rare,
        kernel: KernelEventsChoice = .none(reason: "not in this test"),
        _ body: (inout Watch) async throws -> Result
    ) async throws -> Result {
        let (stream, feed) = AsyncStream.makeStream(of: [Observation].self)
        let tracer = Tracer(images: images, timing: timing, kernel: kernel) { feed.yield($0) }
        defer { kernel.stop() }
        let ticking = Task { await tracer.run() }
        var watch = Watch(tracer: tracer, incoming: stream.makeAsyncIterator())
        do {
            let result = try await body(&watch)
            ticking.cancel()
            await ticking.value
            return result
        } catch {
            ticking.cancel()
            throw error
        }
    }

    private init(tracer: Tracer, incoming: AsyncStream<[Observation]>.AsyncIterator) {
        self.tracer = tracer
        self.incoming = incoming
    }

    @discardableResult
    func attach(
        _ pid: Int32, every interval: Int64 = 100_000, children: Bool = false,
        resuming memory: Tracer.Memory? = nil
    ) async throws -> TargetSnapshot {
        await tracer.attach(
            try await tracer.open(pid: pid),
            options: TargetOptions(intervalMicroseconds: interval, followsChildren: children),
            resuming: memory)
    }

    /// Takes in observations until `isEnough` says so. The suite's time limit ends a wait in vain.
    mutating func until(_ isEnough: (Watch) -> Bool) async throws {
        while !isEnough(self) {
            guard let more = await incoming.next(isolation: #isolation) else {
                throw TestFailure("the tracer has ended")
            }
            observations += more
        }
    }

    /// Takes in the next delivery.
    mutating func next() async throws {
        let count = observations.count
        try await until { $0.observations.count > count }
    }

    /// All events of a process so far.
    func events(_ pid: Int32) -> [MemoryEvent] { observations.flatMap(\.events).filter { $0.pid == pid } }

    func samples(_ pid: Int32) -> [Sample] { observations.compactMap(\.sample).filter { $0.pid == pid } }

    /// The sum of the deltas of one kind, from the event with this index on.
    func sum(_ pid: Int32, _ kind: RegionKind, from first: Int = 0) -> Int64 {
        events(pid).dropFirst(first).reduce(0) { $1.kind == kind ? $0 + ($1.delta ?? 0) : $0 }
    }

    /// The map that the births and deaths of all observations build.
    func map(_ pid: Int32, from first: [ObservedRegion] = []) throws -> Set<ObservedRegion> {
        var map = Set(first)
        for observation in observations where observation.identity.pid == pid {
            for region in observation.died {
                guard map.remove(region) != nil else {
                    throw TestFailure("\(region.region) died, and never lived")
                }
            }
            for region in observation.born {
                guard map.insert(region).inserted else {
                    throw TestFailure("\(region.region) was born twice")
                }
            }
        }
        return map
    }
}

extension TracerTiming {
    /// Nothing happens because of time: neither full looks nor samples are forced.
    static var rare: TracerTiming {
        var timing = TracerTiming()
        timing.fullLookMicroseconds = 3_600_000_000
        timing.sampleMicroseconds = 3_600_000_000
        return timing
    }
}
