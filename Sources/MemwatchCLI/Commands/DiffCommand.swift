import ArgumentParser
import MemoryModel
import MemwatchInterface
import Varlink

struct DiffCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract: "Shows what appeared, vanished, grew and shrank between two times.",
        discussion: """
            Compares the region maps that the history has of the two times: those of the last looks at or \
            before them. The changes of a kind add up to the change of its total.
            """)

    @Argument(help: ArgumentHelp("The process; it may have ended.", valueName: "pid"))
    var pid: String

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "The earlier time: RFC 3339, 'YYYY-MM-DD HH:MM:SS', @SECONDS, -15m, now.", valueName: "time"))
    var from: String

    @Option(parsing: .unconditional, help: ArgumentHelp("The later time.", valueName: "time"))
    var to: String

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "The process of that pid that started at this time; else the newest (see 'list --all').",
            valueName: "time"))
    var start: String?

    @OptionGroup var format: FormatOption
    @OptionGroup var daemon: SocketOption

    func run() throws {
        let pid = try ArgumentText.pid(pid)
        // One now for all: '--from now --to now' is not a span that runs backwards.
        let now = Timestamp.now
        let from = try ArgumentText.time(from, option: "--from", now: now)
        let to = try ArgumentText.time(to, option: "--to", now: now)
        let start = try ArgumentText.time(start, option: "--start", now: now)
        if let from, let to, from > to {
            throw Failure.usage("--from \(from.rfc3339) is after --to \(to.rfc3339): exchange the two")
        }
        var parameters: JSONObject = ["pid": .integer(Int64(pid))]
        parameters.set("from", from?.rfc3339)
        parameters.set("to", to?.rfc3339)
        parameters.set("start", start?.rfc3339)
        try ask(try daemon.endpoint(), pid, parameters)
    }

    private func ask(_ endpoint: Endpoint, _ pid: Int32, _ parameters: JSONObject) throws(Failure) {
        let format = format.format
        let daemon = try Daemon.connect(endpoint)
        var report = DiffReport(pid: pid, format: format)
        try daemon.stream(.diff, parameters) { (reply) throws(Failure) in
            try report.begin(reply)
            try reply.forEachRecord(in: "changes") { (bytes) throws(Failure) in
                try report.add(bytes)
            }
        }
        try report.finish()
    }
}

/// The answer to `Diff` on its way out, part by part.
private struct DiffReport {
    private let pid: Int32
    private let format: OutputFormat
    private let output = Output()
    private var printer: RecordPrinter<ChangeRecord>
    private var frame: (from: String, to: String, kinds: KindChanges)?

    init(pid: Int32, format: OutputFormat) {
        self.pid = pid
        self.format = format
        printer = RecordPrinter(format, layout: .changes, output: output)
    }

    /// What every part says of the whole; the first one's is taken.
    mutating func begin(_ answer: VarlinkReply) throws(Failure) {
        guard frame == nil else { return }
        guard let from = answer["from"]?.stringValue else { throw .malformedAnswer(lacking: "from") }
        guard let to = answer["to"]?.stringValue else { throw .malformedAnswer(lacking: "to") }
        guard let kinds = answer["kinds"]?.objectValue else { throw .malformedAnswer(lacking: "kinds") }
        do throws(RecordError) { frame = (from, to, try KindChanges(json: kinds)) } catch {
            throw .malformedAnswer(error.description)
        }
        if format == .json { try openObject() }
    }

    mutating func add(_ change: UnsafeRawBufferPointer) throws(Failure) { try printer.write(json: change) }

    func finish() throws(Failure) {
        guard let frame else { throw .malformedAnswer(lacking: "changes") }
        try printer.finish()
        switch format {
        case .json: try output.write("}\n")
        case .table: try printTotals(frame.from, frame.to, frame.kinds)
        case .ndjson, .csv: break
        }
        try output.flush()
    }

    /// One diff is one thing to say: an object, whose last member is the array of changes.
    private func openObject() throws(Failure) {
        guard let frame else { return }
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("pid")
        writer.value(pid)
        writer.key("from")
        writer.value(frame.from)
        writer.key("to")
        writer.value(frame.to)
        writer.key("kinds")
        writer.value(frame.kinds)
        writer.key("changes")
        try writer.bytes.withRawBytes { (bytes) throws(Failure) in try output.write(bytes) }
    }

    private func printTotals(_ from: String, _ to: String, _ kinds: KindChanges) throws(Failure) {
        let span = [from, to].map { text in
            Timestamp(rfc3339Written: text).map { LocalTime.text($0) } ?? PrintableText.escape(text)
        }
        try output.write("\nfrom \(span[0]) to \(span[1])\n\n")
        var totals = RecordPrinter<KindChangeRow>(.table, layout: .kindChanges, output: output)
        for kind in RegionKind.allCases where kinds.before[kind] > 0 || kinds.after[kind] > 0 {
            try totals.write(KindChangeRow(kind: kind, changes: kinds))
        }
        let (before, after) = (kinds.before.total, kinds.after.total)
        try totals.total([
            "total", "", Cell.size(before), Cell.size(after),
            Cell.change(Int64(clamping: after) &- Int64(clamping: before)),
        ])
        try totals.finish()
    }
}
