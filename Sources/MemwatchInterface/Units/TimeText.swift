import Glibc
package import MemoryModel

/// Points in time as people type them.
///
/// | form | meaning |
/// |---|---|
/// | `2026-11-23T02:31:00Z`, `…T02:31:00.5+01:00` | RFC 3339 |
/// | `2026-11-23 02:31:00`, `2026-11-23` | local time; a day alone is its beginning |
/// | `@1795000000`, `@1795000000.25` | seconds since 1970-01-01 00:00 UTC |
/// | `-15m` | so long before now |
/// | `now` | |
package enum TimeText {
    /// - Parameter now: What `now` and `-15m` count from.
    ///
    /// Fractions have up to nine digits; what is finer than a microsecond is cut off. Years are
    /// 0000 to 9999, the range RFC 3339 can write back. Days that no month has, hours that a
    /// change of the clocks left out, and the second 60 (Linux's clock has no leap seconds) are refused.
    package static func parse(_ text: some StringProtocol, now: Timestamp) throws(UnreadableText) -> Timestamp
    {
        let text = Substring(text)
        if text == "now" { return now }
        switch text.utf8.first {
        case UInt8(ascii: "-"): return try before(now, by: text)
        case UInt8(ascii: "@"): return try sinceEpoch(text)
        default: return try CalendarTime(text).timestamp
        }
    }

    private static func before(_ now: Timestamp, by text: Substring) throws(UnreadableText) -> Timestamp {
        let ago: Int64
        do { ago = try DurationText.parse(text.dropFirst()) } catch {
            throw UnreadableText(
                "\(UnreadableText.quote(text)) is not a time: behind the - write a number and "
                    + "ms, s, m, h or d, such as -15m")
        }
        let time = Timestamp(microseconds: now.microseconds.addingSaturating(0 &- ago))
        return try checked(time, text)
    }

    private static func sinceEpoch(_ text: Substring) throws(UnreadableText) -> Timestamp {
        var number = text.dropFirst()
        let isNegative = number.first == "-"
        if isNegative { number.removeFirst() }
        let parts = number.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let whole = parts.first, Digits.areDigits(whole), whole.utf8.count <= 18,
            let seconds = Int64(whole),
            let fraction = parts.count == 1 ? 0 : Digits.microseconds(parts[1])
        else {
            throw UnreadableText(
                "\(UnreadableText.quote(text)) is not a time: behind the @ write seconds since 1970, "
                    + "such as @1795000000 or @1795000000.25")
        }
        let time = Timestamp(
            seconds: isNegative ? -seconds : seconds, microseconds: isNegative ? -fraction : fraction)
        return try checked(time, text)
    }

    /// Keeps what a person meant within what RFC 3339 can write back.
    static func checked(_ time: Timestamp, _ text: Substring) throws(UnreadableText) -> Timestamp {
        guard earliest <= time, time <= latest else {
            throw UnreadableText(
                "\(UnreadableText.quote(text)) is outside the years 0000 to 9999: write a nearer time")
        }
        return time
    }

    private static let earliest = Timestamp(seconds: -62_167_219_200)
    private static let latest = Timestamp(seconds: 253_402_300_799, microseconds: 999_999)
}

/// Decimal digits, read strictly: `Int("+5")` is a number, but no part of a time.
enum Digits {
    static func areDigits(_ text: some StringProtocol) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
    }

    /// The digits behind a decimal point of seconds; nil unless there are one to nine.
    static func microseconds(_ text: some StringProtocol) -> Int64? {
        guard areDigits(text), text.utf8.count <= 9 else { return nil }
        var value: Int64 = 0
        for byte in text.utf8.prefix(6) { value = value * 10 + Int64(byte - 0x30) }
        for _ in text.utf8.count..<max(6, text.utf8.count) { value *= 10 }
        return value
    }
}
