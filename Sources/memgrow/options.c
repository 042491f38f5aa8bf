#include "memgrow.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "usage: memgrow COMMAND [OPTIONS]\n"
    "\n"
    "Gets memory in one way, or in all, and prints each region it got as one JSON line.\n"
    "\n"
    "commands\n"
    "  malloc   asks malloc for SIZE bytes, COUNT times\n"
    "  sbrk     moves the program break up by SIZE, COUNT times, and down again\n"
    "  mmap     maps private, shared, file, inaccessible and executable memory; protects,\n"
    "           moves and unmaps it\n"
    "  stack    recurses COUNT levels deep, SIZE bytes each\n"
    "  threads  starts COUNT threads that each malloc SIZE bytes\n"
    "  zoo      makes every kind of memory at once\n"
    "  talk     replays the three programs of the talk, sentence by sentence\n"
    "  random   does COUNT of everything above, drawn by lot\n"
    "\n"
    "options\n"
    "  --size SIZE      bytes of a step: 4096, 64KiB, 1MiB, 2GiB (default 64KiB)\n"
    "  --count N        number of steps (default 4)\n"
    "  --seed N         random: other steps; the same N gives the same (default 1)\n"
    "  --interval DUR   pause before each step: 250ms, 1s, 2m (default none)\n"
    "  --step           wait for a line on standard input before each step; its end ends all\n"
    "  --hold           keep everything after the last step until standard input ends\n"
    "                   or SIGTERM comes\n"
    "  --keep           sbrk, mmap: stay at the top, give nothing back\n"
    "  --free           malloc: give everything back, step by step\n"
    "  --help           this text\n";

void print_help(void) {
    size_t done = 0;
    while (done < sizeof help - 1) {
        ssize_t n = write(STDOUT_FILENO, help + done, sizeof help - 1 - done);
        if (n <= 0) return;
        done += (size_t)n;
    }
}

/* A decimal number, then one of the suffixes; false for anything else or an overflow. */
static bool parse_scaled(
    const char *text, const char *const *suffixes, const unsigned long *factors, unsigned long *result) {
    unsigned long value = 0;
    const char *p = text;
    if (*p < '0' || *p > '9') return false;
    for (; *p >= '0' && *p <= '9'; p++) {
        if (__builtin_mul_overflow(value, 10UL, &value)) return false;
        if (__builtin_add_overflow(value, (unsigned long)(*p - '0'), &value)) return false;
    }
    for (size_t i = 0; suffixes[i]; i++)
        if (strcmp(p, suffixes[i]) == 0) return !__builtin_mul_overflow(value, factors[i], result);
    return false;
}

static bool parse_size(const char *text, size_t *size) {
    static const char *const suffixes[] = {"", "KiB", "MiB", "GiB", NULL};
    static const unsigned long factors[] = {1, 1UL << 10, 1UL << 20, 1UL << 30};
    return parse_scaled(text, suffixes, factors, size) && *size > 0 && *size <= (1UL << 40);
}

static bool parse_duration(const char *text, unsigned *milliseconds) {
    static const char *const suffixes[] = {"ms", "s", "m", NULL};
    static const unsigned long factors[] = {1, 1000, 60000};
    unsigned long value;
    if (!parse_scaled(text, suffixes, factors, &value) || value > 86400000) return false;
    *milliseconds = (unsigned)value;
    return true;
}

static bool parse_count(const char *text, unsigned *count) {
    static const char *const suffixes[] = {"", NULL};
    static const unsigned long factors[] = {1};
    unsigned long value;
    if (!parse_scaled(text, suffixes, factors, &value) || value == 0 || value > MAX_COUNT) return false;
    *count = (unsigned)value;
    return true;
}

/* Returns -1 to go on, else the exit status. */
int parse_options(int argc, char **argv, struct options *options) {
    *options = (struct options){.size = 64 << 10, .count = 4, .seed = 1, .release = true};
    bool keep = false, give_back = false;
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
            print_help();
            return 0;
        }
        if (strcmp(word, "--step") == 0) {
            options->step = true;
        } else if (strcmp(word, "--hold") == 0) {
            options->hold = true;
        } else if (strcmp(word, "--keep") == 0) {
            keep = true;
        } else if (strcmp(word, "--free") == 0) {
            give_back = true;
        } else if (strcmp(word, "--size") == 0 || strcmp(word, "--count") == 0
                   || strcmp(word, "--seed") == 0 || strcmp(word, "--interval") == 0) {
            const char *value = i + 1 < argc ? argv[++i] : "";
            bool good = word[3] == 'i'   ? parse_size(value, &options->size)
                        : word[3] == 'o' ? parse_count(value, &options->count)
                        : word[3] == 'e' ? parse_count(value, &options->seed)
                                         : parse_duration(value, &options->interval_ms);
            if (!good) {
                complain(
                    word[3] == 'i'   ? "--size takes a size: 4096, 64KiB, 1MiB or 2GiB"
                    : word[3] == 'o' ? "--count takes a number from 1 to 100000"
                    : word[3] == 'e' ? "--seed takes a number from 1 to 100000"
                                     : "--interval takes a duration: 250ms, 1s or 2m",
                    0);
                return EXIT_USAGE;
            }
        } else if (word[0] == '-') {
            complain("no such option; memgrow --help lists them", 0);
            return EXIT_USAGE;
        } else if (options->command) {
            complain("one command at a time; memgrow --help lists them", 0);
            return EXIT_USAGE;
        } else {
            options->command = word;
        }
    }
    if (!options->command) {
        complain("which command? memgrow --help lists them", 0);
        return EXIT_USAGE;
    }
    options->release = strcmp(options->command, "malloc") == 0 ? give_back : !keep;
    return -1;
}
