import Glibc
import MemoryModel

/// Parses lines of maps:
///
///     7f0a1c021000-7f0a20000000 rw-p 00000000 00:00 0                          [anon:name]
///
/// Reading and parsing cost 1.10–1.14 × reading alone (1,000 and 65,000 areas, Linux 6.18): 31 ns
/// an area where the text comes from a file, 27 to 47 ns behind the kernel making it.
///
/// The bytes are read through a pointer without bounds checks. The proof that nothing is
/// read outside: `parse` looks at text that ends in a newline only, and every step looks at
/// one byte, stays on the first that is not what it wants, and never wants a newline; so none
/// gets past the last one. The one step that looks further ahead, ``MapsNumbers/inUsualColumns(_:)``,
/// is taken only where that many bytes are there.
struct MapsParser {
    typealias Bytes = UnsafePointer<UInt8>

    /// The line to be parsed next, from 1.
    private(set) var lineNumber = 1
    /// Sizes of all areas but `[vsyscall]`.
    private(set) var sumBytes: UInt64 = 0
    /// False once an area begins below the end of the one before.
    private(set) var isOrdered = true
    private var lastEnd: UInt64 = 0
    private var lastPath = PathID.none

    /// Parses the whole lines in `text` and returns how many bytes they are.
    mutating func parse(
        _ text: UnsafeRawBufferPointer, into look: inout MapsLook
    ) throws(MapsReader.Failure) -> Int {
        // Near the end, unless one line is longer than the buffer.
        guard let base = text.baseAddress, let newline = text.lastIndex(of: UInt8(ascii: "\n")) else {
            return 0
        }
        let count = newline + 1
        var p = base.assumingMemoryBound(to: UInt8.self)
        let end = p + count
        // The name of the line before, while that is still in the buffer.
        var lastName = UnsafeBufferPointer<UInt8>(start: p, count: 0)
        while p < end { try parseLine(&p, end, &lastName, &look) }
        return count
    }

    @inline(__always)
    private mutating func parseLine(
        _ p: inout Bytes, _ end: Bytes, _ lastName: inout UnsafeBufferPointer<UInt8>, _ look: inout MapsLook
    ) throws(MapsReader.Failure) {
        var numbers = MapsNumbers()
        if end - p < MapsNumbers.usualColumns || !numbers.inUsualColumns(&p) {
            if let field = numbers.anywhere(&p) { throw .malformed(line: lineNumber, field: field) }
        }
        guard numbers.start < numbers.end else { throw .malformed(line: lineNumber, field: "addresses") }
        guard let inode = Self.decimal(&p) else { throw .malformed(line: lineNumber, field: "inode") }
        Self.skipSpaces(&p, end)
        let path = p.pointee == UInt8(ascii: "\n") ? PathID.none : name(&p, end, &lastName, &look.paths)
        guard p.pointee == UInt8(ascii: "\n") else { throw .malformed(line: lineNumber, field: "name") }
        p += 1

        isOrdered = isOrdered && numbers.start >= lastEnd
        lastEnd = numbers.end
        // The kernel's own page, the same in every process and in no VmSize. Nothing else
        // lies up there, but the text is looked at too.
        if numbers.start >= 0xffff_ffff_ff60_0000, inode == 0, Self.isVsyscall(path, look.paths) {
            look.vsyscallBytes &+= numbers.end &- numbers.start
        } else {
            sumBytes &+= numbers.end &- numbers.start
        }
        look.areas.append(
            VMA(
                start: numbers.start, end: numbers.end, permissions: numbers.permissions,
                offset: numbers.offset, device: numbers.device, inode: inode, path: path))
        lineNumber &+= 1
    }

    /// The id of the name from `p` to the end of the line.
    ///
    /// Mostly it is the name of the line before (a library's segments): one comparison finds
    /// that out, and where the line ends, without hashing.
    @inline(__always)
    private mutating func name(
        _ p: inout Bytes, _ end: Bytes, _ lastName: inout UnsafeBufferPointer<UInt8>, _ paths: inout PathTable
    ) -> PathID {
        if let last = lastName.baseAddress, lastName.count > 0, lastName.count < end - p,
            p[lastName.count] == UInt8(ascii: "\n"), memcmp(p, last, lastName.count) == 0
        {
            p += lastName.count
            return lastPath
        }
        // Always found, because the text ends in a newline.
        guard let newline = memchr(p, Int32(UInt8(ascii: "\n")), end - p) else { return .none }
        lastName = UnsafeBufferPointer(start: p, count: UnsafeRawPointer(newline) - UnsafeRawPointer(p))
        lastPath = paths.intern(UnsafeRawBufferPointer(lastName))
        p += lastName.count
        return lastPath
    }

    private static func isVsyscall(_ path: PathID, _ paths: PathTable) -> Bool {
        paths.bytes(of: path).elementsEqual("[vsyscall]".utf8)
    }

    /// Names begin behind a space after the inode, padded to column 73. None begins with a
    /// space: files with `/`, all others with `[` or a word of the kernel's.
    @inline(__always)
    private static func skipSpaces(_ p: inout Bytes, _ end: Bytes) {
        while end - p >= 8,
            UnsafeRawPointer(p).loadUnaligned(as: UInt64.self) == 0x2020_2020_2020_2020
        {
            p += 8
        }
        while p.pointee == UInt8(ascii: " ") { p += 1 }
    }

    /// nil where there is no digit, or more than 64 bits of them.
    @inline(__always)
    private static func decimal(_ p: inout Bytes) -> UInt64? {
        var value: UInt64 = 0
        let first = p
        while case let digit = p.pointee &- UInt8(ascii: "0"), digit < 10 {
            value = value &* 10 &+ UInt64(digit)
            p += 1
        }
        // 19 digits always fit.
        if p - first > 19 { return exactly(first, p) }
        return p > first ? value : nil
    }

    /// The digits from `first` to `end`, where they may be too many.
    private static func exactly(_ first: Bytes, _ end: Bytes) -> UInt64? {
        var cursor = ByteCursor(UnsafeRawBufferPointer(start: first, count: end - first))
        return cursor.decimal()
    }
}
