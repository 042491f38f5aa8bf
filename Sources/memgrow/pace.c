#include "memgrow.h"

#include <errno.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

static const struct options *pace;
static unsigned number;
static volatile sig_atomic_t terminated;

static void on_terminate(int signal) {
    (void)signal;
    terminated = 1;
}

void pace_begin(const struct options *options) {
    pace = options;
    /* Without SA_RESTART, so that the read of a waiting program returns. */
    struct sigaction action = {.sa_handler = on_terminate};
    sigaction(SIGTERM, &action, NULL);
    line_begin("ready");
    line_int("pid", getpid());
    line_text("command", options->command);
    line_end();
}

/* Reads up to and including a newline; false when standard input has ended. */
static bool read_line(void) {
    for (;;) {
        char c;
        ssize_t n = terminated ? 0 : read(STDIN_FILENO, &c, 1);
        if (n == 1 && c == '\n') return true;
        if (n == 0 || (n < 0 && (terminated || errno != EINTR))) return false;
    }
}

static void pause_for(unsigned milliseconds) {
    struct timespec rest = {milliseconds / 1000, (long)(milliseconds % 1000) * 1000000};
    while (!terminated && nanosleep(&rest, &rest) < 0 && errno == EINTR) continue;
}

bool pace_step(void) {
    if (pace->step && !read_line()) return false;
    if (pace->interval_ms) pause_for(pace->interval_ms);
    if (terminated) return false;
    number++;
    return true;
}

unsigned pace_number(void) { return number; }

void pace_done(void) {
    line_begin("done");
    line_int("pid", getpid());
    line_int("steps", number);
    line_end();
    while (pace->hold && read_line()) continue;
}
