import Journal
import MemoryModel
import Testing

@Suite("Entries in a real journal", .requiresPrivateJournal, .serialized)
struct JournalEntryTests {
    @Test("every type of event arrives with all its fields, to the byte")
    func everyType() throws {
        let journal = try JournalNamespace()
        try journal.startHelper()
        for type in EventType.allCases {
            let number = type.rawValue
            let command = """
                event \(type.name) \(1000 + Int(number)) 706f737467726573 heap \(-4096 * (Int(number) + 100)) \
                \(1_048_576 * (Int(number) + 1)) \(0x7f00_0000_0000 + Int(number) * 4096) perf - nginx.service
                """
            #expect(try journal.helper(command) == "ok")
        }
        #expect(try journal.helper("stop 30000") == "stopped=true")
        let entries = try journal.entries()
        try #require(entries.count == EventType.allCases.count)
        for (type, entry) in zip(EventType.allCases, entries) {
            let number = Int(type.rawValue)
            var expected = [
                "MESSAGE_ID": JournalMessageID.of(type),
                "PRIORITY": String(type.journalPriority.rawValue),
                "SYSLOG_IDENTIFIER": "memwatchd",
                "OBJECT_PID": String(1000 + number),
                "MEMWATCH_PID": String(1000 + number),
                "MEMWATCH_COMM": "postgres",
                "MEMWATCH_UNIT": "nginx.service",
                "MEMWATCH_EVENT": type.name,
                "MEMWATCH_KIND": "heap",
                "MEMWATCH_DELTA_BYTES": String(-4096 * (number + 100)),
                "MEMWATCH_SIZE_BYTES": String(1_048_576 * (number + 1)),
                "MEMWATCH_ADDRESS": "0x" + String(0x7f00_0000_0000 + number * 4096, radix: 16),
                "MEMWATCH_SOURCE": "perf",
            ]
            var event = MemoryEvent(
                time: Timestamp(seconds: 0), pid: Int32(1000 + number), comm: Array("postgres".utf8),
                type: type, source: .perf)
            event.kind = .heap
            event.delta = Int64(-4096 * (number + 100))
            event.size = UInt64(1_048_576 * (number + 1))
            event.start = UInt64(0x7f00_0000_0000 + number * 4096)
            expected["MESSAGE"] = JournalSentence.text(event)
            if type.isAlert { expected["MEMWATCH_ALERT"] = "fired" }
            for (name, value) in expected {
                #expect(entry[name] as? String == value, "\(name) of \(type.name)")
            }
            let ours = entry.keys.filter { $0.hasPrefix("MEMWATCH_") }
            #expect(Set(ours) == Set(expected.keys.filter { $0.hasPrefix("MEMWATCH_") }))
        }
    }

