import TestSupport
import Testing

@Suite("What the client is made of")
struct LinkageTests {
    @Test("it loads neither libsystemd, SQLite nor Foundation", .requiresTool("readelf"))
    func libraries() throws {
        let needed = try TestSupport.run("readelf", ["-d", try builtProduct("memwatch")])
            .split(separator: "\n").filter { $0.contains("(NEEDED)") }
        // Else the test would see nothing.
        #expect(needed.contains { $0.contains("libc.so") })
        for library in [
            "libsystemd", "libsqlite3", "libFoundation.so", "libFoundationInternationalization",
            "lib_FoundationICU",
        ] {
            #expect(!needed.contains { $0.contains(library) }, "\(library)")
        }
    }

    @Test("it contains neither GRDB, the journal, TOMLKit nor Foundation", .requiresTool("nm"))
    func symbols() throws {
        let symbols = try TestSupport.run("nm", [try builtProduct("memwatch")])
        func holds(_ text: String) -> Bool { symbols.contains(text) }
        // The client's own module, else the test would see nothing.
        #expect(holds("$s11MemwatchCLI"))
        for text in [
            "$s4GRDB", "$s7Journal0", "$s7TOMLKit", "$s10Foundation", "sqlite3_open", "sd_journal_sendv",
        ] {
            #expect(!holds(text), "\(text)")
        }
    }
}
