import MemoryModel
import Testing

@Suite("Small values")
struct ValueTests {
    @Test("permissions read as maps prints them")
    func permissions() {
        #expect(Permissions([]).text == "---p")
        #expect(Permissions([.read, .write]).text == "rw-p")
        #expect(Permissions([.read, .execute]).text == "r-xp")
        #expect(Permissions([.write]).text == "-w-p")
        #expect(Permissions([.read, .write, .execute, .shared]).text == "rwxs")
        #expect(Permissions([.shared]).text == "---s")
        #expect(Set((0..<16).map { Permissions(rawValue: $0).text }).count == 16)
        for raw: UInt8 in 0..<16 {
            #expect(Permissions(rawValue: raw).isInaccessible == (raw & 7 == 0))
        }
    }

    @Test("device numbers read as maps prints them, and keep both parts")
    func devices() {
        #expect(DeviceNumber.none.text == "00:00")
        #expect(DeviceNumber(major: 8, minor: 1).text == "08:01")
        #expect(DeviceNumber(major: 0xfe, minor: 0).text == "fe:00")
        #expect(DeviceNumber(major: 0x103, minor: 0x12345).text == "103:12345")
        let largest = DeviceNumber(major: 0xfff, minor: 0xfffff)
        #expect(largest.text == "fff:fffff")
        #expect(largest.major == 0xfff && largest.minor == 0xfffff)
        #expect(largest.rawValue == .max)
        // More than the kernel's own number has room for is cut, never a trap.
        #expect(DeviceNumber(major: .max, minor: .max) == largest)
    }

    private func region(_ start: UInt64, _ end: UInt64, _ kind: RegionKind) -> Region {
        Region(VMA(start: start, end: end, permissions: [.read]), kind: kind)
    }

    @Test("totals by kind add up to the total")
    func totals() {
        var totals = KindTotals(of: [
            region(0x1000, 0x3000, .text), region(0x3000, 0x4000, .text), region(0x8000, 0x9000, .anon),
        ])
        #expect(totals[.text] == 0x3000)
        #expect(totals[.anon] == 0x1000)
        #expect(totals[.heap] == 0)
        #expect(totals.total == 0x4000)
        let before = totals
        totals[.heap] = 0x1000
        #expect(totals != before)
        #expect(totals.total == 0x5000)
        totals[.heap] = 0
        #expect(totals == before && totals.hashValue == before.hashValue)
    }

    @Test("[vsyscall] is outside VmSize and so outside the totals; the other kernel pages are inside")
    func vsyscall() {
        let regions = [
            region(0x7fff_0000_0000, 0x7fff_0000_2000, .vdso),
            region(0xffff_ffff_ff60_0000, 0xffff_ffff_ff60_1000, .vdso),
        ]
        #expect(KindTotals(of: regions).total == 0x2000)
    }

    @Test("whatever a process claims, the total stops at the largest number")
    func saturates() {
        var totals = KindTotals()
        for kind in RegionKind.allCases { totals[kind] = .max - 1 }
        #expect(totals.total == .max)
        // Claims that no sum can hold do not trap.
        _ = KindTotals(of: [region(0, .max, .anon), region(1, .max, .anon), region(5, 2, .anon)])
    }

    @Test("a region takes over its area, and regions of one area differ by kind")
    func regions() {
        let area = VMA(
            start: 0x1000, end: 0x3000, permissions: [.read, .write], offset: 0x2000,
            device: DeviceNumber(major: 8, minor: 1), inode: 12, path: PathID(rawValue: 3))
        let region = Region(area, kind: .data)
        #expect(
            region
                == Region(
                    start: 0x1000, end: 0x3000, permissions: [.read, .write], offset: 0x2000,
                    device: DeviceNumber(major: 8, minor: 1), inode: 12, path: PathID(rawValue: 3),
                    kind: .data))
        #expect(region.size == area.size && region.size == 0x2000)
        #expect(region != Region(area, kind: .bss))
        #expect(MemoryLayout<VMA>.stride == 48)
    }
}
