/* SPDX-License-Identifier: GPL-3.0-or-later
 * model/quartic.h - lattice fields with a quartic potential, the action as data.
 *
 * Source of the lattice actions: Montvay, Münster, Quantum Fields on a Lattice (1994), ch. 2.
 */
#ifndef KR_MODEL_QUARTIC_H
#define KR_MODEL_QUARTIC_H

#include "kramers_plug.h"

/* The functions of a kr_action on such data, one table per instruction set, all of the same
 * bits. Lanes are worked on KR_LANES_PAD at a time. */
typedef struct kr_quartic_kernels {
    void (*energy)(const kr_quartic *a, int32_t n_lanes, const double *phi, size_t stride,
                   double *energy);
    void (*add_gradient)(const kr_quartic *a, int32_t n_lanes, const double *phi, size_t stride,
                         double scale, double *out);
    void (*change)(const kr_quartic *a, int32_t i, int32_t n_lanes, const double *phi,
                   size_t stride, const double *value, double *change);
    void (*virial)(const kr_quartic *a, int32_t n_lanes, const double *phi, size_t stride,
                   double *virial);
} kr_quartic_kernels;

extern const kr_quartic_kernels kr_quartic_kernels_avx512, kr_quartic_kernels_avx2,
    kr_quartic_kernels_portable;

/* From now on with the kernels of an instruction set that this CPU runs. Serial only. */
void kr_quartic_use(kr_action *action, kr_isa isa);

/* kr_terms_take_quartic without its checks: of data that are known to be right, as those of a
 * part of an action that is not bounded below. Errors: KR_ENOMEM. */
int kr_quartic_take(kr_terms *terms, kr_quartic *quartic, kr_error *err);

void kr_quartic_clear(kr_quartic *quartic);

#endif
