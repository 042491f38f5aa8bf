import MemoryModel
import MemwatchInterface

extension TableLayout<TargetRecord> {
    static var targets: TableLayout<TargetRecord> {
        TableLayout(columns: [
            .right("PID"), .left("COMM"), .left("STATE"), .right("INTERVAL"), .left("EVENTS"),
            .left("STARTED"),
            .left("ATTACHED"), .left("UNIT"), .left("RULE"),
        ]) { target in
            [
                Cell.number(target.pid), target.comm, target.state.rawValue, target.interval,
                target.eventSource,
                Cell.time(target.started), Cell.time(target.attached), target.unit, target.rule,
            ]
        }
    }
}

extension TableLayout<RuleRecord> {
    static var rules: TableLayout<RuleRecord> {
        TableLayout(columns: [
            .right("TARGETS"), .right("INTERVAL"), .left("CHILDREN"), .left("ORIGIN"), .left("RULE"),
        ]) { rule in
            [
                Cell.number(rule.targets), rule.interval, rule.children ? "yes" : "no", rule.origin,
                rule.rule,
            ]
        }
    }
}
