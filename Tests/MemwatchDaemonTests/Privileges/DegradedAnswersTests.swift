import Glibc
import Inspection
import MemoryModel
import ProcFS
import TestSupport
import Testing

@testable import MemwatchDaemon

@Suite(
    "With CAP_PERFMON alone, what is told of another user's process is true, and what is not known is nil",
    .requiresRoot, .requiresTool("setpriv"), .requiresTool("cc"),
    .requires(
        "perfmon-maps", perfmonOpensMaps(),
        "this kernel opens maps with ptrace access only (before Linux 6.15)"))
struct DegradedAnswersTests {
    /// What one reader learns of a process.
    private struct Account: Sendable {
        var inspection: ProcessInspection
        var description: ProcessDescription
        var stackPointer: StackPointerReading

        init(of pid: pid_t) throws {
            inspection = try ProcessInspector().inspect(pid: pid, countsResident: true)
            let directory = try ProcRoot().open(pid: pid)
            description = try directory.describe()
            stackPointer = directory.stackPointer(ofThread: pid)
        }

        var regions: [Region] { inspection.regions }

        var told: [ToldRegion] {
            regions.map { region in
                ToldRegion(
                    start: "\(region.start)", end: "\(region.end)", permissions: region.permissions.text,
                    kind: "\(region.kind)",
                    path: String(decoding: inspection.paths.bytes(of: region.path), as: UTF8.self))
            }
        }
    }

    /// Every region of the one is what the page says of the other's.
    private func expectDocumented(_ least: Account, of full: Account) {
        #expect(least.told == full.told.withoutHeaders)
        #expect(least.inspection.sample.kinds == KindTotals(of: least.regions))
        #expect(least.inspection.sample.vmSizeBytes == full.inspection.sample.vmSizeBytes)
    }

    /// With every capability, and with one. As root both, whose id opens nothing of another user's.
    private func accounts(of pid: pid_t) throws -> (full: Account, least: Account) {
        try onOwnThread {
            let full = try Account(of: pid)
            let least = ThreadCapabilities.using(only: .perfmon) { Result { try Account(of: pid) } }
            guard let least else { throw TestFailure("capset is refused") }
            return (full, try least.get())
        }
    }

    /// A program where that user may go.
    private final class Stranger {
        let directory: TemporaryDirectory
        let prefix = ["setpriv", "--reuid", "64321", "--regid", "64321", "--clear-groups"]

        init() throws {
            directory = try TemporaryDirectory()
            chmod(directory.path, 0o755)
        }

        func memgrow(_ arguments: String..., through more: [String] = []) throws -> Memgrow {
            try run("cp", [try builtProduct("memgrow"), directory.file("memgrow")])
            return try Memgrow(
                words: arguments, executable: directory.file("memgrow"), through: prefix + more)
        }
    }

    @Test("every region with its kind, every size and limit is what the page on security says")
    func same() throws {
        let stranger = try Stranger()
        let memgrow = try stranger.memgrow(
            "sbrk", "--keep", "--hold", "--step", "--count", "2", through: ["prlimit", "--stack=5242880"])
        _ = try memgrow.step()
        let (full, least) = try accounts(of: memgrow.pid)
        expectDocumented(least, of: full)
        #expect(least.inspection.sample.programBreak == full.inspection.sample.programBreak)
        #expect(least.inspection.sample.programBreak != nil)
        #expect(least.inspection.sample.stackLimitBytes == 5_242_880)
        #expect(full.inspection.sample.stackLimitBytes == 5_242_880)
        #expect(least.description.uid == 64_321 && least.description.comm == Array("memgrow".utf8))
    }

    @Test("the program's path, stack pointers and resident bytes are nil, and none is 0")
    func unknown() throws {
        let stranger = try Stranger()
        let memgrow = try stranger.memgrow("sbrk", "--keep", "--hold", "--step")
        let (full, least) = try accounts(of: memgrow.pid)
        #expect(full.description.exe == Array(stranger.directory.file("memgrow").utf8))
        #expect(least.description.exe == nil)
        #expect(full.stackPointer != .denied && least.stackPointer == .denied)
        let resident = try #require(least.inspection.resident)
        #expect(resident.allSatisfy { $0 == nil })
        #expect(full.inspection.resident?.contains { $0 != nil } == true)
    }

    @Test("where an empty heap begins is nil")
    func emptyHeap() throws {
        let stranger = try Stranger()
        // It calls nothing that would ask for memory.
        let program = try CProgram(
            #"""
            #include <unistd.h>
            int main(void) { write(1, "ready\n", 6); for (;;) pause(); }
            """#)
        try run("install", ["-m", "755", program.path, stranger.directory.file("empty")])
        let words = stranger.prefix + [stranger.directory.file("empty")]
        let process = try ChildProcess(words[0], Array(words.dropFirst()))
        #expect(try process.nextLine() == "ready")
        let (full, least) = try accounts(of: process.pid)
        #expect(full.inspection.sample.kinds?[.heap] == 0, "the C library has a heap")
        #expect(full.inspection.sample.programBreak != nil)
        #expect(least.inspection.sample.programBreak == nil)
        expectDocumented(least, of: full)
    }

    @Test("anonymous memory directly behind an image's data is its bss, and every other region as it is")
    func behindBss() throws {
        let stranger = try Stranger()
        // Where the heap happens to begin there already, another launch is dealt another place.
        let program = try CProgram(
            #"""
            #define _GNU_SOURCE
            #include <stdint.h>
            #include <sys/mman.h>
            #include <unistd.h>
            extern char _end[];
            char bss[65536];
            int main(int argc, char **argv) {
                uintptr_t behind = ((uintptr_t)_end + 4095) & ~(uintptr_t)4095;
                if (mmap((void *)behind, 4096, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED)
                    execv(argv[0], argv);
                write(1, "ready\n", 6);
                for (;;) pause();
            }
            """#)
        try run("install", ["-m", "755", program.path, stranger.directory.file("behind")])
        let words = stranger.prefix + [stranger.directory.file("behind")]
        let process = try ChildProcess(words[0], Array(words.dropFirst()))
        #expect(try process.nextLine() == "ready")
        let (full, least) = try accounts(of: process.pid)
        func firstBss(_ account: Account) -> Region? { account.regions.first { $0.kind == .bss } }
        let bss = try #require(firstBss(full))
        #expect(full.regions.contains { $0.kind == .anon && $0.start == bss.end && $0.size == 4096 })
        #expect(firstBss(least)?.size == bss.size + 4096)
        expectDocumented(least, of: full)
    }

    @Test("threads' stacks are told by their shape, as many as there are, and whose they are is not claimed")
    func threads() throws {
        let stranger = try Stranger()
        let memgrow = try stranger.memgrow("threads", "--count", "5", "--hold")
        // What a thread has is told in four lines, of which this kind is the last.
        for _ in 0..<5 { while try memgrow.nextLine().kind != "reserved" {} }
        let (full, least) = try accounts(of: memgrow.pid)
        let known = full.inspection.regions.filter { $0.kind == .threadStack }
        let guessed = least.inspection.regions.filter { $0.kind == .threadStack }
        #expect(known.count == 5 && known.contains { $0.tid > 0 })
        #expect(guessed.map(\.start) == known.map(\.start))
        #expect(guessed.allSatisfy { $0.tid == 0 })
        expectDocumented(least, of: full)
    }
}

/// Asked of this kernel, by a process that holds nothing else.
private func perfmonOpensMaps() -> Bool {
    (try? onOwnThread { MapsProbe.run() == .opens }) ?? false
}
