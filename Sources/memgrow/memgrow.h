/* memgrow: a program that gets memory in every way, and says what it got.
 *
 * What it prints is the truth that memwatch is held against, so it never asks maps where a
 * region lies: it goes by what the call returned, by linker symbols, by program headers and
 * by the auxiliary vector.
 */
#ifndef MEMGROW_H
#define MEMGROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { MAX_COUNT = 100000 };

/* sysexits.h */
enum { EXIT_USAGE = 64, EXIT_SOFTWARE = 70, EXIT_OSERR = 71 };

struct options {
    const char *command;
    size_t size;          /* bytes a step takes */
    unsigned count;       /* steps */
    unsigned seed;        /* of what is random */
    unsigned interval_ms; /* pause before each step */
    bool step;            /* wait for a line on stdin before each step */
    bool hold;            /* keep everything until stdin ends */
    bool release;         /* go back down after going up */
};

/* options.c */
int parse_options(int argc, char **argv, struct options *options);
void print_help(void);

/* line.c: one JSON object on standard output, written in one call */
void line_begin(const char *event);
void line_text(const char *key, const char *value);
void line_int(const char *key, long long value);
void line_address(const char *key, uintptr_t value);
void line_end(void);
void line_region(const char *event, const char *kind, uintptr_t start, uintptr_t end);
void line_skip(const char *kind, const char *why);
void complain(const char *what, int error);

/* pace.c: every command says when it is ready, having made its preparations */
void pace_begin(const struct options *options);
bool pace_step(void); /* false: standard input ended, stop */
unsigned pace_number(void);
void pace_done(void);

/* pages.c */
uintptr_t page_size(void);
uintptr_t page_floor(uintptr_t address);
uintptr_t page_ceiling(uintptr_t address);
void touch(void *start, size_t size);
bool place_begin(size_t window);
void place_again(void);
void *place(size_t size, int protection, int flags, int file, const char *what);
int unlinked_file(size_t size);
size_t word_before(const void *block, int words);

/* image.c, stack.c, threads.c: regions that exist without being asked for */
void describe_image(void);
void describe_main_stack(const void *local);

struct worker;
struct worker *worker_start(size_t size);
void worker_describe(const struct worker *worker);
void worker_finish(struct worker *worker);

/* the commands */
int run_malloc(const struct options *options);
int run_sbrk(const struct options *options);
int run_mmap(const struct options *options);
int run_stack(const struct options *options);
int run_threads(const struct options *options);
int run_zoo(const struct options *options);
int run_talk(const struct options *options);
int run_random(const struct options *options);

#endif
