import Glibc
import Synchronization
import TestSupport

/// The rows of the comparison: printed as they come, and all of them in the file that
/// `MEMWATCH_ORACLE_TABLE` names.
enum OracleTable {
    static let header = [
        "workload", "mode", "processes", "followed", "calls", "mmap and brk+", "in ledger", "as protect",
        "elsewhere",
        "missing", "events", "by others", "unexplained", "after entry: median", "p99", "max", "gaps",
        "samples", "sums",
    ]

    private static let rows = Mutex<[[String]]>([])

    static func add(_ workload: String, _ mode: String, _ trace: Trace, followed: Int, _ result: Comparison) {
        let isPerf = mode == "perf"
        func onlyPerf(_ count: Int) -> String { isPerf ? "\(count)" : "–" }
        let sorted = result.distances.sorted()
        func percentile(_ part: Double) -> String {
            guard !sorted.isEmpty else { return "–" }
            let index = min(sorted.count - 1, Int(part * Double(sorted.count)))
            let value = sorted[index]
            let hundredths = (abs(value) + 5) / 10
            let rest = String(hundredths % 100)
            return "\(value < 0 ? "-" : "")\(hundredths / 100).\(rest.utf8.count < 2 ? "0" : "")\(rest) ms"
        }
        let births = trace.calls.count { $0.effect == .birth }
        let row = [
            workload, mode, "\(trace.processes.count)", "\(followed)", "\(trace.lines)", "\(births)",
            onlyPerf(result.found), onlyPerf(result.asProtect), onlyPerf(result.atOtherPlace),
            onlyPerf(result.missing.count),
            "\(result.events)", onlyPerf(result.byOthers), "\(result.unexplained.count)", percentile(0.5),
            percentile(0.99),
            percentile(1),
            "\(result.gaps)", "\(result.samples)", result.wrongSums.isEmpty ? "equal" : "WRONG",
        ]
        print(text([row]))
        let all = rows.withLock { rows in
            rows.append(row)
            return rows
        }
        if let path = getenv("MEMWATCH_ORACLE_TABLE") { write(text(all), to: String(cString: path)) }
    }

    /// As Markdown has it, and aligned for people.
    private static func text(_ rows: [[String]]) -> String {
        let widths = header.indices.map { column in ([header] + rows).map { $0[column].count }.max() ?? 0 }
        func line(_ cells: [String]) -> String {
            "| "
                + zip(cells, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
                .joined(separator: " | ") + " |"
        }
        let rule = "|" + widths.map { String(repeating: "-", count: $0 + 2) }.joined(separator: "|") + "|"
        return ([line(header), rule] + rows.map(line)).joined(separator: "\n")
    }

    private static func write(_ text: String, to path: String) {
        guard let file = fopen(path, "w") else { return }
        fputs(text + "\n", file)
        fclose(file)
    }
}
