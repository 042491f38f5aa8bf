import History
import MemoryModel

/// A process as the history sees it: now and then its sizes change, and some of the changes are mappings.
///
/// Addresses, sizes, names and the order of things follow what real services do: mappings are made from
/// the top of the space downwards and their holes used again, threads come with a guard below their stack,
/// the heap grows in steps of 33 pages, plug-ins and data files come and go.
struct SimulatedTarget {
    /// How much a process does.
    enum Temper {
        /// Changes every five minutes: a daemon that waits.
        case calm
        /// Every 20 seconds: a service with some load.
        case active
        /// Every second and a half: a busy one.
        case busy
        /// At every tick.
        case always

        var secondsBetweenChanges: Double {
            switch self {
            case .calm: 300
            case .active: 20
            case .busy: 1.5
            case .always: 0.001
            }
        }
    }

    let id: HistoryProcessID
    let pid: Int32
    let comm: [UInt8]
    let temper: Temper
    private var sample: Sample
    private var heap: HistoryRegion
    private var mappings: [HistoryRegion] = []
    private var nextMapping: UInt64
    private var sampleDue: Timestamp
    /// What the first look finds.
    private(set) var regions: [HistoryRegion] = []

    /// Of 200 files that the target may map.
    private static let paths = (0..<200).map { Array("/var/lib/service/data/segment-\($0).dat".utf8) }

    init(
        id: HistoryProcessID, pid: Int32, comm: [UInt8], temper: Temper, at time: Timestamp,
        using generator: inout SeededGenerator
    ) {
        self.id = id
        self.pid = pid
        self.comm = comm
        self.temper = temper
        let image = 0x5500_0000_0000 + UInt64(pid) << 24 + generator.next(below: 4096) << 12
        nextMapping = 0x7f00_0000_0000 + generator.next(below: 1 << 28) << 12
        heap = HistoryRegion(
            start: image + 64 << 20, end: image + 64 << 20 + 33 << 12, permissions: [.read, .write],
            path: Array("[heap]".utf8), kind: .heap)
        regions = [heap]
        for library in 0..<53 {
            let path = Array("/usr/lib/x86_64-linux-gnu/lib\(library).so".utf8)
            let parts: [(RegionKind, Permissions)] = [
                (.rodata, [.read]), (.text, [.read, .execute]), (.rodata, [.read]), (.data, [.read, .write]),
            ]
            for (part, (kind, permissions)) in parts.enumerated() {
                let start = nextMapping + 1 << 40 - UInt64(library * 4 + part) << 20
                regions.append(
                    HistoryRegion(
                        start: start, end: start + 40 << 12, permissions: permissions,
                        offset: UInt64(part * 40) << 12, device: DeviceNumber(major: 8, minor: 1),
                        inode: 1000 + UInt64(library), path: path, kind: kind))
            }
        }
        sample = Sample(time: time, pid: pid)
        var kinds = KindTotals()
        for region in regions { kinds[region.kind] += region.size }
        kinds[.stack] = 33 << 12
        kinds[.vdso] = 6 << 12
        sample.kinds = kinds
        sample.vmSizeBytes = kinds.total
        sample.rssAnonBytes = (2000 + generator.next(below: 5000)) << 12
        sample.rssFileBytes = 700 << 12
        sample.rssShmemBytes = 0
        sample.swapBytes = 0
        sample.pageTablesBytes = 88 << 10
        sample.threads = 3
        sample.regionCount = UInt32(regions.count)
        sample.programBreak = heap.end
        sample.stackLimitBytes = 8 << 20
        sample.isConsistent = true
        sampleDue = time
    }

    /// What a tick gives the history; nil where nothing is worth keeping.
    mutating func tick(
        at time: Timestamp, seconds: Double, using generator: inout SeededGenerator
    ) -> HistoryEntry? {
        let changes =
            generator.next(below: 1 << 20) < UInt64(seconds / temper.secondsBetweenChanges * 1_048_576)
        guard changes || time >= sampleDue else { return nil }
        var entry = HistoryEntry(process: id, time: time)
        if changes { change(&entry, using: &generator) }
        sample.time = time
        sample.rssBytes = (sample.rssAnonBytes ?? 0) + (sample.rssFileBytes ?? 0)
        sample.vmSizeBytes = sample.kinds?.total
        entry.sample = sample
        sampleDue = Timestamp(microseconds: time.microseconds + 60_000_000)
        return entry
    }

