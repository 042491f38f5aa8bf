import TestSupport
import Testing
import Varlink

/// The client, run in the machine.
extension TestMachine {
    /// The system's daemon, from its socket unit, with looks ten times a second where nothing else is said.
    func startDaemon(interval: String = "100ms", source: String = "auto") throws {
        let settings = "[sampling]\ninterval = \"\(interval)\"\n[events]\nsource = \"\(source)\"\n"
        try run("mkdir", "-p", "/etc/memwatch/conf.d")
        try write(settings, to: "/etc/memwatch/conf.d/test.toml")
        try run("systemctl", "start", "memwatchd.socket", "memwatchd.service")
    }

    /// Does what a shipped drop-in says to do to use it.
    func useDropIn(_ name: String, of unit: String = "memwatchd.service") throws {
        let shipped = try run("cat", "/usr/lib/systemd/system/\(unit).d/\(name)")
        let lines = shipped.split(separator: "\n").map { line in
            line.hasPrefix("#") && !line.hasPrefix("# ") ? line.dropFirst() : line
        }
        try run("mkdir", "-p", "/etc/systemd/system/\(unit).d")
        try write(lines.joined(separator: "\n") + "\n", to: "/etc/systemd/system/\(unit).d/\(name)")
        try run("systemctl", "daemon-reload")
    }

    /// The records that `--format ndjson` prints.
    func records(_ arguments: String...) throws -> [JSON] {
        try run(["memwatch"] + arguments + ["--format", "ndjson"]).split(separator: "\n").map {
            try JSON(parsing: String($0))
        }
    }

    /// `memwatch events --follow`, from the beginning of what is kept.
    func followEvents() throws -> EventStream {
        EventStream(
            try start(["memwatch", "events", "--follow", "--since", "-1h", "--format", "ndjson"]))
    }

    /// Entries of memwatchd in the machine's journal, in order.
    func journal(_ matches: String...) throws -> [JSON] {
        try run("journalctl", "--sync")
        let text = try run(
            ["journalctl", "--output=json", "--all", "SYSLOG_IDENTIFIER=memwatchd"] + matches)
        return try text.split(separator: "\n").map { try JSON(parsing: String($0)) }
    }
}

/// The journal's MESSAGE_IDs, which are a contract (systemd/memwatch.catalog).
enum Message {
    static let configurationRefused = "e20224408bef4b0280620da6811f9791"
    /// Of the exit, which says what the process held.
    static let postMortem = "6a799fb2b459425a98d59c19eccaf794"
    static let alertUnitFailed = "c98994ebfec044a7bbe0660c903ea8d1"
}

/// How a test waits for what the daemon sees, instead of sleeping.
final class EventStream {
    private let process: ChildProcess
    /// Every event until now.
    private(set) var events: [JSON] = []

    init(_ process: ChildProcess) { self.process = process }

    /// Reads on until an event of that type of that process (or of any). Fails when the stream ends, or
    /// after a minute without an event.
    @discardableResult
    func wait(for type: String, of pid: Int64? = nil) throws -> JSON {
        do {
            while let line = try process.nextLine() {
                let event = try JSON(parsing: line)
                events.append(event)
                let isOfIt = pid == nil || event["pid"]?.integerValue == pid
                if isOfIt && event["event"]?.stringValue == type { return event }
            }
        } catch let failure as TestFailure {
            throw TestFailure("\(failure); waiting for \(type) of \(pid ?? 0), after \(seen)")
        }
        throw TestFailure("events --follow ended: \(process.errorText()), after \(seen)")
    }

    /// What came until now, in short.
    private var seen: [String] {
        events.map { "\($0["pid"]?.integerValue ?? 0) \($0["event"]?.stringValue ?? "?")" }
    }
}
