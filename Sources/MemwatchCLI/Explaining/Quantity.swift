import MemoryModel

/// Spans and rates in sentences.
enum Quantity {
    /// `12 s`, `15 min`, `3 h`, `2.5 days`: two digits that count.
    static func span(_ seconds: Double) -> String {
        switch seconds {
        case ..<0.95: return "less than a second"
        case ..<99.5: return "\(rounded(seconds)) s"
        case ..<(99.5 * 60): return "\(rounded(seconds / 60)) min"
        case ..<(72 * 3_600): return "\(rounded(seconds / 3_600)) h"
        case ..<(1_000 * 86_400): return "\(rounded(seconds / 86_400)) days"
        default: return "years"
        }
    }

    /// `5.3 MiB a minute`: in the shortest unit of time that makes it at least 64 KiB, else a day's.
    static func rate(_ bytesPerSecond: Double) -> String {
        let unit = unit(of: bytesPerSecond)
        return "\(size(bytesPerSecond * unit.seconds)) a \(unit.name)"
    }

    /// `5.3 MiB a minute (between looks 4.9 MiB to 5.6 MiB)`: both ends in the unit of time of the middle.
    static func rate(_ bytesPerSecond: Double, from low: Double, to high: Double) -> String {
        let unit = unit(of: bytesPerSecond)
        return
            "\(rate(bytesPerSecond)) (between looks \(size(low * unit.seconds)) to \(size(high * unit.seconds)))"
    }

    private static func unit(of bytesPerSecond: Double) -> (seconds: Double, name: String) {
        let units: [(seconds: Double, name: String)] = [(1, "second"), (60, "minute"), (3_600, "hour")]
        return units.first { abs(bytesPerSecond) * $0.seconds >= 65_536 } ?? (86_400, "day")
    }

    private static func size(_ bytes: Double) -> String {
        let text = BinarySize.text(UInt64(clamping: Int64(min(abs(bytes), 9e18))))
        return bytes <= -1 ? "-" + text : text
    }

    private static func rounded(_ value: Double) -> String {
        if value >= 9.95 { return String(Int(value.rounded())) }
        let tenths = Int((value * 10).rounded())
        return tenths % 10 == 0 ? String(tenths / 10) : "\(tenths / 10).\(tenths % 10)"
    }

    /// `1,234`.
    static func count(_ value: some BinaryInteger) -> String {
        let digits = String(value)
        var result = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0, result != "-" { result.append(",") }
            result.append(digit)
        }
        return result
    }

    /// `41 %`, and never 0 % of what is there, nor 100 % of what is not all.
    static func share(_ part: UInt64, of whole: UInt64) -> String {
        guard whole > 0 else { return "0 %" }
        let percent = Int((Double(part) / Double(whole) * 100).rounded())
        if part > 0, percent == 0 { return "less than 1 %" }
        if part < whole, percent >= 100 { return "99 %" }
        return "\(percent) %"
    }
}
