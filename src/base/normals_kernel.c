/* SPDX-License-Identifier: GPL-3.0-or-later
 * base/normals_kernel.c - words to normals, compiled once per instruction set. */
#include "base/isa.h"
#include "base/normals.h"
#include "base/vd.h"

void KR_ISA_NAME(kr_normals)(const uint64_t *words, double *out)
{
    vd u, angle, sine, cosine;
    for (int k = 0; k < VD; k++) {
        u[k] = (double)((words[k] >> 11) + 1) * 0x1p-53; /* (0, 1] */
        angle[k] = (double)(words[VD + k] >> 11) * 0x1p-53;
    }
    vd_sincos(angle * vd_set(6.283185307179586477), &sine, &cosine);
    const vd radius = vd_sqrt(vd_set(-2.0) * vd_log(u));
    vd_store(out, radius * cosine);
    vd_store(out + VD, radius * sine);
}
