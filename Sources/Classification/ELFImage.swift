/// What an ELF file asks the kernel, or the dynamic loader, to map: its PT_LOAD segments.
///
/// Made from bytes that a process chose, so nothing here believes them: sizes are bounded
/// as the kernel bounds them, and arithmetic wraps instead of trapping.
package struct ELFImage: Hashable, Sendable {
    /// One PT_LOAD program header (elf(5)).
    package struct LoadSegment: Hashable, Sendable {
        /// Where the segment begins in the file, in bytes.
        package var offset: UInt64
        /// Where it wants to be, before the load bias.
        package var vaddr: UInt64
        /// Bytes taken from the file.
        package var filesz: UInt64
        /// Bytes in memory; what exceeds ``filesz`` is bss.
        package var memsz: UInt64
        /// PF_X (1), PF_W (2), PF_R (4).
        package var flags: UInt32
        package var align: UInt64

        package init(
            offset: UInt64, vaddr: UInt64, filesz: UInt64, memsz: UInt64, flags: UInt32, align: UInt64
        ) {
            self.offset = offset
            self.vaddr = vaddr
            self.filesz = filesz
            self.memsz = memsz
            self.flags = flags
            self.align = align
        }

        package var isExecutable: Bool { flags & 1 != 0 }
        package var isWritable: Bool { flags & 2 != 0 }
    }

    package enum FileType: Sendable {
        /// ET_EXEC: runs at the addresses it names, load bias 0.
        case executable
        /// ET_DYN: a shared library or a position-independent executable.
        case dynamic
    }

    package var type: FileType
    /// In the file's order; elf(5) demands ascending `vaddr`, nothing here relies on it.
    package var segments: [LoadSegment]

    package init(type: FileType, segments: [LoadSegment]) {
        self.type = type
        self.segments = segments
    }

    /// Bytes of a file's beginning that ``bytesNeeded(prefix:)`` looks at.
    package static let headerSize = 64

    /// Which bytes of the file hold the program headers, told from its first ``headerSize``
    /// bytes; nil where it is no ELF image of this machine's byte order.
    ///
    /// They need not follow the header: post-link tools write a new table at the file's end.
    /// The range is at most 65,536 bytes, the kernel's own limit for what it executes, and
    /// its end never overflows. (PN_XNUM, the escape for 65,535 headers and more, is for core
    /// files and refused.)
    package static func bytesNeeded(prefix: UnsafeRawBufferPointer) -> Range<UInt64>? {
        ELFHeader(prefix)?.programHeaders
    }

    /// Parses the header (the file's first ``headerSize`` bytes) and the program headers (the
    /// bytes that ``bytesNeeded(prefix:)`` named). Nil for anything that is not a 64- or
    /// 32-bit executable or shared object of this machine's byte order, or is cut short.
    package init?(header: UnsafeRawBufferPointer, programHeaders table: UnsafeRawBufferPointer) {
        guard let header = ELFHeader(header), table.count >= header.programHeaders.count else { return nil }
        var segments: [LoadSegment] = []
        for index in 0..<header.count {
            let entry = UnsafeRawBufferPointer(rebasing: table[(index * header.entrySize)...])
            if let segment = header.loadSegment(entry) { segments.append(segment) }
        }
        if segments.isEmpty { return nil }
        self.init(type: header.type, segments: segments)
    }

    /// Parses a file's beginning that is long enough to hold the program headers too.
    package init?(parsing bytes: UnsafeRawBufferPointer) {
        guard let range = Self.bytesNeeded(prefix: bytes), range.upperBound <= UInt64(bytes.count) else {
            return nil
        }
        let table = bytes[Int(range.lowerBound)..<Int(range.upperBound)]
        self.init(header: bytes, programHeaders: UnsafeRawBufferPointer(rebasing: table))
    }

    package init?(parsing bytes: [UInt8]) {
        guard let image = bytes.withUnsafeBytes({ ELFImage(parsing: $0) }) else { return nil }
        self = image
    }
}
