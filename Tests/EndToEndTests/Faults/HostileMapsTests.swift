import Glibc
import TestSupport
import Testing
import Varlink

@Suite(
    "A target whose map is as large as the kernel allows", .requiresTool("cc"), .requiresTool("sqlite3"),
    .timeLimit(.minutes(10)))
struct HostileMapsTests {
    /// Maps one page again and again until the kernel refuses: anonymous, of two protections by turns so that none
    /// is merged with the next; or a file below directories whose names are newlines, which maps writes as four
    /// characters each. Then maps a page more and gives it back whenever it is told.
    private static let program = """
        #define _GNU_SOURCE
        #include <fcntl.h>
        #include <stdio.h>
        #include <string.h>
        #include <sys/mman.h>
        #include <sys/stat.h>
        #include <unistd.h>

        int main(int count, char **words) {
            int file = -1, areas = 0;
            if (count > 1) {
                char name[256];
                memset(name, '\\n', 255);
                name[255] = 0;
                if (chdir(words[1])) return 1;
                for (int depth = 0; depth < 14; depth++)
                    if (mkdir(name, 0755) || chdir(name)) return 1;
                file = open("f", O_RDWR | O_CREAT, 0644);
                if (file < 0 || ftruncate(file, 4096)) return 1;
            }
            while (areas < 1000000) {
                void *page = file < 0 ? mmap(0, 4096, areas % 2 ? PROT_READ : PROT_NONE,
                                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                                      : mmap(0, 4096, PROT_READ, MAP_SHARED, file, 0);
                if (page == MAP_FAILED) break;
                areas++;
            }
            puts("ready");
            printf("%d\\n", areas);
            fflush(stdout);
            char byte;
            while (read(0, &byte, 1) == 1) {}
        }
        """

    /// What the daemon may take for it. At rest a release build has 21 MiB resident (docs/packaging.md), which
    /// makes 61; a debug build has 42.
    ///
    /// A sanitizer's shadow and quarantine are resident too, several bytes for each of memwatch's own: any amount.
    private static let bound = Sanitizer.active == nil ? 40 << 20 : Int.max

    private func mapped(_ program: ChildProcess) throws -> Int {
        try #require(try program.nextLine().flatMap { Int($0) })
    }

    @Test(
        "of 65,530 areas, and of 950 MB of text: the others are looked at in time, in bounded memory, and it is marked"
    )
    func hostile() throws {
        let source = try CProgram(Self.program)
        let wide = try source.start()
        let areas = try mapped(wide)
        let directory = try TemporaryDirectory()
        let long = try source.start(directory.path)
        #expect(try mapped(long) > 60_000 && areas > 60_000)
        // Of one line, and so of all.
        let text = try run("sh", ["-c", "head -c 60000 /proc/\(long.pid)/maps | wc -L"])
        let perLine = try #require(Int(text.split(separator: "\n").first ?? ""))
        print("\(areas) areas; \(areas * perLine / 1_000_000) MB of maps text")
        #expect(areas * perLine > 900_000_000)

        let daemon = try Daemon()
        let memgrow = try Memgrow(
            "sbrk", "--size", "40KiB", "--count", "100000", "--keep", "--step", "--hold")
        let follower = try daemon.attach(memgrow.pid)
        let before = try daemon.memory("VmHWM")
        for target in [wide, long] {
            _ = try daemon.output("attach", "\(target.pid)", "--interval", "100ms")
        }
        var latencies = Latencies()
        // Over two full looks at each, ten seconds apart.
        let end = ContinuousClock.now + .seconds(environmentNumber("MEMWATCH_HOSTILE_SECONDS", else: 12))
        while ContinuousClock.now < end {
            try latencies.measure {
                let said = try memgrow.step()
                while try follower.next().end != said.string("end") {}
            }
        }
        let (peak, resident) = try (daemon.memory("VmHWM"), daemon.memory("VmRSS"))
        print(
            "resident: \(before >> 20) MiB before, \(resident >> 20) with both, at most \(peak >> 20); "
                + "growths of another target: \(latencies.text)")
        #expect(peak - before <= Self.bound)
        // In time: nobody waits for a look at the others, let alone for 950 MB.
        #expect(latencies.quantile(0.99) < 1000)

        // What is cut is marked so wherever it is shown; what is whole is not.
        let cut = try oneCall(daemon.socket, "Regions", "{\"pid\":\(long.pid)}")
        #expect(cut["parameters"]?["truncated"] == true && cut["parameters"]?["consistent"] == false)
        // Those who look for themselves read 16 MiB of it, and so does the daemon for those who take a stream.
        let stream = try ChildProcess(
            try builtProduct("memwatch"), ["regions", "\(long.pid)", "--at", "now", "--format", "ndjson"],
            environment: ["MEMWATCH_SOCKET": daemon.socket])
        #expect(try stream.remainingOutput().split(separator: "\n").count > 1000)
        let local = try daemon.run("regions", "\(long.pid)", "--format", "csv")
        #expect(local.exit == .status(0) && local.errors.contains("more than 16 MiB of maps text"))
        #expect(local.errorLines == 1)
        let samples = try daemon.records("history", "\(long.pid)")
        #expect(!samples.isEmpty && samples.allSatisfy { $0["consistent"] == false })
        let whole = try #require(try daemon.records("history", "\(wide.pid)").last)
        #expect(whole["consistent"] == true && (whole["regions"]?.integerValue ?? 0) > areas)
        #expect(try daemon.memory("VmHWM") - before <= Self.bound)
        try daemon.stop()
    }
}
