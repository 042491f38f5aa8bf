import MemoryModel
import MemwatchInterface

/// What `watch` shows, as lines of a screen: never more than it has, never wider.
struct WatchScreen {
    var model: WatchModel
    var size: TerminalSize
    var isStyled = false

    var lines: [String] {
        let columns = max(TerminalSize.least.columns, size.columns)
        let rows = max(3, size.rows)
        var body: [String]
        if model.showsHelp {
            body = WatchHelp.lines.map { TextFit.cut($0, columns) }
        } else if model.isSingle, let process = model.processes.values.first {
            body =
                WatchDetail(
                    process: process, model: model, columns: columns, rows: rows - 1, isStyled: isStyled
                ).lines
        } else {
            body = WatchTable(model: model, columns: columns, rows: rows - 1, isStyled: isStyled).lines
        }
        body = Array(body.prefix(rows - 1))
        while body.count < rows - 1 { body.append("") }
        return body + [footer(columns)]
    }

    private func footer(_ columns: Int) -> String {
        switch model.connection {
        case .lost(let why):
            let text = TextFit.left(" trying again: \(PrintableText.escape(why))", columns)
            return isStyled ? Style.reverse.applied(to: text) : text
        case .ended:
            let text = TextFit.left(" ended: q quit", columns)
            return isStyled ? Style.reverse.applied(to: text) : text
        case .connected:
            var text =
                " q quit  s sort: \(model.order.rawValue)  k kind: \(model.kind?.name ?? "all")  p pause  ? help"
            if model.isSingle {
                text = " q quit  p pause  ? help"
            }
            if model.isPaused { text = " PAUSED: p goes on  q quit" }
            let cut = TextFit.cut(text, columns)
            return isStyled ? Style.dim.applied(to: cut) : cut
        }
    }
}

enum WatchHelp {
    static let lines = [
        "memwatch watch",
        "",
        "  q, Ctrl-C     quit",
        "  p, space      pause, and go on",
        "  s             several processes: sort by growth, virtual, resident, name, pid",
        "  k             several processes: sizes of the next kind, or of all",
        "  arrows        several processes: scroll",
        "  h, ?          this help; any key ends it",
        "",
        "  A MINUTE is what came in the last minute, or since it is watched.",
        "  The line is the last five minutes, from its lowest to its highest.",
    ]
}
