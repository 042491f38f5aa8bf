import ArgumentParser
import MemwatchInterface
import Varlink

struct AttachCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "attach",
        abstract: "Has the daemon watch processes, or adopt those that fit a rule.",
        usage: """
            memwatch attach PID... [--interval DURATION] [--children]
            memwatch attach --unit NAME | --cgroup PATH | --comm GLOB [--interval DURATION] [--children]
            """)

    @Argument(help: ArgumentHelp("The processes.", valueName: "pid"))
    var pids: [String] = []

    @Option(help: ArgumentHelp("A rule: the processes of this systemd unit.", valueName: "name"))
    var unit: String?

    @Option(help: ArgumentHelp("A rule: the processes of this control group.", valueName: "path"))
    var cgroup: String?

    @Option(help: ArgumentHelp("A rule: processes of this name; * ? [a-z] as in a shell.", valueName: "glob"))
    var comm: String?

    @Option(help: ArgumentHelp("How often to look, 100ms to 1h (else as configured).", valueName: "duration"))
    var interval: String?

    @Flag(help: "Also the processes they start.")
    var children = false

    @OptionGroup var format: FormatOption
    @OptionGroup var daemon: SocketOption

    func run() throws {
        var common = JSONObject()
        common.set("interval", try ArgumentText.duration(interval, option: "--interval"))
        if children { common["children"] = .bool(true) }
        let pids = try ArgumentText.pids(pids)
        let rules = [("unit", unit), ("cgroup", cgroup), ("comm", comm)].compactMap { name, value in
            value.map { (name, $0) }
        }
        if let comm { try ArgumentText.checkGlob(comm, option: "--comm") }
        guard rules.count + (pids.isEmpty ? 0 : 1) == 1 else {
            throw Failure.usage("say what to watch: pids, or one of --unit, --cgroup and --comm")
        }
        let endpoint = try daemon.endpoint()
        if let (name, value) = rules.first {
            common[name] = .string(value)
            try addRule(common, endpoint)
        } else {
            try attach(pids, common, endpoint)
        }
    }

    private func attach(_ pids: [Int32], _ common: JSONObject, _ endpoint: Endpoint) throws(Failure) {
        let format = format.format
        let daemon = try Daemon.connect(endpoint)
        var printer = RecordPrinter<TargetRecord>(
            format, layout: .targets, isSingle: pids.count == 1, output: Output())
        var failures = EachFailure(command: "attach", count: pids.count)
        for pid in pids {
            var parameters = common
            parameters["pid"] = .integer(Int64(pid))
            do throws(Failure) {
                try printer.write(daemon.call(.attach, parameters).object("target"))
            } catch { try failures.note(error) }
        }
        if failures.count < pids.count { try printer.finish() }
        try failures.end()
    }

    private func addRule(_ parameters: JSONObject, _ endpoint: Endpoint) throws(Failure) {
        let format = format.format
        let daemon = try Daemon.connect(endpoint)
        var printer = RecordPrinter<RuleRecord>(format, layout: .rules, isSingle: true, output: Output())
        try printer.write(daemon.call(.attach, parameters).object("rule"))
        try printer.finish()
    }
}
