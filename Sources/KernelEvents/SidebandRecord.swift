import Glibc
import MemoryModel

/// One record as the kernel wrote it, with its trailer (`sample_id_all`) read.
///
/// Layouts: perf_event_open(2), and linux/perf_event.h with sample_type TID | TIME | CPU | IDENTIFIER.
struct SidebandRecord {
    enum Kind: Equatable {
        case lost(count: UInt64)
        case comm(isExec: Bool)
        case exit
        case fork(child: Int32, parent: Int32, childThread: Int32, parentThread: Int32)
        case mapping
        case other
    }

    var kind: Kind
    /// The whole record.
    var bytes: UnsafeRawBufferPointer
    /// From the record where it says so, else from the trailer. Not positive outside our pid namespace.
    var pid: Int32
    var tid: Int32
    /// CLOCK_MONOTONIC.
    var nanoseconds: Int64
    var cpu: UInt32
    /// Of the event (or the one it was inherited from) that wrote it.
    var id: UInt64

    static let headerBytes = 8
    /// `{ u32 pid, tid; u64 time; u32 cpu, reserved; u64 id; }`
    static let trailerBytes = 32

    /// The length of the record that begins at `offset`; nil where that cannot be one.
    static func length(at offset: Int, in bytes: UnsafeRawBufferPointer) -> Int? {
        guard offset >= 0, bytes.count - offset >= headerBytes + trailerBytes else { return nil }
        let length = Int(bytes.loadUnaligned(fromByteOffset: offset + 6, as: UInt16.self))
        // The kernel rounds all up to eight bytes.
        guard length >= headerBytes + trailerBytes, length % 8 == 0, length <= bytes.count - offset else {
            return nil
        }
        return length
    }

    /// Its time alone, for sorting.
    static func time(of record: UnsafeRawBufferPointer) -> Int64 {
        Int64(truncatingIfNeeded: record.loadUnaligned(fromByteOffset: record.count - 24, as: UInt64.self))
    }

    /// - Parameter bytes: one record whose length ``length(at:in:)`` has found right.
    /// - Returns: nil where it is shorter than its type requires.
    init?(_ bytes: UnsafeRawBufferPointer) {
        let end = bytes.count - Self.trailerBytes
        guard end >= Self.headerBytes else { return nil }
        func int(_ offset: Int) -> Int32 { bytes.loadUnaligned(fromByteOffset: offset, as: Int32.self) }
        let type = bytes.loadUnaligned(fromByteOffset: 0, as: UInt32.self)
        let misc = bytes.loadUnaligned(fromByteOffset: 4, as: UInt16.self)
        self.bytes = bytes
        pid = int(end)
        tid = int(end + 4)
        nanoseconds = Self.time(of: bytes)
        cpu = bytes.loadUnaligned(fromByteOffset: bytes.count - 16, as: UInt32.self)
        id = bytes.loadUnaligned(fromByteOffset: bytes.count - 8, as: UInt64.self)
        switch type {
        case 2:  // PERF_RECORD_LOST { u64 id, lost; }
            guard end >= 24 else { return nil }
            kind = .lost(count: bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self))
        case 13:  // PERF_RECORD_LOST_SAMPLES { u64 lost; }
            guard end >= 16 else { return nil }
            kind = .lost(count: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        case 3:  // PERF_RECORD_COMM { u32 pid, tid; char comm[]; }
            guard end >= 16 else { return nil }
            kind = .comm(isExec: misc & 0x2000 != 0)
            pid = int(8)
            tid = int(12)
        case 4:  // PERF_RECORD_EXIT { u32 pid, ppid, tid, ptid; u64 time; }
            guard end >= 32 else { return nil }
            kind = .exit
            pid = int(8)
            tid = int(16)
        case 7:  // PERF_RECORD_FORK, likewise
            guard end >= 32 else { return nil }
            kind = .fork(child: int(8), parent: int(12), childThread: int(16), parentThread: int(20))
            pid = int(12)
            tid = int(20)
        case 10:  // PERF_RECORD_MMAP2
            guard end >= Self.nameOffset else { return nil }
            kind = .mapping
            pid = int(8)
            tid = int(12)
        default:
            kind = .other
        }
    }

    /// The name of a COMM record, without the zeros it is padded with.
    var comm: [UInt8] { Array(text(from: 16)) }

    private static let nameOffset = 72

    /// What a MMAP2 record says:
    /// `{ u32 pid, tid; u64 addr, len, pgoff; u32 maj, min; u64 ino, generation; u32 prot, flags; char name[]; }`
    ///
    /// - Parameter intern: makes bytes of a name (the same ones for the same name, if it likes).
    func mapping(intern: (UnsafeRawBufferPointer) -> [UInt8]) -> MappingRecord {
        func word(_ offset: Int) -> UInt64 { bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self) }
        func half(_ offset: Int) -> UInt32 { bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self) }
        let start = word(16)
        let (end, overflow) = start.addingReportingOverflow(word(24))
        var permissions = Permissions(rawValue: UInt8(truncatingIfNeeded: half(64) & 7))
        // MAP_SHARED: VM_MAYSHARE, the same that makes maps print an `s`.
        if half(68) & 1 != 0 { permissions.formUnion(.shared) }
        let device = DeviceNumber(major: half(40), minor: half(44))
        let inode = word(48)
        let name = Self.name(text(from: Self.nameOffset), hasFile: inode != 0 || device != .none, intern)
        // Anonymous memory has its address there, as the kernel counts pages of what has no file.
        let hasOffset = if case .file = name { true } else { false }
        return MappingRecord(
            start: start, end: overflow ? .max : end, permissions: permissions,
            offset: hasOffset ? word(32) : 0, device: device, inode: inode, name: name)
    }

    /// A file can be called anything (a memfd `[heap]`); only what has no inode is what its name says.
    private static func name(
        _ text: UnsafeRawBufferPointer, hasFile: Bool, _ intern: (UnsafeRawBufferPointer) -> [UInt8]
    ) -> MappingRecord.Name {
        if hasFile { return .file(intern(text)) }
        if equals(text, "//anon") { return .anonymous }
        if equals(text, "[heap]") { return .heap }
        if equals(text, "[stack]") { return .stack }
        return text.first == UInt8(ascii: "[") ? .kernel(intern(text)) : .file(intern(text))
    }

    private static func equals(_ text: UnsafeRawBufferPointer, _ word: StaticString) -> Bool {
        guard let base = text.baseAddress, text.count == word.utf8CodeUnitCount else { return false }
        return memcmp(base, word.utf8Start, text.count) == 0
    }

    private func text(from offset: Int) -> UnsafeRawBufferPointer {
        let rest = UnsafeRawBufferPointer(rebasing: bytes[offset..<(bytes.count - Self.trailerBytes)])
        guard let base = rest.baseAddress else { return rest }
        return UnsafeRawBufferPointer(
            start: base, count: strnlen(base.assumingMemoryBound(to: CChar.self), rest.count))
    }
}
