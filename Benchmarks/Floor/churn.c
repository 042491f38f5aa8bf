/* Processes that are hard to watch: huge maps, and mapping calls as fast as they go.
 *
 *     churn busy   [VMAS [MIB]]             mmap + touch + munmap without a pause
 *     churn paced  CALLS [VMAS [MIB]]       CALLS mapping calls a second, and computing in between
 *     churn wide   VMAS CHANGES HZ          VMAS areas, of which CHANGES change HZ times a second
 *
 * (20,000 areas and 4096 MiB resident where nothing is said.)
 *
 * Prints "ready PID" and works from then on until standard input is closed. Each line on standard input is a
 * number of milliseconds: the next so many are measured, and told as one JSON line:
 *
 *     operations     one is mmap + touch + munmap (busy), a unit of computing or a pair of calls (paced),
 *                    one change (wide)
 *     per_second     operations a second
 *     p50_us …       how long one mmap + touch + munmap took (wide: one change)
 *     worst_us       the longest of them
 *     cpu_us         processor time of the whole span
 *
 * Measured and unmeasured time is the same work, so spans with and without a watcher can follow each other.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096UL

static long long now(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void die(const char *what) {
    fprintf(stderr, "churn: %s: %s\n", what, strerror(errno));
    exit(1);
}

static char *map(size_t bytes) {
    char *address = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (address == MAP_FAILED) die("mmap");
    return address;
}

/* How long the operations of a span took: 64 steps to a power of two, so 1.6 % wide. */
static uint32_t histogram[64 * 64];
static long long worst, timed;

static int bucket(uint64_t nanoseconds) {
    if (nanoseconds < 64) return (int)nanoseconds;
    int power = 63 - __builtin_clzll(nanoseconds);
    return (power - 5) * 64 + (int)(nanoseconds >> (power - 6)) - 64;
}

static double bucket_us(int index) {
    if (index < 64) return index / 1e3;
    int power = index / 64 + 5;
    return ((uint64_t)(index % 64 + 64) << (power - 6)) / 1e3;
}

static void count(long long nanoseconds) {
    histogram[bucket(nanoseconds > 0 ? nanoseconds : 0)]++;
    timed++;
    if (nanoseconds > worst) worst = nanoseconds;
}

static double percentile(double share) {
    long long wanted = (long long)(timed * share), seen = 0;
    for (int index = 0; index < 64 * 64; index++) {
        seen += histogram[index];
        if (seen > wanted) return bucket_us(index);
    }
    return worst / 1e3;
}

/* The span that is measured now, if any. */
static long long span_began, span_ends, span_cpu, span_operations;

static void end_span(long long at) {
    double seconds = (at - span_began) / 1e9;
    printf("{\"seconds\": %.6f, \"operations\": %lld, \"per_second\": %.1f, \"p50_us\": %.3f, "
           "\"p99_us\": %.3f, \"p999_us\": %.3f, \"worst_us\": %.1f, \"cpu_us\": %lld}\n",
           seconds, span_operations, span_operations / seconds, percentile(0.5), percentile(0.99),
           percentile(0.999), worst / 1e3, (now(CLOCK_PROCESS_CPUTIME_ID) - span_cpu) / 1000);
    fflush(stdout);
    span_ends = 0;
}

/* Ends a span, begins one that was asked for; the process ends with its standard input. Called every
 * millisecond or so, never between the two readings of the clock that time an operation. */
static long long attend(long long at) {
    if (span_ends && at >= span_ends) end_span(at);
    struct pollfd input = {.fd = 0, .events = POLLIN};
    if (!span_ends && poll(&input, 1, 0) > 0) {
        char line[64];
        /* One byte at a time: lines may come together. */
        size_t length = 0;
        while (length + 1 < sizeof line) {
            if (read(0, line + length, 1) != 1) exit(0);
            if (line[length] == '\n') break;
            length++;
        }
        line[length] = 0;
        long milliseconds = strtol(line, NULL, 10);
        if (milliseconds > 0) {
            memset(histogram, 0, sizeof histogram);
            worst = timed = span_operations = 0;
            span_cpu = now(CLOCK_PROCESS_CPUTIME_ID);
            span_began = now(CLOCK_MONOTONIC);
            span_ends = span_began + milliseconds * 1000000LL;
        }
    }
    return now(CLOCK_MONOTONIC);
}

/* One large mapping, all of it resident, cut into areas by the permissions of every other piece. */
static char *fill(size_t areas, size_t bytes) {
    size_t piece = bytes / areas / PAGE * PAGE;
    if (piece < PAGE) piece = PAGE;
    char *all = map(areas * piece);
    madvise(all, areas * piece, MADV_NOHUGEPAGE);
    for (size_t offset = 0; offset < areas * piece; offset += PAGE) all[offset] = 1;
    for (size_t index = 1; index < areas; index += 2)
        if (mprotect(all + index * piece, piece, PROT_READ)) die("mprotect (vm.max_map_count?)");
    return all;
}

/* mmap + touch + munmap: one call that the kernel reports, one that it does not. */
static void churn_once(void) {
    char *address = map(4 * PAGE);
    for (size_t offset = 0; offset < 4 * PAGE; offset += PAGE) address[offset] = 1;
    if (munmap(address, 4 * PAGE)) die("munmap");
}

static void busy(void) {
    long long last = now(CLOCK_MONOTONIC), attended = last;
    for (;;) {
        churn_once();
        long long at = now(CLOCK_MONOTONIC);
        count(at - last);
        span_operations++;
        last = at;
        if (at - attended >= 1000000 || (span_ends && at >= span_ends)) last = attended = attend(at);
    }
}

