import MemoryModel
import TestSupport
import Testing

@testable import ProcFS

/// By `PAGEMAP_SCAN` where the kernel has it, and by pagemap's entries, which give the same.
@Suite("Resident memory")
struct ResidentTests {
    @Test("it is the pages that were touched, and no others", arguments: [true, false])
    func touched(scanning: Bool) throws {
        let bytes: UInt64 = 96 << 20
        let subject = try Subject("resident", String(bytes))
        let process = try subject.open()
        let start = try #require(UInt64(subject.firstLine, radix: 16))
        func resident(_ start: UInt64, _ end: UInt64) -> UInt64? {
            process.residentBytes(of: [start..<end], scanning: scanning)[0]
        }
        #expect(resident(start, start + bytes) == bytes / 2)
        #expect(resident(start, start + 8192) == 4096)
        #expect(resident(start + 4096, start + 8192) == 0)
        #expect(process.residentBytes(start: start, end: start) == nil)
        #expect(resident(0xffff_ffff_ff60_0000, 0xffff_ffff_ff60_1000) == nil)
        #expect(resident(.max - 4096, .max) == nil)
    }

    @Test("neighbours are told apart, whatever slices they fall into", arguments: [true, false])
    func neighbours(scanning: Bool) throws {
        let bytes: UInt64 = 96 << 20
        let subject = try Subject("resident", String(bytes))
        let process = try subject.open()
        let start = try #require(UInt64(subject.firstLine, radix: 16))
        // Every other page is there: of 1, 2, 3 … pages the first, the first, two …
        var ranges: [Range<UInt64>] = []
        var expected: [UInt64?] = []
        var page: UInt64 = 0
        for length in 1...200 as ClosedRange<UInt64> {
            let end = page + length
            ranges.append((start + page * 4096)..<(start + end * 4096))
            expected.append((page..<end).reduce(0) { $0 + ($1 % 2 == 0 ? 4096 : 0) })
            page = end
            // Not all of them touch.
            if length % 7 == 0 { page += 5 }
        }
        ranges.append(0xffff_ffff_ff60_0000..<0xffff_ffff_ff60_1000)
        expected.append(nil)
        #expect(process.residentBytes(of: ranges, scanning: scanning) == expected)
        #expect(process.residentBytes(of: [], scanning: scanning) == [])
    }

    @Test("both ways agree about all of a process")
    func agree() throws {
        let subject = try Subject("resident", String(1 << 20))
        let process = try subject.open()
        var look = MapsLook()
        try process.look(into: &look)
        let ranges = look.areas.map { $0.start..<$0.end }
        let scanned = process.residentBytes(of: ranges, scanning: true)
        #expect(scanned == process.residentBytes(of: ranges, scanning: false))
        #expect(scanned.contains { ($0 ?? 0) > 0 })
        subject.kill()
        #expect(process.residentBytes(of: ranges).allSatisfy { $0 == nil })
    }

    @Test(
        "what is not through is nil, and the process is left alone 49 times as long",
        arguments: [true, false])
    func halfway(scanning: Bool) throws {
        let bytes: UInt64 = 192 << 20
        let subject = try Subject("resident", String(bytes))
        let process = try subject.open()
        let start = try #require(UInt64(subject.firstLine, radix: 16))
        let middle = start + bytes / 2
        let ranges = [start..<middle, middle..<(start + bytes)]
        let count = try #require(process.residentCount(of: ranges, scanning: scanning))
        #expect(count.bytes == [nil, nil])
        // A tenth of a millisecond at least.
        let rest = try #require(count.advance())
        #expect(rest >= .microseconds(4_900))
        #expect(count.bytes.contains(nil))
        while count.advance() != nil {}
        #expect(count.bytes == [bytes / 4, bytes / 4])
        #expect(count.advance() == nil)
    }

    @Test("sixteen terabytes that are only reserved take a thousand calls, and what follows is found")
    func reserved() throws {
        let bytes: UInt64 = 1 << 20
        let subject = try Subject("resident", String(bytes))
        let process = try subject.open()
        let start = try #require(UInt64(subject.firstLine, radix: 16))
        var scan = PagemapScan([(start - 16 << 40)..<start, start..<(start + bytes)])
        let pagemap = try process.openFile("pagemap")
        var (calls, progress) = (0, PagemapScan.Progress.more)
        while progress == .more {
            progress = scan.slice(of: pagemap.rawValue, pages: 4096)
            calls += 1
        }
        // Before Linux 6.7 there is nothing to ask.
        if progress == .unsupported { return }
        #expect(scan.sums[1] == bytes / 2)
        #expect(calls < 1_100)
    }

    @Test("what the switch names is withheld, and nothing else")
    func features() {
        #expect(KernelFeature.named(in: "") == [])
        #expect(KernelFeature.named(in: "pagemap-scan") == [.pagemapScan])
        #expect(KernelFeature.named(in: "procmap-query,pagemap-scan,flying") == Set(KernelFeature.allCases))
    }
}
