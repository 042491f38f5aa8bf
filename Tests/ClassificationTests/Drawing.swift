import Classification
import MemoryModel
import Testing

/// A process drawn by hand, for one rule at a time: lines as maps prints them, and what else is known.
///
///     let regions = Drawing("7f0000000000-7f0000021000 rw-p 00000000 00:00 0").regions()
struct Drawing {
    var process: LiveProcess
    var evidence = ProcessEvidence(
        startStack: 0x7ffd_0000_0000, threads: [ThreadEvidence(tid: 100, stackPointer: nil, isMain: true)],
        threadCount: 1)
    var images: ImageTable<ImageLayout> = [:]

    init(_ lines: String) {
        process = LiveProcess(lines: lines)
    }

    /// One more thread.
    func thread(_ tid: Int32, at pointer: UInt64?) -> Drawing {
        var copy = self
        copy.evidence.threads.append(ThreadEvidence(tid: tid, stackPointer: pointer, isMain: false))
        copy.evidence.threadCount = copy.evidence.threads.count
        return copy
    }

    func startBrk(_ address: UInt64) -> Drawing {
        var copy = self
        copy.evidence.startBrk = address
        return copy
    }

    func mount(_ device: DeviceNumber, _ type: String) -> Drawing {
        var copy = self
        copy.evidence.mountTypes[device] = type
        return copy
    }

    func shmem(_ device: DeviceNumber) -> Drawing {
        var copy = self
        copy.evidence.internalDevices.shmem = device
        return copy
    }

    func image(_ inode: UInt64, _ layout: ImageLayout) -> Drawing {
        var copy = self
        copy.images.set(ImageKey(device: DeviceNumber(major: 8, minor: 1), inode: inode), layout)
        return copy
    }

    /// An ordinary library: headers, code, constants, data with `tail` bytes of bss behind it.
    static func library(bss tail: UInt64 = 0) -> ImageLayout {
        .elf(
            ELFImage(
                type: .dynamic,
                segments: [
                    .init(offset: 0, vaddr: 0, filesz: 0x1000, memsz: 0x1000, flags: 4, align: 0x1000),
                    .init(
                        offset: 0x1000, vaddr: 0x1000, filesz: 0x2000, memsz: 0x2000, flags: 5, align: 0x1000),
                    .init(
                        offset: 0x3000, vaddr: 0x3000, filesz: 0x1000, memsz: 0x1000, flags: 4, align: 0x1000),
                    .init(
                        offset: 0x4000, vaddr: 0x5000, filesz: 0x1000, memsz: 0x1000 + tail, flags: 6,
                        align: 0x1000),
                ]))
    }

    func regions(after previous: [Region] = []) -> [Region] {
        var regions: [Region] = []
        Classifier().classify(
            areas: process.areas, paths: process.paths, evidence: evidence, images: images,
            previous: previous,
            into: &regions)
        return regions
    }

    /// The regions as `start-end kind`, with the tid where there is one.
    func kinds(after previous: [Region] = []) -> [String] {
        regions(after: previous).map { region in
            let range = String(region.start, radix: 16) + "-" + String(region.end, radix: 16)
            return "\(range) \(region.kind.name)" + (region.tid == 0 ? "" : " \(region.tid)")
        }
    }

    /// The kinds alone.
    func names() -> [String] { regions().map(\.kind.name) }
}
