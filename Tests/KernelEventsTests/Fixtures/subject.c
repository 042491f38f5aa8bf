/* Makes the system calls it is told to, one line of standard input each, and says when:
   "BEFORE AFTER TID VALUE", times in nanoseconds of CLOCK_MONOTONIC. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char *slots[16];
static char **self_arguments;

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void *anonymous(size_t size, int flags) {
    return mmap(NULL, size, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
}

static void pin(int cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    sched_setaffinity(0, sizeof set, &set);
}

__attribute__((noinline)) static void recurse(int pages) {
    volatile char page[4096];
    page[0] = (char)pages;
    if (pages > 0) recurse(pages - 1);
    page[1] = page[0];
}

static void *map_in_thread(void *size) {
    anonymous(*(size_t *)size, MAP_SHARED);
    *(size_t *)size = (size_t)syscall(SYS_gettid);
    return NULL;
}

static void *idle_thread(void *unused) {
    for (;;) pause();
    return unused;
}

static void *exec_in_thread(void *unused) {
    (void)unused;
    execv("/proc/self/exe", self_arguments);
    return NULL;
}

/* Threads that each map one shared area and start the next: link k is of k % 1000 + 1 pages. */
static volatile long chain_end = -1;
static volatile long chain_now = 0;
static volatile long chain_done = -1;

static void *chain_link(void *argument) {
    long number = (long)argument;
    size_t size = (size_t)(number % 1000 + 1) * 4096;
    munmap(anonymous(size, MAP_SHARED), size);
    chain_now = number;
    if (chain_end >= 0 && number >= chain_end) {
        chain_done = number;
        return NULL;
    }
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, 64 << 10);
    while (pthread_create(&thread, &attributes, chain_link, (void *)(number + 1)) != 0) sched_yield();
    return NULL;
}

/* A process that maps, tells so, waits for its end of the pipe, and maps LAST bytes. */
#define LAST 0x6b7000
static int held_pipe[2] = {-1, -1};

