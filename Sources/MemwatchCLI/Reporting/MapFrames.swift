import MemoryModel
import MemwatchInterface

/// The region maps of several instants, each region written once however many of them have it.
struct MapFrames {
    private(set) var times: [Timestamp] = []
    /// By instant: indices into ``regions``, in order of address.
    private(set) var frames: [[Int]] = []
    private(set) var regions: [RegionRecord] = []
    /// By instant: how many regions are left out, and their bytes.
    private(set) var omitted: [(count: Int, bytes: UInt64)] = []
    private var indices: [RegionRecord: Int] = [:]

    /// The largest of each instant; a process with 60,000 has a page of megabytes else.
    static let mostRegions = 300

    mutating func add(_ all: [RegionRecord], at time: Timestamp) {
        let mapped = all.filter { !$0.isOutsideVmSize }
        var kept = mapped
        if mapped.count > Self.mostRegions {
            kept = Array(mapped.sorted { ($1.size, $0.start) < ($0.size, $1.start) }.prefix(Self.mostRegions))
                .sorted { $0.start < $1.start }
        }
        let bytes = mapped.reduce(0) { $0 &+ $1.size } &- kept.reduce(0) { $0 &+ $1.size }
        times.append(time)
        omitted.append((mapped.count - kept.count, bytes))
        frames.append(
            kept.map { region in
                if let index = indices[region] { return index }
                indices[region] = regions.count
                regions.append(region)
                return regions.count - 1
            })
    }
}
