/// How an address, offset or size is stored in one column: in pages of 4 KiB, which is
/// what they are on every kernel, or, where it is no whole page, negated in bytes.
enum AddressColumn {
    static func encode(_ bytes: UInt64) -> Int64 {
        if bytes & 4095 == 0 { return Int64(bytes >> 12) }
        // Bytes beyond 2⁶³ that are no whole page cannot come from maps: rounded down.
        return bytes > UInt64(Int64.max) ? Int64(bytes >> 12) : -Int64(bytes)
    }

    static func decode(_ value: Int64) -> UInt64 {
        value >= 0 ? UInt64(value) << 12 : value.magnitude
    }

    /// The same in SQL.
    static func sql(_ column: String) -> String {
        "CASE WHEN \(column) >= 0 THEN \(column) << 12 ELSE -\(column) END"
    }
}
