// The function of Swift's own libraries that one of these files stands in front of.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

static void *realFunction(const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    if (found == NULL) {
        fprintf(stderr, "Tests/Sanitizers: %s is not in this Swift's library\n", name);
        abort();
    }
    return found;
}
