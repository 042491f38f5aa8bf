#ifndef MEMWATCH_CLINUX_PERF_H
#define MEMWATCH_CLINUX_PERF_H

#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

// perf_event_open(2) has no wrapper in the C library, and Swift sees no bit fields.

/// PERF_FORMAT_LOST (Linux 6.0): read(2) of an event tells how many of its records found no room.
#define CLINUX_PERF_FORMAT_LOST (1U << 4)

/// What a descriptor of perf_event_open shall be.
struct clinux_perf_request {
    /// Side-band records of forks, ends and programs.
    bool tasks;
    /// Side-band records of mappings. With neither the event writes nothing, and only owns a ring that
    /// others write into.
    bool mappings;
    /// Tasks that the observed one creates are observed as well.
    bool inherit;
    /// Readable with PERF_FORMAT_LOST.
    bool counts_lost;
    /// Bytes of the ring that wake a poll(2). Side-band records do not count for `wakeup_events`.
    uint32_t watermark;
    /// `pid` is a descriptor of a cgroup2 directory.
    bool cgroup;
};

/// Opens a software event that counts nothing (PERF_COUNT_SW_DUMMY, Linux 3.12: no PMU is needed, so it
/// works in any virtual machine). -1 and errno on failure.
static inline int clinux_perf_open(pid_t pid, int cpu, const struct clinux_perf_request *request) {
    struct perf_event_attr attr;
    memset(&attr, 0, sizeof attr);
    attr.size = sizeof attr;
    attr.type = PERF_TYPE_SOFTWARE;
    attr.config = PERF_COUNT_SW_DUMMY;
    attr.sample_id_all = 1;
    attr.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CPU | PERF_SAMPLE_IDENTIFIER;
    // Without it unprivileged users are refused at perf_event_paranoid 2.
    attr.exclude_kernel = 1;
    // Events of different clocks may not share a ring.
    attr.use_clockid = 1;
    attr.clockid = CLOCK_MONOTONIC;
    attr.watermark = 1;
    attr.wakeup_watermark = request->watermark;
    attr.inherit = request->inherit;
    attr.read_format = request->counts_lost ? CLINUX_PERF_FORMAT_LOST : 0;
    attr.mmap = attr.mmap_data = attr.mmap2 = request->mappings;
    attr.comm = attr.comm_exec = attr.task = request->tasks;
    attr.disabled = !request->mappings && !request->tasks;
    unsigned long flags = PERF_FLAG_FD_CLOEXEC | (request->cgroup ? PERF_FLAG_PID_CGROUP : 0);
    return (int)syscall(SYS_perf_event_open, &attr, pid, cpu, -1, flags);
}

/// Lets `event` write into the ring of `owner`, which must be of the same CPU. 0, or -1 and errno.
static inline int clinux_perf_set_output(int event, int owner) {
    return ioctl(event, PERF_EVENT_IOC_SET_OUTPUT, owner);
}

/// The number that the event's records carry. 0, or -1 and errno.
static inline int clinux_perf_id(int event, uint64_t *id) {
    return ioctl(event, PERF_EVENT_IOC_ID, id);
}

/// How far the kernel has written. What lies before it may be read afterwards.
static inline uint64_t clinux_perf_ring_head(const void *page) {
    return __atomic_load_n(&((const struct perf_event_mmap_page *)page)->data_head, __ATOMIC_ACQUIRE);
}

/// How far we have read. The kernel may overwrite what lies before it afterwards.
static inline void clinux_perf_ring_set_tail(void *page, uint64_t tail) {
    __atomic_store_n(&((struct perf_event_mmap_page *)page)->data_tail, tail, __ATOMIC_RELEASE);
}

/// A descriptor that becomes readable when somebody writes eight bytes that are not 0 to it.
static inline int clinux_eventfd(void) {
    return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

/// What top and gdb call the calling thread: up to 15 bytes.
static inline void clinux_name_thread(const char *name) {
    prctl(PR_SET_NAME, name, 0, 0, 0);
}

#endif
