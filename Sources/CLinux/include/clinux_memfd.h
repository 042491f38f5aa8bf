#ifndef MEMWATCH_CLINUX_MEMFD_H
#define MEMWATCH_CLINUX_MEMFD_H

#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/// The device that an empty memfd made with `flags` (MFD_CLOEXEC 1, MFD_HUGETLB 4, log2 of the huge
/// page size << 26) lives on: one of the kernel's internal mounts. 0 where it cannot be made.
static inline uint64_t clinux_memfd_device(uint32_t flags) {
    int descriptor = (int)syscall(SYS_memfd_create, "memwatch", flags);
    if (descriptor < 0)
        return 0;
    struct stat status;
    int result = fstat(descriptor, &status);
    close(descriptor);
    return result == 0 ? (uint64_t)status.st_dev : 0;
}

#endif
