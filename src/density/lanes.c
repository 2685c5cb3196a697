/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/lanes.c - picks the kernel table of the machine; the tables are in lanes_kernels.c.
 */
#include "density/lanes.h"

#include "base/isa.h"
#include "density/lanes_units.h"

extern const kr_lanes kr_lanes_portable;
extern const kr_units kr_units_portable;
#ifdef KR_ISA_X86
extern const kr_lanes kr_lanes_avx512, kr_lanes_avx2;
extern const kr_units kr_units_avx512, kr_units_avx2;
#endif

size_t kr_lanes_outer_scratch(int32_t M, int32_t K, int32_t L)
{
    size_t columns = ((size_t)K + 1 + 15) & ~(size_t)15;
    size_t rows = M < 16 ? (size_t)M : 16; /* sums of one tile of rows */
    return ((size_t)L + rows) * columns;
}

typedef struct choice {
    const kr_lanes *lanes;
    const kr_units *units;
} choice;

static choice choose(const char *text)
{
    kr_isa isa = KR_ISA_BEST;
    if ((text && !kr_isa_parse(text, &isa)) || !kr_isa_runs(isa)) {
        return (choice){ NULL, NULL };
    }
    switch (kr_isa_resolve(isa)) {
#ifdef KR_ISA_X86
    case KR_ISA_AVX512:
        return (choice){ &kr_lanes_avx512, &kr_units_avx512 };
    case KR_ISA_AVX2:
        return (choice){ &kr_lanes_avx2, &kr_units_avx2 };
#endif
    default:
        return (choice){ &kr_lanes_portable, &kr_units_portable };
    }
}

const kr_lanes *kr_lanes_best(const char *isa)
{
    return choose(isa).lanes;
}

const kr_units *kr_units_best(const char *isa)
{
    return choose(isa).units;
}
