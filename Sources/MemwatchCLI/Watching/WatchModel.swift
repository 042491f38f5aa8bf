import MemoryModel
import MemwatchInterface

/// What `watch` knows and shows: changed by answers of the daemon and by keys, drawn by ``WatchScreen``.
struct WatchModel {
    /// By what several processes are sorted.
    enum Order: String, CaseIterable {
        case growth
        case virtual
        case resident
        case name
        case pid
    }

    /// One watched process.
    struct Process {
        var target: TargetRecord
        var sample: SampleRecord?
        var virtual = Track()
        var resident = Track()
        var kinds: [RegionKind: Track] = [:]
        var events: [EventRecord] = []
    }

    /// How it stands with the daemon.
    enum Connection: Equatable {
        case connected
        /// It has gone; another is waited for.
        case lost(String)
        /// All processes that were named are gone.
        case ended
    }

    private(set) var processes: [Int32: Process] = [:]
    private(set) var time: Timestamp
    var order = Order.growth
    /// Of which kind table and sparklines are; nil for all together.
    var kind: RegionKind?
    var isPaused = false
    var showsHelp = false
    var connection = Connection.connected
    /// The first row of the table that is shown.
    var offset = 0
    /// True where one process was named: then it is drawn in detail.
    let isSingle: Bool

    private static let eventLimit = 200

    init(isSingle: Bool, time: Timestamp) {
        self.isSingle = isSingle
        self.time = time
    }

    /// Takes in an answer; while paused nothing changes but what is remembered for later.
    mutating func update(at time: Timestamp, _ watched: [WatchedRecord], _ events: [EventRecord]) {
        self.time = time
        for record in watched {
            let pid = record.target.pid
            var process = processes[pid] ?? Process(target: record.target)
            // Another process by that pid has another history.
            if process.target.started != record.target.started { process = Process(target: record.target) }
            process.target = record.target
            if let sample = record.sample { process.take(sample, at: time) }
            processes[pid] = process
        }
        for event in events {
            processes[event.pid]?.events.append(event)
            if let count = processes[event.pid]?.events.count, count > Self.eventLimit {
                processes[event.pid]?.events.removeFirst(count - Self.eventLimit)
            }
        }
        let present = Set(watched.map(\.target.pid))
        for pid in processes.keys where !present.contains(pid) { processes[pid]?.target.state = .exited }
    }

    /// Fills in what was before the watching began.
    mutating func remember(_ samples: [SampleRecord], of target: TargetRecord, before time: Timestamp) {
        var process = processes[target.pid] ?? Process(target: target)
        for sample in samples where sample.sample.time < time { process.take(sample, at: sample.sample.time) }
        processes[target.pid] = process
    }

    /// In the order that was chosen; equal ones by pid, so that rows do not jump.
    var sorted: [Process] {
        processes.values.sorted { a, b in
            switch order {
            case .growth: (b.growth(of: kind), a.target.pid) < (a.growth(of: kind), b.target.pid)
            case .virtual: (b.size(of: kind), a.target.pid) < (a.size(of: kind), b.target.pid)
            case .resident: (b.resident.last ?? 0, a.target.pid) < (a.resident.last ?? 0, b.target.pid)
            case .name: (a.target.comm, a.target.pid) < (b.target.comm, b.target.pid)
            case .pid: a.target.pid < b.target.pid
            }
        }
    }
}

extension WatchModel.Process {
    fileprivate mutating func take(_ record: SampleRecord, at time: Timestamp) {
        sample = record
        let sample = record.sample
        // A torn look's sizes do not add up, and would show as a spike.
        guard sample.isConsistent else { return }
        if let bytes = sample.vmSizeBytes { virtual.append(bytes, at: time) }
        if let bytes = sample.rssBytes { resident.append(bytes, at: time) }
        guard let totals = sample.kinds else { return }
        for kind in RegionKind.allCases where totals[kind] > 0 || kinds[kind] != nil {
            kinds[kind, default: Track()].append(totals[kind], at: time)
        }
    }

    /// Of one kind, or of all together.
    func track(of kind: RegionKind?) -> Track { kind.map { kinds[$0] ?? Track() } ?? virtual }

    func growth(of kind: RegionKind?) -> Int64 { track(of: kind).changeInLastMinute ?? 0 }

    func size(of kind: RegionKind?) -> UInt64 { track(of: kind).last ?? 0 }
}
