import MemoryModel

/// Minimum and maximum of each field over several samples.
///
/// Taken on the samples as users see them and not on the stored fields: the minimum of a
/// sum is not the sum of the minima. A field unknown in some samples is taken over the others.
struct SampleExtremes {
    private(set) var minimum: Sample
    private(set) var maximum: Sample

    init(_ sample: Sample) {
        minimum = sample
        maximum = sample
    }

    init(_ extremes: HistorySample.Extremes) {
        minimum = extremes.minimum
        maximum = extremes.maximum
    }

    mutating func add(_ other: SampleExtremes) {
        Self.combine(&minimum, other.minimum, min)
        Self.combine(&maximum, other.maximum, max)
        minimum.isConsistent = minimum.isConsistent && other.minimum.isConsistent
        maximum.isConsistent = maximum.isConsistent || other.maximum.isConsistent
    }

    private static func combine(_ a: inout Sample, _ b: Sample, _ pick: (UInt64, UInt64) -> UInt64) {
        func both(_ x: inout UInt64?, _ y: UInt64?) {
            guard let y else { return }
            x = x.map { pick($0, y) } ?? y
        }
        func both(_ x: inout UInt32?, _ y: UInt32?) {
            guard let y else { return }
            x = x.map { UInt32(truncatingIfNeeded: pick(UInt64($0), UInt64(y))) } ?? y
        }
        both(&a.vmSizeBytes, b.vmSizeBytes)
        both(&a.rssBytes, b.rssBytes)
        both(&a.rssAnonBytes, b.rssAnonBytes)
        both(&a.rssFileBytes, b.rssFileBytes)
        both(&a.rssShmemBytes, b.rssShmemBytes)
        both(&a.swapBytes, b.swapBytes)
        both(&a.pageTablesBytes, b.pageTablesBytes)
        both(&a.threads, b.threads)
        both(&a.regionCount, b.regionCount)
        both(&a.programBreak, b.programBreak)
        both(&a.stackLimitBytes, b.stackLimitBytes)
        guard let theirs = b.kinds else { return }
        guard var ours = a.kinds else {
            a.kinds = theirs
            return
        }
        for kind in RegionKind.allCases { ours[kind] = pick(ours[kind], theirs[kind]) }
        a.kinds = ours
    }
}
