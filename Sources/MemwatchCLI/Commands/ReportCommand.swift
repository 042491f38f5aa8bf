import ArgumentParser
import MemoryModel
import MemwatchInterface
import Varlink

struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Writes one self-contained page about a process's memory, with charts.",
        discussion: """
            Sizes by kind over time, what of it was in memory, events, the region map at any time, what changed between \
            two times, and where the growth came from, in words. The page needs no network. By the history of the last \
            day, unless --since says otherwise.
            """)

    @Argument(help: ArgumentHelp("The process; it may have ended.", valueName: "pid"))
    var pid: String

    @Option(name: [.short, .long], help: ArgumentHelp("The page to write.", valueName: "file"))
    var output: String

    @OptionGroup var range: TimeRangeOptions
    @OptionGroup var daemon: SocketOption

    func run() throws {
        let pid = try ArgumentText.pid(pid)
        let now = Timestamp.now
        let range = try TimeRange(range, spanMicroseconds: 86_400_000_000, now: now)
        var progress = Progress(command: "report", isAlone: true)
        defer { progress.end() }
        let report = try Report.read(pid: pid, range, now: now, from: daemon.endpoint(), &progress)
        // Now that it is all there: a report that fails makes no file.
        let file = try ResultFile(output, option: "--output")
        try file.write { (page) throws(Failure) in try page.write(ReportPage.html(report)) }
    }
}
