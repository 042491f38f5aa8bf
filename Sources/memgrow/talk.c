#define _GNU_SOURCE
#include "memgrow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static bool begin(int act, const char *sentence) {
    if (!pace_step()) return false;
    line_begin("say");
    line_int("act", act);
    line_int("step", pace_number());
    line_text("say", sentence);
    return true;
}

static bool say(int act, const char *sentence) {
    if (!begin(act, sentence)) return false;
    line_end();
    return true;
}

/* malloc is the easiest way: ask, use, give back. Who gets the memory where is its affair. */
static bool act_malloc(void) {
    if (!say(1, "Ease: the first program asks malloc for 1,024 bytes.")) return false;
    uintptr_t before = (uintptr_t)sbrk(0);
    char *p = malloc(1024);
    if (!p) return false;
    uintptr_t after = (uintptr_t)sbrk(0);
    bool moved = after != before;
    if (!begin(
            1, moved ? "malloc returned an address in the heap; to have it, it moved the program break."
                     : "malloc returned an address in the heap, where it had room: the break stays."))
        return false;
    line_address("address", (uintptr_t)p);
    line_address("break", after);
    line_text("kind", "heap");
    line_int("delta", (long long)(page_ceiling(after) - page_ceiling(before)));
    line_end();
    memset(p, 'm', 1024);
    if (!say(1, "It fills the 1,024 bytes.")) return false;
    free(p);
    if (!begin(1, "It frees them: malloc keeps the page for the next one who asks.")) return false;
    line_address("break", (uintptr_t)sbrk(0));
    line_end();
    return true;
}

/* The break is the crudest way: one border, that moves. */
static bool act_sbrk(void) {
    uintptr_t before = (uintptr_t)sbrk(0);
    if (!begin(2, "Crudeness: the second program asks sbrk(0) where the program break is.")) return false;
    line_address("break", before);
    line_end();
    char *gap = sbrk(4096);
    if (gap == (void *)-1) return false;
    uintptr_t after = (uintptr_t)sbrk(0);
    if (!begin(2, "It moves the break by 4,096 bytes, and asks again.")) return false;
    line_address("break", after);
    line_text("kind", "heap");
    line_address("start", page_ceiling(before));
    line_address("end", page_ceiling(after));
    line_int("delta", (long long)(page_ceiling(after) - page_ceiling(before)));
    line_end();
    memset(gap, 'm', 4096);
    return say(2, "It writes into the gap: the kernel gives a page, filled with zeros, as it is touched.");
}

/* mmap gives each block its own place and its own protection. */
static bool act_mmap(void) {
    if (!say(3, "Control: the third program calls mmap with a null address, so the kernel chooses.")) return false;
    size_t size = page_size();
    char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) return false;
    if (!begin(3, "It got a page to read and write, private and anonymous, far above the heap.")) return false;
    line_text("kind", "anon");
    line_address("start", (uintptr_t)p);
    line_address("end", (uintptr_t)p + size);
    line_int("delta", (long long)size);
    line_end();
    memset(p, 'm', size);
    if (!say(3, "It writes into it.")) return false;
    munmap(p, size);
    if (!begin(3, "It unmaps the page: the addresses are gone, and touching them would be an error.")) return false;
    line_text("kind", "anon");
    line_address("start", (uintptr_t)p);
    line_address("end", (uintptr_t)p + size);
    line_int("delta", -(long long)size);
    line_end();
    return true;
}

int run_talk(const struct options *options) {
    pace_begin(options);
    if (act_malloc() && act_sbrk()) act_mmap();
    return 0;
}
