/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/real_kernels_of.c - choice of the kernels of real variables. */
#include "base/isa.h"
#include "update/real_kernels.h"

const kr_real_kernels *kr_real_kernels_of(kr_isa isa)
{
#ifdef KR_ISA_X86
    isa = kr_isa_resolve(isa);
    return isa == KR_ISA_AVX512 ? &kr_real_kernels_avx512
           : isa == KR_ISA_AVX2 ? &kr_real_kernels_avx2
                                : &kr_real_kernels_portable;
#else
    (void)isa;
    return &kr_real_kernels_portable;
#endif
}
