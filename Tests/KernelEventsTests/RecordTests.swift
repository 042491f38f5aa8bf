import Glibc
import MemoryModel
import ProcFS
import TestSupport
import Testing

@testable import KernelEvents

/// What each call leaves, and that nothing else is there.
@Suite(.requiresPerf, .requiresTool("cc"))
struct RecordTests {
    /// The records of one call; fails for records that no call made.
    private struct ByCall {
        private var records: [KernelRecord]

        init(_ records: [KernelRecord]) { self.records = records }

        mutating func take(_ call: Subject.Reply) -> [KernelRecord] {
            let mine = records.filter { call.times.contains($0.nanoseconds) }
            records.removeAll { call.times.contains($0.nanoseconds) }
            return mine
        }

        var rest: [KernelRecord] { records }
    }

    @Test(
        "each call that maps or protects memory leaves its record, at its time, by its thread",
        arguments: allowedScopes)
    func calls(_ scope: KernelEventSource.Scope) throws {
        let directory = try TemporaryDirectory()
        let file = try directory.write([UInt8](repeating: 7, count: 16_384), to: "data \u{1b}[31m;é")
        var status = stat()
        #expect(stat(file, &status) == 0)
        let watcher = try Watcher()
        let subject = try Subject()
        let queue = try watcher.watch(subject.pid, scope)
        #expect(queue.scope == scope)

        let map = try subject.perform("map 0 65536 3 \(MAP_PRIVATE)")
        let protect = try subject.perform("protect 0 16384 16384 1")
        let back = try subject.perform("protect 0 16384 16384 3")
        let same = try subject.perform("protect 0 0 65536 3")
        let unmap = try subject.perform("unmap 0 65536")
        let again = try subject.perform("map 0 65536 0 \(MAP_PRIVATE)")
        let remap = try subject.perform("remap 0 65536 131072")
        let fixed = try subject.perform("fix 0 0 65536 3 \(MAP_PRIVATE)")
        let grow = try subject.perform("brk 12288")
        let grown = try subject.perform("brk 4096")
        let shrunk = try subject.perform("brk -8192")
        let shared = try subject.perform("map 1 65536 3 \(MAP_SHARED)")
        let memfd = try subject.perform("memfd 2 8192 [heap]")
        let mapped = try subject.perform("file 3 8192 1 \(MAP_PRIVATE) 4096 \(file)")
        let written = try subject.perform("file 4 8192 3 \(MAP_SHARED) 0 \(file)")
        let stack = try subject.perform("stack 64")
        var records = ByCall(try watcher.records(of: queue, upToNowBy: subject))

        func only(_ call: Subject.Reply, _ line: Int = #line) throws -> MappingRecord {
            let found = records.take(call)
            let location = SourceLocation(fileID: #fileID, filePath: #filePath, line: line, column: 1)
            #expect(found.count == 1, sourceLocation: location)
            #expect(found.first?.tid == call.tid, sourceLocation: location)
            return try #require(found.first?.mapping, sourceLocation: location)
        }

        // Private areas may have been merged with neighbours; the record is of the whole.
        let whole = try only(map)
        #expect(whole.start <= map.address && whole.end >= map.address + 65_536)
        #expect(whole.name == .anonymous && whole.permissions.text == "rw-p" && whole.offset == 0)
        #expect(
            try only(protect)
                == MappingRecord(
                    start: map.address + 16_384, end: map.address + 32_768, permissions: [.read]))
        #expect(try only(back) == whole)
        #expect(records.take(same) == [])
        #expect(records.take(unmap) == [])
        let inaccessible = try only(again)
        #expect(inaccessible.permissions.text == "---p" && inaccessible.name == .anonymous)
        #expect(records.take(remap) == [])
        #expect(try only(fixed).permissions.text == "rw-p")
        // The first growth of an empty heap is called //anon.
        let first = try only(grow)
        #expect(first.end == (grow.address + 4_095) & ~4_095)
        let heap = try only(grown)
        #expect(heap.end == first.end + 4_096 && heap.name == .heap && heap.offset == 0)
        #expect(records.take(shrunk) == [])
        let zero = try only(shared)
        #expect(zero.start == shared.address && zero.size == 65_536 && zero.permissions.text == "rw-s")
        #expect(zero.path == "/dev/zero (deleted)" && zero.inode != 0)
        #expect(try only(memfd).path == "/memfd:[heap] (deleted)")
        let data = try only(mapped)
        #expect(data.path == file && data.inode == status.st_ino && data.permissions.text == "r--p")
        #expect(data.start == mapped.address && data.size == 8_192 && data.offset == 4_096)
        let all = try only(written)
        #expect(all.path == file && all.offset == 0 && all.permissions.text == "rw-s")
        let stacks = records.take(stack).compactMap(\.mapping)
        #expect(!stacks.isEmpty && stacks.allSatisfy { $0.name == .stack && $0.offset == 0 })
        #expect(zip(stacks, stacks.dropFirst()).allSatisfy { $0.start > $1.start && $0.end == $1.end })
        #expect(records.rest == [])
    }

