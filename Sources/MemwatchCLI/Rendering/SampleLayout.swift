import MemoryModel
import MemwatchInterface

extension TableLayout<SampleRecord> {
    /// - Parameter kinds: The kinds the user named, a column each; else the four ways by which a
    ///   program gets memory, which fit a terminal.
    static func samples(kinds: [RegionKind]?) -> TableLayout<SampleRecord> {
        let shares: [(title: String, kinds: [RegionKind])] =
            if let kinds {
                kinds.map { ($0.name.uppercased(), [$0]) }
            } else {
                [RegionOrigin.image, .brk, .stack, .mmap].map { origin in
                    (origin.rawValue.uppercased(), RegionKind.allCases.filter { $0.origin == origin })
                }
            }
        let columns: [Column] =
            [.left("TIME"), .right("VIRTUAL"), .right("RESIDENT")] + shares.map { .right($0.title) }
            + [.right("REGIONS"), .right("THREADS"), .left("")]
        return TableLayout(columns: columns) { record in
            let sample = record.sample
            var cells = [Cell.time(sample.time), Cell.size(sample.vmSizeBytes), Cell.size(sample.rssBytes)]
            for share in shares {
                cells.append(
                    sample.kinds.flatMap { totals in
                        Cell.size(share.kinds.reduce(0) { $0 &+ totals[$1] })
                    })
            }
            cells.append(Cell.number(sample.regionCount))
            cells.append(Cell.number(sample.threads))
            cells.append(sample.isConsistent ? "" : "inconsistent")
            return cells
        }
    }
}

extension SampleRecord {
    /// The fields, with one column per kind in the place of `kinds`.
    static func csvColumns(kinds: [RegionKind]?) -> [String] {
        fields.flatMap { $0 == "kinds" ? (kinds ?? RegionKind.allCases).map(\.name) : [$0] }
    }
}
