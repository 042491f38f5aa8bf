import MemoryModel
import MemwatchInterface
import Testing

@testable import MemwatchDaemon

@Suite("Thresholds as they are written")
struct ThresholdRuleTests {
    @Test("a size and for how long, a growth and over how long")
    func reads() throws {
        let size = try ThresholdRule("heap > 2GiB for 5m")
        #expect(
            size.subject == .kind(.heap) && size.condition == .above(2 << 30)
                && size.microseconds == 300_000_000)
        #expect(size.text == "heap > 2GiB for 5m")
        #expect(try ThresholdRule("vm_size > 64MiB").microseconds == 0)
        let growth = try ThresholdRule("anon grows > 60MiB/min for 1h")
        #expect(growth.condition == .grows(bytesPerSecond: 1_048_576) && growth.microseconds == 3_600_000_000)
        #expect(try ThresholdRule("rss grows > 1GiB/d").microseconds == 600_000_000)
        #expect(try ThresholdRule("thread-stack > 1.5MiB").condition == .above(3 << 19))
        for (name, subject) in [("rss_anon", ThresholdRule.Subject.rssAnon), ("swap", .swap), ("rss", .rss)] {
            #expect(try ThresholdRule("\(name) > 1MiB").subject == subject)
        }
    }

    @Test(
        "what is none is refused with what to write",
        arguments: [
            "", "heap", "heap >", "heap > lots", "heap < 1MiB", "heep > 1MiB", "heap > 1MiB during 5m",
            "heap > 1MiB for",
            "heap > 1MiB for 5m 6m", "heap > 1MiB for 500ms", "heap > 1MiB for 2d", "heap grows > 1MiB",
            "heap grows > 1MiB/week", "heap grows > 1MiB/min/min", "heap > 1MB", "heap grows 1MiB/min",
            "\u{1b}[2J > 1MiB", String(repeating: "x", count: 10_000),
        ])
    func refuses(text: String) throws {
        let error = try #require(throws: UnreadableText.self) { try ThresholdRule(text) }
        #expect(error.description.contains("write"))
        #expect(!error.description.contains("\u{1b}") && error.description.utf8.count < 400)
    }
}
