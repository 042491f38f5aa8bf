import MemoryModel
import Testing

@testable import History

@Suite("What is written is read back")
struct WriteAndReadTests {
    @Test("a sample comes back field by field, whatever is unknown in it")
    func samplesComeBack() throws {
        let scratch = Scratch()
        let store = try scratch.open()
        let id = try store.register(description(), attached: morning, reader: nil)
        var expected: [Sample] = []
        for step in 0..<600 {
            var next = sample(
                morning.advanced(bySeconds: Double(step)), heapPages: 33 + UInt64(step % 7),
                residentPages: 1000 + UInt64(step * 31 % 501))
            if step % 50 == 49 { next.kinds = nil }
            if step % 70 == 69 { next.programBreak = nil }
            if step % 90 == 89 { next.stackLimitBytes = .max }
            if step % 110 == 109 { next.rssBytes = 12_345 }
            if step % 130 == 129 { next.vmSizeBytes = 7 << 12 }
            if step % 200 == 199 { next = Sample(time: next.time, pid: next.pid) }
            expected.append(next)
            try store.write(HistoryBatch(entries: [HistoryEntry(process: id, time: next.time, sample: next)]))
        }
        #expect(try store.allSamples(id).map(\.sample) == expected)
        #expect(
            try store.allSamples(id, since: expected[100].time, until: expected[199].time).map(\.sample)
                == Array(expected[100..<200]))
        #expect(
            try store.lastSample(of: id, atOrBefore: expected[300].time.advanced(bySeconds: 0.5))?.sample
                == expected[300])
        #expect(try store.lastSample(of: id, atOrBefore: morning.advanced(bySeconds: -1)) == nil)
    }

    @Test("an event comes back field by field, by process, by type, by time and after an id")
    func eventsComeBack() throws {
        let scratch = Scratch()
        let store = try scratch.open()
        let one = try store.register(description(), attached: morning, reader: nil)
        let two = try store.register(description(pid: 5, start: 9), attached: morning, reader: nil)
        var expected: [MemoryEvent] = []
        for step in 0..<1300 {
            var event = MemoryEvent(
                time: morning.advanced(bySeconds: Double(step)), pid: 812, comm: Array("post\u{1b}gres".utf8),
                type: step % 3 == 0 ? .brkGrow : .mmap, source: step % 2 == 0 ? .perf : .sample)
            if step % 5 != 0 {
                event.kind = .heap
                event.delta = -4096 * Int64(step)
                event.size = UInt64(step) << 12
                event.start = 0x7f00_0000_0000
                event.end = 0x7f00_0000_0001
                event.permissions = [.read, .shared]
                event.path = [0x2f, 0xff, 0x0a]
                event.tid = 813
            }
            expected.append(event)
            try store.write(
                HistoryBatch(entries: [
                    HistoryEntry(process: one, time: event.time, events: [event]),
                    HistoryEntry(process: two, time: event.time, events: [event]),
                ]))
        }
        #expect(try store.allEvents(one).map(\.event) == expected)
        // Ids ascend, and may leave some out.
        let ids = try store.allEvents().map(\.id)
        #expect(ids.count == 2600 && zip(ids, ids.dropFirst()).allSatisfy { $0 < $1 })
        #expect(try store.lastEventID() == ids.last)
        #expect(try store.allEvents(after: ids[2499]).map(\.id) == Array(ids[2500...]))
        #expect(try store.allEvents(one, after: ids[2499]).map(\.event) == Array(expected[1250...]))
        #expect(try store.allEvents(one, types: [.brkGrow]).count == 434)
        let since = expected[1000].time
        #expect(try store.allEvents(one, since: since).map(\.event) == Array(expected[1000...]))
        #expect(try store.allEvents(since: since, until: expected[1099].time).count == 200)
    }

    @Test("a process is found again by identity after a restart, its intervals still open")
    func restart() throws {
        let scratch = Scratch()
        var store = try scratch.open()
        let id = try store.register(description(), attached: morning, reader: Reader(uid: 106, gid: 112))
        let heap = region(0x5581_2345_6000, pages: 33, .heap, path: "[heap]")
        let stack = region(0x7ffc_0000_0000, pages: 33, .stack, path: "[stack]")
        try store.write(
            HistoryBatch(entries: [HistoryEntry(process: id, time: morning, born: [stack, heap])]))
        store.close()

        store = try scratch.open()
        let later = morning.advanced(bySeconds: 60)
        #expect(try store.register(description(), attached: later, reader: Reader(uid: 106, gid: 112)) == id)
        #expect(try store.register(description(start: 4712), attached: later, reader: nil) != id)
        #expect(try store.openRegions(of: id) == [heap, stack])
        let grown = region(0x5581_2345_6000, pages: 66, .heap, path: "[heap]")
        let report = try store.write(
            HistoryBatch(entries: [HistoryEntry(process: id, time: later, died: [heap], born: [grown])]))
        #expect(report == HistoryWriteReport())
        #expect(try store.openRegions(of: id) == [grown, stack])
        let before = try store.regions(of: id, at: later.advanced(bySeconds: -1))
        #expect(before?.time == morning)
        #expect(before?.regions == [heap, stack])
        #expect(try store.regions(of: id, at: later)?.regions == [grown, stack])
        #expect(try store.regions(of: id, at: morning.advanced(bySeconds: -1)) == nil)
    }

    @Test("events behind the last write of the map are known by kind, and no others")
    func toldSinceMap() throws {
        let scratch = Scratch()
        let store = try scratch.open()
        let id = try store.register(description(), attached: morning, reader: nil)
        #expect(try store.toldSinceMap(of: id) == [:])
        func event(_ seconds: Double, _ kind: RegionKind?, _ delta: Int64?) -> MemoryEvent {
            var event = MemoryEvent(
                time: morning.advanced(bySeconds: seconds), pid: 812, comm: [], type: .mmap, source: .perf)
            (event.kind, event.delta) = (kind, delta)
            return event
        }
        func write(
            _ seconds: Double, died: [HistoryRegion] = [], born: [HistoryRegion] = [],
            _ events: MemoryEvent...
        ) throws {
            try store.write(
                HistoryBatch(entries: [
                    HistoryEntry(
                        process: id, time: morning.advanced(bySeconds: seconds), died: died, born: born,
                        events: events)
                ]))
        }
        let area = region(0x7f00_0000_0000, pages: 2)
        try write(1, born: [area], event(0.5, .anon, 8_192), event(1, .heap, 4_096))
        #expect(try store.toldSinceMap(of: id) == [:])
        try write(2, event(1.5, .anon, 4_096), event(1.6, .heap, 8_192), event(1.7, nil, nil))
        try write(3, event(2.5, .anon, -4_096), event(2.6, .file, -4_096))
        #expect(try store.toldSinceMap(of: id) == [.heap: 8_192, .file: -4_096])
        // A death alone is a write of the map as well.
        try write(4, died: [area], event(3.5, .anon, -8_192))
        #expect(try store.toldSinceMap(of: id) == [:])
    }

    @Test("a death that matches nothing and a birth onto something open are counted, and the rest is written")
    func disagreement() throws {
        let scratch = Scratch()
        let store = try scratch.open()
        let id = try store.register(description(), attached: morning, reader: nil)
        let a = region(0x1000_0000, pages: 4)
        let b = region(0x1000_0000, pages: 8)
        let c = region(0x1000_0000, pages: 16)
        let time = morning.advanced(bySeconds: 1)
        var report = try store.write(
            HistoryBatch(entries: [
                HistoryEntry(process: HistoryProcessID(rawValue: 999), time: morning, born: [a]),
                HistoryEntry(process: id, time: morning, died: [a], born: [a]),
            ]))
        #expect(report == HistoryWriteReport(unmatchedDeaths: 1, displacedIntervals: 0, unknownProcesses: 1))
        report = try store.write(
            HistoryBatch(entries: [HistoryEntry(process: id, time: time, born: [b, c])]))
        #expect(report.displacedIntervals == 2)
        #expect(try store.regions(of: id, at: morning)?.regions == [a])
        #expect(try store.regions(of: id, at: time)?.regions == [c])
    }

    @Test("of many births at one look, those onto something open are counted, and each region is there once")
    func manyBirths() throws {
        let scratch = Scratch()
        let store = try scratch.open()
        let id = try store.register(description(), attached: morning, reader: nil)
        let old = [5, 40, 41, 99].map { region(0x1000_0000 + UInt64($0) << 20, pages: 3) }
        try store.write(HistoryBatch(entries: [HistoryEntry(process: id, time: morning, born: old)]))
        let time = morning.advanced(bySeconds: 1)
        let new = (0..<100).map { region(0x1000_0000 + UInt64($0) << 20, pages: UInt64($0 + 4)) }
        var report = try store.write(
            HistoryBatch(entries: [HistoryEntry(process: id, time: time, born: new)]))
        #expect(report == HistoryWriteReport(unmatchedDeaths: 0, displacedIntervals: 4, unknownProcesses: 0))
        #expect(try store.openRegions(of: id) == new)
        #expect(try store.regions(of: id, at: morning)?.regions == old)
        report = try store.write(
            HistoryBatch(entries: [HistoryEntry(process: id, time: time.advanced(bySeconds: 1), died: new)]))
        #expect(report == HistoryWriteReport())
        #expect(try store.openRegions(of: id).isEmpty)
        #expect(try store.regions(of: id, at: time)?.regions == new)
    }

    @Test("who may read is tightened and never loosened")
    func readers() throws {
        let scratch = Scratch()
        let store = try scratch.open()
        let owner = Reader(uid: 1000, gid: 1000)
        let id = try store.register(description(), attached: morning, reader: owner)
        func reader() throws -> Reader? { try store.processes(pid: 812).first?.reader }
        try store.tightenReader(id, to: owner)
        #expect(try reader() == owner)
        _ = try store.register(description(), attached: morning, reader: owner)
        #expect(try reader() == owner)
        try store.tightenReader(id, to: Reader(uid: 1001, gid: 1000))
        #expect(try reader() == nil)
        try store.tightenReader(id, to: owner)
        _ = try store.register(description(), attached: morning, reader: owner)
        #expect(try reader() == nil)
    }

    @Test("a process's description, end and exec come back, the newest first")
    func processes() throws {
        let scratch = Scratch()
        let store = try scratch.open()
        let old = try store.register(description(), attached: morning, reader: nil)
        try store.write(
            HistoryBatch(entries: [
                HistoryEntry(
                    process: old, time: morning,
                    ended: .init(time: morning.advanced(bySeconds: 5), state: .exited),
                    executedImage: .init(comm: [0xff, 0x29, 0x0a], exe: nil))
            ]))
        let new = try store.register(description(start: 5000), attached: morning, reader: nil)
        let found = try store.processes(pid: 812)
        #expect(found.map(\.id) == [new, old])
        #expect(found.first?.description == description(start: 5000))
        #expect(found.last?.ended == morning.advanced(bySeconds: 5))
        #expect(found.last?.endState == .exited)
        #expect(found.last?.description.comm == [0xff, 0x29, 0x0a])
        #expect(found.last?.description.exe == nil)
        #expect(try store.processes(pid: 1).isEmpty)
        #expect(try store.processes().count == 2)
    }

    @Test("attachments survive a restart until they are removed")
    func attachments() throws {
        let scratch = Scratch()
        var store = try scratch.open()
        let process = HistoryAttachment(
            subject: .process(description().identity), intervalMicroseconds: 250_000, children: true,
            ownerUID: 0)
        var rule = HistoryAttachment(subject: .rule("unit=nginx.service"), ownerUID: 1000)
        try store.saveAttachment(process)
        try store.saveAttachment(rule)
        rule.children = true
        try store.saveAttachment(rule)
        store.close()
        store = try scratch.open()
        #expect(try store.attachments() == [process, rule])
        try store.removeAttachment(rule.subject, owner: 1)
        #expect(try store.attachments().count == 2)
        try store.removeAttachment(rule.subject)
        try store.removeAttachment(process.subject, owner: 0)
        #expect(try store.attachments().isEmpty)
    }
}
