/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/flow_map.c - the kernels of maps for an instruction set. */
#include "density/flow_map.h"

#ifdef KR_ISA_X86
#define PICK(name)                                                                             \
    const kr_isa best = kr_isa_resolve(isa);                                                   \
    return best == KR_ISA_AVX512 ? &name##_avx512                                              \
           : best == KR_ISA_AVX2 ? &name##_avx2                                                \
                                 : &name##_portable
#else
#define PICK(name)                                                                             \
    (void)isa;                                                                                 \
    return &name##_portable
#endif

const kr_map_kernels *kr_map_affine_of(kr_isa isa)
{
    PICK(kr_map_affine);
}

const kr_map_kernels *kr_map_spline_of(kr_isa isa)
{
    PICK(kr_map_spline);
}
