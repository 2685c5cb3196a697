/* SPDX-License-Identifier: GPL-3.0-or-later
 * base/normals.c - standard normals in bulk: words from the stream, a kernel to turn them. */
#include "base/normals.h"

#include "base/isa.h"

#include <stdlib.h>

void kr_normals(kr_rng *rng, size_t n, double *out)
{
#ifdef KR_RNG_ENUMERATE
    (void)rng, (void)n, (void)out;
    abort(); /* real draws have no branches to enumerate */
#else
    void (*kernel)(const uint64_t *, double *) = kr_normals_portable;
#ifdef KR_ISA_X86
    const kr_isa isa = kr_isa_resolve(KR_ISA_BEST);
    kernel = isa == KR_ISA_AVX512 ? kr_normals_avx512
             : isa == KR_ISA_AVX2 ? kr_normals_avx2
                                  : kr_normals_portable;
#endif
    for (size_t k = 0; k < n; k += KR_NORMALS) {
        uint64_t words[KR_NORMALS];
        for (int j = 0; j < KR_NORMALS; j++) {
            words[j] = kr_rng_u64(rng);
        }
        kernel(words, out + k);
    }
#endif
}
