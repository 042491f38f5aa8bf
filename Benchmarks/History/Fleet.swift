import History
import MemoryModel

/// Simulated targets in one history, and their clock.
struct Fleet {
    let store: HistoryStore
    private(set) var targets: [SimulatedTarget]
    private(set) var now = Fleet.morning
    private var generator: SeededGenerator
    private(set) var samples = 0
    private(set) var intervals = 0
    private(set) var events = 0

    static let morning = Timestamp(seconds: 1_795_500_000)

    init(
        _ store: HistoryStore, seed: UInt64, tempers: [(SimulatedTarget.Temper, Int)]
    ) throws {
        self.store = store
        generator = SeededGenerator(seed: seed)
        targets = []
        var entries: [HistoryEntry] = []
        for (temper, count) in tempers {
            for _ in 0..<count {
                let pid = Int32(1000 + targets.count * 7)
                let comm = Array("service-\(targets.count)".utf8)
                let id = try store.register(
                    ProcessDescription(
                        identity: ProcessIdentity(
                            bootID: "0f0e0d0c-0b0a-4908-8706-050403020100", pid: pid,
                            startTicks: UInt64(pid), pidfdInode: 90_000 + UInt64(pid)), comm: comm),
                    attached: now, reader: nil)
                let target = SimulatedTarget(
                    id: id, pid: pid, comm: comm, temper: temper, at: now, using: &generator)
                entries.append(HistoryEntry(process: id, time: now, born: target.regions))
                intervals += target.regions.count
                targets.append(target)
            }
        }
        try store.write(HistoryBatch(entries: entries))
    }

    /// Lets the clock run on by `seconds` and collects what the looks of that instant give.
    mutating func tick(seconds: Double) -> [HistoryEntry] {
        // A tick is never exactly on time.
        let delay = Int64(generator.next(below: 4_000))
        now = Timestamp(microseconds: now.microseconds + Int64(seconds * 1_000_000))
        var entries: [HistoryEntry] = []
        for index in targets.indices {
            let time = Timestamp(microseconds: now.microseconds + delay + Int64(index) * 11)
            guard let entry = targets[index].tick(at: time, seconds: seconds, using: &generator) else {
                continue
            }
            samples += entry.sample == nil ? 0 : 1
            intervals += entry.born.count
            events += entry.events.count
            entries.append(entry)
        }
        return entries
    }

    /// The upkeep as the daemon does it, until nothing is left to do.
    func retain() throws {
        while try !store.runRetention(now: now).isFinished {}
    }
}
