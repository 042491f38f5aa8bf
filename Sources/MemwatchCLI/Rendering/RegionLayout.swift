import MemoryModel
import MemwatchInterface

extension TableLayout<RegionRecord> {
    static var regions: TableLayout<RegionRecord> {
        TableLayout(columns: [
            .left("ADDRESS"), .right("SIZE"), .left("PERMS"), .left("KIND"), .left("PATH"),
        ]) { region in
            [
                Cell.range(region.start, region.end), Cell.size(region.size), region.perms, region.kind.name,
                Cell.name(path: region.path, tid: region.tid),
            ]
        }
    }

    /// The same with what of each region is in memory.
    static var residentRegions: TableLayout<RegionRecord> {
        TableLayout(columns: [
            .left("ADDRESS"), .right("SIZE"), .right("RESIDENT"), .left("PERMS"), .left("KIND"),
            .left("PATH"),
        ]) { region in
            [
                Cell.range(region.start, region.end), Cell.size(region.size), Cell.size(region.resident),
                region.perms, region.kind.name, Cell.name(path: region.path, tid: region.tid),
            ]
        }
    }
}
