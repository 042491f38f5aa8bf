import Glibc
import MemoryModel
import TestSupport
import Testing

@Suite("The zoo: a process whose memory is known")
struct ZooTests {
    private func check(
        _ memgrow: Memgrow, skips allowed: Set<String> = [], without missing: Set<String> = [],
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let lines = try memgrow.linesUntilDone()
        let truths = lines.compactMap { Truth($0) }
        let process = try LiveProcess.settled(pid: memgrow.pid)
        let regions = process.classified()
        expectCover(regions, process.areas, sourceLocation: sourceLocation)
        for truth in truths {
            if let mistake = truth.mistake(in: regions) {
                Issue.record("\(mistake)", sourceLocation: sourceLocation)
            }
        }
        let kinds = Set(truths.map(\.kind))
        for kind in RegionKind.allCases where !missing.contains(kind.name) {
            #expect(kinds.contains(kind.name), "the zoo has no \(kind.name)", sourceLocation: sourceLocation)
        }
        // A second look, with the first one known, says the same.
        #expect(process.classified(previous: regions) == regions, sourceLocation: sourceLocation)
    }

    @Test("every kind is recognised, to the byte")
    func everyKind() throws { try check(try Memgrow("zoo", "--hold")) }

    @Test("without address space randomisation, where the heap begins in the bss's last area")
    func withoutRandomisation() throws {
        try check(try Memgrow("zoo", "--hold", through: ["setarch", "-R"]))
    }

    @Test("with the legacy layout, where mmap places upwards")
    func legacyLayout() throws {
        try check(try Memgrow("zoo", "--hold", through: ["setarch", "-L"]))
    }

    @Test(
        "in every way of linking",
        arguments: [
            ["-pie", "-fPIE"], ["-no-pie"], ["-static"], ["-static-pie", "-fPIE"],
            ["-Wl,-z,noseparate-code"], ["-Wl,-z,norelro", "-no-pie"], ["-Wl,-z,max-page-size=0x200000"],
            ["-fuse-ld=gold"],
        ], [[], ["setarch", "-R"]])
    func linkedDifferently(flags: [String], wrapper: [String]) throws {
        let directory = try TemporaryDirectory()
        let program = try buildMemgrow(in: directory, flags)
        try check(try Memgrow("zoo", "--hold", executable: program, through: wrapper))
    }

    @Test("with one arena for all threads there is none beside the heap")
    func oneArena() throws {
        try check(
            try Memgrow("zoo", "--hold", environment: ["MALLOC_ARENA_MAX": "1"]), without: ["arena"])
    }

    @Test("with sixty threads, whose arenas and stacks stand next to each other")
    func manyThreads() throws { try check(try Memgrow("zoo", "--hold", "--count", "60")) }

    @Test("with stacks of another size", arguments: ["256", "1024", "3000", "8192", "16384"])
    func otherStackSizes(kibibytes: String) throws {
        let memgrow = try Memgrow(
            "zoo", "--hold", through: ["sh", "-c", "ulimit -s \(kibibytes) && exec \"$0\" \"$@\""])
        try check(memgrow)
    }
}

/// Builds memgrow once more, with other flags.
func buildMemgrow(in directory: TemporaryDirectory, _ flags: [String]) throws -> String {
    let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    let sources = "/\(root)/Sources/memgrow"
    let program = directory.file("memgrow")
    try run(
        "sh",
        ["-c", "cc -std=gnu11 -O1 \(flags.joined(separator: " ")) -o \(program) \(sources)/*.c -lpthread"])
    return program
}
