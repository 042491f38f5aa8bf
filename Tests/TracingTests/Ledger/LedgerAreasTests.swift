import KernelEvents
import MemoryModel
import TestSupport
import Testing

@testable import Tracing

@Suite("Finding what no record tells, by asking about a few places")
struct LedgerAreasTests {
    private static func region(_ start: UInt64, _ end: UInt64) -> Region {
        Region(VMA(start: start, end: end, permissions: [.read, .write]), kind: .anon)
    }

    private func area(_ start: UInt64, _ end: UInt64, _ permissions: Permissions = [.read, .write]) -> VMA {
        VMA(start: start, end: end, permissions: permissions)
    }

    /// Two old regions, and one that a look has seen come.
    private func ledger() -> Ledger {
        var ledger = Ledger()
        _ = ledger.settle(
            with: [Self.region(0x10_0000, 0x20_0000), Self.region(0x90_0000, 0xa0_0000)], at: 10)
        _ = ledger.settle(
            with: [
                Self.region(0x10_0000, 0x20_0000), Self.region(0x40_0000, 0x50_0000),
                Self.region(0x90_0000, 0xa0_0000),
            ], at: 20)
        return ledger
    }

    @Test("the place that changed last is asked about")
    func suspects() {
        #expect(ledger().suspects == [0x40_0000..<0x50_0000])
    }

    @Test("memory that is gone is unmapped, not before it was last seen")
    func gone() throws {
        var ledger = ledger()
        let told = ledger.settle(ledger.suspects, with: [[]], total: 0x20_0000, at: 30)
        let event = try #require(told?.first)
        #expect(told?.count == 1)
        #expect(event.type == .munmap && event.delta == -0x10_0000 && event.source == .sample)
        #expect(event.start == 0x40_0000 && event.nanoseconds == 30 && event.notBefore == 20)
        #expect(ledger.totals.total == 0x20_0000)
    }

    @Test("memory that grew in place is resized, up to what lies above")
    func grown() throws {
        var ledger = ledger()
        let told = ledger.settle(
            ledger.suspects, with: [[area(0x40_0000, 0x90_0000)]], total: 0x70_0000, at: 30)
        #expect(told?.map(\.type) == [.resize])
        #expect(told?.first?.delta == 0x40_0000)
        #expect(ledger.regions.map(\.end) == [0x20_0000, 0x90_0000, 0xa0_0000])
        // And once more: it is still the place to ask about.
        let again = ledger.settle(
            ledger.suspects, with: [[area(0x40_0000, 0x60_0000)]], total: 0x40_0000, at: 40)
        #expect(again?.first?.delta == -0x30_0000)
    }

    @Test("what was cut off above can grow there again")
    func regrown() throws {
        var ledger = ledger()
        let cut = ledger.settle(
            ledger.suspects, with: [[area(0x40_0000, 0x41_0000)]], total: 0x21_0000, at: 30)
        #expect(cut?.map(\.type) == [.resize])
        #expect(ledger.suspects == [0x40_0000..<0x50_0000])
        let grown = ledger.settle(
            ledger.suspects, with: [[area(0x40_0000, 0x42_0000)]], total: 0x22_0000, at: 40)
        #expect(grown?.map(\.delta) == [0x1_0000])
    }

    @Test("what does not make up the difference is not told, and changes nothing")
    func unaccounted() {
        var ledger = ledger()
        let before = ledger.regions
        #expect(ledger.settle(ledger.suspects, with: [[]], total: 0x21_0000, at: 30) == nil)
        #expect(ledger.regions == before && ledger.totals.total == 0x30_0000)
    }

    @Test("memory of other permissions or another file is for a look to find")
    func unknown() {
        var ledger = ledger()
        let (place, before) = (ledger.suspects, ledger.regions)
        let protected = area(0x40_0000, 0x50_0000, .read)
        #expect(ledger.settle(place, with: [[protected]], total: 0x30_0000, at: 30) == [])
        var file = area(0x40_0000, 0x50_0000)
        file.inode = 7
        #expect(ledger.settle(place, with: [[file]], total: 0x30_0000, at: 30) == [])
        // More below what is known: that is no mremap.
        let lower = area(0x3f_0000, 0x50_0000)
        #expect(ledger.settle(place, with: [[lower]], total: 0x31_0000, at: 30) == nil)
        #expect(ledger.regions == before)
    }

    @Test(
        "whatever a program does, what is concluded adds up to the byte",
        arguments: 1...40 as ClosedRange<UInt64>)
    func random(seed: UInt64) throws {
        var kernel = SimulatedKernel()
        var program = RandomProgram(seed: seed)
        var paths = PathTable()
        var ledger = Ledger()
        _ = ledger.settle(with: kernel.look(&paths), at: kernel.now)
        var totals = ledger.totals
        var accounted = 0
        for step in 0..<400 {
            program.step(&kernel)
            let context = LedgerContext(startBrk: kernel.startBrk)
            var told = ledger.apply(kernel.takeRecords(), look: nil, paths: &paths, context: context)
            let places = ledger.suspects
            let areas = kernel.vmas
            let found = places.map { place in
                areas.filter { $0.start < place.upperBound && $0.end > place.lowerBound }
            }
            let total = areas.reduce(UInt64(0)) { $0 + $1.size }
            if ledger.totals.total != total,
                let more = ledger.settle(places, with: found, total: total, at: kernel.now)
            {
                accounted += 1
                told += more
                #expect(ledger.totals.total == total)
            }
            if step % 40 == 39 {
                told += ledger.settle(with: kernel.look(&paths), at: kernel.now)
                #expect(ledger.totals.total == total)
            }
            for event in told {
                guard let kind = event.kind, let delta = event.delta else { continue }
                totals[kind] = UInt64(clamping: Int64(clamping: totals[kind]) + delta)
            }
            // An exec is told when it is complete.
            if ledger.group == nil { #expect(totals == ledger.totals) }
            #expect(KindTotals(of: ledger.regions) == ledger.totals)
            #expect(zip(ledger.regions, ledger.regions.dropFirst()).allSatisfy { $0.end <= $1.start })
        }
        #expect(accounted > 0)
    }
}

extension SimulatedKernel {
    /// As `PROCMAP_QUERY` gives them.
    fileprivate var vmas: [VMA] {
        areas.map { area in
            var vma = VMA(start: area.start, end: area.end, permissions: area.permissions)
            if case .file(let file) = area.backing {
                vma.inode = file.inode + (file.isOverlaid ? 5_000 : 0)
                vma.device = DeviceNumber(major: 8, minor: file.isOverlaid ? 2 : 1)
                vma.offset = area.offset
            }
            return vma
        }
    }
}
