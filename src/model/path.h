/* SPDX-License-Identifier: GPL-3.0-or-later
 * model/path.h - a path of actions from a free field to the action of a model.
 *
 *   S_t = (1 - t) R + t S,  weight exp(-beta S_t),  0 <= t <= 1,
 * with R a quadratic action whose samples and log Z are known exactly. d/dt log Z = -<D> with
 * the slope D = beta (S - R), and two points of the path differ by (t' - t) D: t takes the
 * place of beta and D that of the energy in replica exchange and annealing (Kirkwood, J. Chem.
 * Phys. 3, 300 (1935); Neal, Stat. Comput. 11, 125 (2001)). */
#ifndef KR_MODEL_PATH_H
#define KR_MODEL_PATH_H

#include "kramers_plug.h"

struct kr_free_field;

typedef struct kr_path {
    const kr_terms *terms;                  /* of S; borrowed */
    double beta, log_z;                     /* log of the integral of exp(-beta R) */
    kr_terms *reference;                    /* of R; owns */
    kr_terms *difference;                   /* of S - R, not bounded below; owns */
    const struct kr_free_field *free_field; /* draws from exp(-beta R); borrowed */
} kr_path;

/* Takes the data of R over, also when it fails: of a quartic S on the neighbors of S, else
 * without any. NULL with KR_EUNSUP: states or angles, which need no path; KR_ENOMEM. */
kr_path *kr_path_alloc(const kr_target *target, kr_quartic *reference, double log_z,
                       const struct kr_free_field *free_field, kr_error *err);
void kr_path_free(kr_path *path);
/* Terms of S_t, those of S where it has phases and an order parameter; at t = 1 the same
 * numbers as S. For kr_terms_free. The path must outlive them. */
kr_terms *kr_path_terms(const kr_path *path, double t, kr_error *err);
/* D (n_lanes) of the chains of a block. Pure. */
void kr_path_slope(const kr_path *path, const kr_block *block, double *slope);

/* The parameter that chains of different points are exchanged or annealed along, and what
 * points of one ladder have in common. */
static inline double kr_target_rung(const kr_target *target)
{
    return target->path ? target->t : target->beta;
}

static inline const void *kr_target_ladder(const kr_target *target)
{
    return target->path ? (const void *)target->path : (const void *)target->terms;
}

#endif
