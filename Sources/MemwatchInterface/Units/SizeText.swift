/// Sizes as people type them, in powers of 1024 only: `64KiB`, `1MiB`, `2GiB`.
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
