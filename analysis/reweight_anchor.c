/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/reweight_anchor.c - ln Z and free energies of reweighting, relative or absolute.
 *
 * With D the ln Z of reweighting up to one constant, anchor k says ln Z(t) = log_z_k + D(t) -
 * D_k. Their mean with weights v_k takes the error of sum_k v_k (D(t) - D_k) from leaving out
 * blocks, and sum_k v_k^2 error_k^2 of the anchors, which come from other random numbers. */
#include "analysis/reweight_anchor.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

#define TAIL_MOST  0.7
#define SHARE_MOST 0.1
#define ESS_LEAST  100.0
#define ROUNDING   1e-12 /* no ln Z is known better */

/* ---- what the files tell ------------------------------------------------------------------
 */

static double constant(const kr_reweight_source *s, const char *kind, const char *density,
                       const char *end, int64_t p)
{
    char name[2 * KR_SERIES_NAME];
    snprintf(name, sizeof name, "%s_q_%s%s", kind, density, end);
    return kr_series_constant(s->reader, "constant_data", name, p);
}

/* Whether the samples of a density at a point carry log Z. */
static bool carries(const kr_reweight_source *s, const char *density, int64_t p, double log_z,
                    double error)
{
    char name[2 * KR_SERIES_NAME];
    snprintf(name, sizeof name, "max_share_%s", density);
    const double share = kr_series_constant(s->reader, "constant_data", name, p);
    const double tail = constant(s, "tail_index", density, "", p);
    const double worth = constant(s, "n", density, "", p) * constant(s, "ess", density, "", p);
    return isfinite(log_z) && error >= 0.0 && !(tail >= TAIL_MOST) && worth >= ESS_LEAST &&
           share < SHARE_MOST && !(constant(s, "block_sites", density, "", p) > 0.0);
}

/* ln Z of the draws at an anchor. */
static void fill_d(const kr_multihist *m, kr_anchor *k, int64_t n_blocks)
{
    for (int64_t s = 0; s <= n_blocks; s++) {
        kr_multihist_mean mean;
        if (k->point >= 0) {
            k->d[s] = kr_multihist_log_z(m, k->point, s);
        } else {
            kr_multihist_at(m, 0.0, 0.0, s, &mean, NULL);
            k->d[s] = mean.log_z;
        }
    }
}

static void add_density(const kr_reweight_data *d, const kr_multihist *m,
                        const kr_reweight_source *s, const char *density, kr_reweighting *r)
{
    for (int64_t p = 0; p < s->n_points; p++) {
        const double log_z = constant(s, "log_z", density, "", p);
        const double doubt = constant(s, "doubt_log_z", density, "", p);
        const double error = constant(s, "log_z", density, "_error", p);
        if (isnan(log_z)) {
            continue; /* none was made at this point */
        }
        if (!carries(s, density, p, log_z, error)) {
            r->n_refused++;
            continue;
        }
        kr_anchor *k = &r->anchor[r->n_anchors++];
        *k = (kr_anchor){ .point = s->first + p,
                          .log_z = log_z,
                          .error = hypot(hypot(error, 0x1p-32 * r->n_sites),
                                         isnan(doubt) ? 0.0 : doubt) };
        fill_d(m, k, r->n_blocks);
        snprintf(k->what, sizeof k->what, "density %.80s", density);
        snprintf(k->where, sizeof k->where, "%s%s",
                 r->kind == KR_REWEIGHT_PAIR ? ""
                 : r->is_beta                ? "beta = "
                                             : "",
                 d->label[s->first + p]);
    }
}

/* Calls for every density of a source whose names are log_z_q_NAME; returns how many. */
static int visit_densities(const kr_reweight_data *d, const kr_multihist *m,
                           const kr_reweight_source *s, kr_reweighting *r)
{
    static const char begin[] = "log_z_q_", end[] = "_error";
    const char *const *names = kr_reader_variables(s->reader, "constant_data");
    int n = 0;
    for (; !s->flat.log_w && names && *names; names++) {
        const size_t length = strlen(*names), ending = strlen(end);
        if (strncmp(*names, begin, strlen(begin)) != 0 ||
            (length > ending && strcmp(*names + length - ending, end) == 0)) {
            continue;
        }
        n++;
        if (d) {
            add_density(d, m, s, *names + strlen(begin), r);
        }
    }
    return n;
}

/* N ln q of any of the files; NaN: no states to count. */
static double log_states(const kr_reweight_data *d)
{
    for (int k = 0; k < d->n_sources; k++) {
        double value;
        if (kr_reader_attr_real(d->source[k].reader, "posterior", "", "log_states", &value) &&
            isfinite(value)) {
            return value;
        }
    }
    return NAN;
}

static void add_states(const kr_reweight_data *d, const kr_multihist *m, kr_reweighting *r)
{
    const double value = log_states(d);
    kr_multihist_mean mean;
    if (r->kind == KR_REWEIGHT_NUMBER || isnan(value)) {
        return;
    }
    kr_multihist_at(m, 0.0, 0.0, 0, &mean, NULL);
    if (mean.ess >= KR_REWEIGHT_ESS && mean.edge <= KR_REWEIGHT_EDGE) {
        kr_anchor *k = &r->anchor[r->n_anchors++];
        *k = (kr_anchor){ .point = -1, .log_z = value };
        fill_d(m, k, r->n_blocks);
        snprintf(k->what, sizeof k->what, "number of states");
        snprintf(k->where, sizeof k->where, "beta = 0");
    }
}

