#define _GNU_SOURCE
#include "memgrow.h"

#include <alloca.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>

/* The kernel writes the program's name at the very top of the stack, above arguments and
 * environment: everything from here up to its end is stack. */
static uintptr_t stack_top(const void *local) {
    const char *name = (const char *)getauxval(AT_EXECFN);
    uintptr_t top = name ? (uintptr_t)name + strlen(name) + 1 : (uintptr_t)local + 1;
    return page_ceiling(top);
}

void describe_main_stack(const void *local) {
    line_region("region", "stack", page_floor((uintptr_t)local), stack_top(local));
    line_end();
}

/* Each level has a frame of its own, so that the kernel sees the stack grow as by recursion. */
__attribute__((noinline)) static int descend(const struct options *options, unsigned level, uintptr_t above) {
    if (level == options->count || !pace_step()) {
        if (level == options->count) pace_done();
        return -1;
    }
    char *frame = alloca(options->size);
    memset(frame, 'm', options->size);
    uintptr_t low = page_floor((uintptr_t)frame);
    line_region("stack-grow", "stack", low, stack_top(frame));
    line_int("step", pace_number());
    line_int("level", level + 1);
    line_int("delta", (long long)(above - low));
    line_end();
    int status = descend(options, level + 1, low);
    /* Used after the call, so that no compiler turns the recursion into a loop. */
    return frame[0] == 'm' ? status : 0;
}

int run_stack(const struct options *options) {
    struct rlimit limit;
    size_t need;
    bool overflow = __builtin_mul_overflow(options->size + 4096, (size_t)options->count, &need)
                    || __builtin_add_overflow(need, 256 << 10, &need);
    bool limited = getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
    if (overflow || (limited && need > limit.rlim_cur)) {
        complain("the stack would pass its limit (ulimit -s); ask for fewer or smaller levels", 0);
        return EXIT_USAGE;
    }
    char here = 0;
    pace_begin(options);
    /* What is done, is done at the deepest level: on the way back the frames are gone. */
    return descend(options, 0, page_floor((uintptr_t)&here));
}
