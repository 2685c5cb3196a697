/* SPDX-License-Identifier: GPL-3.0-or-later
 * model/flat.h - weights over the energy: levels of a model, set-up, evaluation. */
#ifndef KR_MODEL_FLAT_H
#define KR_MODEL_FLAT_H

#include "kramers_plug.h"

#define KR_FLAT_BINS_MAX 65536

/* What is known of the energies of a model without visiting them. */
typedef struct kr_flat_span {
    double lowest, highest; /* bounds, not always attained: sums over terms */
    double mean;            /* <H> at beta = 0, exact */
    double level;           /* H of the state 0 everywhere */
    double spacing; /* all energies are level + an integer times spacing; 0: none is known */
} kr_flat_span;

/* Cost: once through all terms. Pure. */
void kr_flat_measure(const kr_terms *terms, kr_flat_span *span);

/* A table over the energies from..to (of the whole system), log w = -beta H. width 0: a bin per
 * level, or about a bin per site where the model has no levels. Errors: KR_ERANGE: fewer than 2
 * or more than KR_FLAT_BINS_MAX bins; KR_ENOMEM. */
int kr_flat_init(kr_flat_weights *flat, const kr_terms *terms, double from, double to,
                 double width, double beta, kr_error *err);
/* Makes scaled follow log_w. */
void kr_flat_refresh(kr_flat_weights *flat);
/* Entries of scaled. */
size_t kr_flat_scaled_size(const kr_flat_weights *flat);
void kr_flat_clear(kr_flat_weights *flat);

/* Row of scaled for moves from bin k: row[k'] for |k' - k| <= KR_FLAT_REACH, both in the table.
 */
static inline const double *kr_flat_row(const kr_flat_weights *f, int32_t k)
{
    enum { SPAN = 2 * KR_FLAT_REACH };
    return f->scaled + (k + KR_FLAT_REACH) / SPAN * SPAN + SPAN;
}

/* log w of an energy. Pure. */
static inline double kr_flat_log_w(const kr_flat_weights *f, double energy)
{
    double x = (energy - f->e_min) * f->inverse_width;
    if (f->is_level) {
        x += 0.5;
        if (x >= 0.0 && x < f->n_bins) {
            return f->log_w[(int32_t)x];
        }
    } else if (x >= 0.0 && x < f->n_bins - 1) {
        int32_t k = (int32_t)x;
        return f->log_w[k] + (x - k) * (f->log_w[k + 1] - f->log_w[k]);
    }
    if (x < 0.5 * f->n_bins) {
        return f->log_w[0] - f->beta_low * (energy - f->e_min);
    }
    double e_max = f->e_min + f->width * (f->n_bins - 1);
    return f->log_w[f->n_bins - 1] - f->beta_high * (energy - e_max);
}

/* Bin of an energy: the nearest entry of the table; -1 below it, n_bins above. Pure. */
static inline int32_t kr_flat_bin(const kr_flat_weights *f, double energy)
{
    double x = (energy - f->e_min) * f->inverse_width + 0.5;
    return !(x >= 0.0) ? -1 : x >= f->n_bins ? f->n_bins : (int32_t)x;
}

#endif
