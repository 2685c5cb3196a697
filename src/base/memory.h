/* SPDX-License-Identifier: GPL-3.0-or-later
 * base/memory.h - zeroed, 64-byte aligned memory with overflow checks. */
#ifndef KR_BASE_MEMORY_H
#define KR_BASE_MEMORY_H

#include "kramers_plug.h"

#define KR_ALIGN 64

/* Zeroed block of count * size bytes (at least 1), 64-byte aligned, its length rounded up to a
 * multiple of 64; NULL with KR_ENOMEM set. Free with kr_free. */
void *kr_alloc(size_t count, size_t size, kr_error *err);
/* Grows p from old_count to new_count elements; the old content stays, the rest is zero. On
 * failure NULL and p is untouched. */
void *kr_grow(void *p, size_t old_count, size_t new_count, size_t size, kr_error *err);
void kr_free(void *p);

#endif
