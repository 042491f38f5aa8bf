#ifndef MEMWATCH_CLINUX_SPAWN_H
#define MEMWATCH_CLINUX_SPAWN_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

/// A process that waits to become a program: everything about it can be arranged before its first instruction.
struct clinux_waiting_child {
    pid_t pid;
    /// A byte written here lets it go; closed, it ends without executing anything.
    int release;
    /// Ends when the program runs; an int read here is the errno of an exec that failed.
    int report;
};

/// Starts one that will execute `arguments[0]`, looked up in PATH. It has the standard streams, the process group and the
/// signals of this process, with SIGPIPE at its default. -1 and errno on failure.
///
/// Between fork and exec only what is safe in a process of many threads.
static inline int clinux_start_waiting(char *const arguments[], struct clinux_waiting_child *child) {
    int release[2], report[2];
    if (syscall(SYS_pipe2, release, O_CLOEXEC) != 0) return -1;
    if (syscall(SYS_pipe2, report, O_CLOEXEC) != 0) {
        close(release[0]);
        close(release[1]);
        return -1;
    }
    pid_t pid = fork();
    if (pid == 0) {
        char byte;
        ssize_t count;
        close(release[1]);
        do count = read(release[0], &byte, 1);
        while (count < 0 && errno == EINTR);
        if (count != 1) _exit(127);
        signal(SIGPIPE, SIG_DFL);
        execvp(arguments[0], arguments);
        int code = errno;
        if (write(report[1], &code, sizeof code) != sizeof code) _exit(126);
        _exit(code == ENOENT ? 127 : 126);
    }
    int code = errno;
    close(release[0]);
    close(report[1]);
    if (pid < 0) {
        close(release[1]);
        close(report[0]);
        errno = code;
        return -1;
    }
    child->pid = pid;
    child->release = release[1];
    child->report = report[0];
    return 0;
}

/// Starts a helper in a session of its own, so that the terminal's keys do not reach it, which is asked to end when the
/// calling thread does. Reads nothing; writes to `log`. -1 and errno on failure.
static inline pid_t clinux_start_helper(char *const arguments[], int log) {
    pid_t parent = getpid(), pid = fork();
    if (pid != 0) return pid;
    setsid();
    prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
    if (getppid() != parent) _exit(127);
    int null = open("/dev/null", O_RDONLY);
    dup2(null, STDIN_FILENO);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    execv(arguments[0], arguments);
    _exit(127);
}

static inline int clinux_exited(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : -1; }
static inline int clinux_signaled(int status) { return WIFSIGNALED(status) ? WTERMSIG(status) : -1; }

#endif
