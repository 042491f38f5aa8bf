import ArgumentParser
import MemoryModel
import MemwatchInterface
import Varlink

struct HistoryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history",
        abstract: "Shows how the memory of a process, or of a whole unit, grew and shrank.",
        usage: """
            memwatch history PID [--since TIME] [--until TIME] [--start TIME] [--step DURATION] [--kind KIND,...]
            memwatch history --unit NAME [--since TIME] [--until TIME] [--step DURATION] [--kind KIND,...]
            """,
        discussion: """
            There is a row where something changed, and one a minute. --step resamples evenly, each row \
            carrying the last value known. --unit adds up all processes of a systemd unit, those that are \
            gone too: one series through every restart.
            """)

    @Argument(help: ArgumentHelp("The process; it may have ended.", valueName: "pid"))
    var pid: String?

    @Option(help: ArgumentHelp("All processes of this systemd unit, added up.", valueName: "name"))
    var unit: String?

    @OptionGroup var range: TimeRangeOptions

    @Option(help: ArgumentHelp("A row for every such span.", valueName: "duration"))
    var step: String?

    @Option(help: ArgumentHelp("Only these kinds, a column each: heap,anon.", valueName: "kind,..."))
    var kind: [String] = []

    @OptionGroup var format: FormatOption
    @OptionGroup var daemon: SocketOption

    func run() throws {
        let kinds = try ArgumentText.kinds(kind)
        var parameters = JSONObject()
        switch (pid, unit) {
        case (let pid?, nil): parameters["pid"] = .integer(Int64(try ArgumentText.pid(pid)))
        case (nil, let unit?): parameters.set("unit", unit)
        case (nil, nil), (_?, _?): throw Failure.usage("say whose history: a pid, or --unit and its name")
        }
        if range.start != nil, pid == nil {
            throw Failure.usage("--start chooses among the processes of one pid: say which pid")
        }
        parameters.set(try TimeRange(range))
        parameters.set("step", try ArgumentText.duration(step, option: "--step"))
        parameters.set("kinds", kinds?.map(\.name))
        try ask(try daemon.endpoint(), parameters, kinds)
    }

    private func ask(_ endpoint: Endpoint, _ parameters: JSONObject, _ kinds: [RegionKind]?) throws(Failure) {
        let format = format.format
        let daemon = try Daemon.connect(endpoint)
        var printer = RecordPrinter<SampleRecord>(
            format, layout: .samples(kinds: kinds), csvColumns: SampleRecord.csvColumns(kinds: kinds),
            output: Output())
        var progress = Progress(command: "history")
        var count = 0
        defer { progress.end() }
        try daemon.streamRecords(.history, parameters, in: "samples") { (bytes) throws(Failure) in
            try printer.write(json: bytes)
            count += 1
            // Asking the clock for each of a million rows would be seen.
            if count.isMultiple(of: 1_024) { progress.show { "\(Quantity.count(count)) samples" } }
        }
        try printer.finish()
    }
}
