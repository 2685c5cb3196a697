/* SPDX-License-Identifier: GPL-3.0-or-later
 * base/memory.c - zeroed, 64-byte aligned memory with overflow checks. */
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

void *kr_alloc(size_t count, size_t size, kr_error *err)
{
    if (size != 0 && count > (SIZE_MAX - KR_ALIGN) / size) {
        kr_fail(err, KR_ENOMEM, "memory: %zu elements of %zu bytes do not fit an address space",
                count, size);
        return NULL;
    }
    size_t bytes = (count * size + KR_ALIGN - 1) / KR_ALIGN * KR_ALIGN;
    bytes = bytes ? bytes : KR_ALIGN;
    void *p = aligned_alloc(KR_ALIGN, bytes);
    if (!p) {
        kr_fail(err, KR_ENOMEM, "memory: could not get %zu bytes", bytes);
        return NULL;
    }
    memset(p, 0, bytes);
    return p;
}

void *kr_grow(void *p, size_t old_count, size_t new_count, size_t size, kr_error *err)
{
    void *grown = kr_alloc(new_count, size, err);
    if (grown && p) {
        memcpy(grown, p, (old_count < new_count ? old_count : new_count) * size);
        kr_free(p);
    }
    return grown;
}

void kr_free(void *p)
{
    free(p);
}
