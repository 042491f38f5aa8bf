import MemoryModel
import TestSupport

/// Does what programs do, at random.
struct RandomProgram {
    var random: Seeded
    /// Where the next program is loaded.
    var execBase: UInt64 = 0
    /// Mapped last, and likely to be unmapped next.
    private var recent: [Range<UInt64>] = []

    init(seed: UInt64) { random = Seeded(seed) }

    private static let permissions: [Permissions] = [
        [.read, .write], [.read, .write], [.read, .write], [.read], [], [.read, .execute],
        [.read, .write, .execute],
    ]

    mutating func step(_ kernel: inout SimulatedKernel) {
        kernel.tid = .random(in: 100...103, using: &random)
        switch Int.random(in: 0..<1000, using: &random) {
        case 0..<260: map(&kernel)
        case 260..<450: unmapRecent(&kernel)
        case 450..<560: unmapPart(&kernel)
        case 560..<660: protect(&kernel)
        case 660..<740: remap(&kernel)
        case 740..<860: moveBreak(&kernel)
        case 860..<880: kernel.growStack(pages: .random(in: 1...4, using: &random))
        case 880..<940: mapFixed(&kernel)
        case 940..<990: mapFile(&kernel)
        case 990..<998: mapAndUnmap(&kernel)
        default:
            execBase += 1
            recent = []
            kernel.exec(base: 0x5555_0000_0000 + execBase * 0x10_0000)
        }
        if kernel.areas.count > 60 { unmapPart(&kernel) }
    }

    private mutating func map(_ kernel: inout SimulatedKernel) {
        kernel.mmap(
            pages: .random(in: 1...8, using: &random), Self.permissions.randomElement(using: &random) ?? [])
        remember(kernel)
    }

    private mutating func remember(_ kernel: SimulatedKernel) {
        if let range = kernel.calls.last?.ranges.first { recent.append(range) }
        if recent.count > 4 { recent.removeFirst() }
    }

    private mutating func unmapRecent(_ kernel: inout SimulatedKernel) {
        guard let range = recent.popLast() else { return unmapPart(&kernel) }
        kernel.munmap(range)
    }

    private mutating func mapAndUnmap(_ kernel: inout SimulatedKernel) {
        for _ in 0..<20 {
            kernel.mmap(pages: 3, [.read, .write])
            if let range = kernel.calls.last?.ranges.first { kernel.munmap(range) }
        }
    }

    /// A part of an area of the program's own, at page borders.
    private mutating func part(_ kernel: SimulatedKernel) -> Range<UInt64>? {
        let all = kernel.areas.filter { $0.backing != .stack && $0.backing != .kernel }
        guard let area = all.randomElement(using: &random) else { return nil }
        let pages = (area.end - area.start) / SimulatedKernel.page
        let first = Bool.random(using: &random) ? 0 : UInt64.random(in: 0..<pages, using: &random)
        let last = Bool.random(using: &random) ? pages : UInt64.random(in: first + 1...pages, using: &random)
        return area.start + first * SimulatedKernel.page..<area.start + last * SimulatedKernel.page
    }

    private mutating func unmapPart(_ kernel: inout SimulatedKernel) {
        if let part = part(kernel) { kernel.munmap(part) }
    }

    private mutating func protect(_ kernel: inout SimulatedKernel) {
        guard let part = part(kernel) else { return }
        // Sometimes over several areas.
        let end = Int.random(in: 0..<4, using: &random) == 0 ? part.upperBound + 0x4000 : part.upperBound
        kernel.mprotect(part.lowerBound..<end, Self.permissions.randomElement(using: &random) ?? [])
    }

    private mutating func remap(_ kernel: inout SimulatedKernel) {
        let all = kernel.areas.filter { $0.start > kernel.programBreak }
        guard let area = all.randomElement(using: &random) else { return }
        kernel.mremap(area, pages: .random(in: 1...12, using: &random))
    }

    private mutating func moveBreak(_ kernel: inout SimulatedKernel) {
        let pages = UInt64.random(in: 1...6, using: &random)
        let size = pages * SimulatedKernel.page
        if Bool.random(using: &random) {
            kernel.brk(to: kernel.programBreak + size)
        } else {
            kernel.brk(to: max(kernel.startBrk, kernel.programBreak - min(size, kernel.programBreak)))
        }
    }

    private mutating func mapFixed(_ kernel: inout SimulatedKernel) {
        guard let part = part(kernel), part.lowerBound > kernel.programBreak else { return }
        let pages = UInt64(part.count) / SimulatedKernel.page
        let isFile = Bool.random(using: &random)
        kernel.mmap(
            pages: pages, Self.permissions.randomElement(using: &random) ?? [],
            isFile ? .file(file()) : .anonymous, at: part.lowerBound)
    }

    private mutating func mapFile(_ kernel: inout SimulatedKernel) {
        let file = file()
        kernel.mmap(
            pages: .random(in: 1...8, using: &random), file.isImage ? [.read] : [.read, .write],
            .file(file), offset: .random(in: 0...3, using: &random) * SimulatedKernel.page)
        remember(kernel)
    }

    private mutating func file() -> SimulatedKernel.File {
        let inode = UInt64.random(in: 1...6, using: &random)
        return SimulatedKernel.File(
            inode: inode, isImage: inode % 3 == 0, isOverlaid: inode > 3, isShared: inode == 5)
    }
}
