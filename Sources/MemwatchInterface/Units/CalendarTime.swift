import Glibc
import MemoryModel

/// A day of the calendar with or without its time of day, as RFC 3339 and DESIGN's local form write it.
struct CalendarTime {
    var timestamp: Timestamp

    init(_ text: Substring) throws(UnreadableText) {
        var reader = FieldReader(text)
        let year = try reader.number(4)
        try reader.expect("-")
        let month = try reader.number(2)
        try reader.expect("-")
        let day = try reader.number(2)
        try Self.checkDate(year: year, month: month, day: day, text)

        if reader.isAtEnd {
            timestamp = try Self.local(year, month, day, 0, 0, 0, 0, text)
            return
        }
        let separator = reader.next()
        guard separator == "T" || separator == "t" || separator == " " else {
            throw FieldReader.notATime(text)
        }
        let hour = try reader.number(2)
        try reader.expect(":")
        let minute = try reader.number(2)
        try reader.expect(":")
        let second = try reader.number(2)
        let fraction = try reader.fraction()
        try Self.checkClock(hour: hour, minute: minute, second: second, text)

        if reader.isAtEnd {
            guard separator == " " else {
                throw UnreadableText(
                    "\(UnreadableText.quote(text)) does not say its time zone: add Z or an offset such as "
                        + "+02:00, or write a space for the T to mean local time")
            }
            timestamp = try Self.local(year, month, day, hour, minute, second, fraction, text)
            return
        }
        let offset = try reader.offsetSeconds()
        guard reader.isAtEnd else { throw FieldReader.notATime(text) }
        let days = CivilDate(year: year, month: month, day: day).daysSince1970
        let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second - offset
        timestamp = try TimeText.checked(Timestamp(seconds: seconds, microseconds: fraction), text)
    }

    private static func checkDate(year: Int64, month: Int64, day: Int64, _ text: Substring)
        throws(UnreadableText)
    {
        guard (1...12).contains(month) else {
            throw UnreadableText("\(UnreadableText.quote(text)) has no such month: write 01 to 12")
        }
        let next = month == 12 ? (year + 1, 1) : (year, month + 1)
        let length =
            CivilDate(year: next.0, month: next.1, day: 1).daysSince1970
            - CivilDate(year: year, month: month, day: 1).daysSince1970
        guard day >= 1, day <= length else {
            throw UnreadableText(
                "\(UnreadableText.quote(text)) has no such day: that month has the days 01 to \(length)")
        }
    }

    private static func checkClock(
        hour: Int64, minute: Int64, second: Int64, _ text: Substring
    ) throws(UnreadableText) {
        guard hour < 24, minute < 60 else {
            throw UnreadableText(
                "\(UnreadableText.quote(text)) has no such time of day: write 00:00:00 to 23:59:59")
        }
        guard second < 60 else {
            throw UnreadableText(
                "\(UnreadableText.quote(text)) has no such second: write 00 to 59 (Linux counts no leap seconds)"
            )
        }
    }

    /// By the rules of TZ or /etc/localtime.
    ///
    /// An hour that the end of summer time repeats is taken as mktime(3) takes it.
    private static func local(
        _ year: Int64, _ month: Int64, _ day: Int64, _ hour: Int64, _ minute: Int64, _ second: Int64,
        _ fraction: Int64, _ text: Substring
    ) throws(UnreadableText) -> Timestamp {
        var fields = tm()
        fields.tm_year = Int32(year - 1_900)
        fields.tm_mon = Int32(month - 1)
        fields.tm_mday = Int32(day)
        fields.tm_hour = Int32(hour)
        fields.tm_min = Int32(minute)
        fields.tm_sec = Int32(second)
        fields.tm_isdst = -1
        let seconds = mktime(&fields)
        // mktime moves a time that does not exist instead of refusing it, and -1 is both its
        // error and one second before 1970: what it made of the fields tells all three apart.
        guard fields.tm_mday == Int32(day), fields.tm_hour == Int32(hour), fields.tm_min == Int32(minute)
        else {
            throw UnreadableText(
                "\(UnreadableText.quote(text)) does not exist in the local time zone: the clocks were put forward "
                    + "over it, write a later time")
        }
        return try TimeText.checked(Timestamp(seconds: Int64(seconds), microseconds: fraction), text)
    }
}

/// Takes a time apart from left to right.
private struct FieldReader {
    private let whole: Substring
    private var rest: Substring.UTF8View

    init(_ text: Substring) {
        whole = text
        rest = text.utf8
    }

    static func notATime(_ text: Substring) -> UnreadableText {
        UnreadableText(
            "\(UnreadableText.quote(text)) is not a time: write 2026-11-23T02:31:00Z, '2026-11-23 02:31:00', "
                + "@SECONDS, -15m or now")
    }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func next() -> Unicode.Scalar? { rest.popFirst().map { Unicode.Scalar($0) } }

    mutating func expect(_ scalar: Unicode.Scalar) throws(UnreadableText) {
        guard next() == scalar else { throw Self.notATime(whole) }
    }

    /// Exactly so many digits, at most four.
    mutating func number(_ digits: Int) throws(UnreadableText) -> Int64 {
        var value: Int64 = 0
        for _ in 0..<digits {
            guard let byte = rest.popFirst(), (0x30...0x39).contains(byte) else { throw Self.notATime(whole) }
            value = value * 10 + Int64(byte - 0x30)
        }
        return value
    }

    /// `.25`, or nothing.
    mutating func fraction() throws(UnreadableText) -> Int64 {
        guard rest.first == UInt8(ascii: ".") else { return 0 }
        rest.removeFirst()
        let digits = rest.prefix { (0x30...0x39).contains($0) }
        rest = rest.dropFirst(digits.count)
        guard let value = Digits.microseconds(Substring(digits)) else { throw Self.notATime(whole) }
        return value
    }

    /// `Z` or `±HH:MM`, in seconds east of UTC.
    mutating func offsetSeconds() throws(UnreadableText) -> Int64 {
        let sign = next()
        if sign == "Z" || sign == "z" { return 0 }
        guard sign == "+" || sign == "-" else { throw Self.notATime(whole) }
        let hours = try number(2)
        try expect(":")
        let minutes = try number(2)
        guard hours < 24, minutes < 60 else {
            throw UnreadableText("\(UnreadableText.quote(whole)) has no such offset: write +00:00 to +23:59")
        }
        return (hours * 3_600 + minutes * 60) * (sign == "-" ? -1 : 1)
    }
}
