import Classification
import MemoryModel

/// ELF headers: nothing outside the file or the kernel's own limits, every segment as it stands there.
enum ELFTarget {
    static func check(_ file: UnsafeRawBufferPointer) throws(Violation) -> Bool {
        let header = UnsafeRawBufferPointer(rebasing: file.prefix(ELFImage.headerSize))
        let range = ELFImage.bytesNeeded(prefix: header)
        let image = ELFImage(parsing: file)
        guard let range else {
            try mustHold(image == nil, "an image of what is none")
            return false
        }
        try mustHold(file.starts(with: [0x7f, 0x45, 0x4c, 0x46]), "an image without its mark")
        try mustHold(
            !range.isEmpty && range.count <= 65_536 && range.upperBound <= UInt64(Int64.max),
            "it wants the bytes \(range)")
        guard range.upperBound <= UInt64(file.count) else {
            try mustHold(image == nil, "an image of headers that are not there")
            // The daemon reads them from where they are: here, from anything.
            _ = ELFImage(
                header: header, programHeaders: UnsafeRawBufferPointer(rebasing: file.prefix(range.count)))
            return false
        }
        let table = Int(range.lowerBound)..<Int(range.upperBound)
        let expected = segments(file, table)
        try mustHold((image != nil) == !expected.isEmpty, "\(expected.count) segments, and \(image as Any)")
        guard let image else { return false }
        try mustHold(image.segments == expected, "\(image.segments), not \(expected)")
        let parts = try file.withCopy(of: table) { (table) throws(Violation) in
            ELFImage(header: header, programHeaders: table)
        }
        try mustHold(parts == image, "another image when header and table are read apart")
        let short = UnsafeRawBufferPointer(rebasing: file[table.dropLast()])
        try mustHold(ELFImage(header: header, programHeaders: short) == nil, "an image of a cut table")
        try checkMapped(image, choice: file.fingerprint)
        return true
    }

    /// PT_LOAD entries, byte by byte.
    private static func segments(
        _ file: UnsafeRawBufferPointer, _ table: Range<Int>
    ) -> [ELFImage.LoadSegment] {
        func number(_ offset: Int, _ bytes: Int) -> UInt64 {
            (0..<bytes).reversed().reduce(0) { $0 << 8 | UInt64(file[offset + $1]) }
        }
        let is64Bit = file[4] == 2
        let size = is64Bit ? 56 : 32
        return stride(from: table.lowerBound, to: table.upperBound, by: size).compactMap { entry in
            guard number(entry, 4) == 1 else { return nil }
            return is64Bit
                ? .init(
                    offset: number(entry + 8, 8), vaddr: number(entry + 16, 8), filesz: number(entry + 32, 8),
                    memsz: number(entry + 40, 8), flags: UInt32(number(entry + 4, 4)),
                    align: number(entry + 48, 8))
                : .init(
                    offset: number(entry + 4, 4), vaddr: number(entry + 8, 4), filesz: number(entry + 16, 4),
                    memsz: number(entry + 20, 4), flags: UInt32(number(entry + 24, 4)),
                    align: number(entry + 28, 4))
        }
    }

    /// Areas such as a loader would make of the segments, classified with them: whatever the file claims, no byte
    /// of address space is lost or counted twice.
    private static func checkMapped(_ image: ELFImage, choice: UInt64) throws(Violation) {
        let bias: UInt64 = image.type == .executable ? 0 : 0x7f00_0000_0000
        let file = ImageKey(device: DeviceNumber(major: 8, minor: 1), inode: 42)
        var paths = PathTable()
        let name = paths.intern(Array("/usr/lib/libx.so".utf8))
        var areas: [VMA] = []
        var end: UInt64 = 0
        for segment in image.segments.prefix(8) {
            let start = (segment.vaddr &+ bias) & ~0xfff
            let fileEnd = (start &+ min(segment.filesz, 1 << 40) &+ 0xfff) & ~0xfff
            let memoryEnd = (start &+ min(segment.memsz, 1 << 40) &+ 0xfff) & ~0xfff
            guard start >= end, start < fileEnd else { continue }
            var permissions: Permissions = [.read]
            if segment.isWritable { permissions.insert(.write) }
            if segment.isExecutable { permissions.insert(.execute) }
            areas.append(
                VMA(
                    start: start, end: fileEnd, permissions: permissions, offset: segment.offset & ~0xfff,
                    device: file.device, inode: file.inode, path: name))
            end = fileEnd
            if memoryEnd > fileEnd, choice & 1 == 0 {
                areas.append(VMA(start: fileEnd, end: memoryEnd, permissions: permissions))
                end = memoryEnd
            }
        }
        try AreasTarget.check(
            areas, paths, ProcessEvidence(), images: [file: .elf(image)],
            mustCover: areas.reduce(0) { $0 + $1.size })
    }
}
