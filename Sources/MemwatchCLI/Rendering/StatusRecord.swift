import MemoryModel
import MemwatchInterface
import Varlink

/// How the daemon is, as it said it: an object that later daemons may add to.
struct StatusRecord: PrintableRow, Hashable {
    let object: JSONObject

    static let fields = [
        "version", "pid", "uid", "capabilities", "capabilities_reason", "started", "targets", "rules",
        "event_source", "event_source_reason",
        "kernel_records", "records_lost", "gaps", "forks_dropped", "summarised", "ticks", "late_ticks",
        "looks", "inconsistent_looks", "last_tick", "lag_us", "history_path", "history_bytes",
        "history_free_bytes", "history_oldest", "history_error", "journal_sent", "journal_dropped",
    ]

    init(_ answer: JSONObject) throws(Failure) {
        guard answer["version"]?.stringValue != nil else {
            throw .malformedAnswer("the daemon's answer has no version")
        }
        object = answer
    }

    func write(to writer: inout JSONWriter) { object.write(to: &writer) }

    /// The lines for people: what a word stands for, and what is to be said of it.
    var lines: [(name: String, text: String)] {
        var lines: [(name: String, text: String)] = [
            ("daemon", "memwatchd \(text("version")), pid \(text("pid")), uid \(text("uid"))"),
            ("holds", capabilities),
            ("started", time("started")),
            ("targets", "\(text("targets")), rules \(text("rules"))"),
            ("events", text("event_source") + (optional("event_source_reason").map { ": " + $0 } ?? "")),
            ("kernel", kernel),
            ("ticks", "\(text("ticks")), late \(text("late_ticks")), last \(lastTick)"),
            ("looks", "\(text("looks")), inconsistent \(text("inconsistent_looks"))"),
            ("history", text("history_path")),
            (
                "",
                "\(size("history_bytes")), oldest \(time("history_oldest")), disk free \(size("history_free_bytes"))"
            ),
            ("journal", "sent \(text("journal_sent")), dropped \(text("journal_dropped"))"),
        ]
        if let error = optional("history_error"), let journal = lines.popLast() {
            lines += [("", "error: " + error), journal]
        }
        // A daemon of another version may not know it.
        return lines.filter { !$0.text.isEmpty }
    }

    private var capabilities: String {
        guard let names = object["capabilities"]?.arrayValue?.compactMap(\.stringValue) else { return "" }
        let held = names.isEmpty ? "no capabilities" : names.joined(separator: " ")
        return held + (optional("capabilities_reason").map { ": " + $0 } ?? "")
    }

    private var kernel: String {
        guard let records = optional("kernel_records") else { return "" }
        var text = "records \(records), lost \(self.text("records_lost")), gaps \(self.text("gaps"))"
        if let forks = object["forks_dropped"]?.integerValue, forks > 0 { text += ", forks dropped \(forks)" }
        if let targets = object["summarised"]?.integerValue, targets > 0 {
            text += ", targets summarised \(targets)"
        }
        return text
    }

    private var lastTick: String {
        let lag = object["lag_us"]?.integerValue.map { ", \($0) µs late" } ?? ""
        return time("last_tick") + lag
    }

    /// nil where it is null or missing.
    private func optional(_ field: String) -> String? {
        switch object[field] {
        case .string(let text): text
        case .integer(let value): String(value)
        default: nil
        }
    }

    private func text(_ field: String) -> String { optional(field) ?? "unknown" }

    private func time(_ field: String) -> String {
        guard let text = object[field]?.stringValue else { return "unknown" }
        return Timestamp(rfc3339Written: text).map { LocalTime.text($0) } ?? text
    }

    private func size(_ field: String) -> String {
        guard let bytes = object[field]?.integerValue.flatMap({ UInt64(exactly: $0) }) else {
            return "unknown"
        }
        return BinarySize.text(bytes)
    }

    func printLines(to output: Output) throws(Failure) {
        let width = lines.map(\.name.utf8.count).max() ?? 0
        for (name, text) in lines {
            let padded = name + String(repeating: " ", count: width - name.utf8.count)
            let key = output.isStyled ? Style.bold.applied(to: padded) : padded
            try output.write(key + "  " + PrintableText.escape(text) + "\n")
        }
    }
}
