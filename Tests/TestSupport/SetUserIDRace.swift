package import Glibc

/// One process of uid 1000 after the other that executes a set-user-id program of root's at any moment.
package final class SetUserIDRace: Sendable {
    private let directory: TemporaryDirectory
    private let process: ChildProcess
    /// What the map of one names as soon as it is root's.
    package static let program = "racer-of-root"

    /// - Parameter wrapper: runs the driver in turn, as uid 1000; its standard output has a pid for each round.
    package init(rounds: Int) throws {
        directory = try TemporaryDirectory()
        chmod(directory.path, 0o755)
        let racer = directory.file("racer")
        try run("cc", ["-O1", "-o", racer, try directory.write(Self.source, to: "racer.c")])
        chmod(racer, 0o755)
        let path = try directory.write(readBytes(racer), to: Self.program)
        guard chown(path, 0, 0) == 0, chmod(path, 0o4755) == 0 else {
            throw TestFailure.system("make \(path) set-user-id", errno)
        }
        let user = ["--reuid", "1000", "--regid", "1000", "--clear-groups"]
        process = try ChildProcess("setpriv", user + [racer, "drive", "\(rounds)", path])
        guard try process.nextLine() == "ready" else { throw TestFailure(process.errorText()) }
    }

    /// Whoever forks them.
    package var driver: pid_t { process.pid }

    /// Forks the first.
    ///
    /// - Parameter longest: microseconds before the program is executed, at most; each time another.
    package func begin(longest: Int = 800) throws { try process.send("\(longest)\n") }

    /// The next process, which lives until ``end(_:)``; nil when the rounds are over.
    package func next() throws -> pid_t? { try process.nextLine().flatMap { pid_t($0) } }

    package func end(_ pid: pid_t) { kill(pid, SIGKILL) }

    private static let source = #"""
        #define _GNU_SOURCE
        #include <signal.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/wait.h>
        #include <time.h>
        #include <unistd.h>

        static long now(void) {
            struct timespec t;
            clock_gettime(CLOCK_MONOTONIC, &t);
            return t.tv_sec * 1000000000L + t.tv_nsec;
        }

        int main(int argc, char **argv) {
            if (argc > 1 && !strcmp(argv[1], "wait")) for (;;) pause();
            int rounds = atoi(argv[2]);
            setvbuf(stdout, 0, _IOLBF, 0);
            puts("ready");
            long longest;
            if (scanf("%ld", &longest) != 1) return 1;
            srand(7);
            for (int i = 0; i < rounds; i++) {
                long wait = rand() % (longest * 1000);
                pid_t pid = fork();
                if (pid == 0) {
                    for (long end = now() + wait; now() < end;) {}
                    execl(argv[3], "racer", "wait", (char *)0);
                    _exit(1);
                }
                printf("%d\n", pid);
                waitpid(pid, 0, 0);
            }
            return 0;
        }
        """#
}
