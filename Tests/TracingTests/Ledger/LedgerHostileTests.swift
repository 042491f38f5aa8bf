import KernelEvents
import MemoryModel
import TestSupport
import Testing

@testable import Tracing

@Suite("The ledger and what no kernel reports")
struct LedgerHostileTests {
    private let edges: [UInt64] = [
        0, 1, 4095, 4096, 8192, 1 << 20, (1 << 20) + 4096, 1 << 47, (1 << 57) - 4096, 1 << 57, 1 << 63,
        .max - 4096, .max,
    ]

    private func name(_ random: inout Seeded) -> MappingRecord.Name {
        switch Int.random(in: 0..<8, using: &random) {
        case 0: .heap
        case 1: .stack
        case 2: .kernel(Array("[vdso]".utf8))
        case 3: .file(Array("/lib/a".utf8))
        case 4: .file([])
        case 5: .file([0xff, 10, 0x1b])
        default: .anonymous
        }
    }

    private func address(_ random: inout Seeded) -> UInt64 {
        Bool.random(using: &random)
            ? edges.randomElement(using: &random) ?? 0 : .random(in: 0...40, using: &random) * 4096
    }

    private func record(_ random: inout Seeded) -> KernelRecord {
        let content: KernelRecord.Content
        switch Int.random(in: 0..<30, using: &random) {
        case 0: content = .exec(comm: [])
        case 1: content = .fork(child: .random(in: .min ... .max, using: &random))
        case 2: content = .exit(isLeader: Bool.random(using: &random))
        case 3: content = .gap(count: .max)
        default:
            content = .mapping(
                MappingRecord(
                    start: address(&random), end: address(&random),
                    permissions: Permissions(rawValue: .random(in: 0...15, using: &random)),
                    offset: address(&random),
                    device: DeviceNumber(rawValue: .random(in: 0...2, using: &random)),
                    inode: .random(in: 0...2, using: &random), name: name(&random)))
        }
        let times: [Int64] = [.min, -1, 0, 5, 10, .max]
        return KernelRecord(
            nanoseconds: times.randomElement(using: &random) ?? 0, tid: .random(in: 0...2, using: &random),
            content)
    }

    /// Ascending and without overlap, as an accepted look is; else anything.
    private func look(_ random: inout Seeded, _ paths: inout PathTable) -> [Region] {
        var regions: [Region] = []
        var position: UInt64 = 0
        for _ in 0..<Int.random(in: 0...6, using: &random) {
            position += .random(in: 0...3, using: &random) * 4096
            let end = position + .random(in: 1...9, using: &random) * 4096
            regions.append(
                Region(
                    start: position, end: end,
                    permissions: Permissions(rawValue: .random(in: 0...15, using: &random)),
                    offset: address(&random),
                    device: DeviceNumber(rawValue: .random(in: 0...2, using: &random)),
                    inode: .random(in: 0...2, using: &random), path: paths.intern(Array("/lib/b".utf8)),
                    kind: RegionKind.allCases.randomElement(using: &random) ?? .anon))
            position = end
        }
        if Bool.random(using: &random) {
            regions.append(
                Region(
                    start: 0xffff_ffff_ff60_0000, end: 0xffff_ffff_ff60_1000, permissions: [.execute],
                    offset: 0,
                    device: .none, inode: 0, path: .none, kind: .vdso))
        }
        return regions
    }

    private func isMap(_ map: [Region]) -> Bool {
        map.allSatisfy { $0.start < $0.end } && zip(map, map.dropFirst()).allSatisfy { $0.end <= $1.start }
    }

    @Test(
        "nothing traps, the shadow map stays a map, and the sums stay exact",
        arguments: [1, 2, 3] as [UInt64])
    func anything(seed: UInt64) {
        var random = Seeded(seed)
        for round in 0..<1_500 {
            var ledger = Ledger()
            var paths = PathTable()
            _ = ledger.settle(with: look(&random, &paths), at: 0)
            for _ in 0..<4 {
                var context = LedgerContext(startBrk: Bool.random(using: &random) ? address(&random) : nil)
                context.pageBytes = [0, 1, 4096, .max].randomElement(using: &random) ?? 4096
                context.keepsForks = true
                let given: [Region]? = Bool.random(using: &random) ? look(&random, &paths) : nil
                if Bool.random(using: &random) { context.look = LookWindow(began: 0, ended: 6) }
                let before = ledger.totals
                let wasKnown = ledger.isKnown && ledger.group == nil
                let records = (0..<Int.random(in: 0...8, using: &random)).map { _ in record(&random) }
                var events = ledger.apply(
                    records, look: given, paths: &paths, context: context,
                    summarising: Bool.random(using: &random))
                let map = ledger.regions
                if ledger.totals != KindTotals(of: map) || !isMap(map) {
                    Issue.record("round \(round): \(records) make \(map)")
                    return
                }
                let isWhole = ledger.group == nil
                if let given { events += ledger.settle(with: given, at: 20) }
                if wasKnown, isWhole || given != nil {
                    let expected = KindDeltas(from: before, to: ledger.totals)
                    for kind in RegionKind.allCases {
                        let sum = events.reduce(into: Int64(0)) {
                            if $1.kind == kind { $0 &+= $1.delta ?? 0 }
                        }
                        if sum != expected[kind] {
                            Issue.record("round \(round): \(kind) \(sum) is not \(expected[kind])")
                            return
                        }
                    }
                }
            }
            _ = Ledger(forkedFrom: ledger, at: .min)
        }
    }

    @Test("a process of thirty thousand areas that maps in all of them costs no more than what it changes")
    func large() {
        var ledger = Ledger()
        var paths = PathTable()
        let look = (0..<30_000).map { index in
            region(
                UInt64(index) * 4 + 1_000, UInt64(index) * 4 + 1_002, .anon,
                index % 2 == 0 ? [.read] : [.read, .write])
        }
        _ = ledger.settle(with: look, at: 0)
        var told: [LedgerEvent] = []
        for round in 0..<20 {
            let records = (0..<1_000).map { index in
                let start = UInt64(index) * 120 + 1_002
                return KernelRecord(
                    nanoseconds: Int64(round * 1_000 + index), tid: 1,
                    LedgerTable.mapping(start, start + 2, [.read, .execute]))
            }
            told += ledger.apply(records, look: nil, paths: &paths, context: LedgerContext())
        }
        #expect(told.count(where: { $0.source == .perf }) == 20_000)
        #expect(ledger.settle(with: look, at: 100_000).count == 1_000)
    }

    @Test("a program that maps page after page into one area does not grow the ledger without end")
    func bounded() {
        var ledger = Ledger()
        var paths = PathTable()
        _ = ledger.settle(with: [], at: 0)
        for round in 0..<20 as Range<UInt64> {
            let records = (0..<1_000 as Range<UInt64>).map { index in
                let count = round * 1_000 + index + 1
                return KernelRecord(
                    nanoseconds: Int64(count), tid: 1, LedgerTable.mapping(100_000 - count, 100_000))
            }
            let told = ledger.apply(records, look: nil, paths: &paths, context: LedgerContext())
            #expect(told.count == 1_000 && told.allSatisfy { $0.delta == 4096 && $0.type == .mmap })
        }
        #expect(ledger.regions.count == 1)
        #expect(ledger.births.list.count <= Births.limit)
    }
}
