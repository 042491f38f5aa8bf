import ArgumentParser
import MemwatchInterface

struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Shows what this kernel, user and installation allow, and how to mend the rest.",
        discussion: """
            Each line is ok, degraded (it works, with less) or missing (it does not work). Exit status 0 where nothing \
            is missing, else 69.
            """)

    @OptionGroup var format: FormatOption
    @OptionGroup var daemon: SocketOption

    func run() throws {
        let results = Checkup.results(of: .gather(try daemon.endpoint()))
        var printer = RecordPrinter<CheckResult>(format.format, layout: .checkup, output: Output())
        for result in results { try printer.write(result) }
        try printer.finish()
        if results.contains(where: { $0.state == .missing }) { throw Failure.told(.unavailable) }
    }
}
