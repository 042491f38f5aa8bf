import Glibc
import TestSupport
import Testing
import Varlink

/// What memwatch has of one process: its events, and its samples.
struct Ledger {
    struct Entry {
        var event: Event
        var tid: Int32?
        /// Microseconds since 1970.
        var time: Int64
        /// It had not yet happened then; nil where nothing is known of before. Only the database has it.
        var notBefore: Int64?
        var range: Range<UInt64>?
        var isPerf: Bool
        var type: String { event.type }

        init(_ json: JSON) throws {
            event = Event(json)
            tid = event.tid.flatMap { Int32(exactly: $0) }
            time = try #require(microseconds(event.time))
            isPerf = json["source"]?.stringValue == "perf"
            if let start = Ledger.address(event.start), let end = Ledger.address(event.end), start < end {
                range = start..<end
            }
        }
    }

    struct Sample {
        var time: Int64
        var size: Int64
        var kinds: [String: Int64]
        var isConsistent: Bool
    }

    let pid: Int32
    private(set) var entries: [Entry] = []
    private(set) var samples: [Sample] = []

    init(of pid: Int32, entries: [Entry], samples: [Sample]) {
        self.pid = pid
        self.entries = entries
        self.samples = samples
    }

    init(of pid: Int32, from daemon: Daemon) throws {
        self.pid = pid
        for line in try lines(daemon.output("events", "\(pid)", "--since", "-1h", "--format", "ndjson")) {
            entries.append(try Entry(line))
        }
        try learnNotBefore(from: daemon)
        for line in try lines(daemon.output("history", "\(pid)", "--since", "-1h", "--format", "ndjson")) {
            guard let size = line["vm_size"]?.integerValue, let members = line["kinds"]?.objectValue else {
                continue
            }
            var kinds: [String: Int64] = [:]
            for (kind, bytes) in members where bytes != .integer(0) { kinds[kind] = bytes.integerValue }
            samples.append(
                Sample(
                    time: try #require(microseconds(line["time"]?.stringValue)), size: size, kinds: kinds,
                    isConsistent: line["consistent"]?.boolValue == true))
        }
    }

    private mutating func learnNotBefore(from daemon: Daemon) throws {
        let rows = try sqlite(
            daemon.database,
            """
            SELECT time, event, kind, delta, start, "end", not_before_us FROM events
            WHERE pid = \(pid) AND not_before_us IS NOT NULL
            """)
        var known: [Substring: Int64] = [:]
        for row in rows {
            guard let bar = row.lastIndex(of: "|") else { continue }
            known[row[..<bar]] = Int64(row[row.index(after: bar)...])
        }
        for index in entries.indices {
            let event = entries[index].event
            let key = [
                event.time, event.type, event.kind, event.delta.map(String.init), event.start, event.end,
            ].map { $0 ?? "" }.joined(separator: "|")
            entries[index].notBefore = known[key[...]]
        }
    }

    private func lines(_ text: String) throws -> [JSON] {
        try text.split(separator: "\n").map { try JSON(parsing: String($0)) }
    }

    static func address(_ text: String?) -> UInt64? {
        guard let text, text.hasPrefix("0x") else { return nil }
        return UInt64(text.dropFirst(2), radix: 16)
    }

    /// The types of event that a call of the program's must explain.
    static let explainable: Set<String> = ["brk-grow", "brk-shrink", "mmap", "munmap", "resize", "protect"]
}

/// `2026-11-23T02:31:00.125000Z`, in microseconds since 1970.
func microseconds(_ rfc3339: String?) -> Int64? {
    guard let rfc3339 else { return nil }
    let numbers = rfc3339.split { "-T:.Z".contains($0) }.compactMap { Int32($0) }
    guard rfc3339.utf8.count == 27, numbers.count == 7 else { return nil }
    var parts = tm()
    parts.tm_year = numbers[0] - 1900
    parts.tm_mon = numbers[1] - 1
    parts.tm_mday = numbers[2]
    parts.tm_hour = numbers[3]
    parts.tm_min = numbers[4]
    parts.tm_sec = numbers[5]
    return Int64(timegm(&parts)) * 1_000_000 + Int64(numbers[6])
}