    @Test("what a thread does carries its id, and so does its end", arguments: allowedScopes)
    func threads(_ scope: KernelEventSource.Scope) throws {
        let watcher = try Watcher()
        let subject = try Subject()
        let queue = try watcher.watch(subject.pid, scope)
        let thread = try subject.perform("thread \(77 * 4_096)")
        let records = try watcher.records(of: queue, upToNowBy: subject)
        let tid = Int32(thread.value)
        let mapping = try #require(records.first { $0.mapping?.size == 77 * 4_096 })
        #expect(mapping.tid == tid && tid != subject.pid)
        #expect(thread.times.contains(mapping.nanoseconds))
        let ends = records.filter { if case .exit = $0.content { true } else { false } }
        #expect(ends.map(\.tid) == [tid] && ends.map(\.content) == [.exit(isLeader: false)])
        // A thread is no child.
        #expect(records.allSatisfy { $0.child == nil })
    }

    @Test(
        "an exec is one record before those of its image, by whichever thread it was called",
        arguments: allowedScopes, ["exec", "threadexec"])
    func exec(_ scope: KernelEventSource.Scope, _ call: String) throws {
        let watcher = try Watcher()
        let subject = try Subject()
        let queue = try watcher.watch(subject.pid, scope)
        try subject.exec(call)
        let records = try watcher.records(of: queue, upToNowBy: subject)
        let index = try #require(records.firstIndex { $0.exec != nil })
        // The program is named after the file that was executed, /proc/self/exe.
        #expect(records[index].exec == "exe" && records[index].tid == subject.pid)
        #expect(records.filter { $0.exec != nil }.count == 1)
        let image = records[(index + 1)...].compactMap(\.mapping)
        #expect(
            image.contains { $0.path?.hasSuffix("/subject") == true && $0.permissions.contains(.execute) })
        #expect(image.contains { $0.name == .kernel(Array("[vdso]".utf8)) })
        #expect(image.contains { $0.name == .stack })
    }

    @Test("the end of a process is the last record of its leader", arguments: allowedScopes)
    func end(_ scope: KernelEventSource.Scope) throws {
        let watcher = try Watcher()
        let subject = try Subject()
        let queue = try watcher.watch(subject.pid, scope)
        subject.process.closeInput()
        let records = try watcher.records(of: queue) { $0.content == .exit(isLeader: true) }
        #expect(records.last?.tid == subject.pid && records.count == 1)
        #expect(!queue.take().isClosed)
    }

    @Test(
        "a process that moves between CPUs has its records in the order of its calls",
        arguments: allowedScopes)
    func order(_ scope: KernelEventSource.Scope) throws {
        let watcher = try Watcher()
        let subject = try Subject()
        let queue = try watcher.watch(subject.pid, scope)
        try subject.perform("hop 400 \(max(1, Processors.online.count))")
        let records = try watcher.records(of: queue, upToNowBy: subject)
        #expect(records.compactMap { $0.mapping?.size } == (1...400).map { UInt64($0) * 4_096 })
        #expect(zip(records, records.dropFirst()).allSatisfy { $0.nanoseconds <= $1.nanoseconds })
    }

    @Test("a thousand areas that live for microseconds are all there", arguments: allowedScopes)
    func burst(_ scope: KernelEventSource.Scope) throws {
        let watcher = try Watcher()
        let subject = try Subject()
        let queue = try watcher.watch(subject.pid, scope)
        try subject.perform("burst 1000 \(33 * 4_096)")
        let records = try watcher.records(of: queue, upToNowBy: subject)
        #expect(records.count { $0.mapping?.size == 33 * 4_096 } == 1_000 && records.count == 1_000)
        #expect(watcher.source.statistics.recordsLost == 0)
    }
}
