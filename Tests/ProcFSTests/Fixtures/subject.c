// A process to be looked at. Its first argument says what it does; then it prints one line
// when it has done it, and waits for the end of its standard input.
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void die(const char *what) {
    perror(what);
    exit(1);
}

static void wait_for_end(void) {
    char byte;
    while (read(0, &byte, 1) > 0) {
    }
}

static void ready(void) {
    puts("ready");
    fflush(stdout);
}

static void *map(size_t bytes, int protection, int flags, int descriptor) {
    void *start = mmap(NULL, bytes, protection, flags, descriptor, 0);
    if (start == MAP_FAILED)
        die("mmap");
    return start;
}

// Neighbours of different protection, so that the kernel cannot merge them.
static void many(int count) {
    for (int i = 0; i < count; i++)
        map(4096, i & 1 ? PROT_READ : PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

static void map_file(const char *path) {
    int descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor < 0 || ftruncate(descriptor, 4096) != 0)
        die(path);
    map(4096, PROT_READ, MAP_PRIVATE, descriptor);
    close(descriptor);
}

static void names(void) {
    map_file("with\nnewline");
    map_file("with\033[31mescape\r\t");
    map_file("with\xff\xfeinvalid");
    map_file("[heap]");
    map_file("living (deleted)");
    map_file("unlinked");
    unlink("unlinked");
    int memory = memfd_create("[vdso]", MFD_CLOEXEC);
    if (memory < 0 || ftruncate(memory, 8192) != 0)
        die("memfd_create");
    map(8192, PROT_READ, MAP_SHARED, memory);
}

// Grows, moves and shrinks one mapping between many others without end.
static void storm(void) {
    many(400);
    size_t bytes = 16 * 4096;
    char *moving = map(bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    ready();
    for (unsigned round = 0;; round++) {
        char *elsewhere = map(256 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
        moving = mremap(moving, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, elsewhere);
        if (moving == MAP_FAILED)
            die("mremap");
        munmap(elsewhere + bytes, 256 * 4096 - bytes);
        // Splits and merges it.
        mprotect(moving + 4096 * (1 + round % 14), 4096, PROT_READ);
        mprotect(moving, bytes, PROT_READ | PROT_WRITE);
    }
}

// Becomes the other of two programs again and again.
static void exec_forever(char **arguments) {
    many(600);
    char *other[] = {arguments[3], "exec", arguments[3], arguments[2], NULL};
    execv(arguments[3], other);
    die("execv");
}

static void *block(void *unused) {
    pause();
    return unused;
}

int main(int count, char **arguments) {
    const char *what = count > 1 ? arguments[1] : "wait";
    int number = count > 2 ? atoi(arguments[2]) : 0;
    if (strcmp(what, "many") == 0) {
        many(number);
    } else if (strcmp(what, "names") == 0) {
        if (chdir(arguments[2]) != 0)
            die("chdir");
        names();
    } else if (strcmp(what, "storm") == 0) {
        storm();
    } else if (strcmp(what, "exec") == 0) {
        exec_forever(arguments);
    } else if (strcmp(what, "zombie") == 0) {
        pid_t child = fork();
        if (child == 0)
            _exit(0);
        // Waits until it is a zombie, and leaves it one.
        siginfo_t info;
        waitid(P_PID, child, &info, WEXITED | WNOWAIT);
        printf("%d\n", child);
        fflush(stdout);
        wait_for_end();
        return 0;
    } else if (strcmp(what, "threads") == 0) {
        for (int i = 0; i < number; i++) {
            pthread_t thread;
            if (pthread_create(&thread, NULL, block, NULL) != 0)
                die("pthread_create");
        }
    } else if (strcmp(what, "comm") == 0) {
        prctl(PR_SET_NAME, arguments[2]);
    } else if (strcmp(what, "resident") == 0) {
        char *start = map((size_t)number, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
        madvise(start, (size_t)number, MADV_NOHUGEPAGE);
        for (int i = 0; i < number; i += 2 * 4096)
            start[i] = 1;
        printf("%lx\n", (unsigned long)start);
        fflush(stdout);
        wait_for_end();
        return 0;
    } else if (strcmp(what, "sleepers") == 0) {
        // A new process for each line, waiting for its own death; "reap" waits for that.
        char line[16];
        while (fgets(line, sizeof line, stdin)) {
            pid_t child = line[0] == 'r' ? wait(NULL) : fork();
            if (child == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                pause();
            }
            printf("%d\n", child);
            fflush(stdout);
        }
        return 0;
    }
    ready();
    wait_for_end();
    return 0;
}
