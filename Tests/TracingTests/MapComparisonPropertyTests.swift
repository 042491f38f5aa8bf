import MemoryModel
import TestSupport
import Testing

@testable import Tracing

@Suite("Comparing any two maps")
struct MapComparisonPropertyTests {
    /// A map of up to `count` regions: neighbours touch or leave gaps, and a few files, kinds and
    /// protections meet in every combination.
    private func map(_ count: Int, _ random: inout Seeded) -> [Region] {
        var regions: [Region] = []
        var position: UInt64 = 1
        for _ in 0..<Int.random(in: 0...count, using: &random) {
            position += UInt64.random(in: 0...2, using: &random)
            let end = position + UInt64.random(in: 1...6, using: &random)
            regions.append(anyRegion(position, end, &random))
            position = end
        }
        return regions
    }

    private func anyRegion(_ start: UInt64, _ end: UInt64, _ random: inout Seeded) -> Region {
        let kinds: [RegionKind] = [.anon, .anon, .heap, .stack, .file, .threadStack, .reserved]
        let kind = kinds.randomElement(using: &random) ?? .anon
        let inode: UInt64 = kind == .file ? .random(in: 1...2, using: &random) : 0
        return region(
            start, end, kind, Permissions(rawValue: .random(in: 0...3, using: &random)), inode: inode,
            offset: inode == 0 ? 0 : start + .random(in: 0...1, using: &random),
            path: UInt32(inode), tid: kind == .threadStack ? .random(in: 0...1, using: &random) : 0)
    }

    /// What a process does between two looks: most of the map stays.
    private func edited(_ map: [Region], _ random: inout Seeded) -> [Region] {
        var result: [Region] = []
        for old in map {
            var region = old
            switch Int.random(in: 0..<10, using: &random) {
            case 0: continue
            case 1: region.permissions = Permissions(rawValue: .random(in: 0...3, using: &random))
            case 2: region.kind = [.anon, .heap, .arena, .stack].randomElement(using: &random) ?? .anon
            case 3: region.end -= min(region.size - page, page)
            case 4:
                let cut = min(region.size - page, page)
                region.start += cut
                region.offset += region.inode == 0 ? 0 : cut
            default: break
            }
            if let last = result.last, last.end > region.start { continue }
            result.append(region)
        }
        return result
    }

    private func check(_ old: [Region], _ new: [Region]) -> String? {
        let (changes, intervals) = MapComparison.compare(from: old, to: new)
        let before = KindTotals(of: old)
        let after = KindTotals(of: new)
        for kind in RegionKind.allCases {
            let sum = changes.reduce(into: Int64(0)) { if $1.kind == kind { $0 += $1.delta } }
            if sum != Int64(after[kind]) - Int64(before[kind]) { return "\(kind) does not add up" }
        }
        if applying(intervals, old, new) != new { return "the intervals do not lead to the new map" }
        if changes.contains(where: { $0.start >= $0.end }) { return "an event of no range" }
        if zip(changes, changes.dropFirst()).contains(where: { $0.start > $1.start }) {
            return "the events are not in order"
        }
        let remaining = Set(new)
        if intervals.died.contains(where: { remaining.contains(old[$0]) }) {
            return "what died is still there"
        }
        return nil
    }

    @Test("the deltas add up by kind to the byte, and the intervals lead from the one to the other")
    func addsUp() {
        var random = Seeded(20)
        for round in 0..<30_000 {
            let old = map(12, &random)
            let new = round % 2 == 0 ? map(12, &random) : edited(old, &random)
            if let mistake = check(old, new) {
                Issue.record("round \(round): \(mistake): \(old) → \(new)")
                return
            }
        }
    }

    @Test("maps of sixty-five thousand regions are compared in one walk")
    func large() {
        var old: [Region] = []
        for index in 0..<65_530 { old.append(region(UInt64(index) * 3, UInt64(index) * 3 + 2, .anon)) }
        var random = Seeded(21)
        let new = edited(old, &random)
        #expect(check(old, new) == nil)
        let (changes, intervals) = MapComparison.compare(from: old, to: [])
        #expect(changes.count == old.count && intervals.died.count == old.count)
    }

    @Test("maps that no kernel prints never trap, whatever they hold")
    func hostile() {
        var random = Seeded(22)
        let edges: [UInt64] = [
            0, 1, 4095, 4096, 1 << 47, 1 << 63, (1 << 63) + 1, .max - 4096, .max - 1, .max,
        ]
        func anything() -> [Region] {
            (0..<Int.random(in: 0...5, using: &random)).map { _ in
                var region = anyRegion(1, 2, &random)
                region.start = edges.randomElement(using: &random) ?? 0
                region.end = edges.randomElement(using: &random) ?? 0
                region.offset = edges.randomElement(using: &random) ?? 0
                return region
            }
        }
        for _ in 0..<50_000 { _ = MapComparison.compare(from: anything(), to: anything()) }
    }
}
