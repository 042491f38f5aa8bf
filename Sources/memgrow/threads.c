#define _GNU_SOURCE
#include "memgrow.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A thread that has taken some memory from malloc and sleeps until it is told to go. */
struct worker {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool ready, leave;
    size_t wanted;
    char *block;
    pid_t tid;
    uintptr_t stack_low, stack_high, guard_low;
};

enum { NON_MAIN_ARENA = 4 };
static const uintptr_t heap_max = 64 << 20;

/* The stack as libc knows it, and the guard that pthread_create put below it. */
static void measure_stack(struct worker *worker) {
    pthread_attr_t attributes;
    void *low = NULL;
    size_t size = 0, guard = 0;
    if (pthread_getattr_np(pthread_self(), &attributes) != 0) return;
    pthread_attr_getstack(&attributes, &low, &size);
    pthread_attr_getguardsize(&attributes, &guard);
    pthread_attr_destroy(&attributes);
    worker->stack_low = (uintptr_t)low;
    worker->stack_high = (uintptr_t)low + size;
    worker->guard_low = (uintptr_t)low - page_ceiling(guard);
}

static void *work(void *argument) {
    struct worker *worker = argument;
    char *block = malloc(worker->wanted);
    if (block) memset(block, 'm', worker->wanted);
    pthread_mutex_lock(&worker->lock);
    measure_stack(worker);
    worker->block = block;
    worker->tid = (pid_t)syscall(SYS_gettid);
    worker->ready = true;
    pthread_cond_broadcast(&worker->changed);
    while (!worker->leave) pthread_cond_wait(&worker->changed, &worker->lock);
    pthread_mutex_unlock(&worker->lock);
    free(block);
    return NULL;
}

struct worker *worker_start(size_t size) {
    /* In bss, so that starting a thread moves no heap. */
    static struct worker pool[1024];
    static size_t started;
    if (started == sizeof pool / sizeof pool[0]) {
        complain("at most 1024 threads", 0);
        return NULL;
    }
    struct worker *worker = &pool[started];
    pthread_mutex_init(&worker->lock, NULL);
    pthread_cond_init(&worker->changed, NULL);
    worker->wanted = size;
    int error = pthread_create(&worker->thread, NULL, work, worker);
    if (error) {
        complain("pthread_create", error);
        return NULL;
    }
    started++;
    pthread_mutex_lock(&worker->lock);
    while (!worker->ready) pthread_cond_wait(&worker->changed, &worker->lock);
    pthread_mutex_unlock(&worker->lock);
    return worker;
}

static void report(const char *kind, uintptr_t start, uintptr_t end, pid_t tid) {
    line_region("region", kind, start, end);
    if (tid) line_int("tid", tid);
    line_int("step", pace_number());
    line_end();
}

/* A heap of a secondary arena begins with its record (heap_info in malloc/arena.c): the
 * fourth word is how much of the 64 MiB was ever made accessible. */
static void describe_arena(const struct worker *worker) {
    uintptr_t block = (uintptr_t)worker->block;
    if (!block) return;
    if (!(word_before(worker->block, 1) & NON_MAIN_ARENA)) {
        line_skip("arena", "malloc served the thread from elsewhere (MALLOC_ARENA_MAX, or a large block)");
        return;
    }
    uintptr_t start = block & ~(heap_max - 1);
    uintptr_t end = page_ceiling(block + worker->wanted);
    size_t accessible = ((size_t *)start)[3];
    bool plausible = accessible == page_floor(accessible) && accessible <= heap_max
                     && start + accessible >= end;
    report("arena", start, plausible ? start + accessible : end, 0);
    if (plausible && accessible < heap_max) report("reserved", start + accessible, start + heap_max, 0);
}

void worker_describe(const struct worker *worker) {
    report("thread-stack", worker->stack_low, worker->stack_high, worker->tid);
    if (worker->guard_low < worker->stack_low) report("guard", worker->guard_low, worker->stack_low, 0);
    describe_arena(worker);
}

void worker_finish(struct worker *worker) {
    pthread_mutex_lock(&worker->lock);
    worker->leave = true;
    pthread_cond_broadcast(&worker->changed);
    pthread_mutex_unlock(&worker->lock);
    pthread_join(worker->thread, NULL);
}

int run_threads(const struct options *options) {
    pace_begin(options);
    for (unsigned i = 0; i < options->count; i++) {
        if (!pace_step()) return 0;
        struct worker *worker = worker_start(options->size);
        if (!worker) return EXIT_OSERR;
        worker_describe(worker);
    }
    return 0;
}
