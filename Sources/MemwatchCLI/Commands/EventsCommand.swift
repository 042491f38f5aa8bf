import ArgumentParser
import MemoryModel
import MemwatchInterface
import Varlink

struct EventsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events",
        abstract: "Shows what happened to processes' memory, one change a row.")

    @Argument(help: ArgumentHelp("Only this process; it may have ended.", valueName: "pid"))
    var pid: String?

    @Option(help: ArgumentHelp("Only the processes of this systemd unit.", valueName: "name"))
    var unit: String?

    @OptionGroup var range: TimeRangeOptions

    @Option(help: ArgumentHelp("Only these events: brk-grow,mmap.", valueName: "event,..."))
    var event: [String] = []

    @Flag(help: "Goes on with what happens, until it is interrupted.")
    var follow = false

    @OptionGroup var format: FormatOption
    @OptionGroup var daemon: SocketOption

    func run() throws {
        var parameters = JSONObject()
        if let pid { parameters["pid"] = .integer(Int64(try ArgumentText.pid(pid))) }
        if pid != nil, unit != nil {
            throw Failure.usage("say whose events: a pid, or --unit and its name, not both")
        }
        parameters.set("unit", unit)
        parameters.set(try TimeRange(range))
        parameters.set("events", try ArgumentText.events(event)?.map(\.name))
        if range.start != nil, pid == nil {
            throw Failure.usage("--start chooses among the processes of one pid: say which pid")
        }
        let endpoint = try daemon.endpoint()
        guard follow else { return try ask(endpoint, parameters) }
        guard range.until == nil else {
            throw Failure.usage("--follow has no end: leave out --until")
        }
        parameters["follow"] = .bool(true)
        try followEvents(endpoint, parameters)
    }

    private func ask(_ endpoint: Endpoint, _ parameters: JSONObject) throws(Failure) {
        let daemon = try Daemon.connect(endpoint)
        var printer = RecordPrinter<EventRecord>(format.format, layout: .events, output: Output())
        try daemon.streamRecords(.events, parameters, in: "events") { (bytes) throws(Failure) in
            try printer.write(json: bytes)
        }
        try printer.finish()
    }

    private func followEvents(_ endpoint: Endpoint, _ parameters: JSONObject) throws(Failure) {
        let daemon = try Daemon.connect(endpoint, patience: nil)
        let interruption = Interruption()
        interruption.watch { daemon.abort() }
        let output = Output()
        var printer = RecordPrinter<EventRecord>(
            format.format, layout: .events, isLive: true, output: output)
        do throws(Failure) {
            try printer.begin()
            try daemon.streamRecords(
                .events, parameters, in: "events",
                afterEach: { () throws(Failure) in try output.flush() },
                { (bytes) throws(Failure) in try printer.write(json: bytes) })
            guard interruption.isRequested else { throw Failure.daemonGone(endpoint) }
        } catch {
            // What was printed so far is made whole, so that an array has its end.
            guard error.message != nil else { throw error }
            if printer.hasBegun { try printer.finish() }
            guard interruption.isRequested else { throw error }
            return
        }
        try printer.finish()
    }
}
