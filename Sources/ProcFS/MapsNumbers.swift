import MemoryModel

/// The numbers at the beginning of a line of maps, up to the inode:
///
///     7f0a1c021000-7f0a20000000 rw-p 00000000 00:00 0
///     0            13           26   31       40    46
struct MapsNumbers: Equatable {
    var start: UInt64 = 0
    var end: UInt64 = 0
    var offset: UInt64 = 0
    var device = DeviceNumber.none
    var permissions = Permissions(rawValue: 0)

    /// How far ``inUsualColumns(_:)`` looks.
    static var usualColumns: Int { 46 }

    /// Takes a line whose columns are as above, which is all but those of static programs
    /// (shorter addresses) and of offsets above 4 GiB. False, and `p` not moved, for those.
    ///
    /// `p` must have ``usualColumns`` readable bytes.
    @inline(__always)
    mutating func inUsualColumns(_ p: inout UnsafePointer<UInt8>) -> Bool {
        let line = UnsafeRawPointer(p)
        let first = HexDigits.twelve(line)
        let second = HexDigits.twelve(line + 13)
        let third = HexDigits.eight(line + 31)
        let fourth = HexDigits.twoAndTwo(line + 40)
        let letters = UInt32(littleEndian: line.loadUnaligned(fromByteOffset: 26, as: UInt32.self))
        // In "rwxs" bit 6 of a letter tells it from "-", and bit 0 tells "s" from "p".
        let read = letters >> 6 & 1
        let write = letters >> 14 & 1
        let execute = letters >> 22 & 1
        let shared = letters >> 24 & 1
        let printed =
            0x702d_2d2d &+ read &* 0x45 &+ write &* 0x4a00 &+ execute &* 0x4b_0000 &+ shared &* 0x300_0000

        let separators =
            (p[12] ^ UInt8(ascii: "-")) | (p[25] ^ UInt8(ascii: " ")) | (p[30] ^ UInt8(ascii: " "))
            | (p[39] ^ UInt8(ascii: " ")) | (p[42] ^ UInt8(ascii: ":")) | (p[45] ^ UInt8(ascii: " "))
        guard
            first.invalid | second.invalid | third.invalid | fourth.invalid | UInt64(printed ^ letters)
                | UInt64(separators) == 0
        else { return false }
        start = first.value
        end = second.value
        offset = third.value
        device = DeviceNumber(
            major: UInt32(truncatingIfNeeded: fourth.value >> 8),
            minor: UInt32(truncatingIfNeeded: fourth.value & 0xff))
        permissions = Permissions(
            rawValue: UInt8(truncatingIfNeeded: read | write << 1 | execute << 2 | shared << 3))
        p += Self.usualColumns
        return true
    }

    /// Takes a line of any columns, byte by byte. The name of the field that is not as it
    /// should be, or nil.
    mutating func anywhere(_ p: inout UnsafePointer<UInt8>) -> String? {
        guard let start = Self.hexadecimal(&p), Self.skip("-", &p), let end = Self.hexadecimal(&p),
            Self.skip(" ", &p)
        else { return "addresses" }
        guard let permissions = Self.permissions(&p), Self.skip(" ", &p) else { return "permissions" }
        guard let offset = Self.hexadecimal(&p), Self.skip(" ", &p) else { return "offset" }
        guard let major = Self.hexadecimal(&p), Self.skip(":", &p), let minor = Self.hexadecimal(&p),
            Self.skip(" ", &p)
        else { return "device" }
        self.start = start
        self.end = end
        self.permissions = permissions
        self.offset = offset
        device = DeviceNumber(
            major: UInt32(truncatingIfNeeded: major), minor: UInt32(truncatingIfNeeded: minor))
        return nil
    }

    private static func skip(_ character: Unicode.Scalar, _ p: inout UnsafePointer<UInt8>) -> Bool {
        guard p.pointee == UInt8(ascii: character) else { return false }
        p += 1
        return true
    }

    /// nil where there is no digit, or more than 64 bits of them.
    private static func hexadecimal(_ p: inout UnsafePointer<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        let first = p
        while true {
            let digit = p.pointee &- UInt8(ascii: "0")
            let letter = (p.pointee | 0x20) &- UInt8(ascii: "a")
            guard digit < 10 || letter < 6 else { return p > first ? value : nil }
            guard value >> 60 == 0 else { return nil }
            value = value << 4 | UInt64(digit < 10 ? digit : letter &+ 10)
            p += 1
        }
    }

    private static func permissions(_ p: inout UnsafePointer<UInt8>) -> Permissions? {
        var found: Permissions = []
        if skip("r", &p) { found.insert(.read) } else if !skip("-", &p) { return nil }
        if skip("w", &p) { found.insert(.write) } else if !skip("-", &p) { return nil }
        if skip("x", &p) { found.insert(.execute) } else if !skip("-", &p) { return nil }
        if skip("s", &p) { found.insert(.shared) } else if !skip("p", &p) { return nil }
        return found
    }
}
