import History
import MemoryModel

/// A history of 100 processes on a simulated clock.
struct HistoryWork {
    private let store: HistoryStore
    private let ids: [HistoryProcessID]
    private static let begin = Timestamp(seconds: 1_800_000_000)

    init(in directory: String) throws {
        let store = try HistoryStore.open(HistoryConfiguration(directory: directory, ballastBytes: 0)).0
        self.store = store
        ids = try (0..<100).map { index in
            let pid = Int32(1000 + index)
            return try store.register(
                ProcessDescription(
                    identity: ProcessIdentity(
                        bootID: "0f0e0d0c-0b0a-4908-8706-050403020100", pid: pid, startTicks: UInt64(pid),
                        pidfdInode: nil),
                    comm: Array("service".utf8)), attached: Self.begin, reader: nil)
        }
    }

    /// Each call writes the next second: in each process five regions die and five are born.
    func writing() throws -> () throws -> Int {
        var second = 0
        let batches = (0..<6).map { batch($0) }
        for batch in batches.prefix(2) {
            try store.write(batch)
            second += 1
        }
        return { [store] in
            let report = try store.write(batches[second])
            second += 1
            // Everything that died had been born.
            return report == HistoryWriteReport() ? batches[second - 1].entries.count : 0
        }
    }

    func reading() throws -> () throws -> Int {
        var entries: [HistoryEntry] = []
        for second in 0..<1000 {
            let time = Timestamp(seconds: 1_800_000_000 + Int64(second))
            entries.append(HistoryEntry(process: ids[0], time: time, sample: sample(second, of: 0, at: time)))
        }
        try store.write(HistoryBatch(entries: entries))
        return { [store, ids] in
            var count = 0
            try store.samples(of: ids[0]) { _ in
                count += 1
                return true
            }
            return count
        }
    }

    private func batch(_ second: Int) -> HistoryBatch {
        let time = Timestamp(seconds: 1_800_000_000 + Int64(second))
        return HistoryBatch(
            entries: ids.enumerated().map { index, id in
                var entry = HistoryEntry(process: id, time: time, sample: sample(second, of: index, at: time))
                for place in 0..<5 {
                    let born = region(second, place)
                    entry.born.append(born)
                    entry.events.append(event(.mmap, born, Int64(born.size), index, time))
                    guard second > 0 else { continue }
                    let died = region(second - 1, place)
                    entry.died.append(died)
                    entry.events.append(event(.munmap, died, -Int64(died.size), index, time))
                }
                return entry
            })
    }

    private func region(_ second: Int, _ place: Int) -> HistoryRegion {
        let start = 0x7f00_0000_0000 + UInt64(second % 16) << 28 + UInt64(place) << 20
        return HistoryRegion(
            start: start, end: start + UInt64(place + 1) << 16, permissions: [.read, .write],
            path: place == 0 ? Array("/var/lib/service/data.\(second % 8)".utf8) : nil,
            kind: place == 0 ? .file : .anon)
    }

    private func event(
        _ type: EventType, _ region: HistoryRegion, _ delta: Int64, _ index: Int, _ time: Timestamp
    ) -> MemoryEvent {
        var event = MemoryEvent(time: time, pid: Int32(1000 + index), comm: Array("service".utf8), type: type)
        event.kind = region.kind
        event.delta = delta
        event.size = delta > 0 ? region.size : 0
        event.start = region.start
        event.end = region.end
        event.permissions = region.permissions
        event.path = region.path
        return event
    }

    private func sample(_ second: Int, of index: Int, at time: Timestamp) -> Sample {
        var sample = Sample(time: time, pid: Int32(1000 + index))
        var kinds = KindTotals()
        kinds[.heap] = UInt64(100 + second % 7) << 12
        kinds[.anon] = UInt64(5000 + index) << 12
        kinds[.text] = 300 << 12
        sample.kinds = kinds
        sample.vmSizeBytes = kinds.total
        sample.rssBytes = UInt64(2000 + second % 13) << 12
        sample.threads = 4
        sample.regionCount = 120
        sample.isConsistent = true
        return sample
    }
}
