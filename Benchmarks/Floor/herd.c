/* Many idle processes to look at, of about AREAS virtual memory areas each, in the mixture that servers
 * have: some fifty libraries that all of them share, anonymous memory, thread stacks with their guards,
 * files mapped as data, shared memory. With AREAS 0 they are plain forks, as small as a process gets.
 *
 *     herd COUNT AREAS
 *
 * Prints the pids, one a line, and a line "ready"; when its standard input ends, kills them all and ends.
 *
 * The libraries are mapped as the dynamic loader maps them, but not relocated and not run, so that a
 * thousand processes fit a small machine. Each process is executed anew and so has addresses of its own.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int areas(void) {
    char buffer[16384];
    int maps = open("/proc/self/maps", O_RDONLY | O_CLOEXEC), lines = 0;
    ssize_t count;
    if (maps < 0) return -1;
    while ((count = read(maps, buffer, sizeof buffer)) > 0)
        for (ssize_t i = 0; i < count; i++) lines += buffer[i] == '\n';
    close(maps);
    return lines;
}

/* Maps the PT_LOAD segments of an ELF library at one place. Returns how many areas that made, 0 if none. */
static int map_library(const char *path) {
    const size_t page = sysconf(_SC_PAGESIZE), mask = ~(page - 1);
    Elf64_Ehdr header;
    Elf64_Phdr segments[32];
    int made = 0, file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    if (pread(file, &header, sizeof header, 0) != sizeof header || memcmp(header.e_ident, ELFMAG, SELFMAG) ||
        header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_phnum > 32 ||
        pread(file, segments, header.e_phnum * sizeof *segments, header.e_phoff) !=
            (ssize_t)(header.e_phnum * sizeof *segments))
        goto done;
    size_t end = 0;
    for (int i = 0; i < header.e_phnum; i++)
        if (segments[i].p_type == PT_LOAD && segments[i].p_vaddr + segments[i].p_memsz > end)
            end = segments[i].p_vaddr + segments[i].p_memsz;
    if (end == 0 || end > 1 << 28) goto done;
    char *base = mmap(NULL, end, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) goto done;
    for (int i = 0; i < header.e_phnum; i++) {
        const Elf64_Phdr *s = &segments[i];
        if (s->p_type != PT_LOAD) continue;
        int protection = (s->p_flags & PF_R ? PROT_READ : 0) | (s->p_flags & PF_W ? PROT_WRITE : 0) |
                         (s->p_flags & PF_X ? PROT_EXEC : 0);
        size_t start = s->p_vaddr & mask, fileEnd = (s->p_vaddr + s->p_filesz + page - 1) & mask;
        size_t memoryEnd = (s->p_vaddr + s->p_memsz + page - 1) & mask;
        if (fileEnd > start && mmap(base + start, fileEnd - start, protection, MAP_PRIVATE | MAP_FIXED, file,
                                    s->p_offset & mask) != MAP_FAILED)
            made++;
        if (memoryEnd > fileEnd && mmap(base + fileEnd, memoryEnd - fileEnd, protection,
                                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED)
            made++;
    }
done:
    close(file);
    return made;
}

static void *anonymous(size_t bytes, int protection, int flags) {
    return mmap(NULL, bytes, protection, flags | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

/* One of the other things that a process has, in turn; neighbours are kept from being merged. */
static void map_other(int turn, const char *data) {
    const size_t page = sysconf(_SC_PAGESIZE);
    switch (turn % 4) {
    case 0: { /* a thread's stack above its guard */
        char *stack = anonymous(page + (256 << 10), PROT_NONE, MAP_PRIVATE | MAP_STACK);
        if (stack != MAP_FAILED) mprotect(stack + page, 256 << 10, PROT_READ | PROT_WRITE);
        break;
    }
    case 1: {
        int file = open(data, O_RDONLY | O_CLOEXEC);
        if (file >= 0) {
            mmap(NULL, page, PROT_READ, MAP_PRIVATE, file, 0);
            close(file);
        }
        break;
    }
    case 2:
        anonymous(16 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE);
        break;
    case 3:
        anonymous(page, PROT_READ | PROT_WRITE, MAP_SHARED);
        break;
    }
}

static int sheep(int wanted) {
    glob_t libraries;
    int have = areas();
    if (glob("/usr/lib/*-linux-gnu/lib*.so.*[0-9]", 0, NULL, &libraries) != 0) libraries.gl_pathc = 0;
    /* Three quarters of a server's areas are its libraries'. */
    for (size_t i = 0; i < libraries.gl_pathc && have < wanted * 3 / 4; i++) {
        struct stat status;
        /* One of the names of a library is enough. */
        if (lstat(libraries.gl_pathv[i], &status) == 0 && S_ISREG(status.st_mode))
            have += map_library(libraries.gl_pathv[i]);
    }
    for (int turn = 0; turn < 8 * wanted; turn++) {
        if (have >= wanted && (have = areas()) >= wanted) break;
        map_other(turn, "/etc/ld.so.cache");
        have++;
        if (turn % 16 == 15) have = areas();
    }
    return 0;
}

static void wait_for_ever(void) {
    char byte = 'r';
    if (write(STDOUT_FILENO, &byte, 1) < 0) _exit(1);
    close(STDIN_FILENO);
    close(STDOUT_FILENO);
    for (;;) pause();
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "--one") == 0) {
        sheep(atoi(argv[2]));
        wait_for_ever();
    }
    int count = argc > 1 ? atoi(argv[1]) : 0, wanted = argc > 2 ? atoi(argv[2]) : 0;
    if (count <= 0 || wanted < 0 || argc != 3) {
        fprintf(stderr, "usage: herd COUNT AREAS\n");
        return 64;
    }
    pid_t *pids = calloc(count, sizeof *pids), herder = getpid();
    int ready[2], made = 0, status = 0;
    if (!pids || pipe2(ready, O_CLOEXEC) != 0) return 70;
    for (; made < count; made++) {
        pid_t pid = fork();
        if (pid < 0) {
            perror("herd: fork");
            status = 71;
            break;
        }
        if (pid == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (getppid() != herder) _exit(0);
            dup2(ready[1], STDOUT_FILENO);
            close(ready[0]);
            close(ready[1]);
            if (wanted == 0) wait_for_ever();
            execl("/proc/self/exe", "herd", "--one", argv[2], (char *)NULL);
            _exit(71);
        }
        pids[made] = pid;
        /* One after the other: a thousand at once would fight for the processor. */
        char byte;
        if (read(ready[0], &byte, 1) != 1) return 70;
    }
    for (int i = 0; i < made && status == 0; i++) printf("%d\n", pids[i]);
    if (status == 0) printf("ready\n");
    fflush(stdout);
    char byte;
    while (status == 0 && read(STDIN_FILENO, &byte, 1) > 0) {}
    for (int i = 0; i < made; i++) kill(pids[i], SIGKILL);
    for (int i = 0; i < made; i++) waitpid(pids[i], NULL, 0);
    return status;
}
