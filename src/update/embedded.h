/* SPDX-License-Identifier: GPL-3.0-or-later
 * update/embedded.h - cluster moves of real variables: the Ising model in their signs.
 *
 * With x_i = phi_i, or for angles x_i = cos(phi_i - r) along a random axis r, the action is
 * -sum coupling_ij x_i x_j - sum linear_i x_i and a rest that no sign of an x_i changes
 * (kr_action). The signs are an Ising model with bonds coupling |x_i||x_j|; its clusters are
 * grown with probability 1 - exp(-2 beta coupling x_i x_j) on bonds that are satisfied, and
 * reflected: phi -> -phi, for angles phi -> 2 r + pi - phi. Magnitudes do not move: another
 * update is wanted beside.
 * Source: Brower, Tamayo, Phys. Rev. Lett. 62, 1087 (1989); angles: Wolff, Phys. Rev. Lett. 62,
 * 361 (1989); fields as in update/wolff.c and swendsen_wang.c. */
#ifndef KR_UPDATE_EMBEDDED_H
#define KR_UPDATE_EMBEDDED_H

#include "kramers_plug.h"

typedef struct kr_embedded {
    const kr_action *action;
    double beta;
} kr_embedded;

/* KR_EUNSUP unless the action has the form above. */
int kr_embedded_init(kr_embedded *embedded, const char *update, const kr_target *target,
                     kr_error *err);
size_t kr_embedded_bytes(const kr_embedded *embedded);
/* n clusters of random sites of a lane, accepted as a whole where there is a field. */
void kr_embedded_wolff(const kr_embedded *embedded, kr_block *block, int32_t lane, int64_t n,
                       void *scratch, kr_tally *tally);
/* The lattice of a lane cut into clusters, each reflected by heat bath of its field. Energies
 * are the caller's to set. */
void kr_embedded_swendsen_wang(const kr_embedded *embedded, kr_block *block, int32_t lane,
                               void *scratch, kr_tally *tally);

#endif