    @Test("what is not known has no field")
    func unknown() throws {
        let journal = try JournalNamespace()
        try journal.startHelper()
        try journal.helper("event exit 7 6162 - - - - sample - -")
        #expect(try journal.helper("stop 30000") == "stopped=true")
        let entry = try #require(try journal.entries().first)
        #expect(
            entry.keys.filter { $0.hasPrefix("MEMWATCH_") }.sorted() == [
                "MEMWATCH_COMM", "MEMWATCH_EVENT", "MEMWATCH_PID", "MEMWATCH_SOURCE",
            ])
        #expect(entry["MESSAGE"] as? String == "ab[7]: exited")
    }

    @Test("how many changes an event stands for, and whom a fork made, are fields")
    func numbers() throws {
        let journal = try JournalNamespace()
        try journal.startHelper()
        try journal.helper("event mmap 7 6162 anon 1048576 - - perf - - 1234")
        try journal.helper("event fork 7 6162 - - - - perf - - - 900")
        #expect(try journal.helper("stop 30000") == "stopped=true")
        let entries = try journal.entries()
        #expect(entries.map { $0["MEMWATCH_COUNT"] as? String } == ["1234", nil])
        #expect(entries.map { $0["MEMWATCH_CHILD_PID"] as? String } == [nil, "900"])
    }

    @Test(
        "a process's end is one entry with its totals as fields, and a warning where it was killed for memory"
    )
    func postMortem() throws {
        let journal = try JournalNamespace()
        try journal.startHelper()
        try journal.helper("exit 812 706f737467726573 db.service 41943040 1")
        try journal.helper("exit 813 706f737467726573 - - -")
        #expect(try journal.helper("stop 30000") == "stopped=true")
        let entries = try journal.entries()
        try #require(entries.count == 2)
        let expected = [
            "MESSAGE": "postgres[812]: exited with 48.0 MiB of address space: heap (brk) 40.0 MiB, "
                + "thread-stack (mmap) 8.0 MiB; last growth: heap (brk) 1.0 MiB, 0.0 s before; "
                + "its control group counts an out-of-memory kill",
            "MESSAGE_ID": JournalMessageID.of(.exit), "PRIORITY": "4", "OBJECT_PID": "812",
            "MEMWATCH_PID": "812", "MEMWATCH_COMM": "postgres", "MEMWATCH_UNIT": "db.service",
            "MEMWATCH_EVENT": "exit", "MEMWATCH_SIZE_BYTES": "50331648",
            "MEMWATCH_TIME": "2027-01-15T08:00:00.000000Z", "MEMWATCH_KIND_HEAP_BYTES": "41943040",
            "MEMWATCH_KIND_THREAD_STACK_BYTES": "8388608", "MEMWATCH_LAST_GROWTH_KIND": "heap",
            "MEMWATCH_LAST_GROWTH_BYTES": "1048576",
            "MEMWATCH_LAST_GROWTH_TIME": "2027-01-15T08:00:00.000000Z", "MEMWATCH_OOM_KILL": "1",
        ]
        for (name, value) in expected { #expect(entries[0][name] as? String == value, "\(name)") }
        #expect(
            Set(entries[0].keys.filter { $0.hasPrefix("MEMWATCH_") })
                == Set(expected.keys.filter { $0.hasPrefix("MEMWATCH_") }))
        #expect(entries[1]["MESSAGE"] as? String == "postgres[813]: exited")
        #expect(entries[1]["PRIORITY"] as? String == "5")
        #expect(
            entries[1].keys.filter { $0.hasPrefix("MEMWATCH_") }.sorted() == [
                "MEMWATCH_COMM", "MEMWATCH_EVENT", "MEMWATCH_PID",
            ])
    }

    @Test(
        "a hostile name is stored exactly, forges no field and leaves the sentence readable",
        arguments: [
            Array("a\nPRIORITY=0\nMEMWATCH_PID=1\nx".utf8), Array("\u{1b}]0;owned\u{07}".utf8),
            [0xff, 0xfe, 0x0a],
            Array("a=b".utf8), Array("\nMESSAGE\n".utf8), [0x0a], Array("\u{202e}txt.exe".utf8), [],
        ])
    func hostileName(comm: [UInt8]) throws {
        let journal = try JournalNamespace()
        try journal.startHelper()
        let hexadecimal = comm.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        // A word of the command must not be empty; an odd digit decodes to no byte.
        try journal.helper(
            "event mmap 42 \(hexadecimal.isEmpty ? "0" : hexadecimal) anon 1048576 - - sample - -")
        #expect(try journal.helper("stop 30000") == "stopped=true")
        let entries = try journal.entries()
        try #require(entries.count == 1)
        #expect(bytes(entries[0]["MEMWATCH_COMM"]) == comm)
        #expect(entries[0]["PRIORITY"] as? String == "6")
        #expect(entries[0]["MEMWATCH_PID"] as? String == "42")
        let message = try #require(entries[0]["MESSAGE"] as? String)
        #expect(message.hasSuffix("[42]: mapped 1.0 MiB of anon (mmap)"))
        #expect(message.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0 != "\u{202e}" })
    }

    @Test("the daemon's own message keeps its fields, and a field that journald would refuse is left out")
    func note() throws {
        let journal = try JournalNamespace()
        try journal.startHelper()
        let forged = "x\nPRIORITY=0".utf8.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        try journal.helper("note 3 \(forged) MEMWATCH_PATH \(forged) _PID 31 bad=name 31 lower 31")
        #expect(try journal.helper("stop 30000") == "stopped=true")
        let entry = try #require(try journal.entries().first)
        #expect(entry["MESSAGE"] as? String == "x\\nPRIORITY=0")
        #expect(entry["MESSAGE_ID"] as? String == DaemonMessage.started.rawValue)
        #expect(entry["PRIORITY"] as? String == "3")
        #expect(bytes(entry["MEMWATCH_PATH"]) == Array("x\nPRIORITY=0".utf8))
        #expect(entry["lower"] == nil && entry["bad"] == nil && entry["_PID"] as? String != "1")
    }

    @Test("changes below the minimum make no entry; whole-process events and alerts always do")
    func minimum() throws {
        let journal = try JournalNamespace()
        try journal.startHelper()
        try journal.helper("limits 65536 1000 50 2000 1024 5000")
        for (type, delta) in [
            ("brk-grow", "65535"), ("brk-grow", "65536"), ("munmap", "-65535"), ("munmap", "-65536"),
            ("resize", "-"), ("exec", "-"), ("threshold", "1"),
        ] {
            try journal.helper("event \(type) 5 6162 heap \(delta) - - sample - -")
        }
        #expect(try journal.helper("stop 30000") == "stopped=true")
        #expect(
            try journal.entries().compactMap { $0["MEMWATCH_EVENT"] as? String }
                == ["brk-grow", "munmap", "resize", "exec", "threshold"])
    }

    /// Where `systemd/` is.
    private var checkout: String { #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 } }

    @Test("journalctl -x explains an entry from the catalogue")
    func catalogue() throws {
        let journal = try JournalNamespace()
        try journal.shell("mount -t tmpfs tmpfs /usr/lib/systemd/catalog")
        try journal.shell("cp '\(checkout)/systemd/memwatch.catalog' /usr/lib/systemd/catalog/")
        try journal.shell("journalctl --update-catalog")
        try journal.startHelper()
        try journal.helper("event stack-grow 812 706f737467726573 stack 1048576 2097152 - perf - -")
        #expect(try journal.helper("stop 30000") == "stopped=true")
        try journal.shell("journalctl --sync")
        let text = try journal.shell(
            "journalctl -D /run/log/journal -x --no-pager SYSLOG_IDENTIFIER=memwatchd"
        )
        .joined(separator: "\n")
        #expect(text.contains("postgres[812]: stack grew 1.0 MiB to 2.0 MiB"))
        #expect(text.contains("Subject: The stack of process 812 (postgres) grew"))
        #expect(text.contains("by\n░░ 1048576 bytes to 2097152"))
    }
}
