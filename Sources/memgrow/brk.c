#define _GNU_SOURCE
#include "memgrow.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The kernel counts whole pages: the break may stand inside one, its area ends behind it. */
static void report_break(uintptr_t before, uintptr_t after) {
    uintptr_t low = page_ceiling(before), high = page_ceiling(after);
    bool up = high > low;
    line_region(
        high == low ? "brk-same" : up ? "brk-grow" : "brk-shrink", "heap", up ? low : high, up ? high : low);
    line_int("step", pace_number());
    line_int("delta", (long long)high - (long long)low);
    line_address("break", after);
    line_end();
}

int run_sbrk(const struct options *options) {
    pace_begin(options);
    for (int direction = 1; direction >= (options->release ? -1 : 1); direction -= 2) {
        for (unsigned i = 0; i < options->count; i++) {
            if (!pace_step()) return 0;
            uintptr_t before = (uintptr_t)sbrk(0);
            void *p = sbrk(direction * (intptr_t)options->size);
            if (p == (void *)-1) {
                complain("sbrk", errno);
                return EXIT_OSERR;
            }
            if (direction > 0) memset(p, 'm', options->size);
            report_break(before, (uintptr_t)sbrk(0));
        }
    }
    return 0;
}

/* malloc marks in the word before a block where it came from (malloc/malloc.c, "chunk"). */
enum { IS_MMAPPED = 2, FLAGS = 7 };

static size_t chunk_size(const void *block) { return word_before(block, 1); }

/* A block with a mapping of its own begins two words into it, or further with a large
 * alignment; the first of the two words before it says how far. */
static void report_mapping(const char *event, uintptr_t start, size_t size, int sign) {
    line_region(event, "anon", start, start + size);
    line_int("step", pace_number());
    line_int("delta", sign * (long long)size);
    line_end();
}

static uintptr_t mapping_start(const void *block) {
    return (uintptr_t)block - 2 * sizeof(size_t) - word_before(block, 2);
}

static size_t mapping_size(const void *block) {
    return (chunk_size(block) & ~(size_t)FLAGS) + word_before(block, 2);
}

int run_malloc(const struct options *options) {
    static void *blocks[MAX_COUNT]; /* in bss: a list from malloc would be measured too */
    pace_begin(options);
    for (unsigned i = 0; i < options->count; i++) {
        if (!pace_step()) return 0;
        uintptr_t before = (uintptr_t)sbrk(0);
        char *p = malloc(options->size);
        if (!p) {
            complain("malloc", errno);
            return EXIT_OSERR;
        }
        memset(p, 'm', options->size);
        blocks[i] = p;
        if (chunk_size(p) & IS_MMAPPED) {
            report_mapping("mmap", mapping_start(p), mapping_size(p), 1);
        } else {
            report_break(before, (uintptr_t)sbrk(0));
        }
    }
    if (!options->release) return 0;
    for (unsigned i = options->count; i-- > 0;) {
        if (!pace_step()) return 0;
        char *p = blocks[i];
        uintptr_t before = (uintptr_t)sbrk(0);
        if (chunk_size(p) & IS_MMAPPED) {
            uintptr_t start = mapping_start(p);
            size_t size = mapping_size(p);
            free(p);
            report_mapping("munmap", start, size, -1);
        } else {
            free(p);
            report_break(before, (uintptr_t)sbrk(0));
        }
    }
    return 0;
}
