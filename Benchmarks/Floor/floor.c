/* The floor: a program that only reads the maps and the status of some processes, again and
 * again, and does nothing with them. Whatever looks at processes through these two files costs
 * at least this.
 *
 *     floor [--open] ROUNDS PID...
 *
 * Prints one JSON line: rounds, processes, bytes read, and the CPU and wall time of all rounds
 * in nanoseconds. The files are opened once and read again from their start, which is the
 * cheapest way there is; with --open, anew in each round, as whoever reads them for the first time must.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static char buffer[1 << 16];

static long long now(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static int open_file(const char *pid, const char *name) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%s/%s", pid, name);
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        fprintf(stderr, "floor: %s: %s\n", path, strerror(errno));
        exit(1);
    }
    return descriptor;
}

/* One read of maps returns at most a page, whatever the buffer; so read until there is no more. */
static long long read_all(int descriptor) {
    long long total = 0;
    ssize_t count;
    lseek(descriptor, 0, SEEK_SET);
    while ((count = read(descriptor, buffer, sizeof buffer)) > 0) total += count;
    return count < 0 ? -1 : total;
}

static long long read_new(const char *pid, const char *name) {
    int descriptor = open_file(pid, name);
    long long total = read_all(descriptor);
    close(descriptor);
    return total;
}

int main(int argc, char **argv) {
    int opens = argc > 1 && !strcmp(argv[1], "--open");
    argc -= opens;
    argv += opens;
    long rounds = argc > 2 ? strtol(argv[1], NULL, 10) : 0;
    int processes = argc - 2;
    if (rounds <= 0) {
        fprintf(stderr, "usage: floor [--open] ROUNDS PID...\n");
        return 64;
    }
    int *maps = calloc(processes, sizeof *maps), *status = calloc(processes, sizeof *status);
    if (!maps || !status) return 70;
    for (int i = 0; i < processes && !opens; i++) {
        maps[i] = open_file(argv[i + 2], "maps");
        status[i] = open_file(argv[i + 2], "status");
    }
    long long bytes = 0, cpu = now(CLOCK_PROCESS_CPUTIME_ID), wall = now(CLOCK_MONOTONIC);
    for (long round = 0; round < rounds; round++) {
        for (int i = 0; i < processes; i++) {
            const char *pid = argv[i + 2];
            long long a = opens ? read_new(pid, "maps") : read_all(maps[i]);
            long long b = opens ? read_new(pid, "status") : read_all(status[i]);
            if (a <= 0 || b <= 0) {
                fprintf(stderr, "floor: process %s is gone\n", pid);
                return 66;
            }
            bytes += a + b;
        }
    }
    cpu = now(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    wall = now(CLOCK_MONOTONIC) - wall;
    printf("{\"rounds\":%ld,\"processes\":%d,\"bytes\":%lld,\"cpu_ns\":%lld,\"wall_ns\":%lld}\n",
           rounds, processes, bytes, cpu, wall);
    return 0;
}
