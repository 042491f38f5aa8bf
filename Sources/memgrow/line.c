#include "memgrow.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

/* stdio would allocate its buffer with malloc, on the very heap that is being measured,
 * between two measurements. One static buffer and write(2) move nothing. */
static char buffer[4096];
static size_t used;

static void put(char c) {
    if (used < sizeof buffer - 2) buffer[used++] = c;
}

static void put_text(const char *text) {
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') put('\\');
        put((unsigned char)*text < ' ' ? ' ' : *text);
    }
}

static void put_number(unsigned long long value, unsigned base) {
    char digits[24];
    int n = 0;
    do digits[n++] = "0123456789abcdef"[value % base];
    while ((value /= base) != 0);
    while (n > 0) put(digits[--n]);
}

static void put_key(const char *key) {
    put(',');
    put('"');
    put_text(key);
    put('"');
    put(':');
}

static void flush(int file) {
    size_t done = 0;
    while (done < used) {
        ssize_t n = write(file, buffer + done, used - done);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        done += (size_t)n;
    }
    used = 0;
}

void line_begin(const char *event) {
    used = 0;
    for (const char *p = "{\"event\":\""; *p; p++) put(*p);
    put_text(event);
    put('"');
}

void line_text(const char *key, const char *value) {
    put_key(key);
    put('"');
    put_text(value);
    put('"');
}

void line_int(const char *key, long long value) {
    put_key(key);
    if (value < 0) put('-');
    put_number(value < 0 ? 0ULL - (unsigned long long)value : (unsigned long long)value, 10);
}

void line_address(const char *key, uintptr_t value) {
    put_key(key);
    put('"');
    put('0');
    put('x');
    put_number(value, 16);
    put('"');
}

void line_end(void) {
    buffer[used++] = '}';
    buffer[used++] = '\n';
    flush(STDOUT_FILENO);
}

void line_region(const char *event, const char *kind, uintptr_t start, uintptr_t end) {
    line_begin(event);
    line_text("kind", kind);
    line_address("start", start);
    line_address("end", end);
    line_int("size", (long long)(end - start));
}

void line_skip(const char *kind, const char *why) {
    line_begin("skip");
    line_text("kind", kind);
    line_text("why", why);
    line_end();
}

void complain(const char *what, int error) {
    used = 0;
    for (const char *p = "memgrow: "; *p; p++) put(*p);
    for (const char *p = what; *p; p++) put(*p);
    if (error) {
        put(':');
        put(' ');
        for (const char *p = strerror(error); *p; p++) put(*p);
    }
    put('\n');
    flush(STDERR_FILENO);
}
