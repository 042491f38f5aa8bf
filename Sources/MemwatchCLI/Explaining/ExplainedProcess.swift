import Analysis
import MemoryModel
import MemwatchInterface

/// Everything that is known of a process's memory over a span of time: what `explain` makes sentences of.
struct ExplainedProcess {
    var pid: Int32
    var comm: String?
    /// Ascending in time.
    var samples: [SampleRecord]
    /// When it is known that nothing has changed since the last sample; nil of a process that has ended.
    var unchangedUntil: Timestamp?
    var traffic = MappingTraffic()
    /// The map now, with what of it is in memory; nil of a process that has ended, or may not be read.
    var regions: [RegionRecord]?
    var limits = Limits()

    struct Limits: Hashable {
        /// `vm.max_map_count`: mmap(2) fails for a process of so many areas.
        var maxMapCount: UInt64?
        /// memory.max of the process's control group, or the least of those above it; and what is charged to that group.
        var memoryLimit: UInt64?
        var memoryUsed: UInt64?
    }

    /// Seconds from the first sample to the end of what is known.
    var span: Double {
        guard let first = samples.first?.sample.time, let end else { return 0 }
        return Self.seconds(from: first, to: end)
    }

    var end: Timestamp? { samples.last.map { max($0.sample.time, unchangedUntil ?? $0.sample.time) } }

    /// What one kind did; nil where it was never seen.
    func growth(of kind: RegionKind) -> Growth? {
        growth { $0.kinds.map { $0[kind] } }
    }

    var growthOfVmSize: Growth? { growth { $0.vmSizeBytes } }

    private func growth(_ size: (Sample) -> UInt64?) -> Growth? {
        guard let begin = samples.first?.sample.time else { return nil }
        var series = Series()
        for record in samples where record.sample.isConsistent {
            guard let bytes = size(record.sample) else { continue }
            series.append(seconds: Self.seconds(from: begin, to: record.sample.time), bytes)
        }
        if let last = series.points.last, let end, !series.points.isEmpty {
            series.append(seconds: Self.seconds(from: begin, to: end), UInt64(last.bytes))
        }
        return Growth(series)
    }

    static func seconds(from: Timestamp, to: Timestamp) -> Double {
        Double(to.microseconds &- from.microseconds) / 1e6
    }
}

/// What was mapped and what was unmapped, also for no longer than a look takes.
struct MappingTraffic: Hashable {
    var mapped: UInt64 = 0
    var mappings: UInt64 = 0
    var unmapped: UInt64 = 0
    var unmappings: UInt64 = 0
    /// Calls of brk(2) that moved the break.
    var brkCalls: UInt64 = 0
    /// True where there were more events than were read.
    var isPartial = false

    /// The events that ``add(_:)`` takes in.
    static let events: [EventType] = [.mmap, .munmap, .brkGrow, .brkShrink]

    mutating func add(_ event: EventRecord) {
        let bytes = event.delta?.magnitude ?? 0
        let count = event.count ?? 1
        switch event.event {
        case .mmap:
            mapped = mapped.addingSaturating(bytes)
            mappings = mappings.addingSaturating(count)
        case .munmap:
            unmapped = unmapped.addingSaturating(bytes)
            unmappings = unmappings.addingSaturating(count)
        case .brkGrow, .brkShrink: brkCalls = brkCalls.addingSaturating(count)
        default: break
        }
    }
}

extension UInt64 {
    fileprivate func addingSaturating(_ other: UInt64) -> UInt64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}
