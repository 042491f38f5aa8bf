package import Glibc

/// Processes of every kind that the access rule tells apart, made for real.
package final class AccessTargets {
    package enum Kind: CaseIterable, Sendable {
        case own, otherUser, root, otherGroup
        /// A set-user-id program of another user, of the user's own run by another, and a set-group-id one.
        case setUserID, setUserIDToOwn, setGroupID
        /// prctl(PR_SET_DUMPABLE, 0); a program file its user may run but not read; root that became the user.
        case undumpable, unreadableProgram, dropped
        /// A file capability on the program.
        case capability
        /// Made by the user itself; made by root, with the user's ids inside.
        case ownNamespace, rootNamespace
        case exited, zombie
    }

    /// One that runs until this goes. `pid` is nil where the kernel does not let it be made.
    package struct Target {
        package var pid: pid_t?
        package var processes: [ChildProcess]
    }

    private let directory: TemporaryDirectory
    private let program: String

    package init() throws {
        directory = try TemporaryDirectory()
        // mkdtemp makes it for this user alone.
        chmod(directory.path, 0o755)
        let source = try directory.write(Self.source, to: "target.c")
        program = directory.file("target")
        try run("cc", ["-o", program, source])
        chmod(program, 0o755)
    }

    package func start(_ kind: Kind) throws -> Target {
        switch kind {
        case .own: return try target(1_000, 1_000, [program, "plain"])
        case .otherUser: return try target(2_000, 2_000, [program, "plain"])
        case .root: return try target(0, 0, [program, "plain"])
        case .otherGroup: return try target(1_000, 2_000, [program, "plain"])
        case .setUserID: return try target(1_000, 1_000, [copy("setuid", 2_000, 2_000, 0o4755), "plain"])
        case .setUserIDToOwn:
            return try target(2_000, 2_000, [copy("setuid-own", 1_000, 1_000, 0o4755), "plain"])
        case .setGroupID: return try target(1_000, 1_000, [copy("setgid", 0, 2_000, 0o2755), "plain"])
        case .undumpable: return try target(1_000, 1_000, [program, "undumpable"])
        case .unreadableProgram: return try target(1_000, 1_000, [copy("unreadable", 0, 0, 0o711), "plain"])
        case .dropped: return try target(0, 0, [program, "dropped"])
        case .capability:
            let file = try copy("capability", 0, 0, 0o755)
            try run("setcap", ["cap_net_bind_service+ep", file])
            return try target(1_000, 1_000, [file, "plain"])
        case .ownNamespace:
            return try target(1_000, 1_000, ["unshare", "-U", "--map-current-user", program, "plain"])
        case .rootNamespace: return try target(0, 0, [program, "namespace"])
        case .zombie: return try target(1_000, 1_000, [program, "zombie"])
        case .exited:
            let target = try target(1_000, 1_000, [program, "plain"])
            for process in target.processes {
                process.closeInput()
                try process.waitForExit()
            }
            return target
        }
    }

    /// One of uid 1000 that executes a set-user-id program of root's when a line is sent, and prints its pid again.
    package func startBecomingRoot() throws -> Target {
        try target(1_000, 1_000, [program, "becomes", copy("setuid-root", 0, 0, 0o4755)])
    }

    /// One of uid 2000 that has the pid of a process that is gone.
    ///
    /// The number that the pid namespace gave last is set, and the next fork mostly gets the one after it.
    package func reuse(_ pid: pid_t) throws -> Target {
        let process = try ChildProcess(program, ["reuses", "\(pid)", copy("second", 0, 0, 0o755)])
        guard try process.nextLine() == "\(pid)" else {
            throw TestFailure("the pid \(pid) was not to be had again: \(process.errorText())")
        }
        return Target(pid: pid, processes: [process])
    }

    private func target(_ uid: UInt32, _ gid: UInt32, _ command: [String]) throws -> Target {
        let process = try ChildProcess(
            "setpriv", ["--reuid", "\(uid)", "--regid", "\(gid)", "--clear-groups"] + command)
        // It prints its pid once it is what it is meant to be.
        return Target(pid: try process.nextLine().flatMap { pid_t($0) }, processes: [process])
    }

    private func copy(_ name: String, _ uid: uid_t, _ gid: gid_t, _ mode: mode_t) throws -> String {
        let path = try directory.write(readBytes(program), to: name)
        // The owner first: chown takes the set-id bits away.
        guard chown(path, uid, gid) == 0, chmod(path, mode) == 0 else {
            throw TestFailure("cannot make \(path) what it should be: errno \(errno)")
        }
        return path
    }

    private static let source = #"""
        #define _GNU_SOURCE
        #include <fcntl.h>
        #include <sched.h>
        #include <signal.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/prctl.h>
        #include <sys/wait.h>
        #include <unistd.h>

        static void say_and_wait(pid_t pid) {
            char c;
            printf("%d\n", pid);
            fflush(stdout);
            while (read(0, &c, 1) > 0) {}
        }

        static int map(pid_t pid, const char *file) {
            char path[64];
            snprintf(path, sizeof path, "/proc/%d/%s", pid, file);
            int fd = open(path, O_WRONLY);
            return fd >= 0 && write(fd, "0 0 65536", 9) == 9;
        }

        int main(int argc, char **argv) {
            const char *kind = argc > 1 ? argv[1] : "";
            if (!strcmp(kind, "undumpable")) prctl(PR_SET_DUMPABLE, 0);
            if (!strcmp(kind, "dropped") && (setresgid(1000, 1000, 1000) || setresuid(1000, 1000, 1000))) return 1;
            if (!strcmp(kind, "becomes")) {
                char c;
                printf("%d\n", getpid());
                fflush(stdout);
                if (read(0, &c, 1) == 1) execl(argv[2], "target", "plain", (char *)0);
                return 1;
            }
            if (!strcmp(kind, "reuses")) {
                pid_t wanted = atoi(argv[2]);
                for (int i = 0; i < 10000; i++) {
                    int fd = open("/proc/sys/kernel/ns_last_pid", O_WRONLY);
                    if (fd < 0 || dprintf(fd, "%d", wanted - 1) < 0) return 2;
                    close(fd);
                    int go[2];
                    char c;
                    if (pipe(go)) return 3;
                    pid_t child = fork();
                    if (child == 0) {
                        close(go[1]);
                        if (read(go[0], &c, 1) != 1) _exit(1);
                        close(go[0]);
                        if (setresgid(2000, 2000, 2000) || setresuid(2000, 2000, 2000)) _exit(1);
                        execl(argv[3], "second", "plain", (char *)0);
                        _exit(1);
                    }
                    close(go[0]);
                    if (child == wanted) {
                        if (write(go[1], "g", 1) != 1) return 4;
                        close(go[1]);
                        /* The child has this process's standard input. */
                        waitpid(child, 0, 0);
                        return 0;
                    }
                    close(go[1]);
                    waitpid(child, 0, 0);
                }
                return 5;
            }
            if (!strcmp(kind, "zombie")) {
                pid_t child = fork();
                if (child == 0) _exit(0);
                siginfo_t info;
                waitid(P_PID, child, &info, WEXITED | WNOWAIT);
                say_and_wait(child);
                return 0;
            }
            if (!strcmp(kind, "namespace")) {
                /* Only a process outside may map more than one id, so one stays outside. */
                int ready[2], mapped[2];
                char c;
                if (pipe(ready) || pipe(mapped)) return 1;
                pid_t child = fork();
                if (child == 0) {
                    close(ready[0]);
                    close(mapped[1]);
                    if (unshare(CLONE_NEWUSER) || write(ready[1], "r", 1) != 1) _exit(1);
                    if (read(mapped[0], &c, 1) != 1) _exit(1);
                    if (setresgid(1000, 1000, 1000) || setresuid(1000, 1000, 1000)) _exit(1);
                    /* After exec it is dumpable again, and without a capability. */
                    execl("/proc/self/exe", "target", "plain", (char *)0);
                    _exit(1);
                }
                close(ready[1]);
                close(mapped[0]);
                if (read(ready[0], &c, 1) != 1 || !map(child, "uid_map") || !map(child, "gid_map")) return 1;
                if (write(mapped[1], "m", 1) != 1) return 1;
                waitpid(child, 0, 0);
                return 0;
            }
            say_and_wait(getpid());
            return 0;
        }
        """#
}
