/// Durations as people type them: `250ms`, `1s`, `5m`, `2h`, `1d`.
package enum DurationText {
    /// From the largest, so that the first that divides a duration gives its shortest form.
    private static let units: [(name: String, microseconds: UInt64)] = [
        ("d", 86_400_000_000), ("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000), ("ms", 1_000),
    ]

    /// Microseconds, always above 0.
    ///
    /// A whole or decimal number (`1.5s`) and one unit, with nothing before, between or behind them.
    /// A duration that is no whole number of microseconds is refused rather than rounded.
    package static func parse(_ text: some StringProtocol) throws(UnreadableText) -> Int64 {
        var isTooLong = false
        guard let quantity = DecimalQuantity(text, isTooLong: &isTooLong),
            let unit = units.first(where: { $0.name == quantity.unit })
        else {
            throw UnreadableText(
                "\(UnreadableText.quote(text)) is not a duration: "
                    + "write a number and ms, s, m, h or d, such as 5m")
        }
        switch isTooLong ? .overflow : quantity.times(unit.microseconds) {
        case .exact(0):
            throw UnreadableText("\(UnreadableText.quote(text)) is no time at all: write a duration above 0")
        case .exact(let value):
            guard let microseconds = Int64(exactly: value) else { fallthrough }
            return microseconds
        case .overflow:
            throw UnreadableText("\(UnreadableText.quote(text)) is too long a duration: write fewer digits")
        case .inexact:
            throw UnreadableText(
                "\(UnreadableText.quote(text)) is finer than a microsecond: write fewer digits")
        }
    }

    /// The shortest exact form, in the largest unit that divides it: `1s`, `90s`, `1500ms`, `2d`.
    ///
    /// Below a millisecond there is no unit, so a fraction of one is written: `1.25ms`.
    /// Everything above 0 reads back as itself.
    package static func format(_ microseconds: Int64) -> String {
        let sign = microseconds < 0 ? "-" : ""
        let magnitude = microseconds.magnitude
        if magnitude == 0 { return "0s" }
        for unit in units where magnitude % unit.microseconds == 0 {
            return sign + String(magnitude / unit.microseconds) + unit.name
        }
        var fraction = String(magnitude % 1_000 + 1_000).dropFirst()
        while fraction.last == "0" { fraction.removeLast() }
        return sign + String(magnitude / 1_000) + "." + fraction + "ms"
    }
}
