#ifndef MEMWATCH_CLINUX_FILES_H
#define MEMWATCH_CLINUX_FILES_H

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/types.h>
#include <sys/vfs.h>
#include <unistd.h>

// The numbers are the same on every architecture that came after Linux 5.1.
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_openat2
#define SYS_openat2 437
#endif

/// O_PATH, which the headers show under _GNU_SOURCE only.
static const int CLINUX_O_PATH = __O_PATH;

/// A descriptor that stands for the process itself (Linux 5.3). -1 and errno on failure:
/// ESRCH for no such process, EINVAL (or ENOENT, 6.12) for the id of a thread that is not
/// its process's first.
static inline int clinux_pidfd_open(pid_t pid) {
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

/// `struct open_how` of linux/openat2.h (Linux 5.6).
struct clinux_open_how {
    uint64_t flags;
    uint64_t mode;
    uint64_t resolve;
};

/// Opens `path` as if `directory` were the root of the file system: neither `..` nor an
/// absolute symbolic link leads out of it, and links of the /proc/[pid]/fd sort are not
/// followed (RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS). -1 and errno on failure.
static inline int clinux_open_in_root(int directory, const char *path, uint64_t flags) {
    struct clinux_open_how how = {.flags = flags, .mode = 0, .resolve = 0x10 | 0x02};
    return (int)syscall(SYS_openat2, directory, path, &how, sizeof how);
}

/// The magic number of the file system that `descriptor` lies on, or 0 if it cannot be told.
static inline uint64_t clinux_filesystem_magic(int descriptor) {
    struct statfs status;
    if (fstatfs(descriptor, &status) != 0)
        return 0;
    return (uint64_t)status.f_type & 0xffffffff;
}

/// The two halves of a `dev_t`, which glibc offers as macros only.
static inline uint32_t clinux_device_major(uint64_t device) {
    return major(device);
}

static inline uint32_t clinux_device_minor(uint64_t device) {
    return minor(device);
}

#define CLINUX_PIDFS_MAGIC 0x50494446
#define CLINUX_OVERLAYFS_MAGIC 0x794c7630
#define CLINUX_BTRFS_MAGIC 0x9123683e

// The soft RLIMIT_STACK of a process, UINT64_MAX for unlimited; -1 with errno. prlimit(2) is declared for
// _GNU_SOURCE only. RLIMIT_STACK is 3 everywhere.
static inline int clinux_stack_limit(pid_t pid, uint64_t *limit) {
    uint64_t both[2];
    if (syscall(SYS_prlimit64, pid, 3, NULL, both) != 0) return -1;
    *limit = both[0];
    return 0;
}

#endif
