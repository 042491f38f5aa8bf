#pragma once

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-bus.h>
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

/* Asks the service manager to start a unit (org.freedesktop.systemd1.Manager.StartUnit): the system's, or the user's own.
 * Blocks, at most for the timeout. 0 where the job was queued; a negative errno, and in message what the manager says.
 * Here, because Swift cannot call functions with variable arguments. */
static inline int memwatch_start_unit(const char *unit, int user, uint64_t timeout_usec, char *message, size_t size) {
    sd_bus *bus = NULL;
    sd_bus_error error = SD_BUS_ERROR_NULL;
    int result = user ? sd_bus_open_user(&bus) : sd_bus_open_system(&bus);
    if (result >= 0) {
        sd_bus_set_method_call_timeout(bus, timeout_usec);
        result = sd_bus_call_method(bus, "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
                                    "org.freedesktop.systemd1.Manager", "StartUnit", &error, NULL, "ss", unit, "replace");
    }
    if (result < 0) snprintf(message, size, "%s", error.message ? error.message : strerror(-result));
    sd_bus_error_free(&error);
    sd_bus_flush_close_unref(bus);
    return result < 0 ? result : 0;
}
