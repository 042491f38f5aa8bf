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
                details(event),
            ]
        }
    }

    /// The name, whose thread it was, and what a number says that has no column of its own.
    private static func details(_ event: EventRecord) -> String {
        var words: [String] = []
        switch event.source {
        case .sample:
            let name = Cell.name(path: event.path, tid: event.tid)
            if !name.isEmpty { words.append(name) }
        case .perf:
            if let path = event.path { words.append(path) }
            // Whoever called; that it was the main thread goes without saying.
            if let tid = event.tid, tid != event.pid { words.append("(by thread \(tid))") }
        }
        if let count = event.count {
            let records = count == 1 ? "1 record" : "\(count) records"
            words.append(event.event == .gap ? records + " lost" : "(\(count) in one tick)")
        }
        if event.isCleared { words.append("(over)") }
        if let child = event.child { words.append("child \(child)") }
        return words.joined(separator: " ")
    }
}
