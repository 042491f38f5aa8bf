import Analysis
import MemoryModel
import MemwatchInterface
import Varlink

/// Where a process's growth came from, in words.
struct Explanation: PrintableRow {
    /// The one word that all of it comes to.
    enum Verdict: String, CaseIterable {
        case noGrowth = "no-growth"
        case leakSuspected = "leak-suspected"
        case growing
        case filled
        case comesAndGoes = "comes-and-goes"
        case shrunk
        case unclear
    }

    var process: ExplainedProcess
    var verdict: Verdict
    /// The most important first.
    var findings: [Finding]

    static let fields = ["pid", "comm", "since", "until", "verdict", "findings"]

    init(_ process: ExplainedProcess) {
        self.process = process
        let growths = GrowthFindings(process)
        verdict = growths.verdict
        findings = growths.findings + StandingFindings.of(process) + HeadroomFindings.of(process)
    }

    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("pid")
        writer.value(process.pid)
        writer.key("comm")
        writer.value(process.comm)
        writer.key("since")
        writer.value(process.samples.first?.sample.time.rfc3339)
        writer.key("until")
        writer.value(process.end?.rfc3339)
        writer.key("verdict")
        writer.value(verdict.rawValue)
        writer.key("findings")
        writer.beginArray()
        for finding in findings { finding.write(to: &writer) }
        writer.endArray()
        writer.endObject()
    }
}

extension Finding: JSONWritable {
    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("finding")
        writer.value(subject.rawValue)
        writer.key("kind")
        writer.value(kind?.name)
        writer.key("sentence")
        writer.value(sentence)
        writer.key("figures")
        figures.write(to: &writer)
        writer.endObject()
    }
}
