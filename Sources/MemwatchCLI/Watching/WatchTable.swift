import MemoryModel
import MemwatchInterface

/// Several processes, a row each.
struct WatchTable {
    var model: WatchModel
    var columns: Int
    var rows: Int
    var isStyled: Bool

    private static let growthWidth = 11
    private static let sizeWidth = 10

    var lines: [String] {
        let sorted = model.sorted
        let kind = model.kind?.name ?? "virtual"
        let title =
            "\(Quantity.count(sorted.count)) \(sorted.count == 1 ? "process" : "processes"), "
            + "by \(model.order.rawValue)"
        var lines = [
            heading(title),
            bold(row("PID", "COMMAND", kind.uppercased(), "RESIDENT", "A MINUTE", "LAST 5 MINUTES")),
        ]
        let offset = min(model.offset, max(0, sorted.count - 1))
        for process in sorted.dropFirst(offset).prefix(max(0, rows - 2)) { lines.append(row(process)) }
        return lines
    }

    private func heading(_ text: String) -> String {
        let clock = String(LocalTime.text(model.time).dropFirst(11).prefix(8))
        return TextFit.left(text, max(0, columns - clock.count - 1)) + " " + clock
    }

    private func row(_ process: WatchModel.Process) -> String {
        let track = process.track(of: model.kind)
        let isGone = process.target.state != .running
        let text = row(
            "\(process.target.pid)", PrintableText.escape(process.target.comm), Cell.size(track.last) ?? "-",
            isGone ? process.target.state.rawValue : Cell.size(process.resident.last) ?? "-",
            Cell.change(track.changeInLastMinute) ?? "-",
            Sparkline.text(track.values(sparkWidth, until: model.time)))
        return isStyled && isGone ? Style.dim.applied(to: text) : text
    }

    private func row(
        _ pid: String, _ comm: String, _ size: String, _ resident: String, _ growth: String, _ spark: String
    ) -> String {
        TextFit.cut(
            TextFit.right(pid, 7) + "  " + TextFit.left(comm, 15) + "  " + TextFit.right(size, Self.sizeWidth)
                + "  "
                + TextFit.right(resident, Self.sizeWidth) + "  " + TextFit.right(growth, Self.growthWidth)
                + "  "
                + spark, columns)
    }

    private var sparkWidth: Int {
        max(0, min(60, columns - 7 - 15 - 2 * Self.sizeWidth - Self.growthWidth - 10))
    }

    private func bold(_ text: String) -> String { isStyled ? Style.bold.applied(to: text) : text }
}
