/* Many processes whose memory changes all the time, a little, and that come and go: what a daemon meets in
 * months, in half an hour.
 *
 *     crowd COUNT ENDS
 *
 * COUNT processes named "crowd" each map, unmap, protect and move their break once a second; ENDS of them a
 * minute are killed and others take their places. Prints "ready PID"; ends with its standard input.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096UL
#define SLOTS 48

static void change(unsigned *seed, char **slots, int file) {
    int slot = rand_r(seed) % SLOTS, length = slot % 7 + 1;
    if (slots[slot]) {
        if (rand_r(seed) % 3 == 0) {
            mprotect(slots[slot], length * PAGE, rand_r(seed) % 2 ? PROT_READ : PROT_READ | PROT_WRITE);
            return;
        }
        munmap(slots[slot], length * PAGE);
        slots[slot] = NULL;
        return;
    }
    void *area = slot % 4 == 0 && file >= 0
        ? mmap(NULL, length * PAGE, PROT_READ, MAP_PRIVATE, file, 0)
        : mmap(NULL, length * PAGE, PROT_READ | PROT_WRITE,
               MAP_ANONYMOUS | (slot % 5 == 0 ? MAP_SHARED : MAP_PRIVATE), -1, 0);
    if (area == MAP_FAILED) return;
    slots[slot] = area;
    if (slot % 4) *(volatile char *)area = 1;
}

static void live(unsigned seed) {
    char *slots[SLOTS] = {0};
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    /* Not all in the same instant. */
    struct timespec pause = {.tv_nsec = rand_r(&seed) % 1000000000};
    nanosleep(&pause, NULL);
    for (unsigned turn = 0;; turn++) {
        for (int times = rand_r(&seed) % 4 + 1; times > 0; times--) change(&seed, slots, file);
        if (turn % 10 == 3) sbrk(4 * PAGE);
        if (turn % 10 == 8) sbrk(-4 * (long)PAGE);
        pause = (struct timespec){.tv_sec = 1};
        nanosleep(&pause, NULL);
    }
}

static pid_t begin(unsigned seed) {
    pid_t parent = getpid(), child = fork();
    if (child < 0) {
        perror("crowd: fork");
        exit(71);
    }
    if (child > 0) return child;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(0);
    prctl(PR_SET_NAME, "crowd");
    live(seed);
    _exit(0);
}

int main(int argc, char **argv) {
    int count = argc > 2 ? atoi(argv[1]) : 0, ends = argc > 2 ? atoi(argv[2]) : -1;
    if (count < 1 || ends < 0 || ends > 60000) {
        fprintf(stderr, "usage: crowd COUNT ENDS\n");
        return 64;
    }
    /* A rule for "crowd" is for its children. */
    prctl(PR_SET_NAME, "crowd-parent");
    pid_t *children = calloc(count, sizeof *children);
    if (!children) return 70;
    unsigned seed = 4;
    for (int i = 0; i < count; i++) children[i] = begin(seed++);
    printf("ready %d\n", getpid());
    fflush(stdout);
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    for (;;) {
        int came = poll(&input, 1, ends ? 60000 / ends : -1);
        char byte;
        if (came > 0 && read(STDIN_FILENO, &byte, 1) <= 0) break;
        if (came != 0) continue;
        int i = rand_r(&seed) % count;
        kill(children[i], SIGKILL);
        waitpid(children[i], NULL, 0);
        children[i] = begin(seed++);
    }
    for (int i = 0; i < count; i++) kill(children[i], SIGKILL);
    return 0;
}
