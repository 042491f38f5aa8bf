import MemoryModel

/// Tells whether a look found the same areas as the one before, in 16 bytes instead of 48 for each area.
///
/// Keyed, because the process that is looked at chooses the areas, and must not be able to make two maps that
/// look the same: it cannot know the key, which is drawn when the program starts. That two maps agree by chance
/// has odds of 2⁻¹²⁸. Ids of names count, so both must be of one table.
struct AreaDigest: Hashable, Sendable {
    private var first: UInt64
    private var second: UInt64

    init(_ areas: [VMA]) {
        let keys = Self.keys
        var a = keys[0] ^ UInt64(truncatingIfNeeded: areas.count)
        var b = keys[1]
        for area in areas {
            let attributes = UInt64(area.device.rawValue) << 32 | UInt64(area.path.rawValue)
            let place = area.offset ^ UInt64(area.permissions.rawValue) << 56
            // Each lane takes in all words, in pairs of its own.
            a = Self.fold(a ^ area.start, keys[2] ^ area.end)
            b = Self.fold(b ^ area.end, keys[3] ^ place)
            a = Self.fold(a ^ place, keys[4] ^ attributes)
            b = Self.fold(b ^ attributes, keys[5] ^ area.inode)
            a = Self.fold(a ^ area.inode, keys[6] ^ b)
            b = Self.fold(b ^ area.start, keys[7] ^ a)
        }
        first = Self.fold(a ^ keys[3], b ^ keys[5])
        second = Self.fold(b ^ keys[2], a ^ keys[6])
    }

    /// Both halves of the product of 128 bits.
    @inline(__always)
    private static func fold(_ x: UInt64, _ y: UInt64) -> UInt64 {
        let product = x.multipliedFullWidth(by: y)
        return product.high ^ product.low
    }

    /// Odd, so that none is 0.
    private static let keys: InlineArray<8, UInt64> = InlineArray { _ in UInt64.random(in: .min ... .max) | 1
    }
}
