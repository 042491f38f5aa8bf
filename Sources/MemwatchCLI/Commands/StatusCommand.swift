import ArgumentParser
import MemwatchInterface
import Varlink

struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Shows how the daemon is: what it watches, how, and what its history takes.")

    @OptionGroup var format: FormatOption
    @OptionGroup var daemon: SocketOption

    func run() throws {
        let endpoint = try daemon.endpoint()
        let format = format.format
        let daemon = try Daemon.connect(endpoint)
        let status = try StatusRecord(daemon.call(.status))
        let output = Output()
        if format == .table {
            try status.printLines(to: output)
            try output.flush()
        } else {
            var printer = RecordPrinter<StatusRecord>(
                format, layout: TableLayout(columns: []) { _ in [] }, isSingle: true, output: output)
            try printer.write(status)
            try printer.finish()
        }
    }
}
