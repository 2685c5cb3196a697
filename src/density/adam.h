/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/adam.h - the Adam optimizer (Kingma, Ba, arXiv:1412.6980) on one weight block. */
#ifndef KR_DENSITY_ADAM_H
#define KR_DENSITY_ADAM_H

#include "kramers_plug.h"

typedef struct kr_adam {
    size_t n;
    float *m, *v; /* (n) moments; owns */
    int64_t n_steps;
    double beta1, beta2, epsilon; /* 0.9, 0.999, 1e-8 */
} kr_adam;

int kr_adam_init(kr_adam *adam, size_t n, kr_error *err);
void kr_adam_clear(kr_adam *adam);
/* Moments and step count as after kr_adam_init. */
void kr_adam_reset(kr_adam *adam);
/* weights += rate * Adam(gradient): ASCENT along gradient, whose norm is first clipped to
 * max_norm
 * (<= 0: no clip). Errors: KR_EDIVERGED when the gradient norm is not finite (weights and
 * moments untouched). Serial only, fixed order. */
int kr_adam_step(kr_adam *adam, float *weights, const float *gradient, double rate,
                 double max_norm, kr_error *err);
/* Rows m, v, n_steps. */
int kr_adam_declare(kr_adam *adam, kr_state *table, kr_error *err);

#endif
