import MemoryModel
import MemwatchInterface

extension TableLayout<TargetRecord> {
    /// Without the rule, which stands above its targets (``TargetGroups``).
    static var targets: TableLayout<TargetRecord> {
        TableLayout(columns: [
            .right("PID"), .left("COMM"), .left("STATE"), .right("INTERVAL"), .left("EVENTS"),
            .left("STARTED"), .left("ATTACHED"), .left("UNIT"),
        ]) { target in
            [
                Cell.number(target.pid), target.comm, target.state.rawValue, target.interval,
                target.eventSource, Cell.time(target.started), Cell.time(target.attached), target.unit,
            ]
        }
    }
}

extension TableLayout<RuleRecord> {
    static var rules: TableLayout<RuleRecord> {
        TableLayout(columns: [
            .right("TARGETS"), .right("VIRTUAL"), .right("RESIDENT"), .right("INTERVAL"), .left("CHILDREN"),
            .left("ORIGIN"), .left("RULE"),
        ]) { rule in
            [
                Cell.number(rule.targets), Cell.size(rule.vmSize), Cell.size(rule.rss), rule.interval,
                rule.children ? "yes" : "no", rule.origin, rule.rule,
            ]
        }
    }
}