/* The first canonical point; where there is none the first target. */
static void name_reference(const kr_reweight_data *d, const kr_multihist *m, kr_reweighting *r)
{
    const bool is_pair = r->kind == KR_REWEIGHT_PAIR, is_point = r->n_points > r->n_flat;
    double a, b;
    kr_reweight_coefficients(r, r->is_beta ? r->at[0] : r->fixed,
                             r->is_beta ? r->fixed : r->at[0], &a, &b);
    for (int64_t s = 0; s <= r->n_blocks; s++) {
        kr_multihist_mean mean;
        kr_multihist_at(m, a, b, s, &mean, NULL);
        r->reference_d[s] = is_point ? kr_multihist_log_z(m, 0, s) : mean.log_z;
    }
    if (is_point) {
        snprintf(r->reference, sizeof r->reference, "%s%s%s", is_pair ? "" : r->parameter,
                 is_pair ? "" : " = ", d->label[0]);
    } else {
        snprintf(r->reference, sizeof r->reference, "%s = %.6g", r->parameter, r->at[0]);
    }
}

int kr_reweight_anchors(const kr_reweight_data *d, const kr_multihist *m, kr_reweighting *r,
                        kr_error *err)
{
    int64_t most = 1;
    for (int k = 0; k < d->n_sources; k++) {
        most += visit_densities(NULL, m, &d->source[k], r) * d->source[k].n_points;
    }
    r->anchor = kr_alloc((size_t)most, sizeof *r->anchor, err);
    if (!r->anchor) {
        return KR_ENOMEM;
    }
    add_states(d, m, r);
    for (int k = 0; k < d->n_sources; k++) {
        visit_densities(d, m, &d->source[k], r);
    }
    name_reference(d, m, r);
    return KR_OK;
}

/* ---- at a target --------------------------------------------------------------------------
 */

static void fill_absolute(kr_reweighting *r, int64_t t, const double *log_z)
{
    double sum = 0.0, square = 0.0, mean[KR_REWEIGHT_BLOCKS + 1] = { 0.0 };
    for (int k = 0; k < r->n_anchors; k++) {
        double difference[KR_REWEIGHT_BLOCKS + 1];
        const kr_anchor *anchor = &r->anchor[k];
        for (int64_t s = 0; s <= r->n_blocks; s++) {
            difference[s] = log_z[s] - anchor->d[s];
        }
        const double error = kr_multihist_error(difference, r->n_blocks, NULL);
        const double v =
            1.0 / (error * error + anchor->error * anchor->error + ROUNDING * ROUNDING);
        sum += v;
        square += v * v * anchor->error * anchor->error;
        for (int64_t s = 0; s <= r->n_blocks; s++) {
            mean[s] += v * (anchor->log_z + difference[s]);
        }
    }
    for (int64_t s = 0; s <= r->n_blocks; s++) {
        mean[s] /= sum;
    }
    r->log_z[t] = mean[0];
    r->log_z_error[t] = hypot(kr_multihist_error(mean, r->n_blocks, NULL), sqrt(square) / sum);
}

/* Whether the target is the first point, which ratios are counted from. */
static bool is_reference(const kr_reweighting *r, int64_t t)
{
    const double x = r->n_points > r->n_flat ? r->point[0] : r->at[0];
    return fabs(r->at[t] - x) <= 1e-12 * fabs(x) &&
           (r->kind != KR_REWEIGHT_PAIR || r->n_points == r->n_flat ||
            r->fixed == r->other_point[0]);
}

void kr_reweight_log_z(kr_reweighting *r, int64_t t, const double *log_z)
{
    double ratio[KR_REWEIGHT_BLOCKS + 1];
    const double beta = r->is_beta ? r->at[t] : r->fixed;
    const bool is_first = is_reference(r, t);
    for (int64_t s = 0; s <= r->n_blocks; s++) {
        ratio[s] = log_z[s] - r->reference_d[s];
    }
    r->ratio[t] = is_first ? 0.0 : ratio[0]; /* not the rounding of beta */
    r->ratio_error[t] = is_first ? 0.0 : kr_multihist_error(ratio, r->n_blocks, NULL);
    r->log_z[t] = r->log_z_error[t] = NAN;
    if (r->n_anchors > 0) {
        fill_absolute(r, t, log_z);
    }
    const double scale = beta != 0.0 ? 1.0 / (beta * r->n_sites) : NAN;
    const double value = r->n_anchors > 0 ? r->log_z[t] : r->ratio[t];
    const double error = r->n_anchors > 0 ? r->log_z_error[t] : r->ratio_error[t];
    r->free[t] = 0.0 - value * scale; /* no -0 at the reference */
    r->free_error[t] = error * fabs(scale);
}
