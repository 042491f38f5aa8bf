import ArgumentParser
import MemwatchInterface
import Varlink

struct ListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Shows what the daemon watches: targets, in the table under the rules that hold them.")

    @Flag(help: "Also processes that are gone but have a history.")
    var all = false

    @Flag(help: "The rules instead of the targets.")
    var rules = false

    @OptionGroup var format: FormatOption
    @OptionGroup var daemon: SocketOption

    func run() throws {
        let endpoint = try daemon.endpoint()
        let (format, onlyRules) = (format.format, rules)
        let parameters: JSONObject = all ? ["all": true] : [:]
        let daemon = try Daemon.connect(endpoint)
        let answer = try daemon.call(.list, parameters)
        let output = Output()
        let rules: [RuleRecord] = try answer.records("rules")
        if onlyRules {
            var printer = RecordPrinter<RuleRecord>(format, layout: .rules, output: output)
            for rule in rules { try printer.write(rule) }
            try printer.finish()
        } else {
            let targets: [TargetRecord] = try answer.records("targets")
            if format == .table {
                let reason = answer["event_source_reason"]?.stringValue
                try TargetGroups(targets, rules: rules, samplingReason: reason).print(to: output)
            } else {
                var printer = RecordPrinter<TargetRecord>(format, layout: .targets, output: output)
                for target in targets { try printer.write(target) }
                try printer.finish()
            }
        }
    }
}
