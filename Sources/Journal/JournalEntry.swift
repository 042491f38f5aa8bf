import MemoryModel

/// One journal entry as the bytes that `sd_journal_sendv` takes: `NAME=value` blocks, back to back.
///
/// Values are raw bytes and may hold anything. libsystemd sends a value with a newline in the
/// length-prefixed form of the native protocol, which no value can break out of; one without a
/// newline goes as a line. So no value can forge another field, and a hostile name is stored exact.
struct JournalEntry {
    /// All blocks, one behind the other.
    private(set) var bytes: [UInt8] = []
    /// Where each block ends in `bytes`.
    private(set) var ends: [Int] = []

    mutating func append(_ name: String, _ value: some Collection<UInt8>) {
        bytes.append(contentsOf: name.utf8)
        bytes.append(UInt8(ascii: "="))
        bytes.append(contentsOf: value)
        ends.append(bytes.count)
    }

    mutating func append(_ name: String, _ value: String) { append(name, Array(value.utf8)) }

    /// The fields of DESIGN.md. A value that is not known leaves its field out: null is never 0.
    static func of(_ event: MemoryEvent, unit: String?) -> JournalEntry {
        var entry = JournalEntry(
            message: JournalSentence.text(event), id: JournalMessageID.of(event.type),
            priority: event.type.journalPriority)
        entry.appendProcess(event.pid, comm: event.comm)
        if let unit { entry.append("MEMWATCH_UNIT", unit) }
        entry.append("MEMWATCH_EVENT", event.type.name)
        if let kind = event.kind { entry.append("MEMWATCH_KIND", kind.name) }
        if let delta = event.delta { entry.append("MEMWATCH_DELTA_BYTES", String(delta)) }
        if let size = event.size { entry.append("MEMWATCH_SIZE_BYTES", String(size)) }
        if let start = event.start { entry.append("MEMWATCH_ADDRESS", JournalSentence.address(start)) }
        entry.append("MEMWATCH_SOURCE", event.source.name)
        if event.type.isAlert {
            entry.append("MEMWATCH_ALERT", event.isCleared ? "cleared" : "fired")
        } else if let count = event.count {
            entry.append("MEMWATCH_COUNT", String(count))
        }
        if let child = event.child { entry.append("MEMWATCH_CHILD_PID", String(child)) }
        return entry
    }

    init(message: String, id: String?, priority: JournalPriority) {
        bytes.reserveCapacity(640)
        append("MESSAGE", message)
        if let id { append("MESSAGE_ID", id) }
        append("PRIORITY", String(priority.rawValue))
        append("SYSLOG_IDENTIFIER", "memwatchd")
    }

    /// OBJECT_PID makes journald add OBJECT_COMM, OBJECT_SYSTEMD_UNIT and so on by itself, for
    /// senders that are root (systemd.journal-fields(7)), which the system's service is not; where the sender
    /// is, `systemctl status` of the watched unit shows the entry too. MEMWATCH_PID stays true when the process
    /// is gone by then.
    mutating func appendProcess(_ pid: Int32, comm: [UInt8]) {
        append("OBJECT_PID", String(pid))
        append("MEMWATCH_PID", String(pid))
        append("MEMWATCH_COMM", comm)
    }

    /// What journald accepts as the name of a field that a program sets: `A–Z`, `0–9`, `_`, not
    /// beginning with `_` (those are journald's own) or a digit, at most 64 bytes. It drops others silently.
    static func isFieldName(_ name: String) -> Bool {
        guard let first = name.utf8.first, name.utf8.count <= 64 else { return false }
        guard (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(first) else { return false }
        return name.utf8.allSatisfy { byte in
            (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "_")
        }
    }
}

extension JournalEntry {
    /// iovec(3) wants mutable pointers although nobody writes through them.
    mutating func withUnsafeMutableBytes<Result>(_ body: (UnsafeMutableRawBufferPointer) -> Result) -> Result
    {
        bytes.withUnsafeMutableBytes { body($0) }
    }
}
