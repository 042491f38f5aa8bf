import History
import Inspection
import MemoryModel
import ProcFS
import TestSupport
import Testing
import Tracing

/// A process that does everything at random, looked at after each step, and each look rebuilt.
@Suite("Any past instant can be shown again", .timeLimit(.minutes(5)))
struct TimeTravelTests {
    private static let steps = 1_000
    private static let looksPerWrite = 25

    @Test("the map rebuilt from intervals is, to the byte, each look that was recorded")
    func rebuilds() async throws {
        // On another thread nothing is known of this test: what fails there is thrown.
        // Ten histories of a thousand steps: what a map is rebuilt from is then a tenth each time.
        try await offPool { for seed in 1...10 { try Self.rebuild(seed) } }
    }

    private static func rebuild(_ seed: Int) throws {
        let directory = try TemporaryDirectory()
        let (store, _) = try HistoryStore.open(
            HistoryConfiguration(directory: directory.path, ballastBytes: 0))
        defer { store.close() }
        let memgrow = try Memgrow(
            "random", "--count", "\(steps)", "--seed", "\(seed)", "--step", "--hold")
        var recording = try Recording(of: memgrow, in: store)
        var kinds: Set<String> = []
        for step in 0..<steps {
            kinds.insert(try memgrow.step().event)
            try recording.look()
            if step % looksPerWrite == looksPerWrite - 1 { try recording.write() }
        }
        try recording.write()
        let missing = Set([
            "mmap", "munmap", "protect", "mremap", "brk-grow", "brk-shrink", "stack-grow",
        ]).subtracting(kinds)
        // A run in which little was done or changed would prove nothing.
        guard missing.isEmpty, recording.looks.count == steps + 1, recording.changedLooks > steps / 2 else {
            throw TestFailure("seed \(seed): no \(missing), \(recording.changedLooks) looks that changed")
        }
        for (index, look) in recording.looks.enumerated() {
            try recording.require(look.regions, at: look.time, "look \(index) of seed \(seed)")
            // Between two looks the earlier one holds.
            guard index % 50 == 0, index > 0 else { continue }
            let just = Timestamp(microseconds: look.time.microseconds - 1)
            try recording.require(
                recording.looks[index - 1].regions, at: just, "before look \(index) of seed \(seed)")
        }
    }

    /// What the daemon does with looks, without its clocks: the look, the comparison, the intervals.
    private struct Recording {
        let row: HistoryProcessID
        private(set) var looks: [(time: Timestamp, regions: [HistoryRegion])] = []
        private(set) var changedLooks = 0
        private let store: HistoryStore
        private var inspector: TargetInspector
        private var waiting: [HistoryEntry] = []
        private var time = Timestamp(seconds: 1_795_500_000)

        init(of memgrow: Memgrow, in store: HistoryStore) throws {
            self.store = store
            let directory = try ProcRoot().open(pid: memgrow.pid)
            inspector = TargetInspector(directory: directory, images: DirectImageSource())
            let identity = try directory.identity()
            row = try store.register(
                ProcessDescription(identity: identity, comm: Array("memgrow".utf8)), attached: time,
                reader: nil)
            try look()
        }

        mutating func look() throws {
            time = Timestamp(microseconds: time.microseconds + 1_000)
            let before = inspector.regions
            let outcome = try inspector.look(at: time)
            // It waits for the next line, so that it holds still.
            guard outcome.isAccepted else { throw TestFailure("a look was not consistent") }
            let previous = outcome.previous ?? (looks.isEmpty ? before : inspector.regions)
            let change = MapComparison.compare(from: previous, to: inspector.regions).intervals
            if !change.isEmpty { changedLooks += 1 }
            let paths = inspector.paths
            waiting.append(
                HistoryEntry(
                    process: row, time: time, sample: outcome.sample,
                    died: change.died.map { HistoryRegion(previous[$0], paths: paths) },
                    born: change.born.map { HistoryRegion(inspector.regions[$0], paths: paths) }))
            looks.append((time, inspector.regions.map { HistoryRegion($0, paths: paths) }))
        }

        mutating func write() throws {
            let report = try store.write(HistoryBatch(entries: waiting))
            guard report == HistoryWriteReport() else { throw TestFailure("\(report)") }
            waiting = []
        }

        func require(_ regions: [HistoryRegion], at time: Timestamp, _ what: String) throws {
            let found = try store.regions(of: row, at: time)
            guard let found, found.regions == regions else {
                throw TestFailure("\(what) is not what was rebuilt: \(found?.regions.count ?? -1) regions")
            }
        }
    }
}
