import GRDB
import GRDBSQLite
import MemoryModel

/// Everything the writing connection keeps between ticks: prepared statements, and for
/// each process the end of its time line and the base its samples differ from.
///
/// All of it can be read back from the database; after a failed transaction it is
/// forgotten, so that memory never claims what the disk does not have.
final class HistoryWriter {
    let statements: WriterStatements
    private var tracks: [Int64: ProcessTrack] = [:]
    /// Processes registered and not ended: retention keeps their rows.
    private(set) var active: Set<Int64> = []
    /// The day retention last ran on: a clock that steps back for a while must not date
    /// names as unused.
    var latestDay: Int64 = 0
    let names: NameTables
    /// nil: to be read from the database.
    private var lastEventID: Int64?

    init(_ db: Database) throws {
        statements = try WriterStatements(db)
        names = NameTables(statements)
    }

    func forget() {
        tracks.removeAll()
        lastEventID = nil
        names.forget()
    }

    func registered(_ process: Int64) { active.insert(process) }

    /// A number given out again must not find an old time line.
    func registeredNew(_ process: Int64) {
        tracks[process] = nil
        active.insert(process)
    }

    /// The base that the process's next sample is going to differ from, if there is one.
    func currentBase(of process: Int64) -> Int64? {
        guard let track = tracks[process], track.base != nil else { return nil }
        return track.baseID
    }

    /// Stores a base for a minute or an hour and says its number.
    func insertBase(_ process: Int64, _ fields: SampleFields) throws -> Int64 {
        guard var track = try tracks[process] ?? statements.loadTrack(process) else {
            throw HistoryError.noSuchProcess(id: process)
        }
        track.newestBaseID &+= 1
        if tracks[process] != nil { tracks[process] = track }
        try statements.insertBase(process, track.newestBaseID, fields)
        try statements.addRows(process, 1)
        return track.newestBaseID
    }

    func write(_ batch: HistoryBatch, in db: Database) throws -> HistoryWriteReport {
        var report = HistoryWriteReport()
        for entry in batch.entries {
            let id = entry.process.rawValue
            // Taken out while it changes, so that the dictionary holds no second reference.
            guard var track = try tracks.removeValue(forKey: id) ?? statements.loadTrack(id) else {
                report.unknownProcesses += 1
                continue
            }
            try write(entry, id, &track, &report, in: db)
            if entry.ended == nil {
                tracks[id] = track
            } else {
                active.remove(id)
                if track.newRows > 0 { try statements.addRows(id, track.newRows) }
            }
        }
        return report
    }

    private func write(
        _ entry: HistoryEntry, _ id: Int64, _ track: inout ProcessTrack, _ report: inout HistoryWriteReport,
        in db: Database
    ) throws {
        track.newRows += Int64(entry.born.count + entry.events.count + (entry.sample == nil ? 0 : 1))
        let day = max(latestDay, entry.time.microseconds / 86_400_000_000)
        if let image = entry.executedImage {
            try statements.setImage(id, image)
        }
        if entry.sample != nil || !entry.died.isEmpty || !entry.born.isEmpty {
            let at = try advance(&track, id, to: entry.time)
            for region in entry.died {
                // The name's day is renewed at death too: retention goes by it.
                _ = try names.mapping(region, day: day)
                if try !statements.endRegion(id, region.start, at) { report.unmatchedDeaths += 1 }
            }
            report.displacedIntervals += try statements.insertRegions(id, entry.born, at) { region in
                try names.mapping(region, day: day)
            }
            if let sample = entry.sample { try insert(sample, id, &track, at) }
        }
        try statements.insertEvents(
            id, entry.events,
            id: { event in try nextEventID(id, event, &track) },
            name: { event in try event.path.map { try names.name($0, day: day) } },
            comm: { event in try names.name(event.comm, day: day) })
        if let found = entry.postMortem { try write(found, id, day: day, in: db) }
        if let ended = entry.ended { try statements.setEnd(id, ended) }
    }

    /// The id of the process's next event, and with it the run that it is found by.
    private func nextEventID(_ process: Int64, _ event: MemoryEvent, _ track: inout ProcessTrack) throws
        -> Int64
    {
        var id = try lastEventID ?? statements.lastEventID()
        id = id.addingSaturating(1)
        if track.run?.admits(id: id, time: event.time.microseconds) != true {
            // No id may lie in two runs of one process. Nothing says that ids have no gaps.
            id = max(id, track.lastRunID.addingSaturating(1))
            let run = EventRun(from: id, time: event.time.microseconds)
            try statements.insertRun(process, run)
            track.newRows += 1
            track.run = run
            track.lastRunID = run.last
        }
        lastEventID = id
        return id
    }

    /// How many rows were written of a process since this was last asked.
    func takeNewRows(of process: Int64) -> Int64 {
        guard let count = tracks[process]?.newRows else { return 0 }
        tracks[process]?.newRows = 0
        return count
    }

    /// Retention has removed the process's latest run, or some of it.
    func forgetRun(of process: Int64) { tracks[process]?.run = nil }

    /// The next moment on the process's time line.
    private func advance(_ track: inout ProcessTrack, _ id: Int64, to time: Timestamp) throws -> Int64 {
        let elapsed = time.microseconds.subtractingSaturating(track.attached)
        var at = elapsed.addingSaturating(track.shift)
        if at <= track.last {
            at = track.last.addingSaturating(1)
            track.shift = at.subtractingSaturating(elapsed)
            try statements.insertClockStep(id, at, track.shift)
        }
        track.last = at
        return at
    }

    private func insert(_ sample: Sample, _ id: Int64, _ track: inout ProcessTrack, _ at: Int64) throws {
        let fields = SampleFields(sample)
        let delta = try self.delta(fields, id, &track)
        try statements.insertSample(id, at, track.baseID, delta)
    }

    /// The difference from the process's base, which becomes these fields where they differ
    /// too much from the old one.
    private func delta(_ fields: SampleFields, _ id: Int64, _ track: inout ProcessTrack) throws -> SampleDelta
    {
        if let base = track.base, let delta = SampleDelta(fields, from: base) { return delta }
        track.newestBaseID &+= 1
        track.baseID = track.newestBaseID
        track.base = fields
        track.newRows += 1
        try statements.insertBase(id, track.baseID, fields)
        return SampleDelta()
    }
}

/// What the writer knows of one process between ticks.
struct ProcessTrack {
    /// Wall-clock microseconds at which the time line begins.
    var attached: Int64
    /// The last moment used, or -1.
    var last: Int64
    /// See ``Timeline``.
    var shift: Int64
    /// The number of ``base``.
    var baseID: Int64
    /// The highest number given to a base of this process; 0 where there is none yet.
    var newestBaseID: Int64
    var base: SampleFields?
    /// The run that the process's events go on with; nil where the next event begins one.
    var run: EventRun?
    /// The last id that any of its runs covers.
    var lastRunID: Int64
    /// Rows that are not in `share_rows` yet.
    var newRows: Int64 = 0
}
