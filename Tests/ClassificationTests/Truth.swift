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
    // Asked a hundred thousand times: an expectation costs more than what it expects.
    guard let mistake = coverMistake(regions, areas) else { return }
    Issue.record("\(mistake): \(areas) gave \(regions)", sourceLocation: sourceLocation)
}

private func coverMistake(_ regions: [Region], _ areas: [VMA]) -> String? {
    var index = 0
    var position = areas.first?.start ?? 0
    for region in regions {
        while index < areas.count, position == areas[index].end {
            index += 1
            if index < areas.count { position = areas[index].start }
        }
        guard index < areas.count, region.start == position, region.end > region.start,
            region.end <= areas[index].end
        else { return "\(region) does not continue at \(position)" }
        position = region.end
    }
    guard index >= areas.count - 1, position == areas.last?.end ?? 0 else { return "it ends at \(position)" }
    var sum = areas.reduce(UInt64(0)) { $0 &+ $1.size }
    for region in regions where region.isOutsideVmSize { sum &-= region.size }
    return KindTotals(of: regions).total == sum ? nil : "the kinds do not add up to \(sum)"
}
