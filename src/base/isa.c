/* SPDX-License-Identifier: GPL-3.0-or-later
 * base/isa.c - which instruction sets this CPU runs. */
#include "base/isa.h"

#include <string.h>

bool kr_isa_runs(kr_isa isa)
{
    switch (isa) {
    case KR_ISA_BEST:
    case KR_ISA_PORTABLE:
        return true;
#ifdef KR_ISA_X86
    case KR_ISA_AVX2:
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case KR_ISA_AVX512:
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("fma");
#else
    case KR_ISA_AVX2:
    case KR_ISA_AVX512:
        return false;
#endif
    }
    return false;
}

kr_isa kr_isa_resolve(kr_isa isa)
{
    if (isa != KR_ISA_BEST) {
        return isa;
    }
    return kr_isa_runs(KR_ISA_AVX512) ? KR_ISA_AVX512
           : kr_isa_runs(KR_ISA_AVX2) ? KR_ISA_AVX2
                                      : KR_ISA_PORTABLE;
}

static const char *const names[] = { "best", "portable", "avx2", "avx512" };

const char *kr_isa_text(kr_isa isa)
{
    return names[isa];
}

bool kr_isa_parse(const char *text, kr_isa *isa)
{
    for (int k = KR_ISA_BEST; k <= KR_ISA_AVX512; k++) {
        if (strcmp(text, names[k]) == 0) {
            *isa = (kr_isa)k;
            return true;
        }
    }
    return false;
}
