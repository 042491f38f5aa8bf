import Glibc
import TestSupport
import Testing
import Varlink

/// What only the kernel's records can show: memory that is gone before anyone looks, and growth that is known at
/// once however seldom anyone looks.
@Suite("Faster than any look", .requiresTool("cc"), .requiresKernelRecords, .timeLimit(.minutes(5)))
struct BurstTests {
    /// A thousand mappings, each gone 10 µs later; then says where they were, how large, and when it began and ended.
    private static let burst = """
        #define _GNU_SOURCE
        #include <stdio.h>
        #include <string.h>
        #include <sys/mman.h>
        #include <time.h>

        enum { count = 1000, page = 4096 };
        static void *where[count];

        static long long now(int clock) {
            struct timespec t;
            clock_gettime(clock, &t);
            return t.tv_sec * 1000000000LL + t.tv_nsec;
        }

        int main(int words, char **word) {
            int shared = words > 1 && strcmp(word[1], "shared") == 0;
            setvbuf(stdout, 0, _IOLBF, 0);
            puts("ready");
            getchar();
            long long began = now(CLOCK_REALTIME);
            for (int i = 0; i < count; i++) {
                size_t size = (shared ? 1 + i % 13 : 16) * page;
                where[i] = mmap(0, size, PROT_READ | PROT_WRITE,
                                (shared ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS, -1, 0);
                *(volatile char *)where[i] = 1;
                for (long long end = now(CLOCK_MONOTONIC) + 10000; now(CLOCK_MONOTONIC) < end;) {}
                munmap(where[i], size);
            }
            long long ended = now(CLOCK_REALTIME);
            printf("%lld %lld\\n", began / 1000, ended / 1000);
            for (int i = 0; i < count; i++) printf("0x%llx\\n", (unsigned long long)where[i]);
            puts("done");
            getchar();
            return 0;
        }
        """

    /// Shared memory has an inode of its own each time, so that sizes may differ. What the kernel merges with its
    /// neighbours can be told in its size only where that is the size of the one before.
    @Test(
        "a thousand mappings of 10 µs each are in the ledger, every one of them",
        arguments: ["private", "shared"])
    func burst(kind: String) throws {
        let daemon = try Daemon()
        let program = try CProgram(Self.burst).start(kind)
        let follower = try daemon.attach(program.pid)
        try program.send("\n")
        let times = try #require(try program.nextLine()).split(separator: " ").compactMap { Int64($0) }
        var starts: [String] = []
        while let line = try program.nextLine(), line != "done" { starts.append(line) }
        program.closeInput()
        try program.waitForExit()
        try follower.wait(for: "exit")

        // What stdout's buffer or the end of the program maps is not of the burst.
        let ours = Set(starts)
        let births = try daemon.records("events", "\(program.pid)").map(Event.init).filter {
            guard let time = microseconds($0.time), let start = $0.start else { return false }
            return $0.type == "mmap" && ours.contains(start) && times[0] <= time + 1000
                && time - 1000 <= times[1]
        }
        #expect(starts.count == 1000)
        #expect(births.map(\.start) == starts)
        let sizes: [Int64?] = (0..<1000).map { (number: Int64) in
            (kind == "shared" ? 1 + number % 13 : 16) * 4096
        }
        #expect(births.map(\.delta) == sizes)
        #expect(
            births.allSatisfy { $0.json["source"]?.stringValue == "perf" && $0.tid == Int64(program.pid) })
        let instants = births.compactMap { microseconds($0.time) }
        #expect(zip(instants, instants.dropFirst()).allSatisfy { $0 < $1 })
        // Every birth has its death: nothing of them is left over in the sums.
        let anonymous = try Ledger(of: program.pid, from: daemon)
        var check = Comparison()
        check.add(anonymous, [], isPerf: false)
        #expect(check.wrongSums == [])
        let status = try JSON(parsing: try daemon.output("status", "--format", "json"))
        #expect(status["records_lost"]?.integerValue == 0)
        try daemon.stop()
    }

    @Test(
        "a growth of the heap reaches followers and the journal at once, whatever the interval",
        .requiresPrivateJournal)
    func latency() throws {
        let journal = try PrivateJournal()
        let daemon = try Daemon(
            "[journal]\nminimum_growth = \"1KiB\"\nrate_burst = 100000\n", through: journal.wrapper)
        let memgrow = try Memgrow(
            "sbrk", "--size", "40KiB", "--count", "50", "--keep", "--step", "--hold")
        _ = try daemon.output("attach", "\(memgrow.pid)", "--interval", "10s")
        let follower = try daemon.follow(memgrow.pid)
        try follower.wait(for: "attached")
        var followed: [Int64] = []
        var events: [Event] = []
        for _ in 0..<50 {
            let began = monotonicMicroseconds()
            let said = try memgrow.step()
            let event = try follower.wait(for: "brk-grow")
            followed.append(monotonicMicroseconds() - began)
            #expect(event.delta == said.delta && event.end == said.string("end"))
            events.append(event)
        }
        try daemon.stop()
        let entries = try journal.entries("MEMWATCH_PID=\(memgrow.pid)", "MEMWATCH_EVENT=brk-grow")
        #expect(entries.count == 50)
        var journaled: [Int64] = []
        for (entry, event) in zip(entries, events) {
            let arrived = try #require(entry["__REALTIME_TIMESTAMP"]?.stringValue.flatMap { Int64($0) })
            journaled.append(arrived - (try #require(microseconds(event.time))))
        }
        print(
            "after a growth, median and worst: \(spread(followed)) to a follower, \(spread(journaled)) to the journal"
        )
        #expect(median(followed) <= 100_000)
        #expect(median(journaled) <= 100_000)
    }

    private func median(_ values: [Int64]) -> Int64 {
        let sorted = values.sorted()
        return sorted.isEmpty ? .max : sorted[sorted.count / 2]
    }

    private func spread(_ values: [Int64]) -> String {
        "\(median(values) / 1000) ms and \((values.max() ?? 0) / 1000) ms"
    }
}

/// Microseconds of a clock that nobody sets.
private func monotonicMicroseconds() -> Int64 {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return Int64(now.tv_sec) * 1_000_000 + Int64(now.tv_nsec) / 1000
}
