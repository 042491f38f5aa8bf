import Glibc
import TestSupport
import Testing
import Varlink

@Suite("A daemon that may open few files", .requiresTool("cc"), .requiresRoot, .timeLimit(.minutes(5)))
struct FewDescriptorsTests {
    /// Processes that each map a mebibyte when they are told, all together.
    private static let crowd = """
        #include <stdio.h>
        #include <stdlib.h>
        #include <sys/mman.h>
        #include <unistd.h>

        int main(int count, char **words) {
            int pipes[512][2], number = atoi(words[1]);
            for (int i = 0; i < number; i++) {
                if (pipe(pipes[i])) return 1;
                pid_t child = fork();
                if (child == 0) {
                    char byte;
                    for (int j = 0; j <= i; j++) close(pipes[j][1]);
                    while (read(pipes[i][0], &byte, 1) == 1)
                        mmap(0, 1 << 20, PROT_NONE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
                    return 0;
                }
                close(pipes[i][0]);
                if (i == 0) puts("ready");
                printf("%d\\n", child);
            }
            puts("all");
            fflush(stdout);
            while (getchar() == '\\n')
                for (int i = 0; i < number; i++)
                    if (write(pipes[i][1], "x", 1) != 1) return 1;
        }
        """

    /// One descriptor holds on to each process, and a second makes it cheap to ask, while there are plenty. With
    /// 256 there are not.
    @Test("150 targets with 256 descriptors: every growth is told, and clients are answered")
    func watched() throws {
        let count = 150
        let daemon = try Daemon(
            Daemon.quiet + "[events]\nsource = \"sampling\"\n",
            // Without the capability to raise its own limit.
            through: ["prlimit", "--nofile=256:256", "setpriv", "--bounding-set=-sys_resource"])
        let program = try CProgram(Self.crowd).start("\(count)")
        var pids: [pid_t] = []
        while let line = try program.nextLine(), line != "all" { pids.append(try #require(pid_t(line))) }
        #expect(pids.count == count)
        _ = try Client.run(
            ["attach", "--interval", "100ms"] + pids.map { "\($0)" }, socket: daemon.socket)
        let follower = try daemon.follow()
        for round in 1...3 {
            try program.send("\n")
            var told: [Int64: Int64] = [:]
            while told.count < count || !told.values.allSatisfy({ $0 == 1 << 20 }) {
                let event = try follower.next()
                guard event.kind == "shared", let pid = event.pid else { continue }
                told[pid, default: 0] += event.delta ?? 0
                guard told[pid] ?? 0 <= 1 << 20 else {
                    throw TestFailure("round \(round): too much of \(pid): \(event)")
                }
            }
        }
        let targets = try daemon.records("list")
        #expect(targets.count == count)
        #expect(targets.allSatisfy { $0["state"]?.stringValue == "running" })
        let open = try run("ls", ["/proc/\(daemon.process.pid)/fd"]).split(separator: "\n").count
        #expect(open > count && open <= 256, "\(open)")
        #expect(try readText("/proc/\(daemon.process.pid)/limits").contains("256                  256"))
        #expect(try daemon.records("regions", "\(pids[0])", "--at", "now").count > 10)
        try daemon.stop()
    }
}
