import MemoryModel
import Testing

@testable import History

@Suite("Any past instant can be shown again")
struct TimeTravelTests {
    /// An address space that changes at random, and everything it ever was.
    private struct World {
        var regions: [UInt64: HistoryRegion] = [:]
        var generator: SeededGenerator

        mutating func step() -> (died: [HistoryRegion], born: [HistoryRegion]) {
            var died: [HistoryRegion] = []
            var born: [HistoryRegion] = []
            var touched: Set<UInt64> = []
            for _ in 0..<Int.random(in: 0...6, using: &generator) {
                let start = 0x7f00_0000_0000 + UInt64.random(in: 0..<60, using: &generator) << 24
                if !touched.insert(start).inserted { continue }
                if let old = regions[start] {
                    died.append(old)
                    regions[start] = nil
                    if Bool.random(using: &generator) { continue }
                }
                let new = HistoryRegion(
                    start: start, end: start + UInt64.random(in: 1...4096, using: &generator) << 12,
                    permissions: Permissions(rawValue: UInt8.random(in: 0...15, using: &generator)),
                    offset: UInt64.random(in: 0...3, using: &generator) << 12,
                    device: DeviceNumber(major: 8, minor: 1),
                    inode: UInt64.random(in: 0...5, using: &generator),
                    path: [nil, [0x5b, 0xff], Array("/usr/lib/libc.so.6".utf8)].randomElement(
                        using: &generator) ?? nil,
                    kind: RegionKind.allCases.randomElement(using: &generator) ?? .anon,
                    tid: Int32.random(in: 0...2, using: &generator))
                regions[start] = new
                born.append(new)
            }
            return (died, born)
        }

        var map: [HistoryRegion] { regions.values.sorted { $0.start < $1.start } }
    }

    @Test(
        "the map rebuilt from intervals equals the recorded one at every look",
        arguments: [1, 2, 3] as [UInt64])
    func everyLook(seed: UInt64) throws {
        let scratch = Scratch()
        let store = try scratch.open()
        let id = try store.register(description(), attached: morning, reader: nil)
        let other = try store.register(description(pid: 9, start: 9), attached: morning, reader: nil)
        var world = World(generator: SeededGenerator(seed: seed))
        var looks: [(time: Timestamp, map: [HistoryRegion])] = []
        var time = morning
        for step in 0..<700 {
            let (died, born) = world.step()
            let entry = HistoryEntry(process: id, time: time, died: died, born: born)
            let noise = HistoryEntry(process: other, time: time, died: died, born: born)
            #expect(try store.write(HistoryBatch(entries: [noise, entry])) == HistoryWriteReport())
            if !died.isEmpty || !born.isEmpty { looks.append((time, world.map)) }
            time = time.advanced(bySeconds: Double(Int.random(in: 1...1000, using: &world.generator)) / 100)
            if step == 300 { time = time.advanced(bySeconds: 3600) }
        }
        for look in looks {
            let rebuilt = try store.regions(of: id, at: look.time)
            #expect(rebuilt?.regions == look.map)
            #expect(rebuilt?.time == look.time)
            // The next look is at least 10 ms away.
            #expect(try store.regions(of: id, at: look.time.advanced(bySeconds: 0.009))?.regions == look.map)
        }
        #expect(try store.openRegions(of: id) == world.map)
        #expect(try store.regions(of: id, at: morning.advanced(bySeconds: -0.001)) == nil)
    }

    @Test("clock steps lose, double and misdate nothing", arguments: [4, 5] as [UInt64])
    func clockSteps(seed: UInt64) throws {
        let scratch = Scratch()
        var store = try scratch.open()
        var id = try store.register(description(), attached: morning, reader: nil)
        var world = World(generator: SeededGenerator(seed: seed))
        var looks: [(time: Timestamp, map: [HistoryRegion], sample: Sample)] = []
        var time = morning
        for step in 0..<800 {
            let (died, born) = world.step()
            let sample = sample(time, residentPages: UInt64(step))
            let entry = HistoryEntry(process: id, time: time, sample: sample, died: died, born: born)
            #expect(try store.write(HistoryBatch(entries: [entry])) == HistoryWriteReport())
            looks.append((time, world.map, sample))
            // Whole seconds, so that stepping back meets the very same times again.
            time = time.advanced(bySeconds: Double(Int.random(in: 1...30, using: &world.generator)))
            if step == 200 || step == 500 { time = time.advanced(bySeconds: -3600) }
            if step == 350 { time = time.advanced(bySeconds: 3600) }
            if step == 600 { time = morning.advanced(bySeconds: -60) }
            if step == 601 { time = morning.advanced(bySeconds: 20_000) }
            if step == 510 {
                store.close()
                store = try scratch.open()
                id = try store.register(description(), attached: time, reader: nil)
            }
        }
        #expect(try store.allSamples(id).map(\.sample) == looks.map(\.sample))

        // The latest run of the clock that reaches back to a time decides what was then.
        var runs: [[Int]] = [[]]
        for index in looks.indices {
            if let last = runs[runs.count - 1].last, looks[index].time <= looks[last].time { runs.append([]) }
            runs[runs.count - 1].append(index)
        }
        #expect(runs.count == 4)
        for _ in 0..<300 {
            let when = morning.advanced(
                bySeconds: Double(Int.random(in: -100...24_000, using: &world.generator)))
            let run = runs.last { looks[$0[0]].time <= when }
            let expected = run?.last { looks[$0].time <= when }
            #expect(try store.regions(of: id, at: when)?.regions == expected.map { looks[$0].map })
            #expect(
                try store.lastSample(of: id, atOrBefore: when)?.sample == expected.map { looks[$0].sample })
            let until = when.advanced(bySeconds: 500)
            #expect(
                try store.allSamples(id, since: when, until: until).map(\.sample)
                    == looks.map(\.sample).filter { $0.time >= when && $0.time <= until })
        }
    }
}
