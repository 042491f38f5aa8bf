import MemoryModel
import MemwatchInterface

/// Which regions become one block of the drawing, so that there are no more blocks than there is room for.
enum MapFolding {
    /// A gap that keeps blocks of the same group apart: two runs of libraries at two ends of the space are two things.
    private static let wideGap: UInt64 = 1 << 30

    /// The blocks of `regions`, low to high.
    ///
    /// - Parameter limit: At most so many, except that heap, stack, image and what is mapped are never one.
    static func bands(of regions: [RegionRecord], limit: Int) -> [MapBand] {
        var bands = natural(regions)
        while bands.count > limit, let index = cheapest(bands) {
            let upper = bands.remove(at: index + 1)
            bands[index].append(upper)
        }
        return bands
    }

    /// Neighbours of one group together.
    private static func natural(_ regions: [RegionRecord]) -> [MapBand] {
        let program = program(of: regions)
        var bands: [MapBand] = []
        var last: MapGroup?
        var isProgram = false
        for region in regions where !region.isOutsideVmSize {
            switch region.kind {
            case .text, .rodata, .data: isProgram = region.path == program
            // The tail of what is below it.
            case .bss: break
            default: isProgram = false
            }
            let group = MapGroup(region.kind, isProgram: isProgram)
            if let end = bands.last?.end, group == last, region.start &- end < wideGap {
                bands[bands.count - 1].append(region, group: group)
            } else {
                bands.append(MapBand(region, group: group))
            }
            last = group
        }
        return bands
    }

    /// The kernel puts the program below everything that mmap(2) chooses the place of.
    private static func program(of regions: [RegionRecord]) -> String? {
        regions.first { $0.kind.origin == .image && $0.path != nil }?.path
    }

    /// The lower of the two neighbours whose union hides least; nil where no two may be one.
    private static func cheapest(_ bands: [MapBand]) -> Int? {
        var best: (index: Int, cost: UInt64)?
        for index in bands.indices.dropLast() where bands[index].zone == bands[index + 1].zone {
            let (lower, upper) = (bands[index], bands[index + 1])
            var cost = min(lower.size, upper.size)
            // Unlike things are kept apart longer than like ones, and what a wide gap separates longest.
            if Set(lower.parts.keys) != Set(upper.parts.keys) { cost = saturating(cost, times: 4) }
            // Text, data and bss are what a drawing of a program has in it, so they stay longest; constants go with code.
            if storage(lower) != storage(upper) { cost = saturating(cost, times: 1 << 24) }
            if upper.start &- lower.end >= wideGap { cost = saturating(cost, times: 1 << 10) }
            if best.map({ cost < $0.cost }) ?? true { best = (index, cost) }
        }
        return best?.index
    }

    /// Whether a block of the image has code or constants, variables with a value, variables without.
    private static func storage(_ band: MapBand) -> Set<MapGroup> {
        guard band.zone == .image else { return [] }
        return Set(band.parts.keys.map { $0 == .rodata ? .text : $0 })
    }

    private static func saturating(_ a: UInt64, times b: UInt64) -> UInt64 {
        let (product, overflow) = a.multipliedReportingOverflow(by: b)
        return overflow ? .max : product
    }
}
