#ifndef MEMWATCH_CLINUX_PAGEMAP_SCAN_H
#define MEMWATCH_CLINUX_PAGEMAP_SCAN_H

#include <stdint.h>
#include <sys/ioctl.h>

// Linux 6.7, on a descriptor of /proc/[pid]/pagemap: which pages of a range are of some
// sort, as ranges, without eight bytes of answer for every page.

/// `struct page_region` of linux/fs.h: pages of equal categories, end exclusive.
struct clinux_page_region {
    uint64_t start;
    uint64_t end;
    uint64_t categories;
};

/// `struct pm_scan_arg` of linux/fs.h.
struct clinux_pagemap_scan {
    uint64_t size;
    uint64_t flags;
    uint64_t start;
    uint64_t end;
    uint64_t walk_end;
    uint64_t vec;
    uint64_t vec_len;
    uint64_t max_pages;
    uint64_t category_inverted;
    uint64_t category_mask;
    uint64_t category_anyof_mask;
    uint64_t return_mask;
};

#define CLINUX_PAGE_IS_PRESENT (1 << 3)
#define CLINUX_PAGE_IS_SWAPPED (1 << 4)
/// The page of zeros that all share who have read a page and not written to it.
#define CLINUX_PAGE_IS_PFNZERO (1 << 5)

/// The number of regions written, or -1 and errno. `walk_end` says how far it got:
/// below `end` where the regions did not suffice.
static inline int clinux_pagemap_scan(int pagemap, struct clinux_pagemap_scan *scan) {
    scan->size = sizeof *scan;
    return ioctl(pagemap, _IOWR('f', 16, struct clinux_pagemap_scan), scan);
}

#endif
