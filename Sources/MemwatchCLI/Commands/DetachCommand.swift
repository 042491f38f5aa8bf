import ArgumentParser
import MemwatchInterface
import Varlink

struct DetachCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "detach",
        abstract: "Has the daemon end watching; the history stays.",
        usage: """
            memwatch detach PID...
            memwatch detach --rule RULE | --all
            """)

    @Argument(help: ArgumentHelp("The processes.", valueName: "pid"))
    var pids: [String] = []

    @Option(
        help: ArgumentHelp("Ends a rule, as 'memwatch list' shows it: 'comm:python*'.", valueName: "rule"))
    var rule: String?

    @Flag(help: "Ends watching everything that is yours to end, rules too.")
    var all = false

    @OptionGroup var daemon: SocketOption

    func run() throws {
        let pids = try ArgumentText.pids(pids)
        guard (pids.isEmpty ? 0 : 1) + (rule == nil ? 0 : 1) + (all ? 1 : 0) == 1 else {
            throw Failure.usage("say what to end: pids, --rule RULE or --all")
        }
        let endpoint = try daemon.endpoint()
        let calls: [JSONObject] =
            if let rule {
                [["rule": .string(rule)]]
            } else if all {
                [["all": true]]
            } else {
                pids.map { ["pid": .integer(Int64($0))] }
            }
        let says = pids.isEmpty
        let daemon = try Daemon.connect(endpoint)
        var failures = EachFailure(command: "detach", count: calls.count)
        for parameters in calls {
            do throws(Failure) {
                let answer = try daemon.call(.detach, parameters)
                guard let count = answer["detached"]?.integerValue else { throw .malformedAnswer() }
                guard says else { continue }
                let output = Output()
                try output.write("detached \(count) target\(count == 1 ? "" : "s")\n")
                try output.flush()
            } catch { try failures.note(error) }
        }
        try failures.end()
    }
}