static long hold(size_t size, pid_t wanted) {
    int ready[2];
    char byte;
    if (pipe2(held_pipe, O_CLOEXEC) != 0 || pipe2(ready, O_CLOEXEC) != 0) return -1;
    pid_t child;
    if (wanted > 0) {
        struct clone_args arguments = {
            .exit_signal = SIGCHLD, .set_tid = (uint64_t)(uintptr_t)&wanted, .set_tid_size = 1};
        child = (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
    } else {
        child = fork();
    }
    if (child == 0) {
        close(held_pipe[1]);
        anonymous(size, MAP_SHARED);
        int code = write(ready[1], "x", 1) == 1 && read(held_pipe[0], &byte, 1) >= 0 ? 0 : 1;
        anonymous(LAST, MAP_SHARED);
        _exit(code);
    }
    close(ready[1]);
    close(held_pipe[0]);
    if (child > 0 && read(ready[0], &byte, 1) != 1) child = -1;
    close(ready[0]);
    return child;
}

static void nest(long depth, size_t size) {
    pid_t child = fork();
    if (child != 0) {
        waitpid(child, NULL, 0);
        return;
    }
    anonymous(size, MAP_SHARED);
    if (depth > 1) nest(depth - 1, size + 4096);
    _exit(0);
}

static long perform(const char *word, const unsigned long *n, const char *text) {
    char **slot = &slots[n[0] % 16];
    if (!strcmp(word, "map")) {
        *slot = mmap(NULL, n[1], (int)n[2], (int)n[3] | MAP_ANONYMOUS, -1, 0);
        return (long)*slot;
    }
    if (!strcmp(word, "fix")) {
        return (long)mmap(*slot + n[1], n[2], (int)n[3], (int)n[4] | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    }
    if (!strcmp(word, "file")) {
        int file = open(text, O_RDWR | O_CLOEXEC);
        *slot = mmap(NULL, n[1], (int)n[2], (int)n[3], file, (off_t)n[4]);
        close(file);
        return (long)*slot;
    }
    if (!strcmp(word, "memfd")) {
        int file = (int)syscall(SYS_memfd_create, text, 1);
        if (ftruncate(file, (off_t)n[1]) != 0) return -1;
        *slot = mmap(NULL, n[1], PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        close(file);
        return (long)*slot;
    }
    if (!strcmp(word, "protect")) return mprotect(*slot + n[1], n[2], (int)n[3]);
    if (!strcmp(word, "unmap")) return munmap(*slot, n[1]);
    if (!strcmp(word, "remap")) {
        *slot = mremap(*slot, n[1], n[2], MREMAP_MAYMOVE);
        return (long)*slot;
    }
    if (!strcmp(word, "brk")) {
        char *old = sbrk((long)n[0]);
        return (long)(old + (long)n[0]);
    }
    if (!strcmp(word, "stack")) {
        recurse((int)n[0]);
        return 0;
    }
    if (!strcmp(word, "pin")) {
        pin((int)n[0]);
        return 0;
    }
    if (!strcmp(word, "hop")) {
        for (unsigned long i = 0; i < n[0]; i++) {
            pin((int)(i % n[1]));
            anonymous((i + 1) * 4096, MAP_SHARED);
        }
        return 0;
    }
    if (!strcmp(word, "burst")) {
        for (unsigned long i = 0; i < n[0]; i++) munmap(anonymous(n[1], MAP_SHARED), n[1]);
        return 0;
    }
    if (!strcmp(word, "thread")) {
        pthread_t thread;
        size_t size = n[0];
        if (pthread_create(&thread, NULL, map_in_thread, &size) != 0) return -1;
        pthread_join(thread, NULL);
        return (long)size;
    }
    if (!strcmp(word, "idle")) {
        for (unsigned long i = 0; i < n[0]; i++) {
            pthread_t thread;
            if (pthread_create(&thread, NULL, idle_thread, NULL) != 0) return -1;
        }
        return 0;
    }
    if (!strcmp(word, "chain")) {
        pthread_t thread;
        int code = pthread_create(&thread, NULL, chain_link, (void *)0);
        while (code == 0 && chain_now < (long)n[0]) sched_yield();
        return -code;
    }
    if (!strcmp(word, "chainstop")) {
        /* So many links more. */
        chain_end = chain_now + (long)n[0];
        while (chain_done < 0) sched_yield();
        return chain_done;
    }
    if (!strcmp(word, "fork")) {
        pid_t child = fork();
        if (child == 0) {
            anonymous(n[0], MAP_SHARED);
            _exit(0);
        }
        waitpid(child, NULL, 0);
        return child;
    }
    if (!strcmp(word, "forks")) {
        for (unsigned long i = 0; i < n[0]; i++) {
            pid_t child = fork();
            if (child == 0) {
                anonymous(4096, MAP_SHARED);
                _exit(0);
            }
            waitpid(child, NULL, 0);
        }
        return 0;
    }
    if (!strcmp(word, "nest")) {
        nest((long)n[0], n[1]);
        return 0;
    }
    if (!strcmp(word, "spawn")) {
        pid_t child = vfork();
        if (child == 0) {
            execl(text, text, (char *)NULL);
            _exit(127);
        }
        waitpid(child, NULL, 0);
        return child;
    }
    if (!strcmp(word, "hold")) return hold(n[0], (pid_t)n[1]);
    if (!strcmp(word, "release")) {
        close(held_pipe[1]);
        return waitpid(-1, NULL, 0);
    }
    if (!strcmp(word, "exec")) {
        execv("/proc/self/exe", self_arguments);
        return -1;
    }
    if (!strcmp(word, "threadexec")) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, exec_in_thread, NULL) == 0) pthread_join(thread, NULL);
        return -1;
    }
    return -99;
}

int main(int argc, char **argv) {
    (void)argc;
    self_arguments = argv;
    /* Nothing of our own may move the break or map later: no malloc, no buffered files. */
    static char line[4096];
    dprintf(1, "ready %d\n", (int)getpid());
    for (;;) {
        size_t length = 0;
        while (length < sizeof line - 1) {
            if (read(0, &line[length], 1) != 1) return 0;
            if (line[length] == '\n') break;
            length++;
        }
        line[length] = 0;
        /* WORD NUMBER… /TEXT */
        char word[32] = "", *next = line;
        unsigned long numbers[6] = {0};
        const char *text = "";
        for (size_t i = 0; i < sizeof word - 1 && *next && *next != ' '; i++) word[i] = *next++;
        for (int i = 0; *next == ' ';) {
            next++;
            if ((*next < '0' || *next > '9') && *next != '-') {
                text = next;
                break;
            }
            if (i < 6) numbers[i++] = strtoul(next, &next, 0);
        }
        int64_t before = now();
        long value = perform(word, numbers, text);
        int64_t after = now();
        dprintf(
            1, "%lld %lld %d %ld\n", (long long)before, (long long)after, (int)syscall(SYS_gettid), value);
    }
}
