import GRDB
import MemoryModel

/// One slice of retention, within one transaction: goes on from process to process until
/// its rows are used up. The tables are clustered by process and time, so that each visit
/// is a few short range deletes and needs no index of its own.
struct RetentionPass {
    let db: Database
    let writer: HistoryWriter
    let configuration: HistoryConfiguration
    let now: Timestamp
    var state: RetentionState
    /// Rows that may still be touched.
    var left: Int
    var report = RetentionReport()

    /// What a visit costs even where there is nothing to do, in rows.
    private static let visitCost = 8

    mutating func run() throws {
        let cutoff = max(before(configuration.maximumAgeSeconds), state.pressure ?? .distantPast)
        let today = now.microseconds / 86_400_000_000
        while left > 0 {
            let next = try PreparedStatement(
                cached: db,
                "SELECT id, ifnull(ended, attached), share_uid FROM process WHERE id > ? ORDER BY id LIMIT 1")
            next.bind(1, state.cursor ?? .min)
            guard try next.step() else { return try finishPass(cutoff: cutoff, today: today) }
            let process = next.int(0)
            let lastKnown = Timestamp(microseconds: next.int(1))
            let share = next.optionalInt(2)
            next.reset()
            left -= Self.visitCost
            let before = report
            let own = max(cutoff, self.cutoff(ofShare: share))
            if try visit(process, lastKnown: lastKnown, cutoff: own, today: today) {
                state.cursor = process
            }
            if share != nil { try countRows(of: process, since: before) }
        }
        // Going through many processes takes many slices too, and is no reason to begin again.
        if report.removedRows + report.rolledUpSamples > 0 { state.passWorked = true }
        report.isFinished = false
    }

