#define _GNU_SOURCE
#include "memgrow.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MFD_CLOEXEC
#define MFD_CLOEXEC 1
#endif

static void region(const char *kind, const void *start, size_t size, const char *from) {
    if (!start) return;
    line_region("region", kind, (uintptr_t)start, (uintptr_t)start + page_ceiling(size));
    line_text("from", from);
    line_end();
}

static void make_heap(size_t size) {
    /* Small blocks, since malloc maps large ones; and a page of it protected, which cuts the
     * heap in three without making it anything else. */
    char *first = malloc(1024);
    for (size_t taken = 0; taken < size; taken += 1024) {
        char *block = malloc(1024);
        if (block) touch(block, 1);
    }
    char *middle = memalign(page_size(), 4 * page_size());
    if (middle) mprotect(middle + page_size(), page_size(), PROT_READ);
    uintptr_t end = page_ceiling((uintptr_t)sbrk(0));
    if (!first || (uintptr_t)first >= end) {
        line_skip("heap", "malloc took its memory from elsewhere than the break");
        return;
    }
    line_region("region", "heap", page_floor((uintptr_t)first), end);
    line_text("from", "malloc and sbrk");
    line_end();
}

static void make_anonymous(size_t size) {
    const int private = MAP_PRIVATE | MAP_ANONYMOUS;
    void *p = place(size, PROT_READ | PROT_WRITE, private, -1, "anon");
    if (p) touch(p, size);
    region("anon", p, size, "mmap");
    region("anon", place(size, PROT_READ, private, -1, "anon"), size, "mmap, read-only");
    int zero = open("/dev/zero", O_RDWR | O_CLOEXEC);
    region("anon", place(size, PROT_READ | PROT_WRITE, MAP_PRIVATE, zero, "anon"), size, "/dev/zero");
    if (zero >= 0) close(zero);
    region("reserved", place(size, PROT_NONE, private | MAP_NORESERVE, -1, "reserved"), size, "mmap");
    region("reserved", place(64 << 20, PROT_NONE, private | MAP_NORESERVE, -1, "reserved"), 64 << 20, "mmap");
    region("jit", place(size, PROT_READ | PROT_WRITE | PROT_EXEC, private, -1, "jit"), size, "mmap");
    region("jit", place(size, PROT_READ | PROT_EXEC, private, -1, "jit"), size, "mmap, read-execute");
}

static void make_files(size_t size) {
    int file = unlinked_file(size);
    if (file < 0) {
        line_skip("file", strerror(errno));
    } else {
        region("file", place(size, PROT_READ | PROT_WRITE, MAP_SHARED, file, "file"), size, "shared");
        region("file", place(size, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, "file"), size, "private");
        region("file", place(size, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, "file"), size, "not an image");
        close(file);
    }
    /* The program itself, read as data: no image, though it is one elsewhere. */
    int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (self < 0) return;
    region("file", place(8192, PROT_READ, MAP_PRIVATE, self, "file"), 8192, "the program as data");
    region("file", place(8192, PROT_READ, MAP_SHARED, self, "file"), 8192, "the program as shared data");
    close(self);
}

static void make_shared(size_t size) {
    const int both = PROT_READ | PROT_WRITE;
    region("shared", place(size, both, MAP_SHARED | MAP_ANONYMOUS, -1, "shared"), size, "anonymous");
    int file = (int)syscall(SYS_memfd_create, "[vdso]", MFD_CLOEXEC);
    if (file >= 0 && ftruncate(file, (off_t)size) == 0)
        region("shared", place(size, both, MAP_SHARED, file, "shared"), size, "memfd");
    char name[64] = "/memgrow-";
    for (int i = 9, pid = getpid(); pid > 0; pid /= 10) name[i++] = (char)('0' + pid % 10);
    file = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (file >= 0) {
        shm_unlink(name);
        if (ftruncate(file, (off_t)size) == 0)
            region("shared", place(size, both, MAP_SHARED, file, "shared"), size, "shm_open");
        close(file);
    } else {
        line_skip("shared", "shm_open is not to be had (/dev/shm)");
    }
    int id = shmget(IPC_PRIVATE, size, IPC_CREAT | 0600);
    void *attached = id >= 0 ? shmat(id, NULL, 0) : (void *)-1;
    if (id >= 0) shmctl(id, IPC_RMID, NULL);
    if (attached != (void *)-1)
        region("shared", attached, size, "shmat");
    else
        line_skip("shared", "System V shared memory is not to be had");
}

static void make_hugetlb(void) {
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB;
    size_t size = 2 << 20;
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (p != MAP_FAILED) {
        region("hugetlb", p, size, "mmap");
        return;
    }
    /* With no page to be had, the addresses are: MAP_NORESERVE promises none, and nothing
     * here touches them. */
    p = mmap(NULL, size, PROT_READ | PROT_WRITE, flags | MAP_NORESERVE, -1, 0);
    if (p != MAP_FAILED)
        region("hugetlb", p, size, "mmap, addresses only");
    else
        line_skip("hugetlb", "no huge pages (vm.nr_hugepages)");
}

static void make_devices(void) {
    /* io_setup maps the ring of an asynchronous I/O context and returns its address. */
    aio_context_t context = 0;
    if (syscall(SYS_io_setup, 1, &context) == 0)
        region("device", (void *)context, page_size(), "io_setup");
    else
        line_skip("device", "io_setup is not permitted");
#ifdef SYS_io_uring_setup
    unsigned parameters[30] = {0}; /* struct io_uring_params is 120 bytes */
    int ring = (int)syscall(SYS_io_uring_setup, 4, parameters);
    if (ring < 0) {
        line_skip("device", "io_uring_setup is not permitted");
        return;
    }
    /* The kernel insists on choosing the address of a ring itself. */
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring, 0);
    region("device", p == MAP_FAILED ? NULL : p, 4096, "io_uring");
    close(ring);
#endif
}

int run_zoo(const struct options *options) {
    char here = 0;
    size_t size = page_ceiling(options->size);
    if (size > (1UL << 30)) {
        complain("the zoo has room for --size 1GiB at most", 0);
        return EXIT_USAGE;
    }
    if (!place_begin(20 * size + (256 << 20))) return EXIT_OSERR;
    pace_begin(options);
    if (!pace_step()) return 0;
    make_heap(size);
    make_anonymous(size);
    make_files(size);
    make_shared(size);
    make_hugetlb();
    make_devices();
    /* Threads share arenas when there are many: described when no arena grows any more. */
    unsigned started = 0;
    static struct worker *workers[MAX_COUNT];
    while (started < options->count && (workers[started] = worker_start(40 << 10))) started++;
    for (unsigned i = 0; i < started; i++) worker_describe(workers[i]);
    /* Last, when the loader has brought in all it will. */
    describe_image();
    describe_main_stack(&here);
    return 0;
}
