import MemoryModel
import Testing

@testable import History

@Suite("What kernel events know is kept")
struct KernelEventTests {
    private func event(_ type: EventType, _ change: (inout MemoryEvent) -> Void) -> MemoryEvent {
        var event = MemoryEvent(
            time: morning, pid: 812, comm: Array("postgres".utf8), type: type, source: .perf)
        change(&event)
        return event
    }

    @Test("the earliest time, the number of changes and the child come back, and stand in the view")
    func columns() throws {
        let scratch = Scratch()
        let store = try scratch.open()
        let id = try store.register(description(), attached: morning, reader: nil)
        let events = [
            event(.munmap) {
                $0.source = .sample
                $0.notBefore = morning.advanced(bySeconds: -0.25)
            }, event(.mmap) { $0.count = 1_234 }, event(.fork) { $0.child = 900 },
            event(.gap) { $0.count = .max },
        ]
        try store.write(HistoryBatch(entries: [HistoryEntry(process: id, time: morning, events: events)]))
        var kept = events
        // SQLite's integers are signed.
        kept[3].count = UInt64(Int64.max)
        #expect(try store.allEvents(id).map(\.event) == kept)
        let rows = sqlite3(
            scratch.database, "SELECT event, source, not_before, not_before_us, count, child FROM events")
        #expect(
            rows.split(separator: "\n").map(String.init) == [
                "munmap|sample|\(morning.advanced(bySeconds: -0.25).rfc3339)|1795499999750000||",
                "mmap|perf|||1234|", "fork|perf||||900", "gap|perf|||9223372036854775807|",
            ])
    }

    @Test("a process keeps the rule that adopted it and its parent, and is found by its unit")
    func rules() throws {
        let scratch = Scratch()
        let store = try scratch.open()
        let rule = "unit:postgresql@15-main.service"
        let first = try store.register(description(), attached: morning, reader: nil, rule: rule, parent: 1)
        // Taken up again by hand after a restart: the rule that adopted it is still that.
        #expect(try store.register(description(), attached: morning, reader: nil) == first)
        let second = try store.register(description(pid: 900, start: 5), attached: morning, reader: nil)
        var other = description(pid: 901)
        other.unit = nil
        _ = try store.register(other, attached: morning, reader: nil)
        let found = try #require(try store.process(first))
        #expect(found.rule == rule && found.parent == 1)
        #expect(try store.process(second)?.rule == nil)
        #expect(try store.processes(unit: "postgresql@15-main.service").map(\.id) == [second, first])
        #expect(try store.processes(unit: "nginx.service").isEmpty)
        #expect(try store.process(HistoryProcessID(rawValue: 99)) == nil)
        #expect(
            sqlite3(scratch.database, "SELECT rule, parent FROM processes WHERE process = 1") == rule + "|1")
        let plan = sqlite3(scratch.database, "EXPLAIN QUERY PLAN SELECT * FROM process WHERE unit = 'x'")
        #expect(plan.contains("process_by_unit"))
    }

    @Test("events of a unit are those of all its processes, in the order of writing")
    func unitEvents() throws {
        let scratch = Scratch()
        let store = try scratch.open()
        let one = try store.register(description(), attached: morning, reader: nil)
        let two = try store.register(description(start: 5), attached: morning, reader: nil)
        var stranger = description(pid: 901)
        stranger.unit = "nginx.service"
        let other = try store.register(stranger, attached: morning, reader: nil)
        for step in 0..<600 {
            let event = event(.mmap) { $0.delta = Int64(step) }
            try store.write(
                HistoryBatch(
                    entries: [one, two, other].map {
                        HistoryEntry(process: $0, time: morning, events: [event])
                    }))
        }
        var found: [HistoryEvent] = []
        try store.events(unit: "postgresql@15-main.service", afterEventID: 3) {
            found.append($0)
            return true
        }
        #expect(found.count == 1_198 && found.map(\.id) == found.map(\.id).sorted())
        #expect(Set(found.map(\.process)) == [one, two])
    }

    @Test("what a process held when it exited comes back, stands in the views, and goes with its history")
    func postMortem() throws {
        let scratch = Scratch()
        let store = try scratch.open(maximumAgeSeconds: 60)
        let id = try store.register(description(), attached: morning, reader: nil)
        var found = PostMortem(
            pid: 812, comm: Array("postgres".utf8), unit: "postgresql@15-main.service",
            time: morning.advanced(bySeconds: 5))
        found.lookTime = morning.advanced(bySeconds: 4)
        found.vmSizeBytes = 96 << 20
        var kinds = KindTotals()
        kinds[.heap] = 40 << 20
        kinds[.threadStack] = 8 << 20
        found.kinds = kinds
        found.largest = [
            .init(start: 0x5581_2345_6000, sizeBytes: 40 << 20, kind: .heap, path: Array("[heap]".utf8)),
            .init(start: 0x7f00_0000_0000, sizeBytes: 8 << 20, kind: .threadStack, path: nil),
        ]
        var growth = event(.brkGrow) { $0.delta = 1 << 20 }
        growth.kind = .heap
        growth.size = 40 << 20
        found.lastGrowth = growth
        found.oomKilled = true
        let ended = HistoryEntry.Ending(time: found.time, state: .exited)
        try store.write(
            HistoryBatch(entries: [
                HistoryEntry(process: id, time: found.time, ended: ended, postMortem: found)
            ]))
        #expect(try store.postMortem(of: id) == found)
        #expect(
            sqlite3(
                scratch.database,
                "SELECT pid, vm_size, oom_killed, growth_event, growth_kind, growth_delta, heap, thread_stack, anon"
                    + " FROM post_mortems") == "812|100663296|1|brk-grow|heap|1048576|41943040|8388608|0")
        #expect(
            sqlite3(scratch.database, "SELECT rank, start, size, kind, path FROM post_mortem_regions")
                == "0|0x558123456000|41943040|heap|[heap]\n1|0x7f0000000000|8388608|thread-stack|")

        // What is not known stays so.
        let other = try store.register(description(pid: 9), attached: morning, reader: nil)
        var bare = PostMortem(pid: 9, comm: Array("postgres".utf8), unit: found.unit, time: morning)
        try store.write(
            HistoryBatch(entries: [
                HistoryEntry(process: other, time: morning, ended: ended, postMortem: bare)
            ]))
        #expect(try store.postMortem(of: other) == bare)
        bare.oomKilled = false
        try store.write(
            HistoryBatch(entries: [HistoryEntry(process: other, time: morning, postMortem: bare)]))
        #expect(try store.postMortem(of: other) == bare)

        while try !store.runRetention(now: morning.advanced(bySeconds: 3_600)).isFinished {}
        #expect(
            sqlite3(
                scratch.database,
                "SELECT (SELECT count(*) FROM post_mortem), (SELECT count(*) FROM post_mortem_region)")
                == "0|0")
    }

    @Test("a post-mortem takes the largest regions of a map, [vsyscall] never")
    func largest() {
        var paths = PathTable()
        let name = paths.intern(Array("/x".utf8))
        let regions = (0..<20).map { (index: UInt64) -> Region in
            let start = index << 32
            let pages = index * 7 % 20 + 1
            return Region(
                start: start, end: start + pages << 12, permissions: .read, offset: 0, device: .none,
                inode: 0,
                path: index == 17 ? name : .none, kind: .anon)
        }
        let kernel = Region(
            start: 0xffff_ffff_ff60_0000, end: 0xffff_ffff_ffff_f000, permissions: .execute, offset: 0,
            device: .none, inode: 0, path: .none, kind: .vdso)
        var found = PostMortem(pid: 1, comm: [], unit: nil, time: morning)
        found.setRegions(regions + [kernel], paths: paths)
        #expect(found.largest.map { $0.sizeBytes >> 12 } == [20, 19, 18, 17, 16])
        #expect(found.largest.first?.path == Array("/x".utf8) && found.largest.last?.path == nil)
        #expect(found.kinds?[.anon] == 210 << 12 && found.kinds?[.vdso] == 0)
    }
}
