import Glibc
import MemoryModel
import ProcFS
import TestSupport
import Testing

@testable import Inspection

@Suite("Looks that share their arrays", .requiresTool("cc"), .timeLimit(.minutes(2)))
struct SharedLooksTests {
    /// Maps so many files of new names at each line it reads, and unmaps those of the line before.
    private static let program = Result {
        try CProgram(
            """
            #define _GNU_SOURCE
            #include <stdio.h>
            #include <stdlib.h>
            #include <sys/mman.h>
            #include <unistd.h>

            int main(int count, char **words) {
                int files = atoi(words[1]);
                char **places = calloc((size_t)files, sizeof *places);
                setvbuf(stdout, 0, _IOLBF, 4096);
                puts("ready");
                for (int round = 0; getchar() == '\\n'; round++) {
                    for (int i = 0; i < files; i++) {
                        char name[64];
                        if (places[i]) munmap(places[i], 4096);
                        snprintf(name, sizeof name, "%d-%d-%d", (int)getpid(), round, i);
                        int file = memfd_create(name, 0);
                        if (ftruncate(file, 4096)) return 1;
                        places[i] = mmap(0, 4096, PROT_READ, MAP_SHARED, file, 0);
                        close(file);
                    }
                    puts("mapped");
                }
            }
            """)
    }

    private func start(files: Int) throws -> ChildProcess {
        let child = try Self.program.get().start("\(files)")
        try mapAnew(child)
        return child
    }

    private func mapAnew(_ child: ChildProcess) throws {
        try child.send("\n")
        guard try child.nextLine() == "mapped" else { throw TestFailure(child.errorText()) }
    }

    /// The names of its files, at their places, as maps shows them.
    private func truth(_ pid: pid_t) throws -> [UInt64: String] {
        var names: [UInt64: String] = [:]
        for line in try readText("/proc/\(pid)/maps").split(separator: "\n") {
            guard let name = line.firstRange(of: "/memfd:") else { continue }
            names[UInt64(line.prefix { $0 != "-" }, radix: 16) ?? 0] = String(line[name.lowerBound...])
        }
        return names
    }

    private func names(_ regions: [Region], _ paths: PathTable) -> [UInt64: String] {
        var names: [UInt64: String] = [:]
        for region in regions {
            let name = String(decoding: paths.bytes(of: region.path), as: UTF8.self)
            if name.hasPrefix("/memfd:") { names[region.start] = name }
        }
        return names
    }

    @Test("a process that maps ever new files keeps the right names, also over rests, in a bounded table")
    func everNewNames() throws {
        let child = try start(files: 120)
        var inspector = TargetInspector(
            directory: try ProcRoot().open(pid: child.pid), images: DirectImageSource())
        var renamed = 0
        for _ in 0..<40 {
            _ = try inspector.look(at: .now)
            inspector.rest()
            let again = try inspector.look(at: .now)
            renamed += inspector.hasRenamedPaths ? 1 : 0
            #expect(again.isAccepted && again.previous == nil)
            let regions = inspector.packed?.regions ?? inspector.regions
            #expect(names(regions, inspector.paths) == (try truth(child.pid)))
            try mapAnew(child)
        }
        #expect(renamed > 0)
        #expect(inspector.paths.count < 2_000)
    }

    @Test("looks at many processes at once give each its own areas and names")
    func manyAtOnce() async throws {
        let children = try (1...12).map { try start(files: $0 * 20) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for child in children {
                let pid = child.pid
                let expected = try truth(pid)
                group.addTask {
                    try await offPool {
                        var inspector = TargetInspector(
                            directory: try ProcRoot().open(pid: pid), images: DirectImageSource())
                        for round in 0..<50 {
                            _ = try inspector.look(at: .now)
                            let regions = inspector.packed?.regions ?? inspector.regions
                            guard names(regions, inspector.paths) == expected else {
                                throw TestFailure("the names of \(pid) are others, look \(round)")
                            }
                            if round % 5 == 1 { inspector.rest() }
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
    }
}
