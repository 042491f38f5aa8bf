import MemoryModel
import MemwatchInterface

/// An explanation for people: a title, and the sentences below each other, wrapped.
struct ExplanationText {
    private let explanation: Explanation
    private let columns: Int

    /// Longer lines are hard to read, however wide the terminal is.
    private static let widest = 100

    init(_ explanation: Explanation, columns: Int) {
        self.explanation = explanation
        self.columns = max(TerminalSize.least.columns, min(columns, Self.widest))
    }

    func print(to output: Output) throws(Failure) {
        let process = explanation.process
        let name =
            process.comm.map { "\(PrintableText.escape($0)) (\(process.pid))" } ?? "process \(process.pid)"
        let title = "\(name): \(Self.words(explanation.verdict))"
        try output.write((output.isStyled ? Style.bold.applied(to: title) : title) + "\n\n")
        for finding in explanation.findings {
            for (index, line) in wrapped(finding.sentence, width: columns - 2).enumerated() {
                try output.write((index == 0 ? "- " : "  ") + line + "\n")
            }
        }
    }

    static func words(_ verdict: Explanation.Verdict) -> String {
        switch verdict {
        case .noGrowth: "no growth"
        case .leakSuspected: "a leak is suspected"
        case .growing: "it grows"
        case .filled: "it grew, and then stayed"
        case .comesAndGoes: "memory comes and goes, no growth"
        case .shrunk: "it shrank"
        case .unclear: "too little is known yet"
        }
    }

    private func wrapped(_ text: String, width: Int) -> [String] {
        var lines: [String] = []
        var (line, used) = ("", 0)
        for word in PrintableText.escape(text).split(separator: " ") {
            let wide = DisplayWidth.of(String(word))
            if used > 0, used + 1 + wide > width {
                lines.append(line)
                (line, used) = ("", 0)
            }
            if used > 0 {
                line += " "
                used += 1
            }
            line += word
            used += wide
        }
        if used > 0 { lines.append(line) }
        return lines
    }
}
