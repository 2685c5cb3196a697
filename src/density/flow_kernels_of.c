/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/flow_kernels_of.c - the kernels of an instruction set. */
#include "base/isa.h"
#include "density/flow_kernels.h"

const kr_flow_kernels *kr_flow_kernels_of(kr_isa isa)
{
#ifdef KR_ISA_X86
    isa = kr_isa_resolve(isa);
    return isa == KR_ISA_AVX512 ? &kr_flow_kernels_avx512
           : isa == KR_ISA_AVX2 ? &kr_flow_kernels_avx2
                                : &kr_flow_kernels_portable;
#else
    (void)isa;
    return &kr_flow_kernels_portable;
#endif
}
