/// Sizes as people type and read them, in powers of 1024 only: `64KiB`, `1MiB`, `2GiB`.
package enum SizeText {
    private static let units: [(name: String, bytes: UInt64)] = [
        ("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1),
    ]

    /// Bytes.
    ///
    /// A whole or decimal number (`1.5GiB`) and B, KiB, MiB, GiB or TiB; a number alone is bytes.
    /// `64MB`, `64M` and `64mib` are refused: which power they mean differs from tool to tool.
    package static func parse(_ text: some StringProtocol) throws(UnreadableText) -> UInt64 {
        var isTooLong = false
        guard let quantity = DecimalQuantity(text, isTooLong: &isTooLong) else { throw notASize(text) }
        let name = quantity.unit.isEmpty ? "B" : quantity.unit
        guard let unit = units.first(where: { $0.name == name }) else {
            guard let meant = unitMeant(by: quantity.unit) else { throw notASize(text) }
            let number = text.dropLast(quantity.unit.count)
            throw UnreadableText(
                "\(UnreadableText.quote(text)) is not a size memwatch takes: it counts in powers of 1024, "
                    + "write \(UnreadableText.quote(number + meant))")
        }
        switch isTooLong ? .overflow : quantity.times(unit.bytes) {
        case .exact(let bytes): return bytes
        case .inexact:
            throw UnreadableText(
                "\(UnreadableText.quote(text)) is not a whole number of bytes: write it in a smaller unit")
        case .overflow:
            throw UnreadableText("\(UnreadableText.quote(text)) is more than 64 bits of bytes")
        }
    }

    /// For reading: exact below 1 KiB (`512 B`), then one decimal, rounded to nearest (`12.0 MiB`).
    package static func human(_ bytes: UInt64) -> String {
        if bytes < 1_024 { return "\(bytes) B" }
        let names = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
        var shift = 10
        for name in names {
            let unit = UInt64(1) << UInt64(shift)
            let whole = bytes >> UInt64(shift)
            let rest = bytes & (unit - 1)
            // In 128 bits: ten times the rest of an EiB does not fit in 64.
            let tenths = UInt64((UInt128(rest) * 10 + UInt128(unit / 2)) >> UInt128(shift))
            let rounded = whole * 10 + tenths
            // 1023.96 KiB would read 1024.0 KiB: the next unit says it better.
            if rounded < 10_240 || name == names.last { return "\(rounded / 10).\(rounded % 10) \(name)" }
            shift += 10
        }
        return "\(bytes) B"
    }

    /// A change, always with its sign: `+12.0 MiB`, `-512 B`; no change is `0 B`.
    package static func human(change bytes: Int64) -> String {
        if bytes == 0 { return "0 B" }
        return (bytes < 0 ? "-" : "+") + human(bytes.magnitude)
    }

    /// The shortest form that ``parse(_:)`` reads back as the same number: `64KiB`, `1000B`.
    package static func exact(_ bytes: UInt64) -> String {
        for unit in units where bytes != 0 && bytes % unit.bytes == 0 {
            return String(bytes / unit.bytes) + unit.name
        }
        return "0B"
    }

    private static func notASize(_ text: some StringProtocol) -> UnreadableText {
        UnreadableText(
            "\(UnreadableText.quote(text)) is not a size: write a number and B, KiB, MiB, GiB or TiB, such as 64KiB"
        )
    }

    /// What `k`, `MB`, `gib`, `kbytes` … probably stand for.
    private static func unitMeant(by text: Substring) -> String? {
        guard text.utf8.count <= 9, let first = text.lowercased().first else { return nil }
        guard
            ["b", "ib", "bytes", "byte", ""].contains(text.lowercased().dropFirst())
                || text.lowercased() == "bytes"
        else { return nil }
        switch first {
        case "b": return "B"
        case "k": return "KiB"
        case "m": return "MiB"
        case "g": return "GiB"
        case "t": return "TiB"
        default: return nil
        }
    }
}
