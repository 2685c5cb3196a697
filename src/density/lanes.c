/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/lanes.c - picks the kernel table of the machine; the tables are in lanes_kernels.c.
 */
#include "density/lanes.h"

#include "density/lanes_units.h"

#include <string.h>

extern const kr_lanes kr_lanes_portable;
extern const kr_units kr_units_portable;
#ifdef KR_LANES_X86
extern const kr_lanes kr_lanes_avx512, kr_lanes_avx2;
extern const kr_units kr_units_avx512, kr_units_avx2;
#endif

size_t kr_lanes_outer_scratch(int32_t M, int32_t K, int32_t L)
{
    size_t columns = ((size_t)K + 1 + 15) & ~(size_t)15;
    size_t rows = M < 16 ? (size_t)M : 16; /* sums of one tile of rows */
    return ((size_t)L + rows) * columns;
}

/* The best of the tables (widest first) that the CPU runs and the caller allows. */
typedef struct choice {
    const kr_lanes *lanes;
    const kr_units *units;
    bool runs;
} choice;

static choice choose(const char *isa)
{
    const choice all[] = {
#ifdef KR_LANES_X86
        { &kr_lanes_avx512, &kr_units_avx512,
          __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
              __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
              __builtin_cpu_supports("fma") },
        { &kr_lanes_avx2, &kr_units_avx2,
          __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") },
#endif
        { &kr_lanes_portable, &kr_units_portable, true },
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (all[i].runs && (!isa || !strcmp(isa, all[i].lanes->name))) {
            return all[i];
        }
    }
    return (choice){ .lanes = NULL };
}

const kr_lanes *kr_lanes_best(const char *isa)
{
    return choose(isa).lanes;
}

const kr_units *kr_units_best(const char *isa)
{
    return choose(isa).units;
}
