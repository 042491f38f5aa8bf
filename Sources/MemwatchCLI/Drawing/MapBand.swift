import MemoryModel
import MemwatchInterface

/// One block of the drawing: neighbouring regions, from `start` to `end`.
struct MapBand {
    /// What of one group is in it.
    struct Part {
        var size: UInt64 = 0
        var regions = 0
        var largest: UInt64 = 0
    }

    let zone: MapZone
    private(set) var start: UInt64
    private(set) var end: UInt64
    /// Bytes that are mapped, small gaps left out.
    private(set) var size: UInt64 = 0
    /// Bytes in memory; nil where that is not known of all of it.
    private(set) var resident: UInt64? = 0
    private(set) var parts: [MapGroup: Part] = [:]
    /// Thread stacks in it: their guards are no threads.
    private(set) var threads = 0
    /// Bytes by file.
    private(set) var files: [String: UInt64] = [:]

    init(_ region: RegionRecord, group: MapGroup) {
        zone = group.zone
        start = region.start
        end = region.end
        append(region, group: group)
    }

    mutating func append(_ region: RegionRecord, group: MapGroup) {
        end = max(end, region.end)
        size &+= region.size
        resident = Self.sum(resident, region.resident)
        parts[group, default: Part()].add(region.size)
        if region.kind == .threadStack { threads += 1 }
        if let path = region.path, path.hasPrefix("/") { files[path, default: 0] &+= region.size }
    }

    /// Takes in the band above.
    mutating func append(_ upper: MapBand) {
        end = upper.end
        size &+= upper.size
        resident = Self.sum(resident, upper.resident)
        for (group, part) in upper.parts { parts[group, default: Part()].add(part) }
        threads += upper.threads
        for (file, bytes) in upper.files { files[file, default: 0] &+= bytes }
    }

    /// The groups in it, the largest first.
    var groups: [(group: MapGroup, part: Part)] {
        parts.map { (group: $0.key, part: $0.value) }
            .sorted { ($0.part.size, $1.group.rawValue) > ($1.part.size, $0.group.rawValue) }
    }

    private static func sum(_ a: UInt64?, _ b: UInt64?) -> UInt64? {
        guard let a, let b else { return nil }
        return a &+ b
    }
}

extension MapBand.Part {
    fileprivate mutating func add(_ bytes: UInt64) {
        size &+= bytes
        regions += 1
        largest = max(largest, bytes)
    }

    fileprivate mutating func add(_ other: MapBand.Part) {
        size &+= other.size
        regions += other.regions
        largest = max(largest, other.largest)
    }
}
