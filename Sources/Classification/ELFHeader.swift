/// The fields of an ELF header that lead to the program headers (elf(5)).
struct ELFHeader {
    var is64Bit: Bool
    var type: ELFImage.FileType
    /// Where the program headers are in the file.
    var programHeaders: Range<UInt64>
    var entrySize: Int
    var count: Int

    /// `load_elf_phdrs` in the kernel reads no more than this.
    private static let limitBytes = 65_536

    init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= 52, bytes[0] == 0x7f, bytes[1] == UInt8(ascii: "E"),
            bytes[2] == UInt8(ascii: "L"), bytes[3] == UInt8(ascii: "F")
        else { return nil }
        switch bytes[4] {
        case 1: is64Bit = false
        case 2 where bytes.count >= 64: is64Bit = true
        default: return nil
        }
        // A kernel runs only programs of its own byte order.
        guard bytes[5] == Self.nativeByteOrder, bytes[6] == 1 else { return nil }
        switch bytes.loadUnaligned(fromByteOffset: 16, as: UInt16.self) {
        case 2: type = .executable
        case 3: type = .dynamic
        default: return nil
        }
        let offset =
            is64Bit
            ? bytes.loadUnaligned(fromByteOffset: 32, as: UInt64.self)
            : UInt64(bytes.loadUnaligned(fromByteOffset: 28, as: UInt32.self))
        let sizes = is64Bit ? 54 : 42
        entrySize = Int(bytes.loadUnaligned(fromByteOffset: sizes, as: UInt16.self))
        count = Int(bytes.loadUnaligned(fromByteOffset: sizes + 2, as: UInt16.self))
        guard entrySize == (is64Bit ? 56 : 32), count > 0, count * entrySize <= Self.limitBytes else {
            return nil
        }
        let (end, overflow) = offset.addingReportingOverflow(UInt64(count * entrySize))
        // File offsets are signed: what lies beyond cannot be read.
        guard !overflow, end <= UInt64(Int64.max) else { return nil }
        programHeaders = offset..<end
    }

    /// The segment that one program header describes, or nil if it is not PT_LOAD.
    /// `entry` has at least ``entrySize`` bytes.
    func loadSegment(_ entry: UnsafeRawBufferPointer) -> ELFImage.LoadSegment? {
        func word(_ offset: Int) -> UInt32 { entry.loadUnaligned(fromByteOffset: offset, as: UInt32.self) }
        func long(_ offset: Int) -> UInt64 { entry.loadUnaligned(fromByteOffset: offset, as: UInt64.self) }
        guard word(0) == 1 else { return nil }
        if is64Bit {
            return ELFImage.LoadSegment(
                offset: long(8), vaddr: long(16), filesz: long(32), memsz: long(40), flags: word(4),
                align: long(48))
        }
        return ELFImage.LoadSegment(
            offset: UInt64(word(4)), vaddr: UInt64(word(8)), filesz: UInt64(word(16)),
            memsz: UInt64(word(20)), flags: word(24), align: UInt64(word(28)))
    }

    private static var nativeByteOrder: UInt8 {
        UInt16(littleEndian: 1) == 1 ? 1 : 2
    }
}
