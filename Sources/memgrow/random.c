#define _GNU_SOURCE
#include "memgrow.h"

#include <alloca.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* SplitMix64: the same steps from the same seed on every machine. */
static uint64_t state;

static uint64_t draw(uint64_t below) {
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (z ^ (z >> 31)) % below;
}

/* What is mapped now. Regions are placed by the kernel, side by side, so that it merges and splits
 * them as it does those of any program. */
enum { SLOTS = 96, LARGEST = 24 };
static struct slot {
    char *start;
    size_t pages;
    bool is_memory; /* private, anonymous and writable: it can be written without a signal */
} slots[SLOTS];

static int file;

static struct slot *any_used(void) {
    for (unsigned i = 0, at = (unsigned)draw(SLOTS); i < SLOTS; i++, at = (at + 1) % SLOTS)
        if (slots[at].start) return &slots[at];
    return NULL;
}

static struct slot *any_free(void) {
    for (unsigned i = 0; i < SLOTS; i++)
        if (!slots[i].start) return &slots[i];
    return NULL;
}

static const char *map(void) {
    static const int protections[] = {
        PROT_READ | PROT_WRITE, PROT_READ, PROT_NONE, PROT_READ | PROT_WRITE | PROT_EXEC, PROT_READ | PROT_EXEC,
    };
    struct slot *slot = any_free();
    if (!slot) return "full";
    size_t pages = 1 + draw(LARGEST);
    int protection = protections[draw(sizeof protections / sizeof protections[0])];
    uint64_t way = draw(4);
    int flags = way == 1 ? MAP_SHARED | MAP_ANONYMOUS : way == 2 ? MAP_PRIVATE : MAP_PRIVATE | MAP_ANONYMOUS;
    off_t offset = way == 2 ? (off_t)(draw(LARGEST) * page_size()) : 0;
    void *p = mmap(NULL, pages * page_size(), protection, flags, way == 2 ? file : -1, offset);
    if (p == MAP_FAILED) return "refused";
    *slot = (struct slot){p, pages, protection == (PROT_READ | PROT_WRITE) && way != 1 && way != 2};
    return "mmap";
}

static const char *unmap(void) {
    struct slot *slot = any_used();
    if (!slot) return "empty";
    /* All of it, its beginning, or its end. */
    size_t pages = draw(3) == 0 ? slot->pages : 1 + draw(slot->pages);
    if (draw(2) == 0) {
        munmap(slot->start, pages * page_size());
        slot->start += pages * page_size();
    } else {
        munmap(slot->start + (slot->pages - pages) * page_size(), pages * page_size());
    }
    slot->pages -= pages;
    if (slot->pages == 0) slot->start = NULL;
    return "munmap";
}

static const char *protect(void) {
    static const int protections[] = {PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_EXEC};
    struct slot *slot = any_used();
    if (!slot) return "empty";
    size_t skip = draw(slot->pages), pages = 1 + draw(slot->pages - skip);
    int protection = protections[draw(4)];
    if (mprotect(slot->start + skip * page_size(), pages * page_size(), protection) < 0) return "refused";
    slot->is_memory = false;
    return "protect";
}

static const char *resize(void) {
    struct slot *slot = any_used();
    if (!slot) return "empty";
    size_t pages = 1 + draw(LARGEST);
    /* Refused where mprotect has cut it into several areas. */
    void *p = mremap(slot->start, slot->pages * page_size(), pages * page_size(), MREMAP_MAYMOVE);
    if (p == MAP_FAILED) return "refused";
    slot->start = p;
    slot->pages = pages;
    return "mremap";
}

static const char *move_break(void) {
    static size_t grown;
    size_t pages = 1 + draw(LARGEST);
    if (draw(2) == 0 && pages <= grown) {
        grown -= pages;
        return sbrk(-(intptr_t)(pages * page_size())) == (void *)-1 ? "refused" : "brk-shrink";
    }
    if (sbrk((intptr_t)(pages * page_size())) == (void *)-1) return "refused";
    grown += pages;
    return "brk-grow";
}

/* Deeper than before now and then; the kernel extends the stack, and it stays so. */
static __attribute__((noinline)) const char *grow_stack(void) {
    static size_t deepest;
    size_t size = (1 + draw(64)) * page_size();
    volatile char *deep = alloca(size);
    for (size_t i = 0; i < size; i += page_size()) deep[size - 1 - i] = 1;
    if (size <= deepest) return "stack-same";
    deepest = size;
    return "stack-grow";
}

static const char *use(void) {
    struct slot *slot = any_used();
    if (!slot || !slot->is_memory) return "empty";
    touch(slot->start, slot->pages * page_size());
    return "touch";
}

int run_random(const struct options *options) {
    state = options->seed;
    file = unlinked_file(2 * LARGEST * page_size());
    if (file < 0) {
        complain("a file to map (TMPDIR says where)", errno);
        return EXIT_OSERR;
    }
    pace_begin(options);
    for (unsigned i = 0; i < options->count; i++) {
        if (!pace_step()) break;
        const char *(*const ways[])(void) = {
            map, map, map, unmap, unmap, protect, protect, resize, move_break, move_break, grow_stack, use,
        };
        const char *did = ways[draw(sizeof ways / sizeof ways[0])]();
        line_begin(did);
        line_int("step", pace_number());
        line_end();
    }
    close(file);
    return 0;
}
