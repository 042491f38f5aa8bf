import TestSupport
import Testing
import Varlink

/// Programs whose growth is known, and what `explain` says of it.
@Suite("The growth of real programs in words", .requiresTool("cc"), .timeLimit(.minutes(5)))
struct ExplainTests {
    /// Each grows in a way of its own, in steps 20 ms apart, says when it has done so many, and goes on in that way until
    /// its input ends: what still grows when it is asked about is no cache that is full.
    private static let program = """
        #include <alloca.h>
        #include <poll.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/mman.h>
        #include <unistd.h>

        enum { page = 4096, block = 64 * 1024, large = 1024 * 1024 };

        static void *map(size_t size) {
            return mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        }

        int main(int count, char **words) {
            const char *way = words[1];
            int steps = atoi(words[2]);
            void *kept[40] = {0};
            setvbuf(stdout, 0, _IOLBF, 0);
            puts("ready");
            getchar();
            struct pollfd input = {.fd = 0, .events = POLLIN};
            for (int i = 0; poll(&input, 1, 0) == 0; i++) {
                if (!strcmp(way, "cache") && i < steps / 3) map(large);
                if (!strcmp(way, "sawtooth")) {
                    if (i % 10 < 5) kept[i % 10] = map(large);
                    else munmap(kept[i % 10 - 5], large);
                }
                if (!strcmp(way, "brk")) memset(malloc(block), 1, block);
                if (!strcmp(way, "mmap")) memset(malloc(large), 1, page);
                if (!strcmp(way, "stack")) memset(alloca(block / 32), 1, block / 32);
                if (i == steps) puts("done");
                usleep(20000);
            }
            return 0;
        }
        """

    static let cases: [(way: String, verdict: String, kind: String?)] = [
        ("brk", "leak-suspected", "heap"), ("mmap", "leak-suspected", "anon"), ("cache", "filled", "anon"),
        ("stack", "growing", "stack"), ("sawtooth", "comes-and-goes", "anon"), ("rest", "no-growth", nil),
    ]

    @Test("reaches the verdict that the program deserves", arguments: cases)
    func verdict(_ example: (way: String, verdict: String, kind: String?)) throws {
        let daemon = try Daemon(Daemon.quiet + "[sampling]\nfull_scan_interval = \"1s\"\n")
        let program = try CProgram(Self.program).start(example.way, "300")
        let follower = try daemon.attach(program.pid)
        try program.send("\n")
        #expect(try program.nextLine() == "done")
        // How long it took until the first step is in the span, too, and weighs less with time.
        let patience = ContinuousClock.now + .seconds(60)
        var explanation: JSON
        repeat {
            try waitForTicks(3, daemon)
            explanation = try explain(program.pid, daemon)
        } while explanation["verdict"] != .string(example.verdict) && ContinuousClock.now < patience
        #expect(explanation["verdict"] == .string(example.verdict), "\(explanation.jsonText)")
        let growth = try #require(explanation["findings"]?.arrayValue).filter { $0["finding"] == "growth" }
        #expect(growth.first?["kind"]?.stringValue == example.kind, "\(explanation.jsonText)")
        program.closeInput()
        _ = follower
        try daemon.stop()
    }

    @Test("a program of many threads: their stacks and arenas are what grew")
    func threads() throws {
        let daemon = try Daemon(Daemon.quiet)
        let memgrow = try Memgrow("threads", "--count", "8", "--size", "64KiB", "--step", "--hold")
        let follower = try daemon.attach(memgrow.pid)
        for _ in 0..<8 {
            _ = try memgrow.step()
            try waitForTicks(2, daemon)
        }
        let explanation = try explain(memgrow.pid, daemon)
        let findings = try #require(explanation["findings"]?.arrayValue)
        let grown = findings.filter { $0["finding"] == "growth" }.compactMap { $0["kind"]?.stringValue }
        #expect(grown.contains("thread-stack"), "\(explanation.jsonText)")
        #expect(findings.contains { $0["finding"] == "thread-stacks" })
        _ = follower
    }

    @Test("a process without history is no process, and a span without looks has none")
    func nothing() throws {
        let daemon = try Daemon(Daemon.quiet)
        #expect(try daemon.run("explain", "1").exit == .status(66))
        let program = try CProgram(Self.program).start("rest", "1")
        let follower = try daemon.attach(program.pid)
        let run = try daemon.run("explain", "\(program.pid)", "--until", "@1000")
        #expect(run.exit == .status(66) && run.output == "" && run.errors.contains("no history in this time"))
        _ = follower
    }

    private func explain(_ pid: Int32, _ daemon: Daemon) throws -> JSON {
        let text = try daemon.output("explain", "\(pid)")
        #expect(text.contains("(\(pid)): "))
        return try JSON(parsing: try daemon.output("explain", "\(pid)", "--format", "json"))
    }

    private func waitForTicks(_ count: Int64, _ daemon: Daemon) throws {
        let ticks = try daemon.status()["ticks"]?.integerValue ?? 0
        try daemon.status { ($0["ticks"]?.integerValue ?? 0) >= ticks + count }
    }
}
