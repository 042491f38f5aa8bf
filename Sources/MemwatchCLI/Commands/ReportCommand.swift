import ArgumentParser
import Glibc
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
        try report.write(toFile: output, option: "--output")
    }
}

extension Report {
    /// Called when it is all there: a report that failed leaves the one before as it was.
    func write(toFile path: String, option: String) throws(Failure) {
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard file >= 0 else {
            throw Failure.usage(
                "\(option): cannot write \(UnreadableText.quote(path)): \(SystemError.text(errno))")
        }
        defer { close(file) }
        let page = Output(descriptor: file)
        try page.write(ReportPage.html(self))
        try page.flush()
    }
}
