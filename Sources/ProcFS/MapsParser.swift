import Glibc
import MemoryModel

/// Parses lines of maps:
///
///     7f0a1c021000-7f0a20000000 rw-p 00000000 00:00 0      [anon:name]
///
/// The bytes are read through a pointer without bounds checks, because checking each cost a
/// third of the parsing. The proof that nothing is read outside: `parse` looks at text that
/// ends in a newline only, and every step below looks at one byte, stays on the first that
/// is not what it wants, and never wants a newline. So none gets past the last one.
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
        guard let start = Self.hexadecimal(&p), Self.skip("-", &p), let stop = Self.hexadecimal(&p),
            Self.skip(" ", &p), start < stop
        else { throw .malformed(line: lineNumber, field: "addresses") }
        guard let permissions = Self.permissions(&p), Self.skip(" ", &p) else {
            throw .malformed(line: lineNumber, field: "permissions")
        }
        guard let offset = Self.hexadecimal(&p), Self.skip(" ", &p) else {
            throw .malformed(line: lineNumber, field: "offset")
        }
        guard let major = Self.hexadecimal(&p), Self.skip(":", &p), let minor = Self.hexadecimal(&p),
            Self.skip(" ", &p)
        else { throw .malformed(line: lineNumber, field: "device") }
        guard let inode = Self.decimal(&p) else {
            throw .malformed(line: lineNumber, field: "inode")
        }
        // Names begin behind a space after the inode, padded to column 73. None begins with a
        // space: files with "/", all others with "[" or a word of the kernel's.
        while p.pointee == UInt8(ascii: " ") { p += 1 }
        let path = p.pointee == UInt8(ascii: "\n") ? PathID.none : name(&p, end, &lastName, &look.paths)
        guard Self.skip("\n", &p) else { throw .malformed(line: lineNumber, field: "name") }

        isOrdered = isOrdered && start >= lastEnd
        lastEnd = stop
        // The kernel's own page, the same in every process and in no VmSize. Nothing else
        // lies up there, but the text is looked at too.
        if start >= 0xffff_ffff_ff60_0000, inode == 0, Self.isVsyscall(path, look.paths) {
            look.vsyscallBytes &+= stop &- start
        } else {
            sumBytes &+= stop &- start
        }
        look.areas.append(
            VMA(
                start: start, end: stop, permissions: permissions, offset: offset,
                device: DeviceNumber(
                    major: UInt32(truncatingIfNeeded: major), minor: UInt32(truncatingIfNeeded: minor)),
                inode: inode, path: path))
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
        // Found: the text ends in a newline.
        guard let newline = memchr(p, Int32(UInt8(ascii: "\n")), end - p) else { return .none }
        lastName = UnsafeBufferPointer(start: p, count: UnsafeRawPointer(newline) - UnsafeRawPointer(p))
        lastPath = paths.intern(UnsafeRawBufferPointer(lastName))
        p += lastName.count
        return lastPath
    }

    private static func isVsyscall(_ path: PathID, _ paths: PathTable) -> Bool {
        paths.bytes(of: path).elementsEqual("[vsyscall]".utf8)
    }

    @inline(__always)
    private static func skip(_ character: Unicode.Scalar, _ p: inout Bytes) -> Bool {
        guard p.pointee == UInt8(ascii: character) else { return false }
        p += 1
        return true
    }

    /// nil where there is no digit. More than 16 digits lose the first ones: the kernel
    /// prints none, and checking each would cost more than the mistake.
    @inline(__always)
    private static func hexadecimal(_ p: inout Bytes) -> UInt64? {
        var value: UInt64 = 0
        let first = p
        while true {
            let byte = p.pointee
            let digit = byte &- UInt8(ascii: "0")
            let letter = (byte | 0x20) &- UInt8(ascii: "a")
            guard digit < 10 || letter < 6 else { break }
            value = value << 4 | UInt64(digit < 10 ? digit : letter &+ 10)
            p += 1
        }
        return p > first ? value : nil
    }

    @inline(__always)
    private static func decimal(_ p: inout Bytes) -> UInt64? {
        var value: UInt64 = 0
        let first = p
        while case let digit = p.pointee &- UInt8(ascii: "0"), digit < 10 {
            value = value &* 10 &+ UInt64(digit)
            p += 1
        }
        return p > first ? value : nil
    }

    @inline(__always)
    private static func permissions(_ p: inout Bytes) -> Permissions? {
        var found: UInt8 = 0
        if skip("r", &p) { found |= Permissions.read.rawValue } else if !skip("-", &p) { return nil }
        if skip("w", &p) { found |= Permissions.write.rawValue } else if !skip("-", &p) { return nil }
        if skip("x", &p) { found |= Permissions.execute.rawValue } else if !skip("-", &p) { return nil }
        if skip("s", &p) { found |= Permissions.shared.rawValue } else if !skip("p", &p) { return nil }
        return Permissions(rawValue: found)
    }
}
