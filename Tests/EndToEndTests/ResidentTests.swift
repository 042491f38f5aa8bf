import Glibc
import TestSupport
import Testing
import Varlink

/// `regions --resident` against what the kernel itself says in smaps, which memwatch never reads.
@Suite("What of each region is in memory", .requiresTool("cc"), .timeLimit(.minutes(5)))
struct ResidentTests {
    /// Memory of every sort, of which some is touched.
    private static let source = """
        #define _GNU_SOURCE
        #include <signal.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <sys/mman.h>
        #include <unistd.h>

        static char *map(size_t bytes, int flags, int file) {
            return mmap(0, bytes, PROT_READ | PROT_WRITE, flags | (file < 0 ? MAP_ANONYMOUS : 0), file, 0);
        }

        static void touch(char *start, size_t bytes, size_t every) {
            for (size_t i = 0; i < bytes; i += every) start[i] = 1;
        }

        int main(void) {
            touch(map(96 << 20, MAP_PRIVATE, -1), 96 << 20, 2 * 4096);
            touch(map(8 << 20, MAP_SHARED, -1), 8 << 20, 3 * 4096);
            int file = memfd_create("filled", 0);
            if (ftruncate(file, 4 << 20)) return 1;
            touch(map(4 << 20, MAP_SHARED, file), 2 << 20, 4096);
            touch(map(4 << 20, MAP_PRIVATE, file), 1 << 20, 4096);
            /* Huge pages, where the kernel has one to give. */
            char *huge = map(8 << 20, MAP_PRIVATE, -1);
            madvise(huge, 8 << 20, MADV_HUGEPAGE);
            touch(huge, 8 << 20, 4096);
            /* Touched, and given back. */
            char *gone = map(2 << 20, MAP_PRIVATE, -1);
            touch(gone, 2 << 20, 4096);
            madvise(gone + (1 << 20), 1 << 20, MADV_DONTNEED);
            /* Many small ones, side by side and one by one. */
            for (int i = 0; i < 300; i++) {
                char *small = map(7 * 4096, i % 2 ? MAP_PRIVATE : MAP_SHARED, -1);
                touch(small, (size_t)(i % 8) * 4096, 4096);
                if (i % 3 == 0) mprotect(small + 2 * 4096, 4096, PROT_READ);
            }
            touch(malloc(1 << 20), 1 << 19, 4096);
            /* Read only, never written: the kernel's page of zeros, which is no memory of this process. */
            char *zeros = map(6 << 20, MAP_PRIVATE, -1);
            char sum = 0;
            for (size_t i = 0; i < 6 << 20; i += 4096) sum += ((volatile char *)zeros)[i];
            for (size_t i = 0; i < 6 << 20; i += 16 * 4096) zeros[i] = 1;
            /* A child that has the same pages. */
            if (fork() == 0) pause();
            printf("ready\\n%lx\\n", (unsigned long)zeros);
            fflush(stdout);
            getchar();
            kill(0, 9);
        }
        """

    /// Each of smaps' areas with its Rss, in bytes.
    private func smaps(_ pid: pid_t) throws -> [(area: Range<UInt64>, rss: Int64)] {
        var found: [(Range<UInt64>, Int64)] = []
        var area: Range<UInt64>?
        for line in try readText("/proc/\(pid)/smaps").split(separator: "\n") {
            let words = line.split(separator: " ")
            let ends = words[0].split(separator: "-").compactMap { UInt64($0, radix: 16) }
            if ends.count == 2, words.count >= 5 {
                area = ends[0]..<ends[1]
            } else if words[0] == "Rss:", let area {
                found.append((area, (Int64(words[1]) ?? -1) << 10))
            }
        }
        return found
    }

    /// Both, of a process in which nothing was touched in between: it goes on for a moment after it has said
    /// that it is ready.
    private func standingStill(
        _ pid: pid_t, without feature: String?
    ) throws -> (smaps: [(area: Range<UInt64>, rss: Int64)], regions: [JSON]) {
        for _ in 0..<100 {
            let before = try smaps(pid)
            let client = try ChildProcess(
                builtProduct("memwatch"), ["regions", "\(pid)", "--resident", "--format", "json"],
                environment: ["MEMWATCH_WITHOUT": feature, "MEMWATCH_SOCKET": "/nowhere"])
            let run = try Client.finish(client)
            #expect(run.exit == .status(0), "\(run.errors)")
            let after = try smaps(pid)
            if before.map(\.area) == after.map(\.area), before.map(\.rss) == after.map(\.rss) {
                return (before, try #require(try JSON(parsing: run.output).arrayValue))
            }
        }
        throw TestFailure("\(pid) does not stand still")
    }

    private func address(_ json: JSON, _ key: String) throws -> UInt64 {
        try #require(UInt64(json[key]?.stringValue?.dropFirst(2) ?? "", radix: 16))
    }

    @Test("it is the Rss of smaps, area by area", arguments: [nil, "pagemap-scan"])
    func rss(without feature: String?) throws {
        let compiled = try CProgram(Self.source)
        // A session of its own: with it goes its child.
        let program = try ChildProcess("setsid", [compiled.path])
        #expect(try program.nextLine() == "ready")
        let zeros = try #require(UInt64(try program.nextLine() ?? "", radix: 16))
        let (expected, regions) = try standingStill(program.pid, without: feature)
        #expect(expected.count > 300)
        var compared = 0
        for (area, rss) in expected where area.lowerBound < 1 << 63 {
            let parts = try regions.filter { area.contains(try address($0, "start")) }
            let sum = try parts.reduce(Int64(0)) { try $0 + #require($1["resident"]?.integerValue) }
            // Pagemap's entries do not tell the page of zeros from others, and docs/json.md says so.
            if feature != nil, area.contains(zeros) {
                #expect(sum >= rss)
            } else {
                #expect(sum == rss, "\(String(area.lowerBound, radix: 16)): \(parts)")
            }
            compared += parts.count
        }
        #expect(compared >= expected.count - 1)
        #expect(expected.contains { $0.area.contains(zeros) && $0.rss < 1 << 20 })
        program.closeInput()
        try program.waitForExit()
    }

    @Test("without PAGEMAP_SCAN it is not called", .requiresStrace)
    func withheld() throws {
        let memgrow = try Memgrow("sbrk", "--step", "--hold")
        func calls(_ without: String?) throws -> Int {
            let directory = try TemporaryDirectory()
            let client = try ChildProcess(
                "strace",
                ["-f", "-e", "trace=ioctl", "-o", directory.file("trace"), try builtProduct("memwatch")]
                    + ["regions", "\(memgrow.pid)", "--resident", "--format", "csv"],
                environment: ["MEMWATCH_WITHOUT": without, "MEMWATCH_SOCKET": "/nowhere"])
            let run = try Client.finish(client)
            #expect(run.exit == .status(0), "\(run.errors)")
            // strace knows its name only from 6.7 on.
            return try readText(directory.file("trace")).split(separator: "\n").count {
                $0.contains("PAGEMAP_SCAN") || $0.contains("0x66, 0x10,")
            }
        }
        #expect(try calls(nil) > 0)
        #expect(try calls("pagemap-scan") == 0)
    }
}
