// What Linux offers and the C library's headers do not reach (or Swift cannot import):
// system calls without a wrapper, ioctl structures newer than the distribution's headers.
// Header-only: everything is a static inline function or a plain structure.
#ifndef MEMWATCH_CLINUX_H
#define MEMWATCH_CLINUX_H

#include "clinux_capabilities.h"
#include "clinux_files.h"
#include "clinux_image.h"
#include "clinux_malloc.h"
#include "clinux_memfd.h"
#include "clinux_pagemap_scan.h"
#include "clinux_perf.h"
#include "clinux_procmap_query.h"
#include "clinux_spawn.h"

#endif
