import MemoryModel
import Testing

@testable import History

@Suite("sqlite3 on the file is a supported way to ask")
struct SQLTests {
    @Test("the views show the same bytes, in the names of the data fields")
    func views() throws {
        let scratch = Scratch()
        let store = try scratch.open()
        let id = try store.register(description(), attached: morning, reader: Reader(uid: 106, gid: 112))
        var samples: [Sample] = []
        for step in 0..<50 {
            let time = morning.advanced(bySeconds: Double(step) * 1.25)
            samples.append(sample(time, heapPages: UInt64(step % 4), residentPages: 2000 - UInt64(step)))
        }
        samples[20].stackLimitBytes = .max
        samples[30].rssShmemBytes = nil
        samples[31].swapBytes = 123
        let regions = [
            region(0x5581_2345_6000, pages: 33, .heap, path: "[heap]"),
            region(0x7f12_0000_0000, pages: 2, .threadStack, tid: 813),
            region(
                0x7f13_0000_0000, pages: 5, .text, path: "/usr/lib/libc.so.6",
                permissions: [.read, .execute], offset: 0x26000),
            region(0xffff_ffff_ff60_0000, pages: 1, .vdso, path: "[vsyscall]", permissions: [.execute]),
        ]
        var event = MemoryEvent(
            time: morning, pid: 812, comm: Array("postgres".utf8), type: .brkGrow, source: .perf)
        event.kind = .heap
        event.delta = -8192
        event.size = 33 << 12
        event.start = 0x5581_2345_6000
        event.end = 0x5581_2346_0000
        event.permissions = [.read, .write]
        event.path = Array("[heap]".utf8)
        event.tid = 814
        for (index, sample) in samples.enumerated() {
            let entry = HistoryEntry(
                process: id, time: sample.time, sample: sample, born: index == 0 ? regions : [],
                events: index == 0 ? [event] : [])
            try store.write(HistoryBatch(entries: [entry]))
        }

        func text(_ value: UInt64?) -> String { value.map { String(Int64(bitPattern: $0)) } ?? "" }
        let kinds = RegionKind.allCases.map { $0.name.replacing("-", with: "_") }
        let expected = samples.map { sample -> String in
            let fields: [String] = [
                sample.time.rfc3339, text(sample.vmSizeBytes), text(sample.rssBytes),
                text(sample.rssAnonBytes),
                text(sample.rssFileBytes), text(sample.rssShmemBytes), text(sample.swapBytes),
                text(sample.pageTablesBytes), "3", "215",
                "0x" + String(sample.programBreak ?? 0, radix: 16), text(sample.stackLimitBytes),
            ]
            return (fields + RegionKind.allCases.map { text(sample.kinds?[$0]) } + ["1"]).joined(
                separator: "|")
        }
        let columns =
            "time, vm_size, rss, rss_anon, rss_file, rss_shmem, swap, page_tables, threads, regions, program_break, "
            + "stack_limit, \(kinds.joined(separator: ", ")), consistent"
        #expect(
            sqlite3(scratch.database, "SELECT \(columns) FROM samples WHERE pid = 812")
                == expected.joined(separator: "\n"))

        #expect(
            sqlite3(
                scratch.database,
                "SELECT start, \\\"end\\\", size, perms, offset, device, inode, kind, path, tid FROM regions WHERE died_us IS NULL ORDER BY born_us"
            ) == """
                0x558123456000|0x558123477000|135168|rw-p|0|08:01|77|heap|[heap]|
                0x7f1200000000|0x7f1200002000|8192|rw-p|0|00:00|0|thread-stack||813
                0x7f1300000000|0x7f1300005000|20480|r-xp|155648|08:01|77|text|/usr/lib/libc.so.6|
                0xffffffffff600000|0xffffffffff601000|4096|--xp|0|08:01|77|vdso|[vsyscall]|
                """)
        #expect(
            sqlite3(
                scratch.database,
                "SELECT time, pid, comm, event, kind, delta, size, start, \\\"end\\\", perms, path, tid, source FROM events"
            )
                == "\(morning.rfc3339)|812|postgres|brk-grow|heap|-8192|135168|0x558123456000|0x558123460000|rw-p|[heap]|814|perf"
        )
        #expect(
            sqlite3(
                scratch.database,
                "SELECT pid, comm, exe, uid, unit, attached, ended, reader_uid FROM processes")
                == "812|postgres|/usr/lib/postgresql/15/bin/postgres|106|postgresql@15-main.service|\(morning.rfc3339)||106"
        )
        #expect(sqlite3(scratch.database, "PRAGMA integrity_check") == "ok")
    }

    @Test("every example in docs/history-schema.md runs")
    func examples() throws {
        let scratch = Scratch()
        let store = try scratch.open()
        let id = try store.register(description(), attached: morning, reader: nil)
        let heap = region(0x5581_2345_6000, pages: 33, .heap, path: "[heap]")
        try store.write(
            HistoryBatch(entries: [
                HistoryEntry(process: id, time: morning, sample: sample(morning), born: [heap])
            ]))
        var path = Array(#filePath.split(separator: "/").dropLast(3))
        path += ["docs", "history-schema.md"]
        let document = String(decoding: readFile("/" + path.joined(separator: "/")), as: UTF8.self)
        let blocks = document.split(separator: "```").enumerated().filter { $0.offset % 2 == 1 }.map(
            \.element)
        let queries = blocks.filter { $0.hasPrefix("sql\n") }.map { $0.dropFirst(4) }
        #expect(queries.count >= 6)
        for query in queries {
            writeFile(scratch.path + "/query.sql", Array(query.utf8))
            let (output, status) = run(
                "sqlite3 -batch -bail \(scratch.database) <\(scratch.path)/query.sql 2>&1")
            #expect(status == 0, "\(query)\n\(output)")
        }
    }
}
