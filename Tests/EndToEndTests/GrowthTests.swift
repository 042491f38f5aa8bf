import Glibc
import TestSupport
import Testing
import Varlink

/// What memgrow says it did, told the same by every way of asking.
@Suite("The same growth everywhere, to the byte", .requiresPrivateJournal, .timeLimit(.minutes(5)))
struct GrowthTests {
    /// By looks alone, and with the kernel's records, where it gives them.
    static let sources = ["sampling", "auto"]

    private static func configuration(_ source: String) -> String {
        """
        [sampling]
        full_scan_interval = "1s"
        [events]
        source = "\(source)"
        [journal]
        minimum_growth = "1KiB"
        rate_burst = 100000
        """
    }

    @Test("the heap by sbrk, up and down", arguments: sources)
    func sbrk(source: String) throws {
        try heap(source, try Memgrow("sbrk", "--size", "40KiB", "--count", "3", "--step", "--hold"))
    }

    @Test("the heap by malloc and free", arguments: sources)
    func malloc(source: String) throws {
        try heap(
            source, try Memgrow("malloc", "--size", "96KiB", "--count", "3", "--free", "--step", "--hold"))
    }

    private func heap(_ source: String, _ memgrow: Memgrow) throws {
        let journal = try PrivateJournal()
        let daemon = try Daemon(Self.configuration(source), through: journal.wrapper)
        let watch = try Watch(daemon, memgrow)
        var types: Set<String> = []
        for _ in 0..<6 {
            let (said, seen) = try watch.step()
            #expect(said.kind == "heap")
            guard said.delta != 0 else { continue }
            types.insert(said.event)
            let event = try #require(seen.last)
            #expect(seen.count == 1 && event.type == said.event && event.delta == said.delta)
            #expect(event.start == said.string("start") && event.end == said.string("end"))
            #expect(try watch.lastSample()["program_break"]?.stringValue == said.string("break"))
        }
        #expect(types == ["brk-grow", "brk-shrink"])
        try watch.finish(journal)
    }

    @Test("mmap in every way, mprotect, mremap and munmap", arguments: sources)
    func mappings(source: String) throws {
        let journal = try PrivateJournal()
        let daemon = try Daemon(Self.configuration(source), through: journal.wrapper)
        let memgrow = try Memgrow("mmap", "--size", "192KiB", "--count", "1", "--step", "--hold")
        let watch = try Watch(daemon, memgrow)
        var types: [String] = []
        for _ in 0..<12 {
            let (said, seen) = try watch.step()
            types.append(said.event)
            // mremap is seen as what it does: one region gone, another there.
            guard said.event != "mremap" else { continue }
            let event = try #require(seen.last)
            #expect(seen.count == 1 && event.type == said.event && event.kind == said.kind)
            #expect(event.start == said.string("start") && event.end == said.string("end"))
            #expect(event.delta == said.delta)
        }
        #expect(Set(types) == ["mmap", "protect", "mremap", "munmap"])
        try watch.finish(journal)
    }

    @Test("malloc of large blocks, which maps them", arguments: sources)
    func largeBlocks(source: String) throws {
        let journal = try PrivateJournal()
        let daemon = try Daemon(Self.configuration(source), through: journal.wrapper)
        let memgrow = try Memgrow("malloc", "--size", "4MiB", "--count", "2", "--free", "--step", "--hold")
        let watch = try Watch(daemon, memgrow)
        for _ in 0..<4 {
            let (said, seen) = try watch.step()
            #expect(said.kind == "anon" && seen.delta(of: "anon") == said.delta)
        }
        try watch.finish(journal)
    }

    @Test("threads: their stacks with tid, guards, arenas and what these reserve", arguments: sources)
    func threads(source: String) throws {
        let journal = try PrivateJournal()
        let daemon = try Daemon(Self.configuration(source), through: journal.wrapper)
        let memgrow = try Memgrow("threads", "--count", "2", "--step", "--hold")
        let watch = try Watch(daemon, memgrow)
        for _ in 0..<2 {
            try memgrow.process.send("\n")
            let said = try (0..<4).map { _ in try memgrow.nextLine() }
            let seen = try watch.wait { events in
                said.allSatisfy { line in events.delta(of: line.kind ?? "") == line.integer("size") }
            }
            // With records each call that makes them is told for itself: a stack is reserved first, and known
            // to be one later.
            if seen.contains(where: { $0.source == "perf" }) { continue }
            for line in said {
                let event = try #require(
                    seen.first { $0.kind == line.kind && $0.start == line.string("start") }, "\(line)")
                #expect(event.end == line.string("end") && event.delta == line.integer("size"))
                #expect(event.type == "mmap")
                #expect(event.tid == line.tid.map(Int64.init))
            }
        }
        #expect(try watch.lastSample()["threads"]?.integerValue == 3)
        try watch.finish(journal)
    }

    @Test("the stack by recursion", arguments: sources)
    func stack(source: String) throws {
        let journal = try PrivateJournal()
        let daemon = try Daemon(Self.configuration(source), through: journal.wrapper)
        let memgrow = try Memgrow("stack", "--size", "256KiB", "--count", "3", "--step", "--hold")
        let watch = try Watch(daemon, memgrow)
        for _ in 0..<3 {
            let before = try #require(try Memgrow.stack(of: memgrow.pid))
            let line = try memgrow.step()
            try memgrow.waitUntilAsleep()
            // The frames of what the level calls lie below its own: maps has the kernel's border.
            let stack = try #require(try Memgrow.stack(of: memgrow.pid))
            let low = try #require(line.start)
            #expect(stack.start <= low && low - stack.start <= 2 * 4096 && line.end == stack.end)
            // A frame that is entered grows it by more than one fault: with records, each is told.
            let bottom = "0x" + String(stack.start, radix: 16)
            let seen = try watch.wait { $0.last?.start == bottom }
            let event = try #require(seen.last)
            #expect(seen.allSatisfy { $0.type == "stack-grow" && $0.kind == "stack" })
            #expect(seen.count == 1 || source == "auto")
            #expect(event.size == Int64(stack.end - stack.start))
            #expect(seen.delta(of: "stack") == Int64(before.start - stack.start))
        }
        try watch.finish(journal)
    }
}

extension Memgrow {
    /// Until it waits for the next line. On the way there, after it has told of its step, it calls what may need
    /// a page of stack more.
    func waitUntilAsleep() throws {
        while try readText("/proc/\(pid)/stat").split(separator: ")").last?.hasPrefix(" S ") != true {
            sched_yield()
        }
    }

    /// The main thread's stack, from /proc/PID/maps.
    static func stack(of pid: pid_t) throws -> (start: UInt64, end: UInt64)? {
        for line in try readText("/proc/\(pid)/maps").split(separator: "\n") where line.hasSuffix("[stack]") {
            let bounds = line.prefix { $0 != " " }.split(separator: "-").compactMap { UInt64($0, radix: 16) }
            if bounds.count == 2 { return (bounds[0], bounds[1]) }
        }
        return nil
    }
}
