import History
import MemoryModel

/// A history for measuring readers: one process with pid 4242, one sample a second, the last one now.
enum Fill {
    static func make(in directory: String, samples: Int) throws {
        let store = try HistoryStore.open(HistoryConfiguration(directory: directory)).0
        let end = Timestamp.now
        let begin = Timestamp(microseconds: end.microseconds - Int64(samples) * 1_000_000)
        let comm = Array("service".utf8)
        let id = try store.register(
            ProcessDescription(
                identity: ProcessIdentity(
                    bootID: "0f0e0d0c-0b0a-4908-8706-050403020100", pid: 4242, startTicks: 1, pidfdInode: 1),
                comm: comm), attached: begin, reader: nil)
        var generator = SeededGenerator(seed: 5)
        var target = SimulatedTarget(
            id: id, pid: 4242, comm: comm, temper: .always, at: begin, using: &generator)
        var entries = [HistoryEntry(process: id, time: begin, born: target.regions)]
        for second in 1...samples {
            let time = Timestamp(microseconds: begin.microseconds + Int64(second) * 1_000_000)
            if let entry = target.tick(at: time, seconds: 1, using: &generator) { entries.append(entry) }
            if entries.count == 1000 || second == samples {
                try store.write(HistoryBatch(entries: entries))
                entries = []
            }
        }
        store.close()
        print(JSONLine([("pid", .int(4242)), ("samples", .int(samples))]).text)
    }
}
