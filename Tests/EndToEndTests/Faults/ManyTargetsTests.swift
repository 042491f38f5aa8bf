import Glibc
import TestSupport
import Testing
import Varlink

/// `MEMWATCH_TARGETS=10000` for the whole of it. Who cannot be followed in the first place, because processes are
/// made faster than anybody takes them up: ForkStormTests.swift.
@Suite(
    "memwatchd with very many targets, which all die", .requiresTool("cc"), .requiresTool("sqlite3"),
    .timeLimit(.minutes(20)))
struct ManyTargetsTests {
    /// By turns makes children that sleep, and kills them at a rate. Each has mapped as many pages as its pid says.
    private static let program = """
        #define _GNU_SOURCE
        #include <signal.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <sys/mman.h>
        #include <sys/prctl.h>
        #include <time.h>
        #include <unistd.h>

        static double now(void) {
            struct timespec t;
            clock_gettime(CLOCK_MONOTONIC, &t);
            return t.tv_sec + t.tv_nsec / 1e9;
        }

        int main(int count, char **words) {
            static pid_t children[20000];
            int number = atoi(words[1]), rate = atoi(words[2]);
            signal(SIGCHLD, SIG_IGN);
            setvbuf(stdout, 0, _IOLBF, 0);
            puts("ready");
            while (getchar() == '\\n') {
                for (int i = 0; i < number; i++) {
                    pid_t pid = fork();
                    if (pid < 0) return 1;
                    if (pid == 0) {
                        prctl(PR_SET_PDEATHSIG, SIGKILL);
                        mmap(0, (size_t)getpid() * 4096, PROT_NONE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
                        for (;;) pause();
                    }
                    children[i] = pid;
                }
                puts("made");
                if (getchar() != '\\n') break;
                double began = now();
                for (int i = 0; i < number; i++) {
                    while ((now() - began) * rate < i) usleep(200);
                    kill(children[i], SIGKILL);
                }
                puts("gone");
            }
            return 0;
        }
        """

    /// Samples that are not what the kernel must have shown: whole, with a program and a stack, and of shared
    /// memory none or the child's own.
    private static let partial = """
        SELECT pid, vm_size, shared, text, stack, consistent FROM samples
        WHERE consistent = 0 OR shared NOT IN (0, pid * 4096) OR text = 0 OR stack = 0
            OR vm_size <> text + rodata + data + bss + heap + stack + anon + arena + thread_stack + "guard"
                + reserved + jit + file + shared + hugetlb + device + vdso
        LIMIT 10
        """

    @Test(
        "all are looked at, whole; they die at 1,000 a second, and leave nothing behind, the third time as the first"
    )
    func dying() throws {
        // Of a daemon built with a sanitizer, a thousand first looks take longer than the client waits for its call.
        let number = environmentNumber("MEMWATCH_TARGETS", else: Sanitizer.active == nil ? 1_000 : 100)
        let daemon = try Daemon()
        let crowd = try CProgram(Self.program).start("\(number)", "1000")
        _ = try daemon.output("attach", "\(crowd.pid)")
        let open = try daemon.descriptors()
        var resident: [Int] = []
        for _ in 0..<3 {
            try crowd.send("\n")
            #expect(try crowd.nextLine() == "made")
            // Takes up the children that are there, however many.
            _ = try daemon.output("attach", "\(crowd.pid)", "--children")
            let before = try daemon.status { $0["targets"]?.integerValue == Int64(number + 1) }
            // Each has been looked at again.
            try daemon.status { ($0["ticks"]?.integerValue ?? 0) > (before["ticks"]?.integerValue ?? 0) + 2 }
            print(
                "\(number) targets: \(try daemon.memory("VmRSS") >> 20) MiB resident, "
                    + "\(try daemon.descriptors()) descriptors")
            try crowd.send("\n")
            #expect(try crowd.nextLine() == "gone")
            // What they held is given back; the history may have opened another reader: its file and its log.
            let after = try daemon.status {
                $0["targets"] == 1 && (try? daemon.descriptors()) ?? .max <= open + 4
            }
            // Free memory goes back to the kernel every 15 seconds, and a tick is a second. Whose end was seen last is
            // no target any more when that is written.
            try daemon.status { ($0["ticks"]?.integerValue ?? 0) > (after["ticks"]?.integerValue ?? 0) + 16 }
            resident.append(try daemon.memory("VmRSS"))
        }
        let status = try daemon.status()
        print(
            "dead at 1,000 a second, 3 times: resident afterwards \(resident.map { $0 >> 10 }) KiB, descriptors "
                + "\(open), late ticks \(status["late_ticks"] ?? .null), records lost \(status["records_lost"] ?? .null)"
        )
        // What the allocator keeps for the next time, it keeps once; a sanitizer keeps what was freed.
        if Sanitizer.active == nil { #expect(resident[2] < resident[1] + resident[1] / 10 + 2 << 20) }
        let ended = try sqlite(
            daemon.database, "SELECT count(*) FROM processes WHERE ended IS NOT NULL AND end_state = 'exited'"
        )
        #expect(ended == ["\(number * 3)"])
        let looked = try sqlite(daemon.database, "SELECT count(DISTINCT process) FROM samples")
        #expect(looked == ["\(number * 3 + 1)"])
        #expect(try sqlite(daemon.database, Self.partial) == [])
        try daemon.stop()
    }
}
