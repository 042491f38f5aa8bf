import Glibc
import TestSupport
import Testing
import Varlink

/// Names that programs gave themselves and their files, through all of memwatch.
@Suite(
    "Hostile names", .requiresTool("cc"), .requiresTool("sqlite3"), .requiresPrivateJournal,
    .timeLimit(.minutes(5)))
struct HostileNamesTests {
    /// Takes a name in hexadecimal for itself and for a file, which it maps when it is told.
    private static let program = """
        #define _GNU_SOURCE
        #include <fcntl.h>
        #include <stdio.h>
        #include <string.h>
        #include <sys/mman.h>
        #include <sys/prctl.h>
        #include <unistd.h>

        int main(int count, char **words) {
            char name[256] = {0};
            for (int i = 0; words[1][2 * i]; i++) sscanf(words[1] + 2 * i, "%2hhx", (unsigned char *)name + i);
            if (count != 3 || chdir(words[2]) || prctl(PR_SET_NAME, name)) return 1;
            int file = open(name, O_RDWR | O_CREAT, 0644);
            if (file < 0 || ftruncate(file, 1 << 20)) return 1;
            puts("ready");
            fflush(stdout);
            while (getchar() == '\\n') {
                if (mmap(0, 1 << 20, PROT_READ, MAP_SHARED, file, 0) == MAP_FAILED) return 1;
                puts("mapped");
                fflush(stdout);
            }
        }
        """

    /// At most 15 bytes: what the kernel keeps of a process's name.
    static let names: [[UInt8]] = [
        Array("\u{1b}[31m\u{1b}]0;x\u{7}".utf8), Array("a\rb\u{8}\u{8}c".utf8),
        Array("a\nPRIORITY=0\nb".utf8),
        Array("a,\"b\"\n1,2,3\r\n".utf8), Array("\u{202e}txt.exe\u{2066}".utf8),
        [0x61, 0xff, 0xfe, 0x80, 0x62],
        Array("a) S 1 1 1".utf8), Array("[heap]".utf8),
    ]

    /// As memwatch has it in JSON: bytes that are no UTF-8 as `\xff`.
    private func text(_ bytes: [UInt8]) -> String {
        String(validating: bytes, as: UTF8.self)
            ?? bytes.map { $0 < 0x80 ? String(Unicode.Scalar($0)) : "\\x" + String($0, radix: 16) }.joined()
    }

    /// Nothing in it that a terminal would act on, or show the wrong way round.
    private func isHarmless(_ text: String) -> Bool {
        text.unicodeScalars.allSatisfy { scalar in
            scalar == "\n"
                || (scalar.value >= 0x20 && scalar.value != 0x7f)
                    && ![.control, .format].contains(scalar.properties.generalCategory)
        }
    }

