import MemoryModel
import TestSupport
import Testing

/// What memgrow says it made.
struct Truth {
    var start: UInt64
    var end: UInt64
    var kind: String
    var tid: Int32
    var text: String

    init?(_ line: Memgrow.Line) {
        guard line.event == "region", let start = line.start, let end = line.end, let kind = line.kind else {
            return nil
        }
        self.start = start
        self.end = end
        self.kind = kind
        tid = line.tid ?? 0
        text = line.description
    }

    /// What is wrong with `regions`, if anything.
    func mistake(in regions: [Region]) -> String? {
        var position = start
        for region in regions where region.end > start && region.start < end {
            guard region.start <= position else { break }
            guard region.kind.name == kind, region.tid == tid else {
                return "\(region.kind.name) tid \(region.tid) at 0x\(String(region.start, radix: 16))"
                    + "-0x\(String(region.end, radix: 16)), but \(text)"
            }
            position = region.end
        }
        return position >= end ? nil : "nothing at 0x\(String(position, radix: 16)), but \(text)"
    }
}

/// Regions cover the areas exactly, in order.
func expectCover(
    _ regions: [Region], _ areas: [VMA], sourceLocation: SourceLocation = #_sourceLocation
) {
    var index = 0
    var position = areas.first?.start ?? 0
    for region in regions {
        while index < areas.count, position == areas[index].end {
            index += 1
            if index < areas.count { position = areas[index].start }
        }
        guard index < areas.count, region.start == position, region.end > region.start,
            region.end <= areas[index].end
        else {
            Issue.record("region \(region) does not continue at \(position)", sourceLocation: sourceLocation)
            return
        }
        position = region.end
    }
    #expect(index >= areas.count - 1 && position == (areas.last?.end ?? 0), sourceLocation: sourceLocation)
    let sum = areas.reduce(UInt64(0)) { $0 &+ ($1.start >= 0xffff_ffff_ff60_0000 ? 0 : $1.size) }
    #expect(KindTotals(of: regions).total == sum, sourceLocation: sourceLocation)
}
