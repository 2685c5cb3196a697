/* SPDX-License-Identifier: GPL-3.0-or-later
 * model/rotors.h - plane rotators (XY model), the action as data.
 *
 * Source: Berezinskii, Sov. Phys. JETP 32, 493 (1971); Kosterlitz, Thouless, J. Phys. C 6, 1181
 * (1973). */
#ifndef KR_MODEL_ROTORS_H
#define KR_MODEL_ROTORS_H

#include "kramers_plug.h"

/* The functions of a kr_action on such data, one table per instruction set, all of the same
 * bits. Lanes are worked on KR_LANES_PAD at a time. */
typedef struct kr_rotors_kernels {
    void (*energy)(const kr_rotors *a, int32_t n_lanes, const double *phi, size_t stride,
                   double *energy);
    void (*add_gradient)(const kr_rotors *a, int32_t n_lanes, const double *phi, size_t stride,
                         double scale, double *out);
    void (*change)(const kr_rotors *a, int32_t i, int32_t n_lanes, const double *phi,
                   size_t stride, const double *value, double *change);
} kr_rotors_kernels;

extern const kr_rotors_kernels kr_rotors_kernels_avx512, kr_rotors_kernels_avx2,
    kr_rotors_kernels_portable;

/* From now on with the kernels of an instruction set that this CPU runs. Serial only. */
void kr_rotors_use(kr_action *action, kr_isa isa);

#endif
