import MemoryModel
import MemwatchInterface
import Varlink

/// What one kind takes of a process: a row of `regions --summary`.
struct KindSummary: PrintableRow, Hashable {
    var kind: RegionKind
    var regions: Int64
    var size: UInt64
    /// Of all rows together, in tenths of a percent. Only tables show it: scripts divide for themselves.
    var share: UInt64 = 0

    static let fields = ["kind", "origin", "regions", "size"]

    init(kind: RegionKind, regions: Int64, size: UInt64) {
        self.kind = kind
        self.regions = regions
        self.size = size
    }

    /// The kinds that are there, in the order of the documentation; `[vsyscall]`, which is no part
    /// of VmSize, left out, so that the sizes add up to it.
    static func of(_ regions: [RegionRecord]) -> [KindSummary] {
        var counts = [Int64](repeating: 0, count: RegionKind.count)
        var sizes = KindTotals()
        for region in regions where !region.isOutsideVmSize {
            counts[Int(region.kind.rawValue)] += 1
            sizes[region.kind] &+= region.size
        }
        let total = sizes.total
        return RegionKind.allCases.compactMap { kind in
            let count = counts[Int(kind.rawValue)]
            guard count > 0 else { return nil }
            var summary = KindSummary(kind: kind, regions: count, size: sizes[kind])
            if total > 0 {
                summary.share = UInt64((UInt128(sizes[kind]) * 1_000 + UInt128(total) / 2) / UInt128(total))
            }
            return summary
        }
    }

    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("kind")
        writer.value(kind.name)
        writer.key("origin")
        writer.value(kind.origin.rawValue)
        writer.key("regions")
        writer.value(regions)
        writer.key("size")
        writer.value(size)
        writer.endObject()
    }
}

extension RegionRecord {
    /// As `Region.isOutsideVmSize`.
    var isOutsideVmSize: Bool { start >= 0xffff_ffff_ff60_0000 && kind == .vdso }
}

extension TableLayout<KindSummary> {
    static var summary: TableLayout<KindSummary> {
        TableLayout(columns: [
            .left("KIND"), .left("ORIGIN"), .right("REGIONS"), .right("SIZE"), .right("SHARE"),
        ]) { row in
            [
                row.kind.name, row.kind.origin.rawValue, Cell.number(row.regions), Cell.size(row.size),
                "\(row.share / 10).\(row.share % 10) %",
            ]
        }
    }
}
