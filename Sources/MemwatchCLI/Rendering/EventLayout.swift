import MemoryModel
import MemwatchInterface

extension TableLayout<EventRecord> {
    static var events: TableLayout<EventRecord> {
        TableLayout(
            columns: [
                .left("TIME"), .right("PID"), .left("COMM"), .left("EVENT"), .left("KIND"), .right("CHANGE"),
                .right("SIZE"), .left("SOURCE"), .left("ADDRESS"), .left("PATH"),
            ],
            // An address of user space has 12 digits, comm 15 bytes, a size at most 10 columns.
            liveWidths: [23, 7, 15, 10, 12, 11, 10, 6, 25]
        ) { event in
            [
                Cell.time(event.time), Cell.number(event.pid), event.comm, event.event.name,
                event.kind?.name ?? "", Cell.change(event.delta) ?? "", Cell.size(event.size) ?? "",
                event.source.name, Cell.range(event.start, event.end) ?? "",
                Cell.name(path: event.path, tid: event.tid),
            ]
        }
    }
}
