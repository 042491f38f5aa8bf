import ArgumentParser
import MemwatchInterface

/// The root: what `memwatch` alone and `memwatch --help` show.
struct Memwatch: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "memwatch",
        abstract: "Shows where a process's memory comes from, and when it came.",
        discussion: """
            TIME is RFC 3339, 'YYYY-MM-DD HH:MM:SS' (local), @SECONDS, -15m or now. \
            DURATION is 250ms, 1s, 5m, 2h or 1d.

            Exit status: 0 done; 64 usage; 66 no such process, or no history for it; 69 no daemon; \
            70 an internal error; 77 not permitted.
            """,
        version: "memwatch " + MemwatchVersion.text,
        subcommands: [
            RegionsCommand.self, MapCommand.self, AttachCommand.self, DetachCommand.self, ListCommand.self,
            HistoryCommand.self, EventsCommand.self, DiffCommand.self, WatchCommand.self,
            ExplainCommand.self, ReportCommand.self, RunCommand.self,
            StatusCommand.self, DoctorCommand.self,
        ])
}
