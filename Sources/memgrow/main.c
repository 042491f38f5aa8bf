#include "memgrow.h"

#include <string.h>

static const struct {
    const char *name;
    int (*run)(const struct options *);
} commands[] = {
    {"malloc", run_malloc}, {"sbrk", run_sbrk}, {"mmap", run_mmap}, {"stack", run_stack},
    {"threads", run_threads}, {"zoo", run_zoo}, {"talk", run_talk},
    {"random", run_random},
};

int main(int argc, char **argv) {
    struct options options;
    int status = parse_options(argc, argv, &options);
    if (status >= 0) return status;
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(commands[i].name, options.command) != 0) continue;
        status = commands[i].run(&options);
        if (status == 0) pace_done();
        /* Negative: the command has told its end itself, where its memory still was. */
        return status < 0 ? 0 : status;
    }
    complain("no such command; memgrow --help lists them", 0);
    return EXIT_USAGE;
}
