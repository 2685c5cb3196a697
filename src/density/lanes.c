/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/lanes.c - picks the kernel table of the machine; the tables are in lanes_kernels.c.
 */
#include "density/lanes.h"

#include <string.h>

extern const kr_lanes kr_lanes_portable;
#ifdef KR_LANES_X86
extern const kr_lanes kr_lanes_avx512, kr_lanes_avx2;
#endif

size_t kr_lanes_outer_scratch(int32_t M, int32_t K, int32_t L)
{
    size_t columns = ((size_t)K + 1 + 15) & ~(size_t)15;
    size_t rows = M < 16 ? (size_t)M : 16; /* sums of one tile of rows */
    return ((size_t)L + rows) * columns;
}

const kr_lanes *kr_lanes_best(const char *isa)
{
#ifdef KR_LANES_X86
    if ((!isa || !strcmp(isa, "avx512")) && __builtin_cpu_supports("avx512f") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl")) {
        return &kr_lanes_avx512;
    }
    if ((!isa || !strcmp(isa, "avx2")) && __builtin_cpu_supports("avx2") &&
        __builtin_cpu_supports("fma")) {
        return &kr_lanes_avx2;
    }
#endif
    return !isa || !strcmp(isa, "portable") ? &kr_lanes_portable : NULL;
}
