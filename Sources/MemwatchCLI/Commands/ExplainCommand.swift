import ArgumentParser
import MemoryModel
import MemwatchInterface
import Varlink

struct ExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Says in words where a process's growth came from.",
        discussion: """
            Which kinds of memory grew, how fast, whether they ever gave something back, what that looks like, and how \
            much is left until a limit. By the history of the last hour, unless --since says otherwise, and by the \
            process as it is now.
            """)

    @Argument(help: ArgumentHelp("The process; it may have ended.", valueName: "pid"))
    var pid: String

    @OptionGroup var range: TimeRangeOptions
    @OptionGroup var format: FormatOption
    @OptionGroup var daemon: SocketOption

    func run() throws {
        let pid = try ArgumentText.pid(pid)
        let now = Timestamp.now
        let range = try TimeRange(range, spanMicroseconds: 3_600_000_000, now: now)
        let process = try ExplainedProcess.read(pid: pid, range, now: now, from: daemon.endpoint())
        guard !process.samples.isEmpty else { throw Failure.noHistory(pid) }
        try print(Explanation(process))
    }

    private func print(_ explanation: Explanation) throws(Failure) {
        let output = Output()
        switch format.format {
        case .table:
            try ExplanationText(explanation, columns: (output.size ?? .ofEnvironment).columns).print(
                to: output)
            try output.flush()
        case .csv:
            var printer = RecordPrinter<FindingRow>(
                .csv, layout: TableLayout(columns: []) { _ in [] }, output: output)
            for finding in explanation.findings { try printer.write(FindingRow(finding)) }
            try printer.finish()
        case .json, .ndjson:
            var printer = RecordPrinter<Explanation>(
                format.format, layout: TableLayout(columns: []) { _ in [] }, isSingle: true, output: output)
            try printer.write(explanation)
            try printer.finish()
        }
    }
}

/// A finding as a row: `name=value` for each of its figures, which differ from finding to finding.
private struct FindingRow: PrintableRow {
    static let fields = ["finding", "kind", "sentence", "figures"]

    private let finding: Finding

    init(_ finding: Finding) { self.finding = finding }

    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("finding")
        writer.value(finding.subject.rawValue)
        writer.key("kind")
        writer.value(finding.kind?.name)
        writer.key("sentence")
        writer.value(finding.sentence)
        writer.key("figures")
        writer.beginArray()
        for (name, value) in finding.figures where !value.isNull {
            writer.value("\(name)=\(value.stringValue ?? value.jsonText)")
        }
        writer.endArray()
        writer.endObject()
    }
}
