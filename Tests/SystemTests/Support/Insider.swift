import TestSupport

/// A program that tries, from inside, what a service's sandbox allows; linked statically, so that it runs in
/// every machine.
struct Insider {
    static let path = "/usr/local/bin/insider"

    /// Puts it there.
    init(on machine: TestMachine) throws {
        let program = try CProgram(Self.source, "-static")
        try TestSupport.run("install", [program.path, "/proc/\(machine.leader)/root" + Self.path])
    }

    /// What `insider calls` printed: `ok` or an errno's name by the call's.
    static func answers(_ text: String) -> [String: String] {
        var answers: [String: String] = [:]
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count == 2 { answers[String(words[0])] = String(words[1]) }
        }
        return answers
    }

    /// `insider calls` tries each call on a child of its own, which nothing but a filter forbids;
    /// `insider hold FILE` maps a file as if it were code, and stays.
    private static let source = #"""
        #define _GNU_SOURCE
        #include <errno.h>
        #include <fcntl.h>
        #include <linux/perf_event.h>
        #include <sched.h>
        #include <signal.h>
        #include <stdio.h>
        #include <string.h>
        #include <sys/mman.h>
        #include <sys/ptrace.h>
        #include <sys/socket.h>
        #include <sys/syscall.h>
        #include <sys/uio.h>
        #include <sys/wait.h>
        #include <unistd.h>

        static char secret[1] = "s";

        static void say(const char *call, long result) {
            printf("%s %s\n", call, result >= 0 ? "ok" : strerrorname_np(errno));
        }

        static int calls(void) {
            pid_t child = fork();
            if (child == 0) for (;;) pause();
            char byte;
            struct iovec here = {&byte, 1}, there = {secret, 1};
            say("process_vm_readv", process_vm_readv(child, &here, 1, &there, 1, 0));
            say("process_vm_writev", process_vm_writev(child, &here, 1, &there, 1, 0));
            int descriptor = syscall(SYS_pidfd_open, child, 0);
            say("pidfd_open", descriptor);
            say("pidfd_getfd", syscall(SYS_pidfd_getfd, descriptor, 1, 0));
            say("ptrace", ptrace(PTRACE_SEIZE, child, 0, 0));
            struct perf_event_attr event = {.type = PERF_TYPE_SOFTWARE, .size = sizeof event,
                .config = PERF_COUNT_SW_DUMMY, .mmap = 1, .mmap2 = 1, .task = 1, .comm = 1};
            say("perf_event_open", syscall(SYS_perf_event_open, &event, -1, 0, -1, PERF_FLAG_FD_CLOEXEC));
            say("AF_UNIX", socket(AF_UNIX, SOCK_STREAM, 0));
            say("AF_INET", socket(AF_INET, SOCK_STREAM, 0));
            say("AF_INET6", socket(AF_INET6, SOCK_STREAM, 0));
            say("AF_NETLINK", socket(AF_NETLINK, SOCK_RAW, 0));
            say("unshare", unshare(CLONE_NEWUSER));
            void *page = mmap(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            say("writable-code", page == MAP_FAILED ? -1 : 0);
            say("home", open("/home", O_RDONLY) < 0 ? -1 : access("/home/insider", F_OK));
            say("etc", open("/etc/insider", O_CREAT | O_WRONLY, 0600));
            kill(child, SIGKILL);
            waitpid(child, 0, 0);
            return 0;
        }

        static int hold(const char *path) {
            int file = open(path, O_RDONLY);
            void *code = mmap(0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, 0);
            if (code == MAP_FAILED) { perror(path); return 1; }
            puts("held");
            for (;;) pause();
        }

        int main(int count, char **words) {
            setvbuf(stdout, 0, _IOLBF, 0);
            return count > 2 ? hold(words[2]) : calls();
        }
        """#
}
