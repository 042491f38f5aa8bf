#ifndef MEMWATCH_CLINUX_IMAGE_H
#define MEMWATCH_CLINUX_IMAGE_H

#include <elf.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/// The beginning of `struct dl_phdr_info`, which the headers show under _GNU_SOURCE only.
struct clinux_object {
    Elf64_Addr bias;
    const char *name;
    const Elf64_Phdr *headers;
    Elf64_Half count;
};

extern int clinux_for_each_object(int (*body)(struct clinux_object *, size_t, void *), void *context)
    __asm__("dl_iterate_phdr");

static inline int clinux_forget_object_pages(struct clinux_object *object, size_t size, void *context) {
    (void)size;
    const uint64_t page = *(const uint64_t *)context;
    for (Elf64_Half i = 0; i < object->count; i++) {
        const Elf64_Phdr *header = &object->headers[i];
        // In a segment with PF_W a page that was written to would become the file's again.
        if (header->p_type != PT_LOAD || header->p_flags & PF_W)
            continue;
        const uint64_t start = (object->bias + header->p_vaddr) & ~(page - 1);
        const uint64_t end = (object->bias + header->p_vaddr + header->p_filesz + page - 1) & ~(page - 1);
        madvise((void *)start, end - start, MADV_DONTNEED);
    }
    return 0;
}

/// Unmaps the pages of the program and its libraries that cannot have been written to: code and constants. They
/// stay in the page cache, and come back, sixteen at a time, by a minor fault when they are next needed.
static inline void clinux_forget_image_pages(void) {
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    clinux_for_each_object(clinux_forget_object_pages, &page);
}

#endif
