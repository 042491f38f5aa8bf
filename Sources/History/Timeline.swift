import GRDB
import MemoryModel

/// A process's own time line: microseconds since its row's `attached`, strictly ascending
/// from look to look, whatever the wall clock does.
///
/// As long as the clock only goes forward, moment = wall time - attached. Where it steps
/// back, a row in `clock_step` says: from moment `at` on, wall time = attached + moment -
/// `shift`. So order is always the order in which things were seen, rows are small
/// (six bytes for up to four years), and the time the clock showed is never lost.
struct Timeline: Sendable {
    struct Step: Sendable {
        var at: Int64
        var shift: Int64
    }

    let attached: Int64
    /// Ascending by `at`. The line begins with shift 0.
    let steps: [Step]

    init(_ db: Database, process: Int64) throws {
        let row = try PreparedStatement(cached: db, "SELECT attached FROM process WHERE id = ?")
        row.bind(1, process)
        defer { row.reset() }
        guard try row.step() else { throw HistoryError.noSuchProcess(id: process) }
        attached = row.int(0)
        let query = try PreparedStatement(
            cached: db, "SELECT at, shift FROM clock_step WHERE process = ? ORDER BY at")
        query.bind(1, process)
        defer { query.reset() }
        var steps: [Step] = []
        while try query.step() { steps.append(Step(at: query.int(0), shift: query.int(1))) }
        self.steps = steps
    }

    func time(at moment: Int64) -> Timestamp {
        let shift = steps.last { $0.at <= moment }?.shift ?? 0
        return Timestamp(microseconds: attached &+ moment &- shift)
    }

    /// The moments, run by run, whose wall time lies within the bounds.
    func moments(since: Timestamp?, until: Timestamp?) -> [ClosedRange<Int64>] {
        var result: [ClosedRange<Int64>] = []
        for index in -1..<steps.count {
            let (first, last, shift) = run(index)
            let low = since.map { max(first, moment($0, shift)) } ?? first
            let high = until.map { min(last, moment($0, shift)) } ?? last
            if low <= high { result.append(low...high) }
        }
        return result
    }

    /// For each run, the latest first, the last moment at or before a wall time.
    func lastMoments(atOrBefore time: Timestamp) -> [ClosedRange<Int64>] {
        moments(since: nil, until: time).reversed()
    }

    /// The last moment that is older than `cutoff`; everything up to it may go. nil: nothing is.
    ///
    /// The latest run of the clock decides. A run that claims to be from long before the
    /// process was attached is a clock that was wrong for a while, and decides nothing;
    /// unless it was `attached` that lay in the future.
    func agedMoment(cutoff: Timestamp, now: Timestamp) -> Int64? {
        let day: Int64 = 86_400_000_000
        let attachedIsWrong = attached > now.microseconds.addingSaturating(day)
        for index in (-1..<steps.count).reversed() {
            let (first, last, shift) = run(index)
            if index >= 0, !attachedIsWrong, first.subtractingSaturating(shift) < -day { continue }
            let moment = min(last, moment(cutoff, shift))
            if moment >= max(first, 0) { return moment }
        }
        return nil
    }

    private func run(_ index: Int) -> (first: Int64, last: Int64, shift: Int64) {
        let last = index + 1 < steps.count ? steps[index + 1].at &- 1 : Int64.max
        return index < 0 ? (Int64.min, last, 0) : (steps[index].at, last, steps[index].shift)
    }

    private func moment(_ time: Timestamp, _ shift: Int64) -> Int64 {
        time.microseconds.subtractingSaturating(attached).addingSaturating(shift)
    }
}