    private mutating func change(_ entry: inout HistoryEntry, using generator: inout SeededGenerator) {
        let anon = Int64((sample.rssAnonBytes ?? 0) >> 12)
        let resident = max(500, anon + Int64(generator.next(below: 621)) - 300)
        sample.rssAnonBytes = UInt64(resident) << 12
        if generator.next(below: 8) == 0 {
            sample.rssFileBytes = (700 + generator.next(below: 400)) << 12
        }
        if generator.next(below: 4) == 0 {
            sample.pageTablesBytes = UInt64(resident / 512 + 20) << 12
        }
        switch generator.next(below: 10) {
        case 0, 1: moveBreak(&entry, using: &generator)
        case 2, 3: map(&entry, pages: 1 + generator.next(below: 5000))
        case 4: map(&entry, pages: 64, file: Self.paths[Int(generator.next(below: 200))], using: &generator)
        case 5: thread(&entry)
        default: break
        }
        while mappings.count > 60 { unmap(&entry, Int(generator.next(below: UInt64(mappings.count)))) }
        sample.regionCount = UInt32(regions.count + mappings.count)
    }

    private mutating func moveBreak(_ entry: inout HistoryEntry, using generator: inout SeededGenerator) {
        let grows = heap.size <= 66 << 12 || generator.next(below: 3) > 0
        let old = heap
        heap.end = grows ? heap.end + 33 << 12 : heap.end - 33 << 12
        entry.died.append(old)
        entry.born.append(heap)
        sample.kinds?[.heap] = heap.size
        sample.programBreak = heap.end
        var event = event(grows ? .brkGrow : .brkShrink, heap, entry.time)
        event.delta = grows ? 33 << 12 : -33 << 12
        (event.start, event.end) = (min(old.end, heap.end), max(old.end, heap.end))
        entry.events.append(event)
    }

    private mutating func map(
        _ entry: inout HistoryEntry, pages: UInt64, _ kind: RegionKind = .anon,
        _ permissions: Permissions = [.read, .write]
    ) {
        nextMapping -= pages << 12
        add(
            HistoryRegion(
                start: nextMapping, end: nextMapping + pages << 12, permissions: permissions, kind: kind),
            &entry)
    }

    private mutating func map(
        _ entry: inout HistoryEntry, pages: UInt64, file path: [UInt8], using generator: inout SeededGenerator
    ) {
        nextMapping -= pages << 12
        add(
            HistoryRegion(
                start: nextMapping, end: nextMapping + pages << 12, permissions: [.read],
                offset: generator.next(below: 1000) << 12, device: DeviceNumber(major: 8, minor: 1),
                inode: 90_000 + UInt64(path.count), path: path, kind: .file),
            &entry)
    }

    private mutating func thread(_ entry: inout HistoryEntry) {
        map(&entry, pages: 2048, .threadStack)
        map(&entry, pages: 1, .guardPages, [])
    }

    private mutating func add(_ region: HistoryRegion, _ entry: inout HistoryEntry) {
        mappings.append(region)
        entry.born.append(region)
        sample.kinds?[region.kind] += region.size
        var event = event(.mmap, region, entry.time)
        event.delta = Int64(region.size)
        entry.events.append(event)
    }

    private mutating func unmap(_ entry: inout HistoryEntry, _ index: Int) {
        let region = mappings.remove(at: index)
        // Gone as it came, between two looks: neither was ever seen.
        if let born = entry.born.firstIndex(of: region) {
            entry.born.remove(at: born)
        } else {
            entry.died.append(region)
        }
        sample.kinds?[region.kind] -= region.size
        var event = event(.munmap, region, entry.time)
        event.delta = -Int64(region.size)
        event.size = 0
        event.notBefore = Timestamp(microseconds: entry.time.microseconds - 1_000_000)
        entry.events.append(event)
    }

    private func event(_ type: EventType, _ region: HistoryRegion, _ time: Timestamp) -> MemoryEvent {
        var event = MemoryEvent(time: time, pid: pid, comm: comm, type: type)
        event.kind = region.kind
        event.size = region.size
        event.start = region.start
        event.end = region.end
        event.permissions = region.permissions
        event.path = region.path
        return event
    }
}

/// The same numbers in every run and on every machine.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    /// splitmix64.
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }

    mutating func next(below bound: UInt64) -> UInt64 { next() % bound }
}
