import MemoryModel
import MemwatchInterface
import Varlink

extension ChangeRecord: PrintableRow {}

extension TableLayout<ChangeRecord> {
    static var changes: TableLayout<ChangeRecord> {
        TableLayout(columns: [
            .left("WHAT"), .left("KIND"), .right("CHANGE"), .right("SIZE"), .left("PERMS"), .left("ADDRESS"),
            .left("PATH"),
        ]) { change in
            [
                change.change.rawValue, change.kind.name, Cell.change(change.delta), Cell.size(change.size),
                change.permsBefore.map { $0 + " → " + change.perms } ?? change.perms,
                Cell.range(change.start, change.end), Cell.name(path: change.path, tid: change.tid),
            ]
        }
    }
}

/// The totals of one kind below a table of changes.
struct KindChangeRow: PrintableRow {
    var kind: RegionKind
    var changes: KindChanges

    static let fields = ["kind", "origin", "before", "after", "delta"]

    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("kind")
        writer.value(kind.name)
        writer.key("origin")
        writer.value(kind.origin.rawValue)
        writer.key("before")
        writer.value(changes.before[kind])
        writer.key("after")
        writer.value(changes.after[kind])
        writer.key("delta")
        writer.value(changes.delta(kind))
        writer.endObject()
    }
}

extension TableLayout<KindChangeRow> {
    static var kindChanges: TableLayout<KindChangeRow> {
        TableLayout(columns: [
            .left("KIND"), .left("ORIGIN"), .right("BEFORE"), .right("AFTER"), .right("CHANGE"),
        ]) { row in
            [
                row.kind.name, row.kind.origin.rawValue, Cell.size(row.changes.before[row.kind]),
                Cell.size(row.changes.after[row.kind]), Cell.change(row.changes.delta(row.kind)),
            ]
        }
    }
}
