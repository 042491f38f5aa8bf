import ArgumentParser
import Glibc
import MemoryModel
import MemwatchInterface
import Varlink

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Runs a program under watch, and sums up what it did with memory.",
        usage:
            "memwatch run [--interval DURATION] [--format FORMAT] [--output FILE] [--report FILE] -- PROGRAM [ARGUMENT...]",
        discussion: """
            The program is watched from before its first instruction to its end, and so are its children. It has the \
            standard streams, gets the signals, and its status is this command's: 127 where there is no such program, \
            126 where it cannot be run. The summary goes to standard error, other formats to standard output. Needs no \
            daemon: it starts one of its own.
            """)

    @Option(help: ArgumentHelp("How often it is looked at: 100ms to 1h.", valueName: "duration"))
    var interval = "100ms"

    @OptionGroup var format: FormatOption

    @Option(name: [.short, .long], help: ArgumentHelp("Where the summary goes, instead.", valueName: "file"))
    var output: String?

    @Option(
        help: ArgumentHelp(
            "Also write a page with charts there, as 'memwatch report' does.", valueName: "file"))
    var report: String?

    @Argument(
        parsing: .postTerminator,
        help: ArgumentHelp("The program and its arguments, behind --.", valueName: "program"))
    var command: [String] = []

    func run() throws {
        guard !command.isEmpty else {
            throw Failure.usage("say what to run, behind --: memwatch run -- make -j2")
        }
        _ = try ArgumentText.duration(interval, option: "--interval")
        let file = try output.map { (path) throws(Failure) in try ResultFile(path, option: "--output") }
        let page = try report.map { (path) throws(Failure) in try ResultFile(path, option: "--report") }
        let daemon = try PrivateDaemon()
        defer { daemon.end() }
        let program = try RunningProgram(command)
        do throws(Failure) { try attach(program.pid, daemon) } catch {
            program.abandon()
            throw error
        }
        let began = Timestamp.now
        let end = try program.run()
        let seconds = Double(Timestamp.now.microseconds &- began.microseconds) / 1e6
        var summary = RunSummary(command: command, pid: program.pid, end: end, seconds: seconds)
        try summary.read(from: daemon)
        if let file {
            try file.write { (output) throws(Failure) in try print(summary, to: output) }
        } else {
            try print(
                summary, to: Output(descriptor: format.format == .table ? STDERR_FILENO : STDOUT_FILENO))
        }
        if let page { try write(page, program.pid, daemon) }
        daemon.end()
        try pass(on: end)
    }

    private func attach(_ pid: Int32, _ daemon: PrivateDaemon) throws(Failure) {
        let parameters: JSONObject = [
            "pid": .integer(Int64(pid)), "interval": .string(interval), "children": .bool(true),
        ]
        _ = try Daemon.connect(daemon.endpoint).call(.attach, parameters)
    }

    private func write(_ page: borrowing ResultFile, _ pid: Int32, _ daemon: PrivateDaemon) throws(Failure) {
        var progress = Progress(command: "run")
        defer { progress.end() }
        let report = try Report.read(pid: pid, TimeRange(), now: .now, from: daemon.endpoint, &progress)
        try page.write { (output) throws(Failure) in try output.write(ReportPage.html(report)) }
    }

    private func print(_ summary: RunSummary, to output: Output) throws(Failure) {
        if format.format == .table {
            let text = RunSummaryText(summary: summary, columns: (output.size ?? .ofEnvironment).columns)
            for line in text.lines { try output.write(line + "\n") }
            return try output.flush()
        }
        var printer = RecordPrinter<RunSummary>(
            format.format, layout: TableLayout(columns: []) { _ in [] }, isSingle: true, output: output)
        try printer.write(summary)
        try printer.finish()
    }

    /// The program's end is this one's.
    private func pass(on end: RunningProgram.End) throws(Failure) {
        switch end {
        case .exited(0): return
        case .exited(let status): throw Failure.ofProgram(status)
        case .signal(let number): Signals.die(of: number)
        }
    }
}
