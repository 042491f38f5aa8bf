#ifndef MEMWATCH_CLINUX_CAPABILITIES_H
#define MEMWATCH_CLINUX_CAPABILITIES_H

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

/// Three of a thread's sets of capabilities (capabilities(7)), a bit each.
struct clinux_capabilities {
    uint64_t effective;
    uint64_t permitted;
    uint64_t inheritable;
};

/// Of the calling thread, and of no other: the kernel keeps them for each thread. -1 and errno on failure.
static inline int clinux_get_capabilities(struct clinux_capabilities *sets) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct halves[2];
    if (syscall(SYS_capget, &header, halves) != 0) return -1;
    sets->effective = (uint64_t)halves[1].effective << 32 | halves[0].effective;
    sets->permitted = (uint64_t)halves[1].permitted << 32 | halves[0].permitted;
    sets->inheritable = (uint64_t)halves[1].inheritable << 32 | halves[0].inheritable;
    return 0;
}

/// For the calling thread, and the threads that it starts from now on. -1 and errno on failure.
static inline int clinux_set_capabilities(struct clinux_capabilities sets) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct halves[2] = {
        {(uint32_t)sets.effective, (uint32_t)sets.permitted, (uint32_t)sets.inheritable},
        {(uint32_t)(sets.effective >> 32), (uint32_t)(sets.permitted >> 32), (uint32_t)(sets.inheritable >> 32)},
    };
    return (int)syscall(SYS_capset, &header, halves);
}

/// Nothing that this thread executes gets the capability back. EPERM without CAP_SETPCAP, EINVAL for one that
/// this kernel does not know.
static inline int clinux_drop_from_bounding_set(int capability) {
    return prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
}

/// A program that this thread executes gets no capability for having been granted it here (Linux 4.3).
static inline int clinux_clear_ambient_set(void) {
    return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

/// No program that this thread executes gets more than the thread has, by set-user-id or by file capabilities
/// (Linux 3.5).
static inline int clinux_set_no_new_privileges(void) {
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/// Starts a copy of this process that does nothing but wait, and is not dumpable: even processes of the same user
/// need a capability to see its memory. Returns its pid once it is so; -1 and errno on failure.
///
/// It calls nothing but what is safe after fork(2) in a process of many threads, and dies with the calling thread.
static inline pid_t clinux_start_undumpable_child(void) {
    int ready[2];
    // pipe2(2) is declared for _GNU_SOURCE only.
    if (syscall(SYS_pipe2, ready, O_CLOEXEC) != 0) return -1;
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || write(ready[1], "", 1) != 1) _exit(1);
        for (;;) pause();
    }
    int code = errno;
    close(ready[1]);
    if (child > 0) {
        char byte;
        ssize_t count;
        do count = read(ready[0], &byte, 1);
        while (count < 0 && errno == EINTR);
        if (count != 1) {
            code = ECHILD;
            kill(child, SIGKILL);
            while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {}
            child = -1;
        }
    }
    close(ready[0]);
    if (child < 0) errno = code;
    return child;
}

/// Ends a child that waits, and reaps it.
static inline void clinux_end_child(pid_t child) {
    kill(child, SIGKILL);
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {}
}

#endif
