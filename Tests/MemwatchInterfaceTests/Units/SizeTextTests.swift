import MemwatchInterface
import Testing

@Suite("Sizes as people type them")
struct SizeTextTests {
    @Test(
        "Sizes count in powers of 1024, and a number alone is bytes",
        arguments: [
            ("64KiB", 65_536), ("1MiB", 1_048_576), ("2GiB", 2_147_483_648), ("512B", 512), ("4096", 4_096),
            ("0", 0), ("1.5KiB", 1_536), ("1TiB", 1 << 40), ("18446744073709551615", .max),
        ] as [(String, UInt64)])
    func parses(text: String, bytes: UInt64) throws {
        #expect(try SizeText.parse(text) == bytes)
    }

    @Test(
        "A unit of two meanings is refused with the one to write",
        arguments: [
            ("64MB", "64MiB"), ("64k", "64KiB"), ("64K", "64KiB"), ("1gib", "1GiB"), ("1.5Gb", "1.5GiB"),
            ("2 t", nil), ("10bytes", "10B"), ("3mbytes", "3MiB"),
        ])
    func refusesWithHint(text: String, hint: String?) throws {
        let error = #expect(throws: UnreadableText.self) { try SizeText.parse(text) }
        let message = try #require(error).description
        if let hint {
            #expect(
                message
                    == "'\(text)' is not a size memwatch takes: it counts in powers of 1024, write '\(hint)'")
        } else {
            #expect(message.contains("is not a size: write a number and B, KiB"))
        }
    }

    @Test(
        "Near misses and hostile numbers are refused",
        arguments: [
            "", "-1", "+1", "KiB", "1 KiB", "1KiB ", "0.3B", "0.0001KiB", "18446744073709551616",
            "16777216TiB",
            "1EiB", "0x10", "1e6", String(repeating: "9", count: 500) + "KiB", "64\u{0}KiB",
        ])
    func refuses(text: String) {
        #expect(throws: UnreadableText.self) { try SizeText.parse(text) }
    }

    @Test("The exact form reads back as itself")
    func exactRoundTrips() throws {
        #expect(SizeText.exact(65_536) == "64KiB")
        #expect(SizeText.exact(1_000) == "1000B")
        for _ in 0..<2_000 {
            let value = UInt64.random(in: 0...(1 << UInt64.random(in: 0...62)))
            #expect(try SizeText.parse(SizeText.exact(value)) == value)
        }
    }
}
