import MemwatchInterface
import Varlink

/// One line of `doctor`.
struct CheckResult: PrintableRow, Hashable {
    enum State: String, CaseIterable {
        case ok
        /// It works with less: ``CheckResult/finding`` says what is lost.
        case degraded
        /// It does not work: ``CheckResult/remedy`` says how to mend it.
        case missing
    }

    var check: String
    var state: State
    var finding: String
    /// What to do; nil where there is nothing to be done.
    var remedy: String?

    static let fields = ["check", "state", "finding", "remedy"]

    static func ok(_ check: String, _ finding: String) -> CheckResult {
        CheckResult(check: check, state: .ok, finding: finding)
    }

    static func degraded(_ check: String, _ finding: String, _ remedy: String? = nil) -> CheckResult {
        CheckResult(check: check, state: .degraded, finding: finding, remedy: remedy)
    }

    static func missing(_ check: String, _ finding: String, _ remedy: String) -> CheckResult {
        CheckResult(check: check, state: .missing, finding: finding, remedy: remedy)
    }

    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("check")
        writer.value(check)
        writer.key("state")
        writer.value(state.rawValue)
        writer.key("finding")
        writer.value(finding)
        writer.key("remedy")
        writer.value(remedy)
        writer.endObject()
    }
}

extension TableLayout<CheckResult> {
    static var checkup: TableLayout<CheckResult> {
        TableLayout(columns: [.left("STATE"), .left("CHECK"), .left("FINDING")]) { result in
            [
                result.state.rawValue, result.check,
                result.finding + (result.remedy.map { ": \($0)" } ?? ""),
            ]
        }
    }
}
