import Glibc
import TestSupport
import Testing
import Varlink

@Suite(
    "A pid that is used again and again", .requiresTool("cc"), .requiresTool("sqlite3"),
    .timeLimit(.minutes(60)))
struct PidReuseTests {
    /// Forks one child after the other with the same pid, by setting the number that the namespace gave last. The child
    /// number i maps i pages, lives until a line comes or for some milliseconds, and ends.
    private static let reuser = """
        #define _GNU_SOURCE
        #include <fcntl.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/mman.h>
        #include <sys/wait.h>
        #include <unistd.h>

        int main(int count, char **words) {
            int rounds = atoi(words[1]), waits = atoi(words[2]), wanted = 30000;
            setvbuf(stdout, 0, _IOLBF, 0);
            puts("ready");
            getchar();
            for (int i = 1; i <= rounds; i++) {
                char text[16];
                int length = sprintf(text, "%d", wanted - 1);
                int file = open("/proc/sys/kernel/ns_last_pid", O_WRONLY);
                if (file < 0 || write(file, text, length) != length) return 2;
                close(file);
                int ends[2];
                if (pipe(ends)) return 3;
                pid_t pid = fork();
                if (pid == 0) {
                    close(ends[0]);
                    mmap(0, (size_t)i * 4096, PROT_NONE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
                    if (write(ends[1], "x", 1) != 1) _exit(1);
                    pause();
                }
                if (pid != wanted) return 4;
                char byte;
                if (read(ends[0], &byte, 1) != 1) return 5;
                close(ends[0]);
                close(ends[1]);
                if (i <= waits) {
                    printf("%d\\n", i);
                    getchar();
                }
                kill(pid, 9);
                waitpid(pid, 0, 0);
            }
            puts("done");
            getchar();
            return 0;
        }
        """

    /// `MEMWATCH_PID_REUSES=10000` for the whole of it.
    @Test(
        "each of its processes has a history of its own", .requiresRoot, .requiresPidNamespace,
        arguments: ["sampling", "auto"])
    func reuse(source: String) throws {
        let rounds = environmentNumber("MEMWATCH_PID_REUSES", else: 300)
        // By sampling a child with its predecessor's pid is found by a scan of everything only.
        let waits = source == "sampling" ? 3 : 10
        let namespace = try ChildProcess(
            "unshare", ["-pf", "--mount-proc", "--kill-child", "sh", "-c", "echo ready; read end"])
        #expect(try namespace.nextLine() == "ready")
        let first = try #require(
            try readText("/proc/\(namespace.pid)/task/\(namespace.pid)/children").split(separator: " ").first)
        let wrapper = ["nsenter", "-t", String(first), "-p", "-m", "--"]
        // Ended with its namespace: a signal to nsenter would not reach it.
        let daemon = try Daemon(Daemon.quiet + "[events]\nsource = \"\(source)\"\n", through: wrapper)
        let program = try CProgram(Self.reuser)
        let running = try program.start("\(rounds)", "\(waits)", through: wrapper)
        let parent = try #require(
            try readText("/proc/\(running.pid)/task/\(running.pid)/children").split(separator: " ").first)
        let inside = try #require(
            try readText("/proc/\(parent)/status").split(separator: "\n").first { $0.hasPrefix("NSpid:") }?
                .split(separator: "\t").last)
        _ = try daemon.output("attach", String(inside), "--children", "--interval", "100ms")
        let follower = try daemon.follow()
        try running.send("\n")
        for number in 1...waits {
            #expect(try running.nextLine() == "\(number)")
            // Seen by its memory: as a change, or at its first look.
            _ = try follower.wait { _ in
                let rows = try? sqlite(
                    daemon.database, "SELECT max(shared) FROM samples WHERE pid = 30000")
                return rows == ["\(number * 4096)"]
            }
            try running.send("\n")
        }
        while let line = try running.nextLine(), line != "done" {}
        let end = try daemon.follow(Int32(String(inside)))
        running.closeInput()
        try running.waitForExit()
        try end.wait(for: "exit")
        // The last children are taken up after their parent's end.
        let patience = ContinuousClock.now + .seconds(60)
        while source == "auto", ContinuousClock.now < patience {
            let status = try JSON(parsing: try daemon.output("status", "--format", "json"))
            let ended = try sqlite(
                daemon.database, "SELECT count(*) FROM processes WHERE pid = 30000 AND ended IS NOT NULL")
            let all = Int64(ended.first ?? "") ?? 0
            if status["event_source"]?.stringValue != "perf" { break }
            if all + (status["forks_dropped"]?.integerValue ?? 0) >= rounds { break }
        }

        let rows = try sqlite(
            daemon.database,
            """
            SELECT process, max(shared), count(DISTINCT nullif(shared, 0)) FROM samples WHERE pid = 30000
            GROUP BY process ORDER BY process
            """
        ).map { $0.split(separator: "|").compactMap { Int($0) } }
        #expect(rows.count >= waits && rows.count <= rounds)
        // One size each, and in the order in which they lived.
        #expect(rows.allSatisfy { $0.count == 3 && $0[2] <= 1 })
        let sizes = rows.map { $0[1] }.filter { $0 > 0 }
        let waitedFor = (1...waits).map { $0 * 4096 }
        #expect(Array(sizes.prefix(waits)) == waitedFor)
        #expect(zip(sizes, sizes.dropFirst()).allSatisfy { $0 < $1 })
        let deaths = try sqlite(
            daemon.database,
            "SELECT process, count(*) FROM events WHERE pid = 30000 AND event = 'exit' GROUP BY process HAVING count(*) > 1"
        )
        #expect(deaths == [])
        // Those that were gone before anybody could look have only events: each maps once.
        let mixed = try sqlite(
            daemon.database,
            """
            SELECT process, count(*) FROM events WHERE pid = 30000 AND event = 'mmap' AND kind = 'shared'
            GROUP BY process HAVING count(*) > 1
            """)
        #expect(mixed == [])
        // Whoever is not followed is counted.
        let status = try JSON(parsing: try daemon.output("status", "--format", "json"))
        let dropped = status["forks_dropped"]?.integerValue ?? 0
        let followed = try Int64(
            sqlite(daemon.database, "SELECT count(*) FROM processes WHERE pid = 30000").first ?? "")
        print(
            "pid reuse, \(source): \(rounds) processes, \(followed ?? 0) followed, \(rows.count) of them looked at, "
                + "\(dropped) dropped")
        if status["event_source"]?.stringValue == "perf" {
            #expect((followed ?? 0) + dropped >= Int64(rounds))
        }
        namespace.closeInput()
        try namespace.waitForExit()
    }
}

extension Trait where Self == ConditionTrait {
    /// A pid namespace with a /proc of its own, and the file that says which pid comes next.
    fileprivate static var requiresPidNamespace: Self {
        requires(
            "pid-namespace",
            (try? run(
                "unshare", ["-pf", "--mount-proc", "sh", "-c", "echo 300 > /proc/sys/kernel/ns_last_pid"]))
                != nil,
            "it must make a pid namespace and set its last pid")
    }
}