/* A unit of computing reads at random places of the resident memory, as a database would. */
static uint64_t compute(const char *memory, size_t bytes, uint64_t state) {
    for (int step = 0; step < 64; step++) {
        state = state * 6364136223846793005ULL + 1442695040888963407ULL;
        state += (unsigned char)memory[(state >> 20) % bytes];
    }
    return state;
}

static void paced(long calls, const char *memory, size_t bytes) {
    long long period = 2000000000LL / calls, due = now(CLOCK_MONOTONIC), attended = due;
    uint64_t state = 1;
    for (;;) {
        long long at = now(CLOCK_MONOTONIC);
        if (at >= due) {
            churn_once();
            count(now(CLOCK_MONOTONIC) - at);
            due += period;
            /* Never to be made up for by a burst. */
            if (due + 100 * period < at) due = at;
        } else {
            state = compute(memory, bytes, state);
        }
        span_operations++;
        if (at - attended >= 1000000) attended = attend(at);
    }
}

/* Changes of every sort: permissions (reported by the kernel), mappings that come (reported) and go half a
 * second later (not), and growth by mremap in place, as a realloc of a large block does it (not). */
struct wide {
    char *all;
    size_t areas, piece;
    char *blocks[16];
    char *grown[4];
    size_t grown_pages[4];
    uint64_t turn;
};

static void change(struct wide *wide) {
    uint64_t turn = wide->turn++;
    switch (turn % 5) {
    case 0:
    case 3: {
        /* The middle page of some area gets other permissions, and gets its own back the next time. */
        uint64_t pair = turn / 5 * 2 + turn % 5 / 3;
        size_t index = pair / 2 * 7919 % (wide->areas / 2) * 2;
        char *page = wide->all + index * wide->piece + PAGE;
        if (mprotect(page, PAGE, pair % 2 ? PROT_READ | PROT_WRITE : PROT_NONE)) die("mprotect");
        break;
    }
    case 1:
    case 4: {
        char **block = &wide->blocks[(turn / 5 + (turn % 5 == 4 ? 8 : 0)) % 16];
        if (turn % 5 == 1) {
            if (*block) munmap(*block, 8 * PAGE);
            *block = map(8 * PAGE);
            **block = 1;
        } else if (*block) {
            munmap(*block, 8 * PAGE);
            *block = NULL;
        }
        break;
    }
    case 2: {
        size_t index = turn / 5 % 4, pages = wide->grown_pages[index] % 64 + 1;
        char *moved = mremap(wide->grown[index], wide->grown_pages[index] * PAGE, pages * PAGE, MREMAP_MAYMOVE);
        if (moved == MAP_FAILED) die("mremap");
        wide->grown[index] = moved;
        wide->grown_pages[index] = pages;
        break;
    }
    }
}

static void run_wide(size_t areas, long changes, long hertz) {
    struct wide wide = {.areas = areas, .piece = 3 * PAGE};
    wide.all = fill(areas, areas * wide.piece);
    for (int index = 0; index < 4; index++) {
        /* Far apart, with room to grow. */
        wide.grown[index] =
            mmap((char *)(0x100000000000 + index * 0x40000000L), PAGE, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (wide.grown[index] == MAP_FAILED) die("mmap");
        wide.grown_pages[index] = 1;
    }
    printf("ready %d\n", getpid());
    fflush(stdout);
    long long due = now(CLOCK_MONOTONIC);
    for (;;) {
        for (long index = 0; index < changes; index++) {
            long long began = now(CLOCK_MONOTONIC);
            change(&wide);
            count(now(CLOCK_MONOTONIC) - began);
            span_operations++;
        }
        due += 1000000000LL / hertz;
        long long at;
        while ((at = now(CLOCK_MONOTONIC)) < due) {
            attend(at);
            long long rest = due - at < 5000000 ? due - at : 5000000;
            struct timespec pause = {0, rest};
            nanosleep(&pause, NULL);
        }
    }
}

static size_t argument(int argc, char **argv, int index, size_t otherwise) {
    if (index >= argc) return otherwise;
    long value = strtol(argv[index], NULL, 10);
    if (value <= 0) {
        fprintf(stderr, "churn: not a positive number: %s\n", argv[index]);
        exit(64);
    }
    return value;
}

int main(int argc, char **argv) {
    const char *mode = argc > 1 ? argv[1] : "";
    if (!strcmp(mode, "wide") && argc == 5) {
        run_wide(argument(argc, argv, 2, 0), argument(argc, argv, 3, 0), argument(argc, argv, 4, 0));
    }
    int isPaced = !strcmp(mode, "paced");
    if ((!isPaced && strcmp(mode, "busy")) || argc > 5 || (isPaced && argc < 3)) {
        fprintf(stderr, "usage: churn busy [VMAS [MIB]] | paced CALLS [VMAS [MIB]] | wide VMAS CHANGES HZ\n");
        return 64;
    }
    size_t areas = argument(argc, argv, 2 + isPaced, 20000), bytes = argument(argc, argv, 3 + isPaced, 4096) << 20;
    char *memory = fill(areas, bytes);
    printf("ready %d\n", getpid());
    fflush(stdout);
    if (isPaced) paced(argument(argc, argv, 2, 0), memory, bytes / areas / PAGE * PAGE * areas);
    busy();
}
