import Glibc
import MemoryModel
import TestSupport
import Testing

@Suite("Instants and days")
struct TimestampTests {
    /// What the C library makes of the same instant.
    private func libc(_ microseconds: Int64) -> String {
        var (seconds, rest) = microseconds.quotientAndRemainder(dividingBy: 1_000_000)
        if rest < 0 {
            seconds -= 1
            rest += 1_000_000
        }
        var moment = time_t(seconds)
        var parts = tm()
        gmtime_r(&moment, &parts)
        var text = [CChar](repeating: 0, count: 64)
        // %Y would not pad the years before 1000.
        let count = strftime(&text, text.count, "-%m-%dT%H:%M:%S.", &parts)
        let behind = String(decoding: text[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return padded(Int64(parts.tm_year) + 1900, 4) + behind + padded(rest, 6) + "Z"
    }

    private func padded(_ number: Int64, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    @Test("an instant is written as the C library writes it, from year 0 to 9999")
    func randomInstants() {
        var random = Seeded(1)
        for _ in 0..<20_000 {
            let microseconds = Int64.random(
                in: -62_167_219_200_000_000...253_402_300_799_999_999, using: &random)
            #expect(Timestamp(microseconds: microseconds).rfc3339 == libc(microseconds))
        }
    }

    @Test("seconds around midnights, leap days and the turns of centuries are right")
    func edges() {
        for year: Int64 in [0, 4, 100, 400, 1600, 1900, 1969, 1970, 1972, 2000, 2024, 2026, 2100, 9999] {
            for (month, day): (Int64, Int64) in [(1, 1), (2, 28), (3, 1), (12, 31)] {
                let midnight = CivilDate(year: year, month: month, day: day).daysSince1970 * 86_400_000_000
                for offset: Int64 in [0, 1, 999_999, 86_399_999_999] {
                    #expect(Timestamp(microseconds: midnight + offset).rfc3339 == libc(midnight + offset))
                }
            }
        }
        #expect(Timestamp(microseconds: 0).rfc3339 == "1970-01-01T00:00:00.000000Z")
        #expect(Timestamp(microseconds: -1).rfc3339 == "1969-12-31T23:59:59.999999Z")
    }

    @Test("what RFC 3339 cannot write is clamped to its ends")
    func clamped() {
        #expect(Timestamp.distantPast.rfc3339 == "0000-01-01T00:00:00.000000Z")
        #expect(Timestamp.distantFuture.rfc3339 == "9999-12-31T23:59:59.999999Z")
        #expect(Timestamp(seconds: .max).rfc3339 == "9999-12-31T23:59:59.999999Z")
        #expect(Timestamp(seconds: .min).rfc3339 == "0000-01-01T00:00:00.000000Z")
        #expect(Timestamp(seconds: .min, microseconds: .min) == .distantPast)
        #expect(Timestamp(seconds: .max, microseconds: .max) == .distantFuture)
    }

    @Test("text sorts as the instants do")
    func order() {
        var random = Seeded(2)
        for _ in 0..<2_000 {
            let range: ClosedRange<Int64> = -62_167_219_200_000_000...253_402_300_799_999_999
            let a = Timestamp(microseconds: .random(in: range, using: &random))
            let b = Timestamp(microseconds: .random(in: range, using: &random))
            #expect((a < b) == (a.rfc3339 < b.rfc3339))
        }
    }

    @Test("every day of five thousand years becomes a date and the same day again")
    func days() {
        var previous = CivilDate(daysSince1970: -800_001)
        var mistakes = 0
        for day: Int64 in -800_000...1_100_000 {
            let date = CivilDate(daysSince1970: day)
            if date.daysSince1970 != day { mistakes += 1 }
            let isNextDay = date.year == previous.year && date.month == previous.month
            let isNextMonth = date.day == 1
            if !(isNextDay && date.day == previous.day + 1) && !isNextMonth { mistakes += 1 }
            previous = date
        }
        #expect(mistakes == 0)
    }

    @Test("a date is what the C library makes of the day")
    func dates() {
        var random = Seeded(3)
        for _ in 0..<20_000 {
            let day = Int64.random(in: -1_000_000...3_000_000, using: &random)
            var moment = time_t(day * 86_400)
            var parts = tm()
            gmtime_r(&moment, &parts)
            let expected = CivilDate(
                year: Int64(parts.tm_year) + 1900, month: Int64(parts.tm_mon) + 1, day: Int64(parts.tm_mday))
            #expect(CivilDate(daysSince1970: day) == expected)
        }
    }

    @Test("adding stops at the ends")
    func saturating() {
        #expect(Int64.max.addingSaturating(1) == .max)
        #expect(Int64.min.addingSaturating(-1) == .min)
        #expect(Int64(5).addingSaturating(-7) == -2)
    }
}
