import MemoryModel
import ProcFS
import TestSupport
import Testing

@testable import Inspection

@Suite("Maps at rest")
struct PackedMapTests {
    @Test("a packed map of any real process is the map, in fewer than 24 bytes a region")
    func real() throws {
        for pid in try ProcRoot().processIDs() {
            guard let look = try? ProcessInspector().inspect(pid: pid) else { continue }
            let packed = PackedMap(look.regions)
            #expect(packed.regions == look.regions)
            #expect(packed.count == look.regions.count)
            #expect(packed.byteCount < 24 * max(look.regions.count, 8))
        }
    }

    @Test("whatever numbers a map holds, they come back")
    func random() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<200 {
            var regions: [Region] = []
            var position: UInt64 = 0
            for _ in 0..<Int.random(in: 0...50) {
                // Whole pages mostly; sometimes any bytes at all, as no kernel maps them.
                let unit: UInt64 = .random(in: 0..<4) == 0 ? 1 : 4096
                let start = position &+ unit &* .random(in: 0...3)
                let end = start &+ unit &* .random(in: 1...(.random() ? 3 : 1 << 40))
                let isFile = Bool.random()
                regions.append(
                    Region(
                        start: start, end: end, permissions: Permissions(rawValue: .random(in: 0...15)),
                        offset: isFile || .random(in: 0..<9) == 0 ? unit &* .random(in: 0...(1 << 50)) : 0,
                        device: isFile ? DeviceNumber(rawValue: .random(in: 0...3)) : .none,
                        inode: isFile ? .random(in: 0...2) : 0,
                        path: PathID(rawValue: .random(in: 0...2)),
                        kind: RegionKind.allCases.randomElement(using: &generator) ?? .anon,
                        tid: .random() ? 0 : .random(in: .min ... .max)))
                position = end
            }
            #expect(PackedMap(regions).regions == regions)
        }
    }

    @Test("a file that goes on behind a hole is told from one that goes on without")
    func offsets() {
        func region(_ start: UInt64, _ offset: UInt64) -> Region {
            Region(
                start: start, end: start + 4096, permissions: .read, offset: offset,
                device: DeviceNumber(major: 8, minor: 1), inode: 7, path: PathID(rawValue: 1), kind: .file)
        }
        let regions = [
            region(0x10000, 0), region(0x11000, 0x1000), region(0x13000, 0x3000), region(0x14000, 0),
        ]
        #expect(PackedMap(regions).regions == regions)
    }

    @Test("a map at rest stays there while nothing changes, and comes back as it was when something does")
    func rest() throws {
        let memgrow = try Memgrow("sbrk", "--step", "--hold")
        var inspector = TargetInspector(
            directory: try ProcRoot().open(pid: memgrow.pid), images: DirectImageSource())
        _ = try inspector.look(at: .now)
        let (regions, totals) = (inspector.regions, inspector.totals)
        inspector.rest()
        for _ in 0..<3 {
            let again = try inspector.look(at: .now)
            #expect(inspector.isAtRest && again.isAccepted && again.previous == nil)
            #expect(again.sample.kinds == totals)
            #expect(again.sample.regionCount == UInt32(regions.count))
            #expect(again.sample.programBreak == regions.last { $0.kind == .heap }?.end)
        }
        #expect(inspector.packed?.regions == regions)
        let line = try memgrow.step()
        let grown = try inspector.look(at: .now)
        #expect(!inspector.isAtRest)
        #expect(grown.previous == regions)
        #expect(inspector.totals[.heap] == totals[.heap] + UInt64(line.delta ?? 0))
        #expect(inspector.totals == KindTotals(of: inspector.regions))
    }

    @Test("two maps that differ in any one thing have two digests")
    func digest() {
        let area = VMA(
            start: 0x1000, end: 0x3000, permissions: .read, offset: 0x1000,
            device: DeviceNumber(major: 8, minor: 1), inode: 7, path: PathID(rawValue: 1))
        var others: [VMA] = []
        func change(_ body: (inout VMA) -> Void) {
            var other = area
            body(&other)
            others.append(other)
        }
        change { $0.start = 0x2000 }
        change { $0.end = 0x4000 }
        change { $0.permissions = .write }
        change { $0.offset = 0 }
        change { $0.device = .none }
        change { $0.inode = 8 }
        change { $0.path = .none }
        var maps = others.map { [$0] }
        maps += [[], [area], [area, area], [area, others[0]], [others[0], area]]
        let digests = Set(maps.map(AreaDigest.init))
        #expect(digests.count == maps.count)
        #expect(AreaDigest([area, others[0]]) == AreaDigest([area, others[0]]))
    }
}
