import Glibc
import MemoryModel
import MemwatchInterface
import Testing

/// Serialized, because the local forms depend on TZ, which belongs to the whole test process.
@Suite("Times as people type them", .serialized)
struct TimeTextTests {
    private let now = Timestamp(seconds: 1_795_400_000, microseconds: 5)

    /// Central European rules, spelled out so that no time zone database is needed.
    private static let zone: Void = {
        setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1)
        tzset()
    }()

    init() { Self.zone }

    @Test(
        "Each form means one instant",
        arguments: [
            ("2026-11-23T02:31:00Z", "2026-11-23T02:31:00.000000Z"),
            ("2026-11-23t02:31:00z", "2026-11-23T02:31:00.000000Z"),
            ("2026-11-23T02:31:00.5+01:00", "2026-11-23T01:31:00.500000Z"),
            ("2026-11-23 02:31:00-05:30", "2026-11-23T08:01:00.000000Z"),
            ("2026-11-23T02:31:00.123456789Z", "2026-11-23T02:31:00.123456Z"),
            ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000000Z"),
            ("2026-11-23 02:31:00", "2026-11-23T01:31:00.000000Z"),
            ("2026-07-23 02:31:00.25", "2026-07-23T00:31:00.250000Z"),
            ("2026-07-23", "2026-07-22T22:00:00.000000Z"),
            ("1969-12-31 23:59:59", "1969-12-31T22:59:59.000000Z"),
            ("1970-01-01 00:59:59", "1969-12-31T23:59:59.000000Z"),
            ("@0", "1970-01-01T00:00:00.000000Z"), ("@1795400000.25", "2026-11-23T02:13:20.250000Z"),
            ("@-1.5", "1969-12-31T23:59:58.500000Z"), ("now", "2026-11-23T02:13:20.000005Z"),
            ("-15m", "2026-11-23T01:58:20.000005Z"), ("-1.5h", "2026-11-23T00:43:20.000005Z"),
            ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00.000000Z"),
            ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
        ])
    func parses(text: String, instant: String) throws {
        #expect(try TimeText.parse(text, now: now).rfc3339 == instant)
    }

    @Test(
        "What is no time is refused, with what is wrong",
        arguments: [
            ("2026-02-31T00:00:00Z", "has no such day: that month has the days 01 to 28"),
            ("2100-02-29T00:00:00Z", "has no such day: that month has the days 01 to 28"),
            ("2026-13-01", "has no such month"), ("2026-00-01", "has no such month"),
            ("2026-01-00", "no such day"),
            ("2026-11-23T24:00:00Z", "no such time of day"), ("2026-11-23T23:60:00Z", "no such time of day"),
            ("2016-12-31T23:59:60Z", "has no such second: write 00 to 59 (Linux counts no leap seconds)"),
            ("2026-11-23T02:31:00", "does not say its time zone"),
            ("2026-11-23T02:31:00+24:00", "no such offset"),
            ("2026-03-29 02:30:00", "does not exist in the local time zone"),
            ("9999-12-31T23:59:59-23:59", "outside the years"),
            ("0000-01-01T00:00:00+00:01", "outside the years"),
            ("@999999999999999999", "outside the years"), ("-99999999d", "outside the years"),
            ("-", "such as -15m"), ("-15", "such as -15m"), ("@", "behind the @"), ("@1.", "behind the @"),
            ("@0x10", "behind the @"), ("@9223372036854775808", "behind the @"),
            ("yesterday", "is not a time: write 2026-11-23T02:31:00Z"),
        ])
    func refuses(text: String, reason: String) throws {
        let error = #expect(throws: UnreadableText.self) { try TimeText.parse(text, now: now) }
        let message = try #require(error).description
        #expect(message.contains(reason), "\(message)")
    }

    @Test(
        "Near misses and hostile text are refused, never guessed",
        arguments: [
            "", " now", "NOW", "20261-01-01T00:00:00Z", "99999999999999999999-01-01", "-2026-01-01",
            "26-01-01",
            "2026-1-1", "2026-01-01T00:00Z", "2026-01-01 00:00", "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00,5Z",
            "2026-01-01T00:00:00.1234567890Z", "2026-01-01T00:00:00+0100", "2026-01-01T00:00:00Zx",
            "2026-01-01x",
            "2026-01-01_00:00:00", "2026-01-01T00:00:00 Z", "２０２６-01-01", "2026-01-01\0", "@1e9", "@+1",
            "@ 1",
            "@--1", "@" + String(repeating: "9", count: 300), "+15m", "--15m", "-15 m", "- 15m",
        ])
    func refusesNearMisses(text: String) {
        #expect(throws: UnreadableText.self) { try TimeText.parse(text, now: now) }
    }

    @Test("Every local time that localtime(3) shows reads back as itself")
    func agreesWithTheCLibrary() throws {
        for _ in 0..<2_000 {
            var seconds = time_t.random(in: -62_100_000_000...253_402_200_000)
            var fields = tm()
            localtime_r(&seconds, &fields)
            func pad(_ value: Int32, _ digits: Int) -> String {
                String(repeating: "0", count: max(0, digits - String(value).count)) + String(value)
            }
            let text =
                "\(pad(fields.tm_year + 1_900, 4))-\(pad(fields.tm_mon + 1, 2))-\(pad(fields.tm_mday, 2)) "
                + "\(pad(fields.tm_hour, 2)):\(pad(fields.tm_min, 2)):\(pad(fields.tm_sec, 2))"
            let parsed = try TimeText.parse(text, now: now)
            // The hour that the end of summer time repeats has two answers.
            let difference = parsed.microseconds - Int64(seconds) * 1_000_000
            #expect([0, 3_600_000_000, -3_600_000_000].contains(difference), "\(text)")
            if fields.tm_mon != 9 { #expect(difference == 0, "\(text)") }
        }
    }

    @Test("Every instant reads back from its own RFC 3339 form")
    func rfc3339RoundTrips() throws {
        for _ in 0..<2_000 {
            let time = Timestamp(microseconds: .random(in: -62_167_219_200_000_000...253_402_300_799_999_999))
            #expect(try TimeText.parse(time.rfc3339, now: now) == time)
        }
    }
}
