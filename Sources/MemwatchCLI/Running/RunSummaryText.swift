import MemoryModel
import MemwatchInterface

/// A run summed up for people, in the columns that there are.
struct RunSummaryText {
    let summary: RunSummary
    let columns: Int

    var lines: [String] {
        ([title, ""] + (summary.wasSeen ? whatWasSeen : Self.nothing)).map { TextFit.cut($0, columns) }
    }

    private static let nothing = [
        "Nothing was seen of it: it ended before it was looked at. With the kernel's",
        "records no program is too short: 'memwatch doctor' says how to have them.",
    ]

    private var whatWasSeen: [String] {
        var lines = peaks + [""]
        if !overTime.isEmpty { lines.append(overTime) }
        lines.append(calls)
        if let shortLived { lines.append(shortLived) }
        if !summary.largest.isEmpty {
            lines += ["", "The largest growths:"]
            lines += summary.largest.map(growth)
        }
        return lines
    }

    private var title: String {
        let words = summary.command.map { PrintableText.escape($0) }.joined(separator: " ")
        let end =
            switch summary.end {
            case .exited(0): "ended"
            case .exited(let status): "ended with status \(status)"
            case .signal(let number): "was ended by signal \(number)"
            }
        let count = summary.processCount
        let source = summary.eventSource == "perf" ? "by kernel events" : "by \(summary.eventSource)"
        let dropped =
            summary.forksDropped > 0
            ? " and \(Quantity.count(summary.forksDropped)) that came too fast to be followed" : ""
        // The command last: it may be long, and lines are cut at their ends.
        return "memwatch: \(end) after \(Quantity.span(summary.seconds)), "
            + "\(Quantity.count(count)) \(count == 1 ? "process" : "processes")\(dropped), \(source): \(words)"
    }

    private var peaks: [String] {
        var rows: [(name: String, bytes: UInt64, process: RunProcess)] = []
        if let process = summary.processes.max(by: { $0.peakVmSize < $1.peakVmSize }) {
            rows.append(("virtual", process.peakVmSize, process))
        }
        if let process = summary.processes.max(by: { $0.peakRSS ?? 0 < $1.peakRSS ?? 0 }),
            let rss = process.peakRSS
        {
            rows.append(("resident", rss, process))
        }
        for kind in RegionKind.allCases {
            if let peak = summary.peak(of: kind), peak.bytes > 0 {
                rows.append((kind.name, peak.bytes, peak.process))
            }
        }
        let isOne = summary.processes.count == 1
        return rows.map { row in
            let whose = isOne ? "" : "  \(PrintableText.escape(row.process.comm)) (\(row.process.pid))"
            return
                "  \(TextFit.left("peak " + row.name, 18))\(TextFit.right(BinarySize.text(row.bytes), 12))\(whose)"
        }
    }

    /// The address space of the program itself, or of its largest process.
    private var overTime: String {
        guard let process = summary.processes.max(by: { $0.peakVmSize < $1.peakVmSize }),
            process.course.count > 1,
            let first = process.course.first?.time.microseconds,
            let last = process.course.last?.time.microseconds,
            last > first
        else { return "" }
        let width = max(10, min(60, columns - 32))
        var values = [UInt64?](repeating: nil, count: width)
        var (index, known) = (0, UInt64?.none)
        for part in values.indices {
            let border = first + (last - first) / Int64(width) * Int64(part + 1)
            while index < process.course.count, process.course[index].time.microseconds <= border {
                known = process.course[index].bytes
                index += 1
            }
            values[part] = known
        }
        return "  virtual over time  " + Sparkline.text(values)
    }

    private var calls: String {
        let traffic = summary.traffic
        return "  calls: brk \(Quantity.count(traffic.brkCalls)), mmap \(Quantity.count(traffic.mappings)) "
            + "(\(BinarySize.text(traffic.mapped))), munmap \(Quantity.count(traffic.unmappings)) "
            + "(\(BinarySize.text(traffic.unmapped)))"
    }

    private var shortLived: String? {
        let traffic = summary.traffic
        guard traffic.unmapped > 1 << 20, traffic.mapped > 0 else { return nil }
        let bytes = min(traffic.unmapped, traffic.mapped)
        return "  short-lived: \(BinarySize.text(bytes)) of what was mapped was unmapped before the end "
            + "(\(Quantity.share(bytes, of: traffic.mapped)))"
    }

    private func growth(_ event: EventRecord) -> String {
        "  \(TextFit.right(Cell.change(event.delta) ?? "", 12))  \(TextFit.left(event.kind?.name ?? "", 12))  "
            + "\(TextFit.left(event.event.name, 10))  \(PrintableText.escape(event.comm)) (\(event.pid))"
            + (event.path.map { "  " + PrintableText.escape($0) } ?? "")
    }
}
