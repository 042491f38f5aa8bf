/// Byte counts as people read them: binary units, one decimal.
package enum BinarySize {
    /// `512 B`, `12.0 MiB`, `1.5 GiB`: exact below 1 KiB, otherwise rounded half up.
    ///
    /// Only integers: a `Double` rounds 16 EiB − 1 to a number that does not fit, and prints
    /// 1,023.96 KiB as `1024.0 KiB`. Here the unit moves up as soon as the text would reach 1,024.
    package static func text(_ bytes: UInt64) -> String {
        guard bytes >= 1024 else { return "\(bytes) B" }
        var shift: UInt64 = 10
        for unit in ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"] {
            let tenths = tenths(of: bytes, shift: shift)
            if tenths < 10_240 { return "\(tenths / 10).\(tenths % 10) \(unit)" }
            shift += 10
        }
        // Not reached: 2^64 − 1 bytes are 16.0 EiB.
        return "\(bytes) B"
    }

    /// A change, always with its sign: `+12.0 MiB`, `-512 B`; no change is `0 B`.
    package static func text(change bytes: Int64) -> String {
        if bytes == 0 { return "0 B" }
        return (bytes < 0 ? "-" : "+") + text(bytes.magnitude)
    }

    /// `bytes / 2^shift` in tenths. The remainder is below 2^60, so ten times it fits.
    private static func tenths(of bytes: UInt64, shift: UInt64) -> UInt64 {
        let whole = bytes >> shift
        let remainder = bytes & ((1 << shift) - 1)
        return whole * 10 + (remainder * 10 + (1 << (shift - 1))) >> shift
    }
}
