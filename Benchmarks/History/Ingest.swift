import Glibc
import History
import MemoryModel

/// Region changes a second into the history: `changes` of them each simulated second, over `targetCount`
/// targets of 2,000 regions, in `rate` ticks a second, each change with its event as the tracer tells it.
///
/// The simulated clock does not wait, so what is measured is how much of a second a second's writes take.
enum Ingest {
    static func measure(in directory: String, changes: Int, seconds: Int, rate: Int, targetCount: Int) throws
    {
        let store = try HistoryStore.open(
            HistoryConfiguration(directory: directory, maximumBytes: 4 << 30, ballastBytes: 0)
        ).0
        var ids: [HistoryProcessID] = []
        for index in 0..<targetCount {
            let pid = Int32(1000 + index)
            ids.append(
                try store.register(
                    ProcessDescription(
                        identity: ProcessIdentity(
                            bootID: "0f0e0d0c-0b0a-4908-8706-050403020100", pid: pid,
                            startTicks: UInt64(pid), pidfdInode: nil),
                        comm: Array("service-\(index)".utf8)), attached: Fleet.morning, reader: nil))
        }
        var churn = ids.enumerated().map { index, id in
            Churn(id: id, pid: Int32(1000 + index), regions: 2000)
        }
        try store.write(
            HistoryBatch(
                entries: churn.map { HistoryEntry(process: $0.id, time: Fleet.morning, born: $0.live) }))

        let perTick = changes / rate / targetCount
        var ticks: [(wall: Int, cpu: Int)] = []
        var events = 0
        var now = Fleet.morning
        for _ in 0..<seconds * rate {
            now = Timestamp(microseconds: now.microseconds + Int64(1_000_000 / rate))
            var entries: [HistoryEntry] = []
            for index in churn.indices { entries.append(churn[index].tick(at: now, changes: perTick)) }
            events += entries.reduce(0) { $0 + $1.events.count }
            let batch = HistoryBatch(entries: entries)
            let (wall, cpu) = (clock(CLOCK_MONOTONIC), clock(CLOCK_PROCESS_CPUTIME_ID))
            let report = try store.write(batch)
            ticks.append((clock(CLOCK_MONOTONIC) - wall, clock(CLOCK_PROCESS_CPUTIME_ID) - cpu))
            guard report == HistoryWriteReport() else { throw BenchError("not every change was matched") }
        }
        store.close()
        let interval = 1_000_000_000 / rate
        let wall = ticks.map(\.wall).sorted()
        let total = wall.reduce(0, +)
        print(
            JSONLine([
                ("targets", .int(targetCount)), ("changes_per_second", .int(perTick * targetCount * rate)),
                ("events", .int(events)), ("seconds", .int(seconds)), ("ticks", .int(ticks.count)),
                ("late_ticks", .int(wall.count { $0 > interval })),
                ("share_of_time", .double(Double(total) / Double(ticks.count * interval))),
                ("longest_tick_share", .double(Double(wall.last ?? 0) / Double(interval))),
                ("median_tick_ms", .double(Double(wall[wall.count / 2]) / 1e6)),
                ("longest_tick_ms", .double(Double(wall.last ?? 0) / 1e6)),
                (
                    "cpu_share",
                    .double(Double(ticks.reduce(0) { $0 + $1.cpu }) / Double(ticks.count * interval))
                ),
                ("ns_per_change", .double(Double(total) / Double(ticks.count * perTick * targetCount))),
            ]).text)
    }

    static func clock(_ clock: clockid_t) -> Int {
        var time = timespec()
        clock_gettime(clock, &time)
        return time.tv_sec * 1_000_000_000 + time.tv_nsec
    }
}

/// A process that maps and unmaps: as many regions die in a tick as are born.
struct Churn {
    let id: HistoryProcessID
    let pid: Int32
    private(set) var live: [HistoryRegion] = []
    private var oldest = 0
    private let comm: [UInt8]
    private var generator: SeededGenerator
    private static let path = Array("/var/lib/service/data/segment.dat".utf8)

    init(id: HistoryProcessID, pid: Int32, regions: Int) {
        self.id = id
        self.pid = pid
        comm = Array("service-\(pid)".utf8)
        generator = SeededGenerator(seed: UInt64(pid))
        // Each in a slot of its own, so that none overlaps another.
        for slot in 0..<regions { live.append(region(slot: UInt64(slot))) }
    }

    private mutating func region(slot: UInt64) -> HistoryRegion {
        let start = 0x7e00_0000_0000 + slot << 24
        let pages = 1 + generator.next(below: 4000)
        let isFile = generator.next(below: 4) == 0
        return HistoryRegion(
            start: start, end: start + pages << 12, permissions: isFile ? [.read] : [.read, .write],
            device: isFile ? DeviceNumber(major: 8, minor: 1) : .none, inode: isFile ? 77 : 0,
            path: isFile ? Self.path : nil, kind: isFile ? .file : .anon)
    }

    /// `changes` / 2 regions die, as many are born, each with its event, and a sample says the sum.
    mutating func tick(at time: Timestamp, changes: Int) -> HistoryEntry {
        var entry = HistoryEntry(process: id, time: time)
        for _ in 0..<changes / 2 {
            let old = live[oldest]
            entry.died.append(old)
            entry.events.append(event(.munmap, old, time, size: 0, delta: -Int64(old.size)))
            // One hole is used again at once, the next after some time: what allocators do.
            let new = region(slot: (old.start - 0x7e00_0000_0000) >> 24)
            entry.born.append(new)
            entry.events.append(event(.mmap, new, time, size: new.size, delta: Int64(new.size)))
            live[oldest] = new
            oldest = (oldest + 769) % live.count
        }
        var sample = Sample(time: time, pid: pid)
        sample.kinds = KindTotals()
        for region in live { sample.kinds?[region.kind] += region.size }
        sample.vmSizeBytes = sample.kinds?.total
        sample.isConsistent = true
        entry.sample = sample
        return entry
    }

    private func event(
        _ type: EventType, _ region: HistoryRegion, _ time: Timestamp, size: UInt64, delta: Int64
    ) -> MemoryEvent {
        var event = MemoryEvent(time: time, pid: pid, comm: comm, type: type)
        event.kind = region.kind
        event.delta = delta
        event.size = size
        event.start = region.start
        event.end = region.end
        event.permissions = region.permissions
        event.path = region.path
        event.notBefore = Timestamp(microseconds: time.microseconds - 100_000)
        return event
    }
}