    private func before(_ seconds: Int64) -> Timestamp {
        let (age, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        return Timestamp(microseconds: now.microseconds.subtractingSaturating(overflow ? .max : age))
    }

    /// True when nothing is left to do for this process.
    private mutating func visit(
        _ process: Int64, lastKnown: Timestamp, cutoff: Timestamp, today: Int64
    ) throws -> Bool {
        let timeline = try Timeline(db, process: process)
        let removedBefore = report.removedRows + report.rolledUpSamples
        if let moment = timeline.agedMoment(cutoff: cutoff, now: now) {
            for table in ["sample_hour", "sample_minute", "sample"] {
                try remove(from: table, process, column: "at", through: moment)
            }
            try removeRegions(process, through: moment)
        }
        try removeEvents(process, before: cutoff)
        if let raw = timeline.agedMoment(cutoff: before(configuration.rawAgeSeconds), now: now) {
            try roll(process, timeline, .minute, before: raw)
        }
        if let minute = timeline.agedMoment(cutoff: before(configuration.minuteAgeSeconds), now: now) {
            try roll(process, timeline, .hour, before: minute)
        }
        if report.removedRows + report.rolledUpSamples > removedBefore { try removeBases(process) }
        if left <= 0 { return false }
        if lastKnown < cutoff, !writer.active.contains(process), try isEmpty(process) {
            return try removeProcess(process)
        }
        if state.markedDay != today { try markNames(process, today) }
        return true
    }

    /// Deletes the oldest rows of a process, at most as many as are left.
    private mutating func remove(from table: String, _ process: Int64, column: String, through: Int64) throws
    {
        guard left > 0 else { return }
        let bound = try PreparedStatement(
            cached: db,
            """
            SELECT \(column) FROM \(table) WHERE process = ?1 AND \(column) <= ?2
            ORDER BY \(column) LIMIT 1 OFFSET ?3
            """)
        bound.bind(1, process)
        bound.bind(2, through)
        bound.bind(3, Int64(left))
        let last = try bound.step() ? min(through, bound.int(0)) : through
        bound.reset()
        let delete = try PreparedStatement(
            cached: db, "DELETE FROM \(table) WHERE process = ?1 AND \(column) <= ?2")
        delete.bind(1, process)
        delete.bind(2, last)
        try count(delete.runCountingChanges())
    }

    private mutating func removeRegions(_ process: Int64, through: Int64) throws {
        guard left > 0 else { return }
        // By start too: a process of 65,530 regions that exits has as many deaths at one moment.
        let bound = try PreparedStatement(
            cached: db,
            """
            SELECT died, start FROM region WHERE process = ?1 AND died > 0 AND died <= ?2
            ORDER BY died, start LIMIT 1 OFFSET ?3
            """)
        bound.bind(1, process)
        bound.bind(2, through)
        bound.bind(3, Int64(left))
        let isPart = try bound.step()
        let last = isPart ? (died: bound.int(0), start: bound.int(1)) : (died: through, start: .max)
        bound.reset()
        let delete = try PreparedStatement(
            cached: db, "DELETE FROM region WHERE process = ?1 AND died > 0 AND (died, start) <= (?2, ?3)")
        delete.bind(1, process)
        delete.bind(2, last.died)
        delete.bind(3, last.start)
        let removed = try delete.runCountingChanges()
        if removed == 0 { return }
        count(removed)
        // A map before this moment would lack what has just gone.
        let mark = try PreparedStatement(
            cached: db, "UPDATE process SET regions_from = max(regions_from, ?2) WHERE id = ?1")
        mark.bind(1, process)
        mark.bind(2, last.died)
        try mark.run()
    }

    private mutating func removeEvents(_ process: Int64, before cutoff: Timestamp) throws {
        var after: (time: Int64, first: Int64) = (.min, .min)
        while left > 0 {
            let next = try PreparedStatement(
                cached: db,
                """
                SELECT time, first, ids FROM event_run
                WHERE process = ?1 AND time < ?2 AND (time, first) > (?3, ?4) ORDER BY time, first LIMIT 1
                """)
            next.bind(1, process)
            next.bind(2, cutoff.microseconds)
            next.bind(3, after.time)
            next.bind(4, after.first)
            guard try next.step() else { return }
            let run = EventRun(time: next.int(0), first: next.int(1), ids: next.int(2))
            next.reset()
            try remove(run, of: process, before: cutoff)
            after = (run.time, run.first)
        }
    }

    private mutating func remove(_ run: EventRun, of process: Int64, before cutoff: Timestamp) throws {
        let delete = try PreparedStatement(
            cached: db, "DELETE FROM event WHERE id >= ?1 AND id <= ?2 AND process = ?3 AND time < ?4")
        delete.bind(1, run.first)
        delete.bind(2, run.last)
        delete.bind(3, process)
        delete.bind(4, cutoff.microseconds)
        let removed = try delete.runCountingChanges()
        if removed > 0 { writer.forgetRun(of: process) }
        count(removed)
        let end = try PreparedStatement(
            cached: db,
            """
            DELETE FROM event_run WHERE process = ?3 AND time = ?4 AND first = ?1
                AND NOT EXISTS (SELECT 1 FROM event WHERE id >= ?1 AND id <= ?2 AND process = ?3)
            """)
        end.bind(1, run.first)
        end.bind(2, run.last)
        end.bind(3, process)
        end.bind(4, run.time)
        let ended = try end.runCountingChanges()
        if ended > 0 { writer.forgetRun(of: process) }
        count(ended)
        // Going through what belongs to others takes time too.
        left -= 4
    }

    private mutating func roll(
        _ process: Int64, _ timeline: Timeline, _ tier: SampleTier, before moment: Int64
    ) throws {
        guard left > 0 else { return }
        let (rolledUp, made) = try RollUp(db: db, writer: writer, process: process, timeline: timeline)
            .make(tier, before: moment, limit: left)
        report.rolledUpSamples += rolledUp
        report.madeRows += made
        left -= rolledUp
    }

    /// Bases are used in ascending order, in each table: those below the first in use are done.
    private mutating func removeBases(_ process: Int64) throws {
        let first = try PreparedStatement(
            cached: db,
            """
            SELECT min(base) FROM (
                SELECT * FROM (SELECT base FROM sample WHERE process = ?1 ORDER BY at LIMIT 1)
                UNION ALL
                SELECT * FROM (SELECT base FROM sample_minute WHERE process = ?1 ORDER BY at, part LIMIT 1)
                UNION ALL
                SELECT * FROM (SELECT base FROM sample_hour WHERE process = ?1 ORDER BY at, part LIMIT 1))
            """)
        first.bind(1, process)
        defer { first.reset() }
        let used = try first.step() ? first.optionalInt(0) : nil
        let delete = try PreparedStatement(
            cached: db, "DELETE FROM sample_base WHERE process = ?1 AND id < ?2")
        delete.bind(1, process)
        delete.bind(2, min(used ?? .max, writer.currentBase(of: process) ?? .max))
        try count(delete.runCountingChanges())
    }

    private func isEmpty(_ process: Int64) throws -> Bool {
        let query = try PreparedStatement(
            cached: db,
            """
            SELECT EXISTS (SELECT 1 FROM sample WHERE process = ?1)
                OR EXISTS (SELECT 1 FROM sample_minute WHERE process = ?1)
                OR EXISTS (SELECT 1 FROM sample_hour WHERE process = ?1)
                OR EXISTS (SELECT 1 FROM region WHERE process = ?1 AND died > 0)
                OR EXISTS (SELECT 1 FROM event_run WHERE process = ?1)
            """)
        query.bind(1, process)
        defer { query.reset() }
        return try query.step() ? query.int(0) == 0 : false
    }

    /// False where its open intervals are too many for this slice.
    private mutating func removeProcess(_ process: Int64) throws -> Bool {
        let regions = try PreparedStatement(
            cached: db,
            """
            DELETE FROM region WHERE process = ?1 AND died = 0 AND start <= ifnull(
                (SELECT start FROM region WHERE process = ?1 AND died = 0 ORDER BY start LIMIT 1 OFFSET ?2),
                9223372036854775807)
            """)
        regions.bind(1, process)
        regions.bind(2, Int64(left))
        try count(regions.runCountingChanges())
        if left <= 0 { return false }
        for sql in [
            "DELETE FROM clock_step WHERE process = ?1", "DELETE FROM sample_base WHERE process = ?1",
            "DELETE FROM post_mortem WHERE process = ?1", "DELETE FROM post_mortem_region WHERE process = ?1",
            "DELETE FROM process WHERE id = ?1",
        ] {
            let delete = try PreparedStatement(cached: db, sql)
            delete.bind(1, process)
            try count(delete.runCountingChanges())
        }
        return true
    }

    /// Once a day: what open intervals use is in use, though nobody writes it.
    private mutating func markNames(_ process: Int64, _ today: Int64) throws {
        for sql in [
            """
            UPDATE mapping SET last_day = ?2 WHERE last_day <> ?2 AND id IN
                (SELECT mapping FROM region WHERE process = ?1 AND died = 0)
            """,
            """
            UPDATE name SET last_day = ?2 WHERE last_day <> ?2 AND id IN
                (SELECT m.name FROM region r JOIN mapping m ON m.id = r.mapping
                WHERE r.process = ?1 AND r.died = 0)
            """,
        ] {
            let mark = try PreparedStatement(cached: db, sql)
            mark.bind(1, process)
            mark.bind(2, today)
            left -= try mark.runCountingChanges()
        }
    }

    private mutating func count(_ rows: Int) {
        report.removedRows += rows
        left -= rows
    }

    // MARK: After the last process

    private mutating func finishPass(cutoff: Timestamp, today: Int64) throws {
        state.cursor = nil
        state.markedDay = today
        if let completed = state.completedCutoff { try removeNames(completed, today) }
        state.completedCutoff = cutoff
        let isTooLarge = try adjustPressure()
        let isShareExceeded = try adjustShares()
        let released = try releasePages()
        // A pass that was cut short by its budget may have left work behind where it began.
        report.isFinished = !isTooLarge && !isShareExceeded && !released && !state.passWorked
        state.passWorked = false
    }

    /// What no interval or event younger than the cutoff can use, with a day's margin.
    private mutating func removeNames(_ cutoff: Timestamp, _ today: Int64) throws {
        let day = cutoff.microseconds / 86_400_000_000 - 1
        var removed = 0
        for table in ["mapping", "name"] {
            // A day that has not come yet was written under a clock that was wrong.
            let lower = try PreparedStatement(
                cached: db, "UPDATE \(table) SET last_day = ?1 WHERE last_day > ?1 + 1")
            lower.bind(1, today)
            try lower.run()
            let delete = try PreparedStatement(
                cached: db,
                "DELETE FROM \(table) WHERE id IN (SELECT id FROM \(table) WHERE last_day < ?1 LIMIT ?2)")
            delete.bind(1, day)
            delete.bind(2, Int64(max(left, 64)))
            removed += try delete.runCountingChanges()
        }
        if removed > 0 {
            count(removed)
            writer.names.forget()
        }
    }

    /// While the data takes more than it may, everything older than an eighth of the whole
    /// time goes, pass by pass. True while there is more to go.
    private mutating func adjustPressure() throws -> Bool {
        let used = try (pragma("page_count") - pragma("freelist_count")) * pragma("page_size")
        // Down to a sixteenth below the limit, so that not every slice has to.
        let limit = configuration.maximumBytes
        let isTooLarge = used > (state.pressure == nil ? limit : limit - limit / 16)
        guard isTooLarge, let oldest = try HistoryStore.oldest(db) else {
            state.pressure = nil
            return false
        }
        if let pressure = state.pressure, pressure >= now {
            state.pressure = nil
            return false
        }
        let begin = max(oldest, state.pressure ?? oldest)
        let span = now.microseconds.subtractingSaturating(begin.microseconds)
        state.pressure = Timestamp(
            microseconds: begin.microseconds.addingSaturating(max(span / 8, 60_000_000)))
        return true
    }

    /// Free pages are used again by what comes next; only where they are more than a quarter of
    /// the file are they given back, some at a time.
    private mutating func releasePages() throws -> Bool {
        let free = try pragma("freelist_count")
        guard free > 256, try free > pragma("page_count") / 4 else { return false }
        let pages = min(free, Int64(max(left, 256)) / 8)
        try PreparedStatement(db, "PRAGMA incremental_vacuum(\(pages))").run()
        report.releasedBytes += pages * 4096
        return true
    }

    private func pragma(_ name: String) throws -> Int64 {
        let query = try PreparedStatement(cached: db, "PRAGMA \(name)")
        defer { query.reset() }
        return try query.step() ? query.int(0) : 0
    }
}
