#pragma once

#include <systemd/sd-daemon.h>
#include <systemd/sd-id128.h>
#include <systemd/sd-journal.h>

/* Two Linux calls that the thread behind the journal needs and that Swift's Glibc
 * module does not show: it has no eventfd(2), and prctl(2) is variadic. */
#include <sys/eventfd.h>
#include <sys/prctl.h>

/* The name of the calling thread in top -H and in core dumps, at most 15 bytes. */
static inline void memwatch_name_thread(const char *name) {
    prctl(PR_SET_NAME, name, 0, 0, 0);
}
