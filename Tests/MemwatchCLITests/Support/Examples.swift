import Glibc
import MemoryModel
import MemwatchInterface
import TestSupport
import Varlink

@testable import MemwatchCLI

/// Records whose text in every form is known.
enum Examples {
    /// 2026-11-23 02:31:00.125 UTC.
    static let time = Timestamp(seconds: 1_795_401_060, microseconds: 125_000)

    static func region(
        _ start: UInt64, _ size: UInt64, _ permissions: Permissions, _ kind: RegionKind, path: String = "",
        tid: Int32 = 0
    ) -> RegionRecord {
        RegionRecord(
            Region(
                start: start, end: start + size, permissions: permissions, offset: 0, device: .none, inode: 0,
                path: .none, kind: kind, tid: tid),
            path: Array(path.utf8))
    }

    static let heap = region(0x5563_5730_0000, 12 << 20, [.read, .write], .heap, path: "[heap]")

    static func sample(pid: Int32 = 812, at time: Timestamp = time) -> SampleRecord {
        var sample = Sample(time: time, pid: pid)
        sample.vmSizeBytes = 24 << 20
        sample.rssBytes = 8 << 20
        sample.threads = 3
        sample.regionCount = 44
        sample.programBreak = 0x5563_57f0_0000
        sample.stackLimitBytes = .max
        var kinds = KindTotals()
        kinds[.text] = 2 << 20
        kinds[.heap] = 12 << 20
        kinds[.anon] = 10 << 20
        sample.kinds = kinds
        sample.isConsistent = true
        return SampleRecord(sample)
    }

    static func event(pid: Int32 = 812, comm: String = "postgres") -> EventRecord {
        var event = MemoryEvent(time: time, pid: pid, comm: Array(comm.utf8), type: .brkGrow)
        event.kind = .heap
        event.delta = 12 << 20
        event.size = 96 << 20
        event.start = 0x5563_5730_0000
        event.end = 0x5563_5d30_0000
        event.path = Array("[heap]".utf8)
        return EventRecord(event)
    }

    static func target(pid: Int32 = 812, rule: String? = nil) -> TargetRecord {
        var process = ProcessDescription(
            identity: ProcessIdentity(bootID: "", pid: pid, startTicks: 0, pidfdInode: nil),
            comm: Array("postgres".utf8))
        process.uid = 33
        return TargetRecord(
            process, attached: time, intervalMicroseconds: 1_000_000, state: .running,
            eventSource: "sampling", eventSourceReason: nil, rule: rule)
    }

    static let rule = RuleRecord(
        rule: "comm:python*", interval: "5s", children: true, origin: "client", targets: 2)

    static let emptyRule = RuleRecord(
        rule: "unit:nginx.service", interval: "1s", children: false, origin: "configuration", targets: 0)

    static func gone() -> TargetRecord {
        TargetRecord(
            ProcessDescription(
                identity: ProcessIdentity(bootID: "", pid: 90, startTicks: 0, pidfdInode: nil),
                comm: Array("nginx".utf8)),
            attached: time, intervalMicroseconds: nil, state: .exited, eventSource: nil,
            eventSourceReason: nil, rule: "unit:nginx.service")
    }

    static let changes = [
        ChangeRecord(
            .grew, kind: .heap, delta: 64 << 10, size: 64 << 10, start: 0x5563_5730_0000,
            end: 0x5563_5731_0000, permissions: [.read, .write], permissionsBefore: nil,
            path: Array("[heap]".utf8), tid: 0),
        ChangeRecord(
            .vanished, kind: .anon, delta: -6 << 20, size: 0, start: 0x7f10_0000_0000,
            end: 0x7f10_0060_0000, permissions: [.read, .write], permissionsBefore: nil, path: [], tid: 0),
        ChangeRecord(
            .protected, kind: .text, delta: 0, size: 1 << 20, start: 0x7f20_0000_0000,
            end: 0x7f20_0010_0000, permissions: [.read, .execute], permissionsBefore: [.read, .write],
            path: Array("/lib/x.so".utf8), tid: 0),
    ]

    static let status: JSONObject = [
        "version": "0.1.0", "pid": 4711, "uid": 998,
        "capabilities": ["CAP_PERFMON", "CAP_IPC_LOCK"], "capabilities_reason": "they are enough",
        "started": .string(time.rfc3339), "targets": 3, "rules": 1,
        "event_source": "mixed", "event_source_reason": "perf was refused", "kernel_records": 1_234,
        "records_lost": 5, "gaps": 2, "forks_dropped": 0, "summarised": 1, "ticks": 1_200, "late_ticks": 2,
        "looks": 90, "inconsistent_looks": 0, "last_tick": .string(time.rfc3339), "lag_us": 120,
        "history_path": "/var/lib/memwatch/history.sqlite", "history_bytes": 12_582_912,
        "history_free_bytes": 1_073_741_824, "history_oldest": .null, "history_error": .null,
        "journal_sent": 12,
        "journal_dropped": 0,
    ]
}

extension JSONWritable {
    /// The value as the server sends it.
    var json: JSON { get throws { try JSON(parsing: serialized()) } }
}

/// What `body` writes.
func written(_ body: (Output) throws -> Void) throws -> String {
    let directory = try TemporaryDirectory()
    let path = try directory.write("", to: "output")
    let descriptor = try FileWriter(path)
    let output = Output(descriptor: descriptor.number)
    try body(output)
    try output.flush()
    return try readText(path)
}

/// A file open for writing, closed with the last reference.
private final class FileWriter {
    let number: Int32

    init(_ path: String) throws {
        number = open(path, O_WRONLY | O_CLOEXEC)
        guard number >= 0 else { throw TestFailure("cannot open \(path)") }
    }

    deinit { close(number) }
}
