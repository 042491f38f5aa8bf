import ArgumentParser
import MemwatchInterface
import Varlink

struct ListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Shows what the daemon watches: targets, and in the table also rules.")

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
        try runToEnd { () async throws(Failure) in
            let daemon = try await Daemon.connect(endpoint)
            let answer = try await daemon.call(.list, parameters)
            let output = Output()
            let rules: [RuleRecord] = try answer.records("rules")
            if !onlyRules {
                var printer = RecordPrinter<TargetRecord>(format, layout: .targets, output: output)
                for target: TargetRecord in try answer.records("targets") { try printer.write(target) }
                try printer.finish()
            }
            if onlyRules || (format == .table && !rules.isEmpty) {
                if !onlyRules { try output.write("\n") }
                var printer = RecordPrinter<RuleRecord>(format, layout: .rules, output: output)
                for rule in rules { try printer.write(rule) }
                try printer.finish()
            }
            await daemon.close()
        }
    }
}
