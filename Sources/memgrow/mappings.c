#define _GNU_SOURCE
#include "memgrow.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

static void report(const char *event, const char *kind, uintptr_t start, size_t size, long long delta) {
    line_region(event, kind, start, start + size);
    line_int("step", pace_number());
    line_int("delta", delta);
    line_end();
}

/* The ways to map, in the order they are shown. */
static const struct {
    const char *kind;
    int protection, flags;
    bool has_file;
} ways[] = {
    {"anon", PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, false},
    {"shared", PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, false},
    {"file", PROT_READ | PROT_WRITE, MAP_SHARED, true},
    {"reserved", PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, false},
    {"jit", PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, false},
};
enum { WAYS = sizeof ways / sizeof ways[0] };

/* Maps in every way, then protects, grows and moves what it has, and unmaps it all. */
static int round_trip(const struct options *options, int file) {
    size_t size = page_ceiling(options->size);
    char *mapped[WAYS] = {0};
    for (int i = 0; i < WAYS; i++) {
        if (!pace_step()) return -1;
        mapped[i] = place(size, ways[i].protection, ways[i].flags, ways[i].has_file ? file : -1, ways[i].kind);
        if (!mapped[i]) continue;
        if (ways[i].protection & PROT_WRITE) touch(mapped[i], size);
        report("mmap", ways[i].kind, (uintptr_t)mapped[i], size, (long long)size);
    }
    if (!options->release) return 0;

    if (!pace_step()) return -1;
    if (mapped[0] && mprotect(mapped[0], size, PROT_READ) == 0)
        report("protect", "anon", (uintptr_t)mapped[0], size, 0);

    if (!pace_step()) return -1;
    size_t larger = 2 * size;
    char *moved = mapped[0] ? mremap(mapped[0], size, larger, MREMAP_MAYMOVE) : MAP_FAILED;
    if (moved != MAP_FAILED) {
        mapped[0] = moved;
        report("mremap", "anon", (uintptr_t)moved, larger, (long long)size);
    } else {
        larger = size;
    }
    for (int i = 0; i < WAYS; i++) {
        if (!pace_step()) return -1;
        size_t length = i == 0 ? larger : size;
        if (mapped[i] && munmap(mapped[i], length) == 0)
            report("munmap", ways[i].kind, (uintptr_t)mapped[i], length, -(long long)length);
    }
    return 0;
}

int run_mmap(const struct options *options) {
    /* Room for every round, should nothing be given back. */
    size_t room = page_ceiling(options->size) + 2 * page_size();
    size_t rounds = options->release ? 1 : options->count, window;
    if (__builtin_mul_overflow(room * (WAYS + 2), rounds, &window) || !place_begin(window)) return EXIT_OSERR;
    pace_begin(options);
    for (unsigned round = 0; round < options->count; round++) {
        int file = unlinked_file(options->size);
        if (file < 0) {
            complain("a file to map (TMPDIR says where)", errno);
            return EXIT_OSERR;
        }
        int status = round_trip(options, file);
        close(file);
        if (status < 0) return 0;
        if (options->release) place_again();
    }
    return 0;
}
