import Glibc
import TestSupport
import Testing
import Varlink

@Suite("What the client prints is the contract", .timeLimit(.minutes(5)))
struct FormatTests {
    private static let region = [
        "start", "end", "size", "perms", "offset", "device", "inode", "kind", "origin", "path", "tid",
    ]
    private static let sample = [
        "time", "pid", "vm_size", "rss", "rss_anon", "rss_file", "rss_shmem", "swap", "page_tables",
        "threads",
        "regions", "program_break", "stack_limit", "kinds", "consistent",
    ]
    private static let event = [
        "time", "pid", "comm", "event", "kind", "delta", "size", "start", "end", "perms", "path", "tid",
        "source",
    ]
    private static let target = [
        "pid", "comm", "exe", "uid", "unit", "started", "attached", "interval", "state", "event_source",
        "rule",
    ]
    private static let kinds = [
        "text", "rodata", "data", "bss", "heap", "stack", "anon", "arena", "thread-stack", "guard",
        "reserved",
        "jit", "file", "shared", "hugetlb", "device", "vdso",
    ]

    private func fields(_ record: JSON?) -> [String] { record?.objectValue?.map(\.0) ?? [] }

    @Test("fields by name and order, the same in json, ndjson and csv")
    func fields() throws {
        let daemon = try Daemon()
        let memgrow = try Memgrow("sbrk", "--step", "--hold", "--keep")
        let pid = "\(memgrow.pid)"
        let follower = try daemon.attach(memgrow.pid)
        _ = try memgrow.step()
        try follower.wait(for: "brk-grow")
        let commands = [
            (["list"], Self.target), (["regions", pid], Self.region), (["events", pid], Self.event),
            (["regions", pid, "--at", "now"], Self.region), (["history", pid], Self.sample),
            (["regions", pid, "--resident"], Self.region + ["resident"]),
        ]
        for (command, names) in commands {
            let json = try Client.run(command + ["--format", "json"], socket: daemon.socket)
            if command.last == "--resident", json.exit == .status(64) { continue }
            let records = try #require(try JSON(parsing: json.output).arrayValue)
            #expect(!records.isEmpty && records.allSatisfy { fields($0) == names }, "\(command)")
            let lines = try Client.run(command + ["--format", "ndjson"], socket: daemon.socket)
            let same = try lines.output.split(separator: "\n").map { try JSON(parsing: String($0)) }
            #expect(same.count == records.count && fields(same.first) == names, "\(command)")
            let csv = try Client.run(command + ["--format", "csv"], socket: daemon.socket)
            let rows = csv.output.split(whereSeparator: \.isNewline)
            let columns = names.flatMap { $0 == "kinds" ? Self.kinds : [$0] }
            #expect(rows.first.map(String.init) == columns.joined(separator: ","), "\(command)")
            #expect(rows.count == records.count + 1)
            let table = try Client.run(command, socket: daemon.socket)
            #expect(table.exit == .status(0) && !table.output.isEmpty && table.errors.isEmpty)
        }
        let sample = try #require(try daemon.records("history", pid).first)
        #expect(fields(sample["kinds"]) == Self.kinds)
        let status = try JSON(parsing: try daemon.output("status", "--format", "json"))
        #expect(
            status["targets"]?.integerValue == 1 && status["history_path"]?.stringValue == daemon.database)
        #expect(status["history_error"] == .null)
    }

    @Test("regions of now are those of /proc, cut but never lost, with and without the daemon")
    func regions() throws {
        let daemon = try Daemon()
        let memgrow = try Memgrow("zoo", "--hold")
        _ = try memgrow.linesUntilDone()
        _ = try daemon.attach(memgrow.pid)
        let now = try daemon.records("regions", "\(memgrow.pid)")
        let kept = try daemon.records("regions", "\(memgrow.pid)", "--at", "now")
        #expect(now == kept)
        let counted = addressSpace(now)
        let statm = try readText("/proc/\(memgrow.pid)/statm").split(separator: " ").first.flatMap {
            Int64($0)
        }
        #expect(counted == statm.map { $0 * Int64(getpagesize()) })
    }

    @Test("--kind and --event keep what was asked for")
    func filters() throws {
        // mprotect changes no size, so only a full look sees it.
        let daemon = try Daemon(Daemon.quiet + "[sampling]\nfull_scan_interval = \"1s\"\n")
        let memgrow = try Memgrow("mmap", "--count", "1", "--step", "--hold")
        let pid = "\(memgrow.pid)"
        let follower = try daemon.attach(memgrow.pid)
        for _ in 0..<6 {
            let said = try memgrow.step()
            try follower.wait(for: said.event)
        }
        let kinds = Set(try daemon.records("regions", pid, "--kind", "stack,jit").map { $0["kind"] })
        #expect(kinds == ["stack", "jit"])
        let sample = try #require(try daemon.records("history", pid, "--kind", "jit,anon").last)
        #expect(Set(fields(sample["kinds"])) == ["jit", "anon"])
        let events = try daemon.records("events", pid, "--event", "protect,attached")
        #expect(events.map { $0["event"]?.stringValue } == ["attached", "protect"])
        let summary = try daemon.output("regions", pid, "--summary", "--format", "json")
        #expect(try JSON(parsing: summary).arrayValue?.isEmpty == false)
    }

    @Test("--since -15m, --until, and --step that carries the last value known")
    func periods() throws {
        let daemon = try Daemon()
        let memgrow = try Memgrow("sbrk", "--count", "2", "--keep", "--step", "--hold")
        let pid = "\(memgrow.pid)"
        let follower = try daemon.attach(memgrow.pid)
        let first = try #require(follower.events.first?.time)
        _ = try memgrow.step()
        let grown = try #require(try follower.wait(for: "brk-grow").time)
        let all = try daemon.records("history", pid)
        #expect(try daemon.records("history", pid, "--since", "-15m") == all)
        #expect(try daemon.records("history", pid, "--since", grown).count < all.count)
        #expect(try daemon.records("history", pid, "--until", first).count == 1)
        let events = try daemon.records("events", pid, "--since", "-15m")
        #expect(events.map { $0["event"]?.stringValue } == ["attached", "brk-grow"], "\(events)")
        #expect(try daemon.records("events", pid, "--until", "-15m").isEmpty)
        let steps = try daemon.records(
            "history", pid, "--since", first, "--until", grown, "--step", "10ms")
        let times = try steps.map { try #require($0["time"]?.stringValue) }
        #expect(steps.count >= 2 && times == times.sorted() && Set(times).count == times.count)
        // Before the growth each carries the first sample's values.
        let before = all.first?["kinds"]?["heap"]
        #expect(steps.dropLast().allSatisfy { $0["kinds"]?["heap"] == before })
        #expect(steps.allSatisfy { $0["vm_size"]?.integerValue != nil })
    }
}

/// What regions add up to; [vsyscall] is the kernel's own page, outside VmSize.
func addressSpace(_ regions: [JSON]) -> Int64 {
    regions.filter { $0["path"]?.stringValue != "[vsyscall]" }.reduce(0) {
        $0 + ($1["size"]?.integerValue ?? 0)
    }
}
