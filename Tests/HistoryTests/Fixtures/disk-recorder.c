// Preloaded into a program, writes down what it asks of the files in one directory, in order: what a disk would
// have got, and what it was made to keep. A flush is written down and not done: the record is all that matters.
//
//   DISK_RECORDER_DIRECTORY  the files in it, and nothing below it
//   DISK_RECORDER_LOG        where the record goes
//
// One record: a kind, the length of a name, of data, an offset (host's byte order), the name, the data.
//   W write   T truncate (offset: the new length)   S flush of a file   D flush of the directory
//   C create  U unlink   R rename (data: the new name)   A acknowledgement: 8 bytes written to descriptor 3
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

struct record {
    uint32_t kind, name_length, data_length, padding;
    int64_t offset;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int log_descriptor = -1;
static char directory[PATH_MAX];

#define REAL(name) ((typeof(&name))dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void begin(void) {
    const char *log = getenv("DISK_RECORDER_LOG"), *place = getenv("DISK_RECORDER_DIRECTORY");
    if (!log || !place || !realpath(place, directory)) return;
    log_descriptor = REAL(open)(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static void note(char kind, const char *name, const void *data, size_t length, int64_t offset) {
    if (log_descriptor < 0) return;
    struct record record = {kind, strlen(name), length, 0, offset};
    struct iovec parts[] = {
        {&record, sizeof record}, {(void *)name, record.name_length}, {(void *)data, length}};
    if (writev(log_descriptor, parts, 3) != (ssize_t)(sizeof record + record.name_length + length)) abort();
}

// The name below the directory of a path, "" for the directory itself, NULL for all else.
static const char *inside(const char *path) {
    size_t length = strlen(directory);
    if (log_descriptor < 0 || strncmp(path, directory, length)) return NULL;
    if (!path[length]) return "";
    return path[length] == '/' && !strchr(path + length + 1, '/') ? path + length + 1 : NULL;
}

static const char *name_of(int descriptor, char *buffer) {
    char link[64], *end = link + sizeof link - 1;
    *end = 0;
    unsigned number = descriptor;
    if (descriptor < 0) return NULL;
    do *--end = '0' + number % 10; while (number /= 10);
    end -= 14;
    memcpy(end, "/proc/self/fd/", 14);
    ssize_t length = readlink(end, buffer, PATH_MAX - 1);
    if (length < 0) return NULL;
    buffer[length] = 0;
    return inside(buffer);
}

// The name below the directory of what a …at call means.
static const char *name_at(int at, const char *path, char *buffer) {
    if (*path == '/') return inside(path);
    const char *base = at == AT_FDCWD ? NULL : name_of(at, buffer);
    return base && !*base && !strchr(path, '/') ? path : NULL;
}

static void note_write(int descriptor, const void *data, size_t length, int64_t offset) {
    char buffer[PATH_MAX];
    const char *name = name_of(descriptor, buffer);
    if (name && *name) note('W', name, data, length, offset);
}

// The record comes before the deed everywhere: a flush then covers what was recorded before it and no more.
// (No do … while: the deed's result is used afterwards.)
#define AROUND(deed) \
    pthread_mutex_lock(&lock); \
    deed; \
    pthread_mutex_unlock(&lock)

ssize_t pwrite(int descriptor, const void *data, size_t length, off_t offset) {
    AROUND(note_write(descriptor, data, length, offset);
           ssize_t result = REAL(pwrite)(descriptor, data, length, offset));
    return result;
}

ssize_t pwrite64(int descriptor, const void *data, size_t length, off64_t offset) {
    AROUND(note_write(descriptor, data, length, offset);
           ssize_t result = REAL(pwrite64)(descriptor, data, length, offset));
    return result;
}

ssize_t write(int descriptor, const void *data, size_t length) {
    if (log_descriptor >= 0 && descriptor == 3 && length == 8) {
        AROUND(note('A', "", data, length, 0));
    } else if (log_descriptor >= 0) {
        char buffer[PATH_MAX];
        const char *name = name_of(descriptor, buffer);
        if (name && *name) {
            AROUND(note('W', name, data, length, lseek(descriptor, 0, SEEK_CUR)));
        }
    }
    return REAL(write)(descriptor, data, length);
}

static void note_length(int descriptor, int64_t length) {
    char buffer[PATH_MAX];
    const char *name = name_of(descriptor, buffer);
    if (name && *name) note('T', name, "", 0, length);
}

int ftruncate(int descriptor, off_t length) {
    AROUND(note_length(descriptor, length); int result = REAL(ftruncate)(descriptor, length));
    return result;
}

int ftruncate64(int descriptor, off64_t length) {
    AROUND(note_length(descriptor, length); int result = REAL(ftruncate64)(descriptor, length));
    return result;
}

static int flush(int descriptor) {
    char buffer[PATH_MAX];
    const char *name = name_of(descriptor, buffer);
    if (name) {
        AROUND(note(*name ? 'S' : 'D', name, "", 0, 0));
    }
    return 0;
}

int fsync(int descriptor) { return flush(descriptor); }
int fdatasync(int descriptor) { return flush(descriptor); }

static void note_creation(int at, const char *path, int flags) {
    char buffer[PATH_MAX];
    if (!(flags & O_CREAT) || log_descriptor < 0) return;
    const char *name = name_at(at, path, buffer);
    if (name && *name && faccessat(at, path, F_OK, AT_SYMLINK_NOFOLLOW)) note('C', name, "", 0, 0);
}

#define MODE(flags) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | O_TMPFILE)) { \
        va_list more; \
        va_start(more, flags); \
        mode = va_arg(more, mode_t); \
        va_end(more); \
    }

int open(const char *path, int flags, ...) {
    MODE(flags)
    AROUND(note_creation(AT_FDCWD, path, flags); int result = REAL(open)(path, flags, mode));
    return result;
}

int open64(const char *path, int flags, ...) {
    MODE(flags)
    AROUND(note_creation(AT_FDCWD, path, flags); int result = REAL(open64)(path, flags, mode));
    return result;
}

int openat(int at, const char *path, int flags, ...) {
    MODE(flags)
    AROUND(note_creation(at, path, flags); int result = REAL(openat)(at, path, flags, mode));
    return result;
}

int openat64(int at, const char *path, int flags, ...) {
    MODE(flags)
    AROUND(note_creation(at, path, flags); int result = REAL(openat64)(at, path, flags, mode));
    return result;
}

static void note_removal(int at, const char *path) {
    char buffer[PATH_MAX];
    const char *name = log_descriptor < 0 ? NULL : name_at(at, path, buffer);
    if (name && *name && !faccessat(at, path, F_OK, AT_SYMLINK_NOFOLLOW)) note('U', name, "", 0, 0);
}

int unlink(const char *path) {
    AROUND(note_removal(AT_FDCWD, path); int result = REAL(unlink)(path));
    return result;
}

int unlinkat(int at, const char *path, int flags) {
    AROUND(note_removal(at, path); int result = REAL(unlinkat)(at, path, flags));
    return result;
}

int renameat(int from, const char *old, int to, const char *new) {
    char buffer[PATH_MAX], other[PATH_MAX];
    AROUND(const char *name = log_descriptor < 0 ? NULL : name_at(from, old, buffer);
           const char *next = name ? name_at(to, new, other) : NULL;
           if (name && next) note('R', name, next, strlen(next), 0);
           int result = REAL(renameat)(from, old, to, new));
    return result;
}
