#define _GNU_SOURCE
#include "memgrow.h"

#include <elf.h>
#include <link.h>
#include <string.h>
#include <sys/auxv.h>

/* Where the linker put things. All but __executable_start are in every linker's default script. */
extern char etext[], edata[], __bss_start[], end[];
extern char __data_start[] __attribute__((weak));

/* Enough of each to have pages of its own. */
static const char constants[2 * 4096] __attribute__((aligned(4096), used)) = {'c'};
static char initialised[2 * 4096] __attribute__((aligned(4096), used)) = {'i'};
static char zeroed[64 * 4096] __attribute__((aligned(4096), used));

static void region(const char *kind, uintptr_t start, uintptr_t finish, const char *from) {
    if (start >= finish) return;
    line_region("region", kind, start, finish);
    line_text("from", from);
    line_end();
}

/* The pages of one segment, by what may be done with them once the loader is through.
 * `sealed` is what the loader made read-only after relocation (PT_GNU_RELRO). */
static void describe_segment(
    const ElfW(Phdr) *segment, uintptr_t bias, uintptr_t sealed_low, uintptr_t sealed_high, const char *name) {
    uintptr_t start = page_floor(bias + segment->p_vaddr);
    uintptr_t stored = page_ceiling(bias + segment->p_vaddr + segment->p_filesz);
    uintptr_t finish = page_ceiling(bias + segment->p_vaddr + segment->p_memsz);
    if (segment->p_filesz == 0) stored = start;
    if (segment->p_flags & PF_X) {
        region("text", start, stored, name);
    } else if (!(segment->p_flags & PF_W)) {
        region("rodata", start, stored, name);
    } else if (!strstr(name, "/libswift")) {
        /* SwiftPM links the Swift runtime into every program, C or not, and that seals parts of
         * its own data as it starts: which, only it knows.
         * Before, within and behind what was sealed. */
        uintptr_t low = sealed_low < start ? start : sealed_low > stored ? stored : sealed_low;
        uintptr_t high = sealed_high < low ? low : sealed_high > stored ? stored : sealed_high;
        region("data", start, low, name);
        region("rodata", low, high, name);
        region("data", high, stored, name);
    }
    if (segment->p_flags & PF_W) region("bss", stored, finish, name);
}

static int describe_object(struct dl_phdr_info *info, size_t size, void *unused) {
    (void)size;
    (void)unused;
    uintptr_t sealed_low = 0, sealed_high = 0, first = UINTPTR_MAX;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        uintptr_t start = info->dlpi_addr + segment->p_vaddr;
        if (segment->p_type == PT_LOAD && start < first) first = start;
        if (segment->p_type == PT_GNU_RELRO) {
            sealed_low = page_floor(start);
            sealed_high = page_floor(start + segment->p_memsz);
        }
    }
    /* The vdso is in the list too, but is the kernel's. */
    if (page_floor(first) == getauxval(AT_SYSINFO_EHDR)) return 0;
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_LOAD)
            describe_segment(
                &info->dlpi_phdr[i], info->dlpi_addr, sealed_low, sealed_high,
                info->dlpi_name[0] ? info->dlpi_name : "the program's headers");
    return 0;
}

static void describe_vdso(void) {
    uintptr_t base = getauxval(AT_SYSINFO_EHDR);
    if (!base) {
        line_skip("vdso", "the kernel gave none");
        return;
    }
    const ElfW(Ehdr) *header = (const void *)base;
    const ElfW(Phdr) *segments = (const void *)(base + header->e_phoff);
    for (int i = 0; i < header->e_phnum; i++)
        if (segments[i].p_type == PT_LOAD)
            region("vdso", base, page_ceiling(base + segments[i].p_vaddr + segments[i].p_memsz), "AT_SYSINFO_EHDR");
}

/* Linkers that do not keep code apart (gold, -z noseparate-code) put constants with it. */
static int is_with_code(struct dl_phdr_info *info, size_t size, void *address) {
    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        uintptr_t offset = (uintptr_t)address - info->dlpi_addr - segment->p_vaddr;
        if (segment->p_type == PT_LOAD && offset < segment->p_memsz && (segment->p_flags & PF_X)) return 1;
    }
    return 0;
}

void describe_image(void) {
    /* By symbols. Code begins somewhere before this function; data ends with the page that
     * still has bytes of the file; what follows up to `end` is bss. */
    region("text", page_floor((uintptr_t)describe_image), page_ceiling((uintptr_t)etext), "symbols");
    uintptr_t data = __data_start ? (uintptr_t)__data_start : (uintptr_t)initialised;
    region("data", page_floor(data), page_ceiling((uintptr_t)edata), "symbols");
    region("bss", page_ceiling((uintptr_t)__bss_start), page_ceiling((uintptr_t)end), "symbols");
    /* By objects whose section is known. */
    const char *constant_kind = dl_iterate_phdr(is_with_code, (void *)constants) ? "text" : "rodata";
    region(constant_kind, (uintptr_t)constants, (uintptr_t)constants + sizeof constants, "objects");
    region("data", (uintptr_t)initialised, (uintptr_t)initialised + sizeof initialised, "objects");
    touch(zeroed, sizeof zeroed);
    region("bss", page_ceiling((uintptr_t)zeroed), page_floor((uintptr_t)zeroed + sizeof zeroed), "objects");
    /* By what the loader says it loaded, libraries included. */
    dl_iterate_phdr(describe_object, NULL);
    describe_vdso();
}
