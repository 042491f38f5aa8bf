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

    @Test("it contains neither GRDB, the journal, TOMLKit, NIO nor Foundation", .requiresTool("nm"))
    func symbols() throws {
        // 200,000 symbols stay outside: only those that were looked for come in.
        let texts = [
            "$s11MemwatchCLI", "$s4GRDB", "$s7Journal0", "$s7TOMLKit", "$s7NIOCore", "$s10Foundation",
            "sqlite3_open",
            "sd_journal_sendv",
        ]
        let patterns = texts.map { "-e '\($0)'" }.joined(separator: " ")
        let found = try Client.bash("set -o pipefail; nm \"$memwatch\" | grep -oF \(patterns) | sort -u")
        // The client's own module, else the test would see nothing.
        #expect(found.output == "$s11MemwatchCLI\n")
    }
}
