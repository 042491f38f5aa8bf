import Inspection
import MemoryModel
import ProcFS
import TestSupport

@testable import KernelEvents
@testable import Tracing

extension ChangingProcess.Stretch {
    static func of(_ regions: some Sequence<ObservedRegion>) -> [Self] {
        let all = regions.map(\.region).sorted { $0.start < $1.start }
        return merged(
            all.map { Self(start: $0.start, end: $0.end, permissions: $0.permissions.text, inode: $0.inode) })
    }
}

/// An observer as a target has it, with ticks that come when the test says so, and the kernel's records of this one
/// process if it is to have them.
struct ObservedProcess {
    let target: Target
    let source: KernelEventSource?
    let counters = TracerCounters()
    var sparing = LookPace.Rule()
    private(set) var map: Set<ObservedRegion> = []
    private(set) var events: [MemoryEvent] = []
    private(set) var samples: [Sample] = []

    /// - Parameter records: with these options; nil for looks only.
    init(_ pid: Int32, every interval: Int64 = 1_000_000, records options: KernelEventSource.Options?) throws
    {
        let directory = try ProcRoot().open(pid: pid)
        var feed: KernelFeed?
        source = options.map { KernelEventSource(options: $0) { _ in } }
        if let source {
            let queue = try source.watch(pid: pid, preferring: [.process], followsChildren: false).get()
            feed = KernelFeed(source: source, queue: queue)
        }
        target = Target(
            id: TargetID(rawValue: 1), directory: directory, description: try directory.describe(),
            options: TargetOptions(intervalMicroseconds: interval), attached: .now,
            images: DirectImageSource(), feed: feed,
            eventMode: feed == nil ? .sampling(reason: "test") : .perf, forked: nil)
    }

    var looks: Int64 { counters.values.looks }

    /// Ticks until it is so: the kernel's events are switched by a thread of their own, and tell nobody.
    mutating func tick(until isSo: (Target) -> Bool) throws {
        let patience = ContinuousClock.now + .seconds(60)
        while !isSo(target) {
            guard ContinuousClock.now < patience else { throw TestFailure("not so after 60 s") }
            try tick()
        }
    }

    /// The tick comes, and the history takes in what it finds.
    ///
    /// - Parameter later: what huge maps are spared for is over.
    /// - Returns: the sample, where there is a new one.
    @discardableResult
    mutating func tick(_ cause: Tick.Cause = .interval, later: Bool = false) throws -> Sample? {
        let ahead: Int64 = later ? 7_200_000_000 : 0
        let now = MonotonicTime.now.advanced(byMicroseconds: ahead)
        let time = Timestamp(microseconds: Timestamp.now.microseconds + ahead)
        let isTold = target.feed?.hasRecords ?? false
        guard target.needsLook(at: now, isTold: isTold), target.beginLook() else { return nil }
        defer { target.endLook() }
        let seen = target.observe(
            Tick(
                cause: cause, time: time, monotonic: now, fullLookEvery: 3_600_000_000,
                sampleEvery: 3_600_000_000,
                sparing: sparing, counters: counters))
        guard let seen else { return nil }
        for region in seen.died where map.remove(region) == nil {
            throw TestFailure("\(region.region) died, and never lived")
        }
        for region in seen.born where !map.insert(region).inserted {
            throw TestFailure("\(region.region) was born twice")
        }
        events += seen.events
        if let sample = seen.sample { samples.append(sample) }
        return seen.sample
    }
}
