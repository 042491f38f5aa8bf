/// Eight hexadecimal digits at once, in one 64-bit word (the first digit in the lowest byte,
/// as a little-endian load gives them). Digit by digit, the numbers of a line of maps took
/// longer than all else in it.
enum HexDigits {
    /// The value of eight digits `0`…`9`, `a`…`f`, and a mask that is not 0 if one is none.
    @inline(__always)
    static func value(_ text: UInt64) -> (value: UInt64, invalid: UInt64) {
        // Bit 6 is set in letters and clear in digits.
        let letters = (text >> 6) & 0x0101_0101_0101_0101
        let nibbles = (text & 0x0f0f_0f0f_0f0f_0f0f) &+ letters &* 9
        // Printing the nibbles again must give the text, no digit may pass 9, no letter be below 10 ("`") or
        // pass 15: 6 more than a letter's nibble passes 15, than a digit's does not.
        let printed = nibbles &+ 0x3030_3030_3030_3030 &+ letters &* 0x27
        let outside = ((nibbles &+ 0x0606_0606_0606_0606) ^ letters << 4) | nibbles
        let invalid = (printed ^ text) | (outside & 0xf0f0_f0f0_f0f0_f0f0)

        var packed = nibbles.byteSwapped
        packed = (packed | packed >> 4) & 0x00ff_00ff_00ff_00ff
        packed = (packed | packed >> 8) & 0x0000_ffff_0000_ffff
        packed = (packed | packed >> 16) & 0x0000_0000_ffff_ffff
        return (packed, invalid)
    }

    /// Twelve digits at `p`, of which 12 bytes must be readable.
    @inline(__always)
    static func twelve(_ p: UnsafeRawPointer) -> (value: UInt64, invalid: UInt64) {
        let high = value(UInt64(littleEndian: p.loadUnaligned(as: UInt64.self)))
        let low = value(UInt64(littleEndian: p.loadUnaligned(fromByteOffset: 4, as: UInt64.self)))
        return (high.value << 16 | low.value & 0xffff, high.invalid | low.invalid)
    }

    /// Eight digits at `p`, of which 8 bytes must be readable.
    @inline(__always)
    static func eight(_ p: UnsafeRawPointer) -> (value: UInt64, invalid: UInt64) {
        value(UInt64(littleEndian: p.loadUnaligned(as: UInt64.self)))
    }

    /// Two digits at `p` and two behind the byte that follows them, of which 5 bytes must be
    /// readable: `08:01` is 0x0801.
    @inline(__always)
    static func twoAndTwo(_ p: UnsafeRawPointer) -> (value: UInt64, invalid: UInt64) {
        let first = UInt64(UInt16(littleEndian: p.loadUnaligned(as: UInt16.self)))
        let second = UInt64(UInt16(littleEndian: p.loadUnaligned(fromByteOffset: 3, as: UInt16.self)))
        let four = value(first | second << 16 | 0x3030_3030_0000_0000)
        return (four.value >> 16, four.invalid)
    }
}
