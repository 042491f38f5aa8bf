import Glibc
import TestSupport
import Testing
import Varlink

@Suite("A storm of forks", .requiresTool("cc"), .requiresTool("sqlite3"), .timeLimit(.minutes(5)))
struct ForkStormTests {
    /// Forks at a rate for some seconds. Each child maps as many pages as its pid says and ends; so memory in the
    /// history that is not of that size is another's.
    private static let storm = """
        #define _GNU_SOURCE
        #include <signal.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <sys/mman.h>
        #include <time.h>
        #include <unistd.h>

        static long long now(void) {
            struct timespec t;
            clock_gettime(CLOCK_MONOTONIC, &t);
            return t.tv_sec * 1000000000LL + t.tv_nsec;
        }

        int main(int count, char **words) {
            double seconds = atof(words[1]), rate = atof(words[2]);
            signal(SIGCHLD, SIG_IGN);
            setvbuf(stdout, 0, _IOLBF, 0);
            puts("ready");
            getchar();
            long long began = now(), end = began + (long long)(seconds * 1e9);
            long forks = 0, failed = 0;
            while (now() < end) {
                if (forks > (now() - began) / 1e9 * rate) continue;
                pid_t pid = fork();
                if (pid == 0) {
                    mmap(0, (size_t)getpid() * 4096, PROT_NONE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
                    _exit(0);
                }
                if (pid > 0) forks++; else failed++;
            }
            printf("%ld %ld\\n", forks, failed);
            getchar();
            return 0;
        }
        """

    /// `MEMWATCH_STORM_SECONDS=10` for the whole of it.
    @Test(
        "5,000 forks a second: it stays, in bounded memory, and gives nobody another's memory",
        arguments: ["sampling", "auto"])
    func storm(source: String) throws {
        let seconds = environmentNumber("MEMWATCH_STORM_SECONDS", else: 2.0)
        let daemon = try Daemon(
            Daemon.quiet + "[events]\nsource = \"\(source)\"\n",
            // Else 256 MiB of what was freed is held back.
            environment: Sanitizer.addressOptions(adding: "quarantine_size_mb=1"))
        let program = try CProgram(Self.storm).start("\(seconds)", "5000")
        _ = try daemon.output("attach", "\(program.pid)", "--children", "--interval", "100ms")
        let before = try resident(daemon)
        try program.send("\n")
        let counts = try #require(try program.nextLine()).split(separator: " ").compactMap { Int($0) }
        let after = try resident(daemon)
        program.closeInput()
        try program.waitForExit()
        let end = try daemon.follow(program.pid)
        try end.wait(for: "exit")
        #expect(counts.first ?? 0 > 1000)

        // The last children are taken up after their parent's end.
        var status = try JSON(parsing: try daemon.output("status", "--format", "json"))
        var (followed, counted) = (0, 0)
        let patience = ContinuousClock.now + .seconds(60)
        repeat {
            status = try JSON(parsing: try daemon.output("status", "--format", "json"))
            followed = try Int(sqlite(daemon.database, "SELECT count(*) FROM processes").first ?? "") ?? 0
            // What a daemon that is too slow for the rings has lost may have been forks.
            counted = Int(
                (status["forks_dropped"]?.integerValue ?? 0) + (status["records_lost"]?.integerValue ?? 0))
        } while status["event_source"]?.stringValue == "perf" && ContinuousClock.now < patience
            && followed - 1 + counted < counts.first ?? 0
        print(
            "storm, \(source): \(counts) forks and failures, \(followed) followed, resident \(before >> 20) to "
                + "\(after >> 20) MiB, forks dropped \(status["forks_dropped"]?.integerValue ?? 0), "
                + "records lost \(status["records_lost"]?.integerValue ?? 0), gaps \(status["gaps"]?.integerValue ?? 0)"
        )
        #expect(after < before + 128 << 20)
        // Whoever is not followed is counted.
        if status["event_source"]?.stringValue == "perf" {
            #expect(followed - 1 + counted >= counts.first ?? 0)
        }
        // A mapping of its own number of pages, or none that was seen.
        let foreign = try sqlite(
            daemon.database,
            "SELECT pid, event, delta FROM events WHERE kind = 'shared' AND abs(delta) <> pid * 4096 LIMIT 10"
        )
        #expect(foreign == [])
        let twice = try sqlite(
            daemon.database,
            "SELECT pid, count(*) FROM events WHERE event = 'mmap' AND kind = 'shared' GROUP BY process HAVING count(*) > 1"
        )
        #expect(twice == [])
        let strange = try sqlite(
            daemon.database,
            "SELECT pid, shared FROM samples WHERE shared NOT IN (0, pid * 4096) LIMIT 10")
        #expect(strange == [])
        try daemon.stop()
    }

    /// VmHWM of the daemon, in bytes.
    private func resident(_ daemon: Daemon) throws -> Int {
        let line = try readText("/proc/\(daemon.process.pid)/status").split(separator: "\n").first {
            $0.hasPrefix("VmHWM:")
        }
        return (Int(line?.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first ?? "") ?? 0)
            << 10
    }
}
