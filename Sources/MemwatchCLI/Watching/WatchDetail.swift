import MemoryModel
import MemwatchInterface

/// One process: its sizes, its kinds with bars and lines, its last events.
struct WatchDetail {
    var process: WatchModel.Process
    var model: WatchModel
    var columns: Int
    var rows: Int
    var isStyled: Bool

    var lines: [String] {
        var lines = [title, sizes, counts, ""]
        let kinds = kindLines
        // Events get what is left, four lines at least where there are so many.
        let room = max(0, rows - lines.count - 1)
        let shown = kinds.prefix(max(1, room - min(room / 3, 5)))
        lines.append(bold(row("KIND", "SIZE", share: "SHARE", "A MINUTE", "LAST 5 MINUTES")))
        lines += shown
        let left = rows - lines.count - 2
        guard left > 0 else { return lines }
        lines.append("")
        lines.append(bold("EVENTS"))
        lines += process.events.suffix(left).map(event)
        return lines
    }

    private var title: String {
        let target = process.target
        let clock = String(LocalTime.text(model.time).dropFirst(11).prefix(8))
        var text = "\(PrintableText.escape(target.comm)) (\(target.pid))"
        text += target.state == .running ? "" : ", \(target.state.rawValue)"
        if let unit = target.unit { text += ", \(PrintableText.escape(unit))" }
        if let source = target.eventSource { text += ", \(source == "perf" ? "kernel events" : "sampling")" }
        return bold(TextFit.left(text, max(0, columns - clock.count - 1)) + " " + clock)
    }

    private var sizes: String {
        func part(_ name: String, _ track: Track) -> String {
            let change = Cell.change(track.changeInLastMinute).map { " (\($0) a minute)" } ?? ""
            return "\(name) \(Cell.size(track.last) ?? "unknown")\(change)"
        }
        var text = part("virtual", process.virtual) + "   " + part("resident", process.resident)
        if let swap = process.sample?.sample.swapBytes, swap > 0 {
            text += "   swap \(BinarySize.text(swap))"
        }
        return TextFit.cut(text, columns)
    }

    private var counts: String {
        guard let sample = process.sample?.sample else { return "" }
        var parts: [String] = []
        if let threads = sample.threads {
            parts.append("\(Quantity.count(threads)) \(threads == 1 ? "thread" : "threads")")
        }
        if let regions = sample.regionCount { parts.append("\(Quantity.count(regions)) regions") }
        if let top = sample.programBreak { parts.append("break \(String(top, radix: 16))") }
        if let limit = sample.stackLimitBytes, limit != .max {
            parts.append("stack limit \(BinarySize.text(limit))")
        }
        return TextFit.cut(parts.joined(separator: "   "), columns)
    }

    // MARK: Kinds

    /// The kinds that there are or were, the largest first.
    private var kindLines: [String] {
        let total = process.virtual.last ?? 0
        return process.kinds.sorted {
            ($1.value.last ?? 0, $0.key.rawValue) < ($0.value.last ?? 0, $1.key.rawValue)
        }
        .map { kind, track in
            let bytes = track.last ?? 0
            return row(
                kind.name, BinarySize.text(bytes), share: bar(bytes, of: total),
                Cell.change(track.changeInLastMinute) ?? "-",
                Sparkline.text(track.values(sparkWidth, until: model.time)))
        }
    }

    private func bar(_ bytes: UInt64, of total: UInt64) -> String {
        let share = total > 0 ? Double(bytes) / Double(total) : 0
        let width = barWidth - 6
        let cells = min(width, max(bytes > 0 ? 1 : 0, Int((share * Double(width)).rounded())))
        return String(repeating: "█", count: cells) + String(repeating: "░", count: width - cells)
            + TextFit.right("\(Int((share * 100).rounded())) %", 6)
    }

    private func row(_ kind: String, _ size: String, share: String, _ growth: String, _ spark: String)
        -> String
    {
        TextFit.cut(
            TextFit.left(kind, 12) + "  " + TextFit.right(size, 10) + "  " + TextFit.left(share, barWidth)
                + "  "
                + TextFit.right(growth, 11) + "  " + spark, columns)
    }

    private var barWidth: Int { max(12, min(36, columns / 4)) }
    private var sparkWidth: Int { max(0, min(60, columns - 12 - 10 - barWidth - 11 - 8)) }

    // MARK: Events

    private func event(_ event: EventRecord) -> String {
        let clock = String(LocalTime.text(event.time).dropFirst(11))
        let text =
            clock + "  " + TextFit.left(event.event.name, 12) + "  "
            + TextFit.left(event.kind?.name ?? "", 12) + "  "
            + TextFit.right(Cell.change(event.delta) ?? "", 11) + "  "
            + PrintableText.escape(event.path ?? "")
        return TextFit.cut(text, columns)
    }

    private func bold(_ text: String) -> String { isStyled ? Style.bold.applied(to: text) : text }
}