    @Test(
        "shown escaped in tables, exact in JSON, CSV, the journal and the database, and no line, record, row or field is forged",
        arguments: names)
    func through(name: [UInt8]) throws {
        let files = try TemporaryDirectory()
        let journal = try PrivateJournal()
        let daemon = try Daemon("", through: journal.wrapper)
        let hexadecimal = name.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        let program = try CProgram(Self.program).start(hexadecimal, files.path)
        let pid = "\(program.pid)"
        let follower = try daemon.attach(program.pid)
        try program.send("\n")
        #expect(try program.nextLine() == "mapped")
        let event = try follower.wait(for: "mmap")

        // The kernel itself writes a newline in a path as \012, and nothing else.
        let path =
            Array(files.path.utf8) + [UInt8(ascii: "/")]
            + name.flatMap { $0 == 10 ? Array(#"\012"#.utf8) : [$0] }
        let (comm, shownPath) = (text(name), text(path))
        #expect(event.path == shownPath && event.json["comm"]?.stringValue == comm)
        #expect(event.kind == "file")

        // JSON, NDJSON and CSV have as many records as there are, with the very names.
        let target = try #require(try daemon.records("list").first)
        #expect(target["comm"]?.stringValue == comm)
        // Up to what it did: a busy machine adds gaps while it is asked.
        let events = ["events", pid, "--until", event.json["time"]?.stringValue ?? ""]
        for command in [["list"], events, ["regions", pid, "--at", "now"], ["history", pid]] {
            let json = try Client.run(command + ["--format", "json"], socket: daemon.socket)
            let records = try #require(try JSON(parsing: json.output).arrayValue)
            #expect(command != events || records.contains { $0["event"] == "mmap" })
            let lines = try Client.run(command + ["--format", "ndjson"], socket: daemon.socket)
            #expect(try lines.output.split(separator: "\n").map { try JSON(parsing: String($0)) } == records)
            let csv = try Client.run(command + ["--format", "csv"], socket: daemon.socket)
            let rows = commaSeparated(csv.output)
            #expect(
                rows.count == records.count + 1 && Set(rows.map(\.count)).count == 1, "\(command): \(csv)")
            for (column, title) in (rows.first ?? []).enumerated() where title == "comm" || title == "path" {
                #expect(
                    rows.dropFirst().map { $0[column] } == records.map { $0[title]?.stringValue ?? "" },
                    "\(command)")
            }
            let table = try Client.run(command, socket: daemon.socket)
            #expect(isHarmless(table.output), "\(command): \(table.output.debugDescription)")
            #expect(table.errors.isEmpty)
            // A header, and where there are several a line of sums: as many for every name.
            let others = table.output.split(separator: "\n").count - records.count
            #expect(others == (command[0] == "regions" ? 2 : 1), "\(command): \(table.output)")
        }
        let regions = try daemon.records("regions", pid, "--at", "now")
        #expect(regions.contains { $0["path"]?.stringValue == shownPath && $0["kind"] == "file" })
        #expect(isHarmless(try daemon.run("status").output))

        // The database has the bytes.
        let hex = { (bytes: [UInt8]) in
            bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: true) }.joined()
        }
        #expect(
            try sqlite(daemon.database, "SELECT hex(comm) FROM processes WHERE pid = \(pid)") == [hex(name)])
        #expect(
            try sqlite(daemon.database, "SELECT count(*) FROM name WHERE hex(bytes) = '\(hex(path))'") == [
                "1"
            ])
        #expect(
            try sqlite(
                daemon.database, "SELECT hex(path) FROM events WHERE pid = \(pid) AND event = 'mmap'")
                == [hex(path)])
        try daemon.stop()

        // The journal has the bytes in their field, one line of text, and no field that is not memwatchd's.
        let entries = try journal.entries("MEMWATCH_PID=\(pid)")
        // What others do on the machine may be more than the kernel's rings hold: told to every target.
        let own = entries.filter { $0["MEMWATCH_EVENT"] != "gap" }
        #expect(own.map { $0["MEMWATCH_EVENT"]?.stringValue } == ["attached", "mmap"])
        #expect(own.map { $0["PRIORITY"]?.stringValue } == ["5", "6"])
        for entry in entries {
            #expect(bytes(entry["MEMWATCH_COMM"]) == name)
            let message = try #require(entry["MESSAGE"]?.stringValue)
            #expect(isHarmless(message) && !message.contains("\n"), "\(message.debugDescription)")
            #expect(message.contains("[\(pid)]: "))
            let fields = try #require(entry.objectValue).map { $0.0 }
            #expect(
                fields.allSatisfy { $0.hasPrefix("_") || $0.hasPrefix("OBJECT_") || Self.ours.contains($0) },
                "\(fields)")
        }
        #expect(try journal.entries().filter { $0["MEMWATCH_PID"]?.stringValue == "1" }.isEmpty)
    }

    /// journald adds those that begin with `_`, and about the process that OBJECT_PID names those with `OBJECT_`.
    private static let ours: Set<String> = [
        "MESSAGE", "MESSAGE_ID", "PRIORITY", "SYSLOG_IDENTIFIER", "MEMWATCH_PID",
        "MEMWATCH_COMM",
        "MEMWATCH_UNIT", "MEMWATCH_EVENT", "MEMWATCH_KIND", "MEMWATCH_DELTA_BYTES", "MEMWATCH_SIZE_BYTES",
        "MEMWATCH_ADDRESS", "MEMWATCH_SOURCE", "MEMWATCH_PATH", "MEMWATCH_TIME", "MEMWATCH_TID",
        "MEMWATCH_PERMS", "MEMWATCH_COUNT",
    ]

    /// journalctl prints what is not printable UTF-8 as an array of numbers.
    private func bytes(_ field: JSON?) -> [UInt8]? {
        if let text = field?.stringValue { return Array(text.utf8) }
        return field?.arrayValue?.compactMap { $0.integerValue.flatMap { UInt8(exactly: $0) } }
    }

    /// RFC 4180, read by its letter.
    private func commaSeparated(_ text: String) -> [[String]] {
        var rows: [[String]] = []
        var (row, field, isQuoted) = ([String](), [UInt8](), false)
        var bytes = Array(text.utf8)[...]
        while let byte = bytes.popFirst() {
            switch byte {
            case UInt8(ascii: "\""):
                if isQuoted, bytes.first == byte {
                    field.append(bytes.removeFirst())
                } else {
                    isQuoted.toggle()
                }
            case UInt8(ascii: ",") where !isQuoted:
                row.append(String(decoding: field, as: UTF8.self))
                field = []
            case 13 where !isQuoted && bytes.first == 10:
                bytes.removeFirst()
                rows.append(row + [String(decoding: field, as: UTF8.self)])
                (row, field) = ([], [])
            default: field.append(byte)
            }
        }
        return rows
    }
}
