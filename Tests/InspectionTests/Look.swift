import Glibc
import Inspection
import MemoryModel
import ProcFS
import TestSupport
import Testing

/// The ids of the threads of a process.
func threadIDs(_ pid: Int32) -> [Int32] { (try? ProcRoot().open(pid: pid).threadIDs()) ?? [] }

/// A look at a program that has said it is ready: when all its threads sleep, so that every stack
/// pointer is known, and the map was consistent. No event tells of a thread's way to sleep.
func settledLook(pid: Int32) throws -> ProcessInspection {
    let directory = try ProcRoot().open(pid: pid)
    for _ in 0..<20_000 {
        let areAsleep = try directory.threadIDs().allSatisfy {
            if case .at = directory.stackPointer(ofThread: $0) { true } else { false }
        }
        if areAsleep {
            let look = try ProcessInspector().inspect(pid: pid)
            if look.sample.isConsistent { return look }
        }
        sched_yield()
    }
    return try ProcessInspector().inspect(pid: pid)
}

/// What is wrong with a look at any process, if anything.
func mistake(_ look: ProcessInspection) -> String? {
    for (region, next) in zip(look.regions, look.regions.dropFirst()) where next.start < region.end {
        return "\(next) overlaps \(region)"
    }
    if let empty = look.regions.first(where: { $0.start >= $0.end }) { return "\(empty) is empty" }
    let totals = KindTotals(of: look.regions)
    if look.sample.kinds != totals { return "the sample's kinds are not those of the regions" }
    if look.sample.regionCount != UInt32(look.regions.count) { return "the regions are not counted right" }
    if look.sample.isConsistent, totals.total != look.sample.vmSizeBytes {
        return "the kinds add up to \(totals.total), VmSize is \(look.sample.vmSizeBytes ?? 0)"
    }
    return nil
}

/// The ranges of `/proc/[pid]/maps`, neighbours joined.
func mappedRanges(pid: Int32) throws -> [Range<UInt64>] {
    let text = try readText("/proc/\(pid)/maps")
    let ranges = text.split(separator: "\n").compactMap { line -> Range<UInt64>? in
        let ends = line.prefix { $0 != " " }.split(separator: "-").compactMap { UInt64($0, radix: 16) }
        return ends.count == 2 ? ends[0]..<ends[1] : nil
    }
    return joined(ranges)
}

/// Ascending ranges, those that touch as one.
func joined(_ ranges: [Range<UInt64>]) -> [Range<UInt64>] {
    var result: [Range<UInt64>] = []
    for range in ranges {
        if let last = result.last, last.upperBound == range.lowerBound {
            result[result.count - 1] = last.lowerBound..<range.upperBound
        } else {
            result.append(range)
        }
    }
    return result
}

extension ProcessInspection {
    /// The name of a region, for messages and comparisons.
    func name(_ region: Region) -> String { String(decoding: paths.bytes(of: region.path), as: UTF8.self) }

    func bytes(_ kind: RegionKind) -> UInt64 { KindTotals(of: regions)[kind] }
}
