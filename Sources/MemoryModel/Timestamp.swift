/// A wall-clock instant in microseconds since 1970-01-01 00:00 UTC.
///
/// Only for showing and storing: everything that measures or schedules uses the
/// monotonic clock, because wall clocks step.
package struct Timestamp: Hashable, Comparable, Sendable {
    package var microseconds: Int64

    package init(microseconds: Int64) { self.microseconds = microseconds }

    package init(seconds: Int64, microseconds: Int64 = 0) {
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        self.microseconds = overflow ? (seconds < 0 ? .min : .max) : scaled.addingSaturating(microseconds)
    }

    package static func < (a: Timestamp, b: Timestamp) -> Bool { a.microseconds < b.microseconds }

    package static let distantPast = Timestamp(microseconds: .min)
    package static let distantFuture = Timestamp(microseconds: .max)

    /// RFC 3339, UTC, always six digits: `2026-11-23T02:31:00.000000Z`.
    ///
    /// Years outside 0…9999, which RFC 3339 cannot write, are clamped to its ends.
    package var rfc3339: String {
        String(unsafeUninitializedCapacity: 27) { buffer in
            writeRFC3339(into: buffer)
            return 27
        }
    }

    /// Writes the 27 bytes of ``rfc3339`` at the beginning of `buffer`, which must have room for them.
    package func writeRFC3339(into buffer: UnsafeMutableBufferPointer<UInt8>) {
        precondition(buffer.count >= 27)
        let earliest: Int64 = -62_167_219_200_000_000
        let latest: Int64 = 253_402_300_799_999_999
        let clamped = Swift.min(Swift.max(microseconds, earliest), latest)
        var (day, rest) = clamped.quotientAndRemainder(dividingBy: 86_400_000_000)
        if rest < 0 {
            rest += 86_400_000_000
            day -= 1
        }
        let date = CivilDate(daysSince1970: day)
        var index = 0
        func put(_ value: Int64, _ digits: Int) {
            var value = value
            for place in stride(from: index + digits - 1, through: index, by: -1) {
                buffer[place] = UInt8(ascii: "0") + UInt8(value % 10)
                value /= 10
            }
            index += digits
        }
        func put(_ character: Unicode.Scalar) {
            buffer[index] = UInt8(ascii: character)
            index += 1
        }
        put(date.year, 4)
        put("-")
        put(date.month, 2)
        put("-")
        put(date.day, 2)
        put("T")
        put(rest / 3_600_000_000, 2)
        put(":")
        put(rest / 60_000_000 % 60, 2)
        put(":")
        put(rest / 1_000_000 % 60, 2)
        put(".")
        put(rest % 1_000_000, 6)
        put("Z")
    }
}

/// A day of the proleptic Gregorian calendar, by days since 1970-01-01.
package struct CivilDate: Hashable, Sendable {
    package var year: Int64
    package var month: Int64
    package var day: Int64

    package init(year: Int64, month: Int64, day: Int64) {
        self.year = year
        self.month = month
        self.day = day
    }

    /// Years are counted from March, so that the leap day is the last of its year,
    /// in eras of 400 years, which all have 146,097 days.
    package init(daysSince1970: Int64) {
        let shifted = daysSince1970 + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * marchMonth + 2) / 5 + 1
        month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    package var daysSince1970: Int64 {
        let marchYear = month <= 2 ? year - 1 : year
        let era = (marchYear >= 0 ? marchYear : marchYear - 399) / 400
        let yearOfEra = marchYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }
}

extension Int64 {
    /// Subtraction that stops at the ends instead of trapping.
    package func subtractingSaturating(_ other: Int64) -> Int64 {
        let (difference, overflow) = subtractingReportingOverflow(other)
        return overflow ? (other < 0 ? .max : .min) : difference
    }

    /// Addition that stops at the ends instead of trapping.
    package func addingSaturating(_ other: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other < 0 ? .min : .max) : sum
    }
}
