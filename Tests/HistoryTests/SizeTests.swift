import MemoryModel
import Testing

@testable import History

@Suite("The history is small")
struct SizeTests {
    /// A day of 100 processes on a simulated clock: each changes now and then, most changes
    /// are of the resident set, some of the heap and mappings.
    @Test("a day of 100 changing processes takes at most 60 bytes a sample and 40 an interval")
    func bytesPerRow() throws {
        let scratch = Scratch()
        let store = try scratch.open(maximumBytes: 1 << 30)
        var generator = SeededGenerator(seed: 11)
        struct Target {
            var id: HistoryProcessID
            var heap: HistoryRegion
            var mappings: [HistoryRegion]
            var resident: UInt64
            var pages: UInt64
        }
        var targets = try (0..<100).map { index in
            let heap = region(0x5581_2345_6000 + UInt64(index) << 24, pages: 33, .heap, path: "[heap]")
            return Target(
                id: try store.register(
                    description(pid: 1000 + Int32(index), start: UInt64(index)), attached: morning,
                    reader: nil),
                heap: heap, mappings: [], resident: 5000, pages: 33)
        }
        try store.write(
            HistoryBatch(
                entries: targets.map { HistoryEntry(process: $0.id, time: morning, born: [$0.heap]) }))
        for second in stride(from: 1, to: 86_400, by: 12) {
            var entries: [HistoryEntry] = []
            let time = morning.advanced(bySeconds: Double(second) + 0.003217)
            for index in targets.indices where Int.random(in: 0..<16, using: &generator) == 0 {
                var target = targets[index]
                var entry = HistoryEntry(process: target.id, time: time)
                target.resident = UInt64(
                    max(1000, Int(target.resident) + Int.random(in: -300...320, using: &generator)))
                switch Int.random(in: 0..<3, using: &generator) {
                case 0:
                    entry.died = [target.heap]
                    target.pages = UInt64(
                        max(33, Int(target.pages) + Int.random(in: -16...33, using: &generator)))
                    target.heap.end = target.heap.start + target.pages << 12
                    entry.born = [target.heap]
                case 1:
                    if target.mappings.count > 20 { entry.died = [target.mappings.removeFirst()] }
                    let new = region(
                        0x7f00_0000_0000 + UInt64(second) << 20,
                        pages: UInt64.random(in: 1...5000, using: &generator))
                    target.mappings.append(new)
                    entry.born = [new]
                default: break
                }
                var look = sample(time, heapPages: target.pages, residentPages: target.resident)
                look.kinds?[.anon] = target.mappings.reduce(0) { $0 + $1.size }
                look.vmSizeBytes = look.kinds?.total
                look.pageTablesBytes = (target.resident / 512 + 20) << 12
                look.regionCount = UInt32(215 + target.mappings.count)
                entry.sample = look
                targets[index] = target
                entries.append(entry)
            }
            #expect(try store.write(HistoryBatch(entries: entries)) == HistoryWriteReport())
        }
        let rows = try #require(try store.statistics(countingRows: true).rows)
        store.close()
        func bytes(_ tables: String) -> Double {
            Double(sqlite3(scratch.database, "SELECT sum(pgsize) FROM dbstat WHERE name IN (\(tables))"))
                ?? .nan
        }
        let perSample = bytes("'sample', 'sample_base'") / Double(rows.samples)
        let perInterval =
            bytes("'region', 'mapping', 'sqlite_autoindex_mapping_1', 'name', 'sqlite_autoindex_name_1'")
            / Double(rows.regions)
        print(
            "\(rows.samples) samples (\(rows.sampleBases) bases) at \(perSample) bytes; "
                + "\(rows.regions) intervals at \(perInterval) bytes")
        #expect(perSample <= 60)
        #expect(perInterval <= 40)
    }
}
