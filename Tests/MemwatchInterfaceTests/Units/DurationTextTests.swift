import MemwatchInterface
import Testing

@Suite("Durations as people type them")
struct DurationTextTests {
    @Test(
        "A number and a unit make a duration",
        arguments: [
            ("250ms", 250_000), ("1s", 1_000_000), ("5m", 300_000_000), ("2h", 7_200_000_000),
            ("1d", 86_400_000_000), ("1.5s", 1_500_000), ("0.001ms", 1), ("1.500s", 1_500_000),
            ("007s", 7_000_000), ("0.0001220703125d", 10_546_875), ("106751991d", 9_223_372_022_400_000_000),
        ] as [(String, Int64)])
    func parses(text: String, microseconds: Int64) throws {
        #expect(try DurationText.parse(text) == microseconds)
    }

    @Test(
        "Anything else is refused in one line that says what to write",
        arguments: [
            ("5 minutes", "'5 minutes' is not a duration: write a number and ms, s, m, h or d, such as 5m"),
            ("", "'' is not a duration: write a number and ms, s, m, h or d, such as 5m"),
            ("5", "'5' is not a duration: write a number and ms, s, m, h or d, such as 5m"),
            ("0s", "'0s' is no time at all: write a duration above 0"),
            ("0.0001ms", "'0.0001ms' is finer than a microsecond: write fewer digits"),
            ("106751992d", "'106751992d' is too long a duration: write fewer digits"),
        ])
    func refuses(text: String, message: String) {
        #expect(throws: UnreadableText(message)) { try DurationText.parse(text) }
    }

    @Test(
        "Near misses and hostile numbers are refused, never guessed and never a trap",
        arguments: [
            "-5m", "+5m", " 5m", "5m ", "5 m", "5M", "5S", "5min", ".5s", "5.s", "1e3s", "1..5s", "1,5s",
            "٥s", "5µs",
            "s", "1s1", "1h30m", "0x1s", "5m\0", String(repeating: "9", count: 400) + "d",
            "0." + String(repeating: "0", count: 400) + "1s", "18446744073709551616ms", "\u{1b}[31m5m",
        ])
    func refusesNearMisses(text: String) throws {
        let error = #expect(throws: UnreadableText.self) { try DurationText.parse(text) }
        let message = try #require(error).description
        #expect(!message.utf8.contains { $0 < 0x20 || $0 == 0x7f })
        #expect(message.utf8.count < 200)
    }

    @Test(
        "A duration is written in the largest unit that divides it",
        arguments: [
            (1_000_000, "1s"), (250_000, "250ms"), (90_000_000, "90s"), (60_000_000, "1m"),
            (1_500_000, "1500ms"),
            (172_800_000_000, "2d"), (1_250, "1.25ms"), (1, "0.001ms"), (0, "0s"), (-60_000_000, "-1m"),
            (.max, "9223372036854775.807ms"), (.min, "-9223372036854775.808ms"),
        ] as [(Int64, String)])
    func formats(microseconds: Int64, text: String) {
        #expect(DurationText.format(microseconds) == text)
    }

    @Test("Every duration that is written reads back as itself")
    func roundTrips() throws {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<2_000 {
            let bits = Int64.random(in: 0...62, using: &generator)
            let value = Int64.random(in: 1...(1 << bits), using: &generator)
            #expect(try DurationText.parse(DurationText.format(value)) == value)
        }
        #expect(try DurationText.parse(DurationText.format(.max)) == .max)
    }
}
