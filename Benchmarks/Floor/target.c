/* A process to look at: about COUNT virtual memory areas, in the mixture a larger program has,
 * none of which changes. Prints its pid and the number of areas, then waits until its standard
 * input ends.
 *
 *     target COUNT
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static int areas(void) {
    FILE *maps = fopen("/proc/self/maps", "re");
    int lines = 0, byte;
    if (!maps) return -1;
    while ((byte = fgetc(maps)) != EOF) lines += byte == '\n';
    fclose(maps);
    return lines;
}

int main(int argc, char **argv) {
    int wanted = argc > 1 ? atoi(argv[1]) : 1000;
    int self = areas();
    size_t page = sysconf(_SC_PAGESIZE);
    FILE *me = fopen("/proc/self/exe", "re");
    if (!me || self < 0) return 70;
    for (int i = self; i < wanted; i++) {
        /* Neighbours of equal protection and origin would be merged into one area, so protection
         * and origin go round: anonymous, file, reserved, shared. */
        int protection = (i % 3 == 0) ? PROT_READ : (i % 3 == 1) ? PROT_READ | PROT_WRITE : PROT_NONE;
        void *area;
        if (i % 4 == 1)
            area = mmap(NULL, page, PROT_READ, MAP_PRIVATE, fileno(me), 0);
        else if (i % 4 == 3)
            area = mmap(NULL, page, protection, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        else
            area = mmap(NULL, page, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (area == MAP_FAILED) return 71;
    }
    printf("%d %d\n", getpid(), areas());
    fflush(stdout);
    char byte;
    while (read(STDIN_FILENO, &byte, 1) > 0) {}
    return 0;
}
