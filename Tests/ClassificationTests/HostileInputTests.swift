import Classification
import MemoryModel
import TestSupport
import Testing

@Suite("Whatever a process shows")
struct HostileInputTests {
    private static let names = [
        "", "", "", "", "[heap]", "[stack]", "[vdso]", "[vsyscall]", "[anon:x]",
        "[anon: glibc: malloc arena]",
        "[anon: glibc: pthread stack: 99999999999999]", "/dev/zero", "/dev/zero (deleted)",
        "/memfd:x (deleted)",
        "/lib/a.so", "/lib/b.so", "anon_inode:[x]", "/dev/shm/x", "/dev/mem", "[", "]", "/", "x", "[anon:",
        "[anon: glibc: pthread stack: ",
    ]

    /// Areas that follow each other with and without gaps, of all sorts.
    private func soup(_ random: inout SplitMix, paths: inout PathTable, overlapping: Bool) -> [VMA] {
        let ids = Self.names.map { paths.intern(Array($0.utf8)) } + [PathID(rawValue: 12345)]
        var areas: [VMA] = []
        let sizes: [UInt64] = [1, 1, 4, 33, 2048, 16383, 16384, 1 << 20]
        var address = random.next() % 3 == 0 ? 0x7f00_0000_0000 : (random.next() % (1 << 47)) & ~0xfff
        for _ in 0..<(random.next() % 40) {
            if random.next() % 3 == 0 { address &+= (random.next() % 20000) << 12 }
            if random.next() % 9 == 0 { address = (address | 0x3ff_ffff) &+ 1 }
            let (end, overflow) = address.addingReportingOverflow(sizes[Int(random.next() % 8)] << 12)
            if overflow { break }
            let isFile = random.next() % 3 == 0
            areas.append(
                VMA(
                    start: address, end: end, permissions: Permissions(rawValue: UInt8(random.next() % 16)),
                    offset: isFile ? (random.next() % 16) << 12 : 0,
                    device: isFile ? DeviceNumber(rawValue: UInt32(random.next() % 4)) : .none,
                    inode: isFile ? random.next() % 3 : 0, path: ids[Int(random.next() % UInt64(ids.count))]))
            address = overlapping && random.next() % 4 == 0 ? areas[0].start : end
            if random.next() % 50 == 0 { address = 0xffff_ffff_ffff_0000 }
        }
        return overlapping ? areas : ordered(areas)
    }

    private func ordered(_ areas: [VMA]) -> [VMA] {
        var last: UInt64 = 0
        return areas.filter { area in
            guard area.start >= last else { return false }
            last = area.end
            return true
        }
    }

    private func image(_ random: inout SplitMix) -> ImageLayout {
        let wild = random.next() % 2 == 0
        func number() -> UInt64 { wild ? random.next() >> (random.next() % 64) : (random.next() % 32) << 12 }
        let segments = (0..<(random.next() % 6)).map { _ in
            ELFImage.LoadSegment(
                offset: number(), vaddr: number(), filesz: number(), memsz: number(),
                flags: UInt32(random.next() % 8), align: number())
        }
        return [
            .notELF, .unreadable, .elf(ELFImage(type: .dynamic, segments: segments)),
            .elf(ELFImage(type: .executable, segments: segments)),
        ][Int(random.next() % 4)]
    }

    private func evidence(_ random: inout SplitMix, _ areas: [VMA]) -> ProcessEvidence {
        func address() -> UInt64 {
            let area = areas.randomElement(using: &random)
            return random.next() % 3 == 0 ? random.next() : (area?.start ?? 0) &+ random.next() % (1 << 24)
        }
        var evidence = ProcessEvidence()
        if random.next() % 2 == 0 { evidence.startBrk = address() }
        if random.next() % 2 == 0 { evidence.startStack = address() }
        if random.next() % 4 != 0 { evidence.threadCount = Int(truncatingIfNeeded: random.next() % 9) &- 1 }
        for _ in 0..<(random.next() % 6) {
            evidence.threads.append(
                ThreadEvidence(
                    tid: Int32(truncatingIfNeeded: random.next()),
                    stackPointer: random.next() % 3 == 0 ? nil : address(),
                    isMain: random.next() % 4 == 0))
        }
        if random.next() % 10 == 0 { evidence.threadCount = random.next() % 2 == 0 ? .max : .min }
        if random.next() % 2 == 0 { evidence.internalDevices.shmem = DeviceNumber(rawValue: 1) }
        if random.next() % 2 == 0 { evidence.mountTypes[DeviceNumber(rawValue: 2)] = "hugetlbfs" }
        evidence.pageSize = [4096, 4096, 4096, 65536, 0, 3, .max][Int(random.next() % 7)]
        return evidence
    }

    @Test("regions cover the areas exactly, and their kinds add up", arguments: 0..<8)
    func covered(part: Int) {
        var random = SplitMix(seed: UInt64(part) + 1)
        for _ in 0..<1500 {
            var paths = PathTable()
            let areas = soup(&random, paths: &paths, overlapping: false)
            var images: ImageTable<ImageLayout> = [:]
            for area in areas where random.next() % 2 == 0 { images.set(ImageKey(area), image(&random)) }
            let evidence = evidence(&random, areas)
            var previous: [Region] = []
            for _ in 0..<2 {
                var regions: [Region] = []
                Classifier().classify(
                    areas: areas, paths: paths, evidence: evidence, images: images, previous: previous,
                    into: &regions)
                expectCover(regions, areas)
                previous = regions
            }
            _ = Classifier.imagesToRead(areas: areas, paths: paths, evidence: evidence)
        }
    }

    @Test("areas that overlap, as a torn look shows them, give regions that do not", arguments: 0..<4)
    func overlapping(part: Int) {
        var random = SplitMix(seed: UInt64(part) + 100)
        for _ in 0..<1000 {
            var paths = PathTable()
            let areas = soup(&random, paths: &paths, overlapping: true)
            let evidence = evidence(&random, areas)
            var regions: [Region] = []
            Classifier().classify(areas: areas, paths: paths, evidence: evidence, images: [:], into: &regions)
            let isDisjoint = zip(regions, regions.dropFirst()).allSatisfy { $0.end <= $1.start }
            let isComplete = areas.allSatisfy { area in
                regions.contains { $0.start <= area.start && area.start < $0.end }
                    && regions.contains { $0.start < area.end && area.end <= $0.end }
            }
            if !isDisjoint || !isComplete { Issue.record("\(areas) gave \(regions)") }
        }
    }

    @Test("a file crafted to have a thousand tails does not grow us")
    func manyTails() {
        let segments = (0..<1170).map { index in
            ELFImage.LoadSegment(
                offset: 0, vaddr: UInt64(index) << 20, filesz: 0x1000, memsz: 0x80000, flags: 5, align: 0x1000
            )
        }
        var areas: [VMA] = []
        for index in 0..<1000 {
            areas.append(
                VMA(
                    start: UInt64(index) << 32, end: UInt64(index) << 32 + 0x1000,
                    permissions: [.read, .execute],
                    device: DeviceNumber(rawValue: 1), inode: 5))
        }
        var regions: [Region] = []
        Classifier().classify(
            areas: areas, paths: PathTable(), evidence: ProcessEvidence(),
            images: [ImageKey(areas[0]): .elf(ELFImage(type: .dynamic, segments: segments))], into: &regions)
        #expect(regions.count == areas.count)
    }
}
