#ifndef MEMWATCH_CLINUX_MALLOC_H
#define MEMWATCH_CLINUX_MALLOC_H

#include <malloc.h>

/// So many malloc arenas at most (glibc: eight for each processor). Other libraries have no such thing.
static inline void clinux_limit_arenas(int count) {
#ifdef M_ARENA_MAX
    mallopt(M_ARENA_MAX, count);
#else
    (void)count;
#endif
}

/// Gives free memory in the middle of arenas back to the kernel, which free(3) never does.
static inline void clinux_trim_heap(void) {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

#endif
