import ArgumentParser

/// In what form data is printed.
enum OutputFormat: String, CaseIterable, ExpressibleByArgument, Sendable {
    case table
    case json
    case ndjson
    case csv
}

struct FormatOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "How to print: table, json (one array), ndjson (one object a line) or csv.",
            valueName: "format"))
    var format: OutputFormat = .table
}

struct SocketOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The daemon's socket (else MEMWATCH_SOCKET, the user's own daemon, the system's).",
            valueName: "path"))
    var socket: String?

    func endpoint() throws(Failure) -> Endpoint { try Endpoint(option: socket) }
}

/// Which history is meant, and which part of it.
struct TimeRangeOptions: ParsableArguments {
    // `.unconditional` takes the next word whatever it looks like: `--since -15m`.
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "From this time on: RFC 3339, 'YYYY-MM-DD HH:MM:SS', @SECONDS, -15m, now.",
            valueName: "time"))
    var since: String?

    @Option(parsing: .unconditional, help: ArgumentHelp("Up to this time.", valueName: "time"))
    var until: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "The process of that pid that started at this time; else the newest (see 'list --all').",
            valueName: "time"))
    var start: String?
}
