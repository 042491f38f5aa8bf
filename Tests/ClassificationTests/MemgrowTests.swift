import MemoryModel
import TestSupport
import Testing

@Suite("memgrow")
struct MemgrowTests {
    /// The regions of one look that overlap a line's range, with their kind.
    private func expectKind(
        _ memgrow: Memgrow, _ line: Memgrow.Line, _ kind: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let start = try #require(line.start)
        let end = try #require(line.end)
        let regions = try LiveProcess(pid: memgrow.pid).classified()
        let inside = regions.filter { $0.end > start && $0.start < end }
        #expect(
            inside.allSatisfy { $0.kind.name == kind }, "\(line): \(inside)", sourceLocation: sourceLocation)
        let covered = inside.reduce(UInt64(0)) { $0 + min($1.end, end) - max($1.start, start) }
        #expect(covered == end - start, "\(line): \(inside)", sourceLocation: sourceLocation)
    }

    private func bytes(_ memgrow: Memgrow, _ kind: RegionKind) throws -> Int64 {
        Int64(KindTotals(of: try LiveProcess(pid: memgrow.pid).classified())[kind])
    }

    @Test("sbrk: the heap moves up and down by what the program says, to the byte")
    func sbrk() throws {
        let memgrow = try Memgrow("sbrk", "--step", "--count", "3", "--size", "100KiB", "--hold")
        var before = try bytes(memgrow, .heap)
        for index in 0..<6 {
            let line = try memgrow.step()
            #expect(line.event == (index < 3 ? "brk-grow" : "brk-shrink"))
            let after = try bytes(memgrow, .heap)
            #expect(after - before == line.delta)
            before = after
            if index < 3 { try expectKind(memgrow, line, "heap") }
        }
        #expect(try memgrow.nextLine().event == "done")
    }

    @Test(
        "malloc: small blocks come from the heap, large ones from mappings of their own",
        arguments: [
            ("64KiB", RegionKind.heap), ("4MiB", .anon),
        ])
    func malloc(size: String, kind: RegionKind) throws {
        let memgrow = try Memgrow("malloc", "--step", "--count", "4", "--size", size, "--free", "--hold")
        var before = try bytes(memgrow, kind)
        for index in 0..<8 {
            let line = try memgrow.step()
            let after = try bytes(memgrow, kind)
            #expect(after - before == line.delta, "\(line)")
            before = after
            if index < 4, line.delta != 0 { try expectKind(memgrow, line, kind.name) }
        }
    }

    @Test("mmap: every mapping is of its kind while it is there")
    func mmap() throws {
        let memgrow = try Memgrow("mmap", "--step", "--count", "1", "--hold")
        for _ in 0..<7 {
            let line = try memgrow.step()
            try expectKind(memgrow, line, try #require(line.kind))
        }
        for _ in 0..<5 {
            let line = try memgrow.step()
            #expect(line.event == "munmap")
            let regions = try LiveProcess(pid: memgrow.pid).classified()
            #expect(!regions.contains { $0.start == line.start })
        }
    }

    @Test("stack: the stack has grown to where the program says it stood")
    func stack() throws {
        let memgrow = try Memgrow("stack", "--step", "--count", "4", "--size", "256KiB", "--hold")
        for _ in 0..<4 { try expectKind(memgrow, try memgrow.step(), "stack") }
    }

    @Test("the talk is told in eleven sentences of three acts")
    func talk() throws {
        let lines = try Memgrow("talk").linesUntilDone()
        #expect(lines.compactMap { $0.integer("act") } == [1, 1, 1, 1, 2, 2, 2, 3, 3, 3, 3])
        #expect(lines.allSatisfy { $0.string("say")?.isEmpty == false })
        // What malloc does to the break depends on what was allocated before.
        #expect(lines.compactMap(\.delta).dropFirst() == [4096, 4096, -4096])
    }

    @Test("standard input that ends, ends a program that waits for a step")
    func endOfInput() throws {
        let memgrow = try Memgrow("sbrk", "--step", "--hold")
        memgrow.process.closeInput()
        #expect(try memgrow.nextLine().event == "done")
        #expect(try memgrow.process.waitForExit() == .status(0))
    }

    @Test("SIGTERM ends a program that holds, with success")
    func terminate() throws {
        let memgrow = try Memgrow("malloc", "--hold")
        _ = try memgrow.linesUntilDone()
        memgrow.process.signal(15)
        #expect(try memgrow.process.waitForExit() == .status(0))
    }

    @Test(
        "a wrong command line is one line of explanation and status 64",
        arguments: [
            [], ["fly"], ["sbrk", "up"], ["sbrk", "--fast"], ["sbrk", "--size"], ["sbrk", "--size", "4KB"],
            ["sbrk", "--size", "0"], ["sbrk", "--size", "99999999999999999999GiB"],
            ["sbrk", "--count", "-1"],
            ["sbrk", "--count", "0"], ["sbrk", "--interval", "1"],
            ["stack", "--size", "1GiB", "--count", "100"],
        ])
    func usage(arguments: [String]) throws {
        let child = try ChildProcess(try builtProduct("memgrow"), arguments)
        child.closeInput()
        #expect(try child.remainingOutput() == "")
        #expect(try child.waitForExit() == .status(64))
        #expect(child.errorText().split(separator: "\n").count == 1)
        #expect(child.errorText().hasPrefix("memgrow: "))
    }

    @Test("--help says what there is")
    func help() throws {
        let text = try run(try builtProduct("memgrow"), ["--help"])
        for word in [
            "malloc", "sbrk", "mmap", "stack", "threads", "zoo", "talk", "--size", "--step", "--hold",
        ] {
            #expect(text.contains(word))
        }
    }
}
