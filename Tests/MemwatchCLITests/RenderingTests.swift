import MemoryModel
import MemwatchInterface
import Testing
import Varlink

@testable import MemwatchCLI

@Suite("Output in four forms")
struct RenderingTests {
    /// A name that would set a terminal's title, turn its reading direction and break a line.
    let hostile = "a\u{1b}]0;x\u{7}\u{202e},\"b\"\nc"

    func print(_ regions: [RegionRecord], _ format: OutputFormat) throws -> String {
        try written { output in
            var printer = RecordPrinter(format, layout: .regions, output: output)
            for region in regions { try printer.write(region) }
            try printer.finish()
        }
    }

    @Test("a table is as wide as what stands in it, and has no blanks at line ends")
    func table() throws {
        let stack = Examples.region(0x7f00_0000_0000, 8 << 20, [.read, .write], .threadStack, tid: 813)
        let anon = Examples.region(0x7f10_0000_0000, 4_096, [.read], .anon)
        #expect(
            try print([Examples.heap, stack, anon], .table) == """
                ADDRESS                        SIZE  PERMS  KIND          PATH
                556357300000-556357f00000  12.0 MiB  rw-p   heap          [heap]
                7f0000000000-7f0000800000   8.0 MiB  rw-p   thread-stack  tid 813
                7f1000000000-7f1000001000   4.0 KiB  r--p   anon

                """)
    }

    @Test("no rows are a header, an empty array, nothing, a header")
    func nothing() throws {
        #expect(try print([], .table) == "ADDRESS  SIZE  PERMS  KIND  PATH\n")
        #expect(try print([], .json) == "[]\n")
        #expect(try print([], .ndjson) == "")
        #expect(
            try print([], .csv)
                == "start,end,size,perms,offset,device,inode,kind,origin,path,tid\r\n")
    }

    @Test("JSON is one array with a line per object, NDJSON the same lines alone")
    func json() throws {
        let line = """
            {"start":"0x556357300000","end":"0x556357f00000","size":12582912,"perms":"rw-p","offset":0,\
            "device":"00:00","inode":0,"kind":"heap","origin":"brk","path":"[heap]","tid":null}
            """
        #expect(try print([Examples.heap, Examples.heap], .json) == "[\n\(line),\n\(line)\n]\n")
        #expect(try print([Examples.heap, Examples.heap], .ndjson) == "\(line)\n\(line)\n")
    }

    @Test("CSV doubles quotes, keeps line breaks in quotes, and leaves null empty")
    func csv() throws {
        let file = Examples.region(0x1000, 4_096, [.read], .file, path: hostile)
        #expect(
            try print([file], .csv).split(separator: "\r\n", maxSplits: 1).last
                == "0x1000,0x2000,4096,r--p,0,00:00,0,file,mmap,\"a\u{1b}]0;x\u{7}\u{202e},\"\"b\"\"\nc\",\r\n"
        )
    }

    @Test("names from processes reach a table written out, and JSON unchanged")
    func hostileNames() throws {
        let file = Examples.region(0x1000, 4_096, [.read], .file, path: hostile)
        let table = try print([file], .table)
        #expect(table.hasSuffix("file  a\\x1b]0;x\\x07\\u{202e},\"b\"\\nc\n"))
        let line = try #require(try print([file], .ndjson).split(separator: "\n").first)
        #expect(try JSON(parsing: String(line))["path"]?.stringValue == hostile)
    }

    @Test("on a terminal JSON writes what would not show as \\u escapes of the same value")
    func jsonOnTerminal() throws {
        let text = "é\u{9b}\u{202e}\u{7f}\u{e0001}x"
        let bytes = Array("{\"path\":\"\(text)\"}".utf8)
        let shown = bytes.withRawBytes { String(decoding: JSONPrinter.escapedForTerminal($0), as: UTF8.self) }
        #expect(shown == "{\"path\":\"é\\u009b\\u202e\\u007f\\udb40\\udc01x\"}")
        #expect(try JSON(parsing: shown)["path"]?.stringValue == text)
    }

    @Test("a sample's CSV has one column per kind, or per kind that was asked for")
    func sampleCSV() throws {
        func csv(_ record: SampleRecord, _ kinds: [RegionKind]?) throws -> [Substring] {
            try written { output in
                var printer = RecordPrinter(
                    .csv, layout: .samples(kinds: kinds), csvColumns: SampleRecord.csvColumns(kinds: kinds),
                    output: output)
                try printer.write(record)
                try printer.finish()
            }.split(separator: "\r\n")
        }
        #expect(
            try csv(Examples.sample(), nil) == [
                "time,pid,vm_size,rss,rss_anon,rss_file,rss_shmem,swap,page_tables,threads,regions,"
                    + "program_break,stack_limit,text,rodata,data,bss,heap,stack,anon,arena,thread-stack,guard,"
                    + "reserved,jit,file,shared,hugetlb,device,vdso,consistent",
                "2026-11-23T02:31:00.125000Z,812,25165824,8388608,,,,,,3,44,0x556357f00000,-1,2097152,0,0,0,"
                    + "12582912,0,10485760,0,0,0,0,0,0,0,0,0,0,true",
            ])
        var two = Examples.sample()
        two.kinds = [.heap, .anon]
        #expect(try csv(two, [.heap, .anon])[1].hasSuffix(",-1,12582912,10485760,true"))
        var denied = Examples.sample()
        denied.sample.kinds = nil
        #expect(try csv(denied, [.heap, .anon])[1].hasSuffix(",-1,,,true"))
    }

    @Test("a sample's row adds up what each way of getting memory gave, unless kinds are named")
    func sampleTable() throws {
        func table(_ kinds: [RegionKind]?) throws -> String {
            try written { output in
                var printer = RecordPrinter(.table, layout: .samples(kinds: kinds), output: output)
                try printer.write(Examples.sample())
                try printer.finish()
            }
        }
        let all = try table(nil).split(separator: "\n").map {
            $0.split(separator: " ").joined(separator: " ")
        }
        #expect(all[0] == "TIME VIRTUAL RESIDENT IMAGE BRK STACK MMAP REGIONS THREADS")
        #expect(all[1].hasSuffix(" 24.0 MiB 8.0 MiB 2.0 MiB 12.0 MiB 0 B 10.0 MiB 44 3"))
        #expect(
            try table([.heap]).hasPrefix("TIME                      VIRTUAL  RESIDENT      HEAP  REGIONS"))
    }

    @Test("an event says in words what it stands for, and who did it; as data only where there is something")
    func eventDetails() throws {
        func shown(_ type: EventType, _ change: (inout MemoryEvent) -> Void) throws -> (String, [String]) {
            var event = MemoryEvent(
                time: Examples.time, pid: 812, comm: Array("nginx".utf8), type: type, source: .perf)
            event.tid = 812
            change(&event)
            let record = EventRecord(event)
            let table = try written { output in
                var printer = RecordPrinter(.table, layout: .events, output: output)
                try printer.write(record)
                try printer.finish()
            }
            let names = try JSON(parsing: record.serialized()).objectValue?.map(\.0) ?? []
            return (String(table.split(separator: "\n").last ?? ""), Array(names.dropFirst(13)))
        }
        let plain = try shown(.mmap) { $0.count = 1 }
        #expect(plain.0.hasSuffix("  perf") && plain.1.isEmpty)
        let summary = try shown(.mmap) {
            $0.count = 1_234
            $0.path = Array("/x".utf8)
            $0.tid = 815
        }
        #expect(summary.0.hasSuffix("  /x (by thread 815) (1234 in one tick)") && summary.1 == ["count"])
        let fork = try shown(.fork) { $0.child = 900 }
        #expect(fork.0.hasSuffix("  child 900") && fork.1 == ["child"])
        let gap = try shown(.gap) { $0.count = 1 }
        #expect(gap.0.hasSuffix("  1 record lost") && gap.1 == ["count"])
        #expect(EventRecord.fields.count == 13)
    }

    @Test("a summary leaves [vsyscall] out, so that its sizes add up to VmSize")
    func summary() throws {
        let rows = KindSummary.of([
            Examples.heap, Examples.region(0x1000, 4 << 20, [.read], .text),
            Examples.region(0xffff_ffff_ff60_0000, 4_096, [.execute], .vdso),
        ])
        #expect(rows.map(\.kind) == [.text, .heap])
        #expect(rows.map(\.size) == [4 << 20, 12 << 20])
        #expect(rows.map(\.share) == [250, 750])
    }

    @Test("rows behind the first thousand keep the widths of those before them")
    func streaming() throws {
        let text = try written { output in
            let table = TablePrinter(columns: [.right("A"), .left("B")], output: output, lookahead: 2)
            for cell in ["1", "333", "55555"] { try table.write([cell, "x"]) }
            try table.finish()
        }
        #expect(text == "  A  B\n  1  x\n333  x\n55555  x\n")
    }

    @Test("wide characters take two columns, marks none")
    func widths() {
        #expect(DisplayWidth.of("abc") == 3)
        #expect(DisplayWidth.of("日本") == 4)
        #expect(DisplayWidth.of("e\u{301}") == 1)
        #expect(Ellipsis.middle("/usr/lib/x86_64-linux-gnu/libc.so.6", width: 20) == "/usr/l…gnu/libc.so.6")
        #expect(Ellipsis.middle("short", width: 20) == "short")
    }
}
