#define _GNU_SOURCE
#include "memgrow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

uintptr_t page_size(void) {
    static uintptr_t size;
    if (size == 0) size = (uintptr_t)sysconf(_SC_PAGESIZE);
    return size;
}

uintptr_t page_floor(uintptr_t address) { return address & ~(page_size() - 1); }

uintptr_t page_ceiling(uintptr_t address) { return page_floor(address + page_size() - 1); }

/* Writes one byte a page, so that the kernel has to give memory and not only addresses. */
void touch(void *start, size_t size) {
    volatile char *p = start;
    for (size_t i = 0; i < size; i += page_size()) p[i] = 1;
}

/* Left to itself, mmap puts new memory next to old, and the kernel makes one area of both:
 * then no tool could show the border. So everything that is to be recognised is placed in a
 * window of unused addresses, with a free page between one thing and the next. */
static uintptr_t first, next, limit;

bool place_begin(size_t window) {
    void *p = mmap(NULL, window, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) {
        complain("no room in the address space for that much", errno);
        return false;
    }
    munmap(p, window);
    first = next = (uintptr_t)p + page_size();
    limit = (uintptr_t)p + window - page_size();
    return true;
}

/* For the next round, when everything placed was unmapped. */
void place_again(void) { next = first; }

/* Returns NULL, having printed why, where the kernel refuses. */
void *place(size_t size, int protection, int flags, int file, const char *what) {
    size_t room = page_ceiling(size);
    void *hint = NULL;
    if (next && limit - next > room) {
        hint = (void *)next;
        next += room + page_size();
    }
    void *p = mmap(hint, size, protection, flags | (hint ? MAP_FIXED_NOREPLACE : 0), file, 0);
    if (p == MAP_FAILED) {
        line_skip(what, strerror(errno));
        return NULL;
    }
    return p;
}

/* A file of `size` bytes without a name; -1 where none can be made. */
int unlinked_file(size_t size) {
    const char *directory = getenv("TMPDIR");
    char path[4096];
    if (!directory || strlen(directory) > sizeof path - 32) directory = "/tmp";
    strcpy(path, directory);
    strcat(path, "/memgrow-XXXXXX");
    int file = mkstemp(path);
    if (file < 0) return -1;
    unlink(path);
    if (ftruncate(file, (off_t)size) < 0) {
        close(file);
        return -1;
    }
    return file;
}

/* A word of malloc's own record in front of a block. The compiler knows what malloc promised,
 * and that this is outside: it must not see that the address came from there. */
size_t word_before(const void *block, int words) {
    uintptr_t address = (uintptr_t)block;
    __asm__("" : "+r"(address));
    return *(const volatile size_t *)(address - (uintptr_t)words * sizeof(size_t));
}
