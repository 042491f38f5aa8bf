import GRDB
import Glibc
import MemoryModel

@testable import History

/// A directory that is there for one test.
final class Scratch {
    let path: String

    init() {
        var template = Array("/tmp/memwatch-history-XXXXXX\0".utf8CString)
        path = template.withUnsafeMutableBufferPointer { buffer in
            buffer.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) } ?? "/nonexistent"
        }
    }

    var database: String { path + "/history.sqlite" }

    func open(
        maximumBytes: Int64 = 64 << 20, maximumAgeSeconds: Int64 = 30 * 86_400, ballastBytes: Int64 = 0
    ) throws -> HistoryStore {
        try HistoryStore.open(
            HistoryConfiguration(
                directory: path, maximumBytes: maximumBytes, maximumAgeSeconds: maximumAgeSeconds,
                ballastBytes: ballastBytes)
        ).0
    }

    /// Names in the directory, sorted.
    var names: [String] {
        guard let stream = opendir(path) else { return [] }
        defer { closedir(stream) }
        var result: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { result.append(name) }
        }
        return result.sorted()
    }

    deinit {
        for name in names { unlink(path + "/" + name) }
        rmdir(path)
    }
}

/// What a command printed on standard output, and its exit status.
func run(_ command: String) -> (output: String, status: Int32) {
    guard let stream = popen(command, "r") else { return ("", -1) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
        let count = fread(&buffer, 1, buffer.count, stream)
        if count == 0 { break }
        bytes += buffer[..<count]
    }
    let status = pclose(stream)
    return (String(decoding: bytes, as: UTF8.self), (status >> 8) & 0xff)
}

/// Asks the real `sqlite3`, as a person would.
func sqlite3(_ path: String, _ sql: String, options: String = "") -> String {
    run("sqlite3 -batch \(options) \(path) \"\(sql)\" 2>&1").output.trimmingNewline
}

extension String {
    var trimmingNewline: String {
        var copy = self
        while copy.last == "\n" { copy.removeLast() }
        return copy
    }
}

func readFile(_ path: String) -> [UInt8] {
    let file = Glibc.open(path, O_RDONLY)
    guard file >= 0 else { return [] }
    defer { Glibc.close(file) }
    var info = stat()
    guard fstat(file, &info) == 0 else { return [] }
    var bytes = [UInt8](repeating: 0, count: Int(info.st_size))
    let count = bytes.withUnsafeMutableBytes { read(file, $0.baseAddress, $0.count) }
    return Array(bytes.prefix(max(0, count)))
}

func writeFile(_ path: String, _ bytes: [UInt8]) {
    let file = Glibc.open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    guard file >= 0 else { return }
    defer { Glibc.close(file) }
    _ = bytes.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
}

let morning = Timestamp(seconds: 1_795_500_000)

extension Timestamp {
    func advanced(bySeconds seconds: Double) -> Timestamp {
        Timestamp(microseconds: microseconds + Int64(seconds * 1_000_000))
    }
}

func description(pid: Int32 = 812, comm: String = "postgres", start: UInt64 = 4711) -> ProcessDescription {
    var result = ProcessDescription(
        identity: ProcessIdentity(
            bootID: "0f0e0d0c-0b0a-4908-8706-050403020100", pid: pid, startTicks: start,
            pidfdInode: 90_000 + UInt64(start)),
        comm: Array(comm.utf8))
    result.exe = Array("/usr/lib/postgresql/15/bin/postgres".utf8)
    result.uid = 106
    result.gid = 112
    result.unit = "postgresql@15-main.service"
    result.cgroup = "/system.slice/postgresql@15-main.service"
    result.started = morning.advanced(bySeconds: -100)
    return result
}

/// A sample of a process with these regions and resident pages.
func sample(_ time: Timestamp, heapPages: UInt64 = 33, residentPages: UInt64 = 1000, pid: Int32 = 812)
    -> Sample
{
    var sample = Sample(time: time, pid: pid)
    var kinds = KindTotals()
    kinds[.text] = 800 << 12
    kinds[.rodata] = 310 << 12
    kinds[.data] = 24 << 12
    kinds[.bss] = 12 << 12
    kinds[.heap] = heapPages << 12
    kinds[.stack] = 33 << 12
    kinds[.anon] = 900 << 12
    kinds[.vdso] = 6 << 12
    sample.kinds = kinds
    sample.vmSizeBytes = kinds.total
    sample.rssAnonBytes = residentPages << 12
    sample.rssFileBytes = 700 << 12
    sample.rssShmemBytes = 0
    sample.rssBytes = (residentPages + 700) << 12
    sample.swapBytes = 0
    sample.pageTablesBytes = 88 << 10
    sample.threads = 3
    sample.regionCount = 215
    sample.programBreak = 0x5581_2345_6000 + heapPages << 12
    sample.stackLimitBytes = 8 << 20
    sample.isConsistent = true
    return sample
}

func region(
    _ start: UInt64, pages: UInt64, _ kind: RegionKind = .anon, path: String? = nil,
    permissions: Permissions = [.read, .write], tid: Int32 = 0, offset: UInt64 = 0
) -> HistoryRegion {
    HistoryRegion(
        start: start, end: start + pages << 12, permissions: permissions, offset: offset,
        device: path == nil ? .none : DeviceNumber(major: 8, minor: 1), inode: path == nil ? 0 : 77,
        path: path.map { Array($0.utf8) }, kind: kind, tid: tid)
}

extension HistoryStore {
    func allSamples(
        _ process: HistoryProcessID, since: Timestamp? = nil, until: Timestamp? = nil
    ) throws -> [HistorySample] {
        var result: [HistorySample] = []
        try samples(of: process, since: since, until: until) {
            result.append($0)
            return true
        }
        return result
    }

    func allEvents(
        _ process: HistoryProcessID? = nil, since: Timestamp? = nil, until: Timestamp? = nil,
        types: Set<EventType>? = nil, after: Int64? = nil, limit: Int? = nil
    ) throws -> [HistoryEvent] {
        var result: [HistoryEvent] = []
        try events(of: process, since: since, until: until, types: types, afterEventID: after, limit: limit) {
            result.append($0)
            return true
        }
        return result
    }
}
