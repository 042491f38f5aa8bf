package import History
package import Journal
package import MemoryModel
package import ProcFS
package import Tracing

/// Takes what the tracer saw to where it is kept and told: one transaction of the history per tick,
/// then the journal, then those who follow.
///
/// When the history cannot be written (a full disk), watching goes on: the journal is told once, and
/// as soon as a write succeeds again, each process's regions are brought up to date with the next
/// map that a look gives, so that only the time of the changes in between is lost and never the truth of the map.
package actor Recorder {
    /// What the recorder knows of a process that is watched.
    package struct Known: Sendable {
        package var description: ProcessDescription
        package var attached: Timestamp
        package var reader: HistoryReader
        /// Nil while the history could not be written yet.
        package var row: HistoryProcessID?
        /// The user who alone wants it watched.
        package var share: UInt32?
        /// Where its out-of-memory kills are counted, and how many there were when watching began.
        package var memoryGroup: (group: MemoryControlGroup, kills: UInt64)?
        /// True where a write failed, so that the history's open intervals are not the last look's.
        var needsResync = false

        package init(
            description: ProcessDescription, attached: Timestamp, reader: HistoryReader,
            row: HistoryProcessID?
        ) {
            self.description = description
            self.attached = attached
            self.reader = reader
            self.row = row
        }
    }

    private let store: HistoryStore
    private let journal: JournalWriter?
    private let feed: EventFeed
    private let blocking: BlockingWork
    private var known: [ProcessIdentity: Known] = [:]
    private var regionsOfTarget: (@Sendable (TargetID) async -> [ObservedRegion]?)?
    /// What is wrong with the history now; nil while it is written.
    package private(set) var failure: HistoryError?
    private var lastFailure: ContinuousClock.Instant?
    /// On a disk that is nearly full, small ticks find room and large ones do not. Only when nothing has failed
    /// for so long is it over; else each would be told, and its end.
    private static let recovery = Duration.seconds(5)
    /// Of processes that ended while the history could not be written, the end: else they would live on in it
    /// until the daemon is restarted. What else was seen meanwhile is not kept: nobody knows for how long.
    private var missedEnds: [HistoryEntry] = []
    private static let mostMissedEnds = 10_000
    private var alerts: AlertBook
    private let starter: AlertUnit?

    package init(
        store: HistoryStore, journal: JournalWriter?, feed: EventFeed, blocking: BlockingWork,
        alerts: AlertBook = AlertBook(AlertSettings(), maxMapCount: nil), starter: AlertUnit? = nil
    ) {
        self.store = store
        self.journal = journal
        self.feed = feed
        self.blocking = blocking
        self.alerts = alerts
        self.starter = starter
    }

    /// Puts other alerts in force; what is on and still asked for stays on.
    package func setAlerts(_ settings: AlertSettings) { alerts.settings = settings }

    /// Alerts that are on now.
    package var activeAlerts: [EventType: Int] { alerts.active }

    /// Where to ask for the map that a target's observations have told of so far, when the history has to catch up.
    package func setRegionSource(_ source: @escaping @Sendable (TargetID) async -> [ObservedRegion]?) {
        regionsOfTarget = source
    }

    /// A process as it is entered in the history.
    package struct Entry: Sendable {
        /// Nil while the history cannot be written.
        package var row: HistoryProcessID?
        /// What is remembered of it from before a restart.
        package var memory: Tracer.Memory?
        /// Its alerts and their ends, where it is remembered.
        fileprivate var alerts: [MemoryEvent] = []
        /// Who may read it: no more than whoever could before, if it was watched before.
        package var reader: HistoryReader
    }

    /// Enters a process in the history.
    package func register(
        _ description: ProcessDescription, attached: Timestamp, reader: HistoryReader, rule: String? = nil,
        parent: Int32? = nil, share: UInt32? = nil
    ) async -> Entry {
        do {
            let entry = try await blocking.run { [store] in
                let before = try store.processes(pid: description.identity.pid).first {
                    $0.description.identity == description.identity
                }
                let row = try store.register(
                    description, attached: attached, reader: Reader(reader), rule: rule, parent: parent,
                    share: share)
                var entry = Entry(row: row, reader: reader)
                guard let before else { return entry }
                entry.reader = reader.tightened(by: HistoryReader(before.reader))
                // A process that was detached starts anew; one whose daemon was stopped goes on.
                guard before.ended == nil else { return entry }
                let regions = try store.openRegions(of: row)
                guard !regions.isEmpty else { return entry }
                let sample = try store.lastSample(of: row, atOrBefore: .distantFuture)?.sample
                entry.memory = Tracer.Memory(
                    attached: before.attached, regions: regions.map { ($0.region, $0.path ?? []) },
                    sample: sample, toldSince: try store.toldSinceMap(of: row))
                entry.alerts = try store.alertEvents(of: row)
                return entry
            }
            if let memory = entry.memory {
                alerts.resume(description.identity, entry.alerts, regions: memory.regions.map(\.region))
            }
            return entry
        } catch {
            note(failing: error)
            return Entry(reader: reader)
        }
    }

    /// The administrators want this process watched as well.
    package func clearShare(of process: ProcessIdentity) async {
        guard known[process]?.share != nil else { return }
        known[process]?.share = nil
        try? await blocking.run { [store] in try store.clearShare(of: process) }
    }

    /// Must precede the target's first observation.
    package func begin(_ known: Known) { self.known[known.description.identity] = known }

    package func reader(of process: ProcessIdentity) -> HistoryReader? { known[process]?.reader }

    package func record(_ observations: [Observation]) async {
        var observations = observations
        for index in observations.indices {
            learn(from: observations[index])
            // At once: systemd removes a unit's group soon after its last process.
            guard observations[index].postMortem != nil else { continue }
            let wasKilled = oomKilled(observations[index].identity)
            observations[index].postMortem?.oomKilled = wasKilled
        }
        for index in observations.indices {
            let comm = known[observations[index].identity]?.description.comm ?? []
            let found = alerts.alerts(from: observations[index], comm: comm)
            observations[index].events += found
            for alert in found where !alert.isCleared { starter?.start(for: alert, alerts.settings.unit) }
        }
        await write(observations)
        for observation in observations {
            let unit = known[observation.identity]?.description.unit
            for event in observation.events where event.type != .exec || event.kind == nil {
                // The post-mortem says it with all that goes with it.
                if event.type == .exit, observation.postMortem != nil { continue }
                journal?.write(event, unit: unit)
            }
            if let found = observation.postMortem { journal?.write(found) }
        }
        for observation in observations where observation.isLast { known[observation.identity] = nil }
        if observations.contains(where: { !$0.events.isEmpty }) { feed.wake() }
    }

    /// Whether the process's control group has counted an out-of-memory kill since watching began; nil
    /// where there is no count, or no longer one.
    private func oomKilled(_ process: ProcessIdentity) -> Bool? {
        guard let (group, before) = known[process]?.memoryGroup, let now = group.outOfMemoryKills() else {
            return nil
        }
        return now > before
    }

    private func learn(from observation: Observation) {
        guard var entry = known[observation.identity] else { return }
        if let description = observation.description {
            entry.description = description
            // Between fork and exec is where service managers move a process to its control group.
            let group = try? ProcRoot().open(pid: observation.identity.pid).memoryControlGroup()
            if let group, group != entry.memoryGroup?.group, let kills = group.outOfMemoryKills() {
                entry.memoryGroup = (group, kills)
            }
        }
        switch observation.identification {
        case .notAsked: break
        case .unknown: entry.reader = .nobody
        case .known(let found):
            // A process enters a user namespace by gaining all capabilities in it, which the rest of the
            // rule notices, or by exec, after which this is read anew.
            let shares =
                observation.description == nil || UserNamespace.isShared(pid: observation.identity.pid)
            let credentials = TargetCredentials(found, sharesUserNamespace: shares)
            entry.reader = entry.reader.tightened(by: HistoryReader(credentials))
        }
        known[observation.identity] = entry
    }

    // MARK: The history

    private func write(_ observations: [Observation]) async {
        var entries: [HistoryEntry] = []
        var tightened: [(HistoryProcessID, HistoryReader)] = []
        var resynced: [ProcessIdentity] = []
        do {
            for observation in observations {
                guard let row = try await row(for: observation) else { continue }
                var entry = HistoryEntry(row, observation)
                if known[observation.identity]?.needsResync == true, observation.hasMap {
                    (entry.died, entry.born) = try await catchUp(row, observation)
                    resynced.append(observation.identity)
                }
                entries.append(entry)
                if let reader = known[observation.identity]?.reader, observation.identification != .notAsked {
                    tightened.append((row, reader))
                }
            }
            let batch = HistoryBatch(entries: entries)
            let stricter = tightened.filter { $0.1 == .nobody && !closedRows.contains($0.0) }
            try await blocking.run { [store] in
                for (row, reader) in stricter { try store.tightenReader(row, to: Reader(reader)) }
                _ = try store.write(batch)
            }
            for (row, _) in stricter { closedRows.insert(row) }
            for process in resynced { known[process]?.needsResync = false }
            if failure != nil { await catchUpWithEnds() }
        } catch {
            for observation in observations {
                known[observation.identity]?.needsResync = true
                if observation.ended != nil { keepEnd(of: observation) }
            }
            note(failing: error)
        }
    }

    /// Rows whose reader is nobody already in the database.
    private var closedRows: Set<HistoryProcessID> = []

    private func row(for observation: Observation) async throws -> HistoryProcessID? {
        guard let entry = known[observation.identity] else { return nil }
        if let row = entry.row { return row }
        let row = try await blocking.run { [store] in
            try store.register(
                entry.description, attached: entry.attached, reader: Reader(entry.reader), share: entry.share)
        }
        known[observation.identity]?.row = row
        return row
    }

    /// What brings the history's open intervals to the target's last look.
    private func catchUp(
        _ row: HistoryProcessID, _ observation: Observation
    ) async throws -> (died: [HistoryRegion], born: [HistoryRegion]) {
        guard let regions = await regionsOfTarget?(observation.target) else {
            return (observation.died.map(HistoryRegion.init), observation.born.map(HistoryRegion.init))
        }
        let now = Set(regions.map(HistoryRegion.init))
        let open = Set(try await blocking.run { [store] in try store.openRegions(of: row) })
        return (Array(open.subtracting(now)), Array(now.subtracting(open)))
    }

    private func keepEnd(of observation: Observation) {
        guard let row = known[observation.identity]?.row, missedEnds.count < Self.mostMissedEnds else {
            return
        }
        var entry = HistoryEntry(row, observation)
        // The intervals that are open in the history may be others than those that ended.
        (entry.sample, entry.died, entry.born) = (nil, [], [])
        entry.events.removeAll { $0.type != .exit }
        missedEnds.append(entry)
    }

    /// After a write that went through.
    private func catchUpWithEnds() async {
        // Taken out, because another tick may come here during the write.
        let ends = missedEnds
        missedEnds = []
        do {
            _ = try await blocking.run { [store] in try store.write(HistoryBatch(entries: ends)) }
            noteSuccess()
        } catch {
            missedEnds += ends
            note(failing: error)
        }
    }

    private func note(failing error: any Error) {
        lastFailure = .now
        let problem = error as? HistoryError ?? .failed(path: "history", reason: "\(error)")
        if failure == nil {
            journal?.note(.error, "the history is not written: \(problem)", id: .historyFailing)
        }
        failure = problem
    }

    private func noteSuccess() {
        guard failure != nil, lastFailure.map({ .now - $0 >= Self.recovery }) ?? true else { return }
        failure = nil
        journal?.note(.notice, "the history is written again", id: .historyFailing)
    }
}

extension Reader {
    /// Nil is nobody.
    init?(_ reader: HistoryReader) {
        guard let uid = reader.uid, let gid = reader.gid else { return nil }
        self.init(uid: uid, gid: gid)
    }
}
