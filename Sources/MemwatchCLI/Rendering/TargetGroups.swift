import MemoryModel
import MemwatchInterface

/// Targets for people: under the rule that holds them, and then those attached by pid.
struct TargetGroups {
    private struct Group {
        /// nil where there is nothing to tell it from.
        var heading: String?
        var targets: [TargetRecord]
    }

    private var groups: [Group] = []
    private let footnote: String?

    /// - Parameters:
    ///   - rules: also those that hold no target now.
    ///   - samplingReason: why targets that are sampled have no kernel events.
    init(_ targets: [TargetRecord], rules: [RuleRecord], samplingReason: String?) {
        var held: [String: [TargetRecord]] = [:]
        var order: [String] = rules.map(\.rule)
        var unruled: [TargetRecord] = []
        for target in targets {
            guard let rule = target.rule else {
                unruled.append(target)
                continue
            }
            if held[rule] == nil, !order.contains(rule) { order.append(rule) }
            held[rule, default: []].append(target)
        }
        for name in order {
            let members = held[name] ?? []
            let rule = rules.first { $0.rule == name }
            groups.append(Group(heading: Self.heading(name, rule, members), targets: members))
        }
        if !unruled.isEmpty {
            let heading = groups.isEmpty ? nil : Self.heading("attached by pid", nil, unruled)
            groups.append(Group(heading: heading, targets: unruled))
        }
        let isSampled = targets.contains { $0.eventSource == "sampling" }
        footnote = isSampled ? samplingReason.map { "sampling: " + $0 } : nil
    }

    /// `unit:nginx.service: 3 targets, 1.2 GiB virtual, 96.0 MiB resident (client, every 1s, with children)`.
    private static func heading(_ name: String, _ rule: RuleRecord?, _ members: [TargetRecord]) -> String {
        // Those that are gone have no event source.
        let gone = members.count { $0.eventSource == nil }
        let living = Int64(members.count - gone)
        var text = name + ": " + (living == 1 ? "1 target" : "\(living) targets")
        if let bytes = rule?.vmSize { text += ", " + BinarySize.text(bytes) + " virtual" }
        if let bytes = rule?.rss { text += ", " + BinarySize.text(bytes) + " resident" }
        if gone > 0 { text += ", \(gone) gone" }
        guard let rule else { return text }
        let children = rule.children ? ", with children" : ""
        return text + " (\(rule.origin), every \(rule.interval)\(children))"
    }

    func print(to output: Output) throws(Failure) {
        let layout = TableLayout<TargetRecord>.targets
        // Widths are those of all groups together.
        let table = TablePrinter(columns: layout.columns, output: output, lookahead: .max)
        for group in groups {
            if let heading = group.heading { try table.write(line: heading) }
            for target in group.targets { try table.write(layout.cells(target)) }
        }
        try table.finish()
        if let footnote { try output.write("\n" + PrintableText.escape(footnote) + "\n") }
        try output.flush()
    }
}
