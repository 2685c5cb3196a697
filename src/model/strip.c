/* SPDX-License-Identifier: GPL-3.0-or-later
 * model/strip.c - partition function by transfer over a frontier, one site at a time.
 *
 * Sites are added in an order in which one direction of the lattice runs slowest. A site stays
 * in the frontier until its last neighbor has been added; on a torus the first row stays until
 * the end. For each configuration of the frontier the sum over all sites that have left is
 * kept: weights, and weights times (H - origin) and its square, which are the first two
 * derivatives in beta, exactly. The origin follows the mean energy, so the variance does not
 * come from a difference of large numbers.
 *
 * Source: transfer matrices by single sites, Blote, Nightingale, Physica A 112, 405 (1982). */
#include "base/memory.h"
#include "model/exact.h"

#include <math.h>
#include <string.h>

#define SPAN_MAX 600.0 /* doubles reach down to exp(-708) */

/* ---- order of the sites and width of the frontier -----------------------------------------
 */

typedef struct plan {
    const kr_terms *terms;
    int32_t *site;    /* (n_sites) by position */
    int32_t *place;   /* (n_sites) position of a site */
    int32_t *last;    /* (n_sites) position at which a site leaves: of its last neighbor */
    int32_t width;    /* most sites in the frontier after a step */
    double cut;       /* most |J| that joins the frontier to later sites */
    bool fixes_first; /* all states are equivalent: the first site is kept in state 0 */
} plan;

static void plan_clear(plan *p)
{
    kr_free(p->last);
    kr_free(p->place);
    kr_free(p->site);
}

/* Sites sorted with the coordinate `slow` running slowest, the others by ascending side. */
static void order_sites(plan *p, const kr_lattice *lattice, int32_t slow)
{
    int32_t axis[KR_DIM_MAX], n_axes = 0;
    for (int32_t d = 0; d < lattice->dim; d++) {
        int32_t at = n_axes;
        if (d == slow) {
            continue;
        }
        for (; at > 0 && lattice->extent[axis[at - 1]] > lattice->extent[d]; at--) {
            axis[at] = axis[at - 1];
        }
        axis[at] = d;
        n_axes++;
    }
    axis[n_axes++] = slow;
    int32_t x[KR_DIM_MAX];
    for (int32_t i = 0; i < lattice->n_sites; i++) {
        int64_t position = 0;
        int32_t rest = i;
        for (int32_t d = 0; d < lattice->dim; d++) {
            x[d] = rest % lattice->extent[d];
            rest /= lattice->extent[d];
        }
        for (int32_t k = n_axes - 1; k >= 0; k--) {
            position = position * lattice->extent[axis[k]] + x[axis[k]];
        }
        p->site[position] = i;
        p->place[i] = (int32_t)position;
    }
}

static void find_width(plan *p)
{
    const kr_terms *terms = p->terms;
    int32_t width = 0;
    double cut = 0.0;
    p->width = 0;
    p->cut = 0.0;
    for (int32_t i = 0; i < terms->n_sites; i++) {
        p->last[i] = p->place[i];
        for (int64_t k = terms->neighbor_begin[i]; k < terms->neighbor_begin[i + 1]; k++) {
            int32_t other = p->place[terms->neighbor[k]];
            p->last[i] = other > p->last[i] ? other : p->last[i];
        }
    }
    for (int32_t position = 0; position < terms->n_sites; position++) {
        /* neighbors come ascending, with repeats for multiple bonds */
        int32_t i = p->site[position], before = -1;
        width += !(p->fixes_first && position == 0);
        for (int64_t k = terms->neighbor_begin[i]; k < terms->neighbor_begin[i + 1]; k++) {
            int32_t j = terms->neighbor[k];
            bool leaves = j != before && p->place[j] < position && p->last[j] == position;
            width -= leaves && !(p->fixes_first && p->place[j] == 0);
            before = j;
            cut += p->place[j] < position ? -fabs(terms->J[k]) : fabs(terms->J[k]);
        }
        p->cut = fmax(p->cut, cut);
        width -= p->last[i] == position && !(p->fixes_first && position == 0);
        p->width = width > p->width ? width : p->width;
    }
}

static int plan_init(plan *p, const kr_target *target, kr_error *err)
{
    const kr_lattice *lattice = target->lattice;
    const kr_terms *terms = target->terms;
    size_t n = (size_t)terms->n_sites;
    *p = (plan){ .terms = terms, .fixes_first = true };
    if (!terms->is_pair) {
        return kr_fail(err, KR_EUNSUP,
                       "transfer matrix: terms of other than two sites with one "
                       "symmetric table, want a pair model");
    }
    for (int32_t a = 0; a < terms->q; a++) {
        p->fixes_first = p->fixes_first && terms->state_class[a] == 0;
    }
    p->site = kr_alloc(n, sizeof *p->site, err);
    p->place = kr_alloc(n, sizeof *p->place, err);
    p->last = kr_alloc(n, sizeof *p->last, err);
    if (!p->site || !p->place || !p->last) {
        plan_clear(p);
        return KR_ENOMEM;
    }
    int32_t best = 0, least = INT32_MAX;
    for (int32_t d = 0; d < lattice->dim; d++) {
        order_sites(p, lattice, d);
        find_width(p);
        if (p->width < least) {
            least = p->width;
            best = d;
        }
    }
    order_sites(p, lattice, best);
    find_width(p);
    return KR_OK;
}

int kr_exact_strip_states(const kr_target *target, double *n_states, kr_error *err)
{
    plan p;
    KR_TRY(plan_init(&p, target, err));
    *n_states = pow(target->terms->q, p.width);
    plan_clear(&p);
    return KR_OK;
}

/* ---- one step -----------------------------------------------------------------------------
 */

typedef struct moments { /* sums over the sites that left: weight, and times H - origin */
    double z, e, ee;
} moments;

typedef struct sweep {
    const plan *plan;
    double beta;
    int32_t frontier[32], n_frontier; /* sites; site k is digit k of an index */
    moments *now, *next;
    double log_scale, origin; /* weights are true ones / exp(log_scale) at this origin */
    moments *factor;          /* (n_configurations of earlier neighbors, q) of the new site */
    size_t n_factors;         /* allocated */
} sweep;

typedef struct strides {
    size_t out_stride[33];    /* of each old digit, then of the new site; 0 = it leaves */
    size_t factor_stride[32]; /* of each old digit; 0 = no neighbor of the new site */
    size_t n_in, n_out, n_factors;
} strides;

static bool is_bound(const kr_terms *terms, int32_t i, int32_t j)
{
    for (int64_t k = terms->neighbor_begin[i]; k < terms->neighbor_begin[i + 1]; k++) {
        if (terms->neighbor[k] == j) {
            return true;
        }
    }
    return false;
}

/* Strides of this step, and the frontier after it. */
static strides plan_step(sweep *s, int32_t position)
{
    const plan *p = s->plan;
    size_t q = (size_t)p->terms->q;
    int32_t i = p->site[position], n_kept = 0;
    strides out = { .n_in = 1, .n_out = 1, .n_factors = 1 };
    for (int32_t k = 0; k < s->n_frontier; k++) {
        int32_t j = s->frontier[k];
        out.n_in *= q;
        if (is_bound(p->terms, i, j)) {
            out.factor_stride[k] = out.n_factors;
            out.n_factors *= q;
        }
        if (p->last[j] > position) {
            out.out_stride[k] = out.n_out;
            out.n_out *= q;
            s->frontier[n_kept++] = j;
        }
    }
    bool is_fixed = p->fixes_first && position == 0;
    if (p->last[i] > position && !is_fixed) {
        out.out_stride[s->n_frontier] = out.n_out;
        out.n_out *= q;
        s->frontier[n_kept++] = i;
    }
    s->n_frontier = n_kept;
    return out;
}

/* Energy of the new site with its earlier neighbors, digit by digit of x. */
static double energy_of(const sweep *s, const int32_t *old, int32_t n_old, const strides *step,
                        int32_t position, size_t x, size_t a)
{
    const kr_terms *terms = s->plan->terms;
    size_t q = (size_t)terms->q;
    int32_t i = s->plan->site[position];
    double energy = terms->local[(size_t)i * q + a];
    for (int64_t k = terms->neighbor_begin[i]; k < terms->neighbor_begin[i + 1]; k++) {
        int32_t j = terms->neighbor[k];
        if (s->plan->place[j] > position) {
            continue;
        }
        size_t b = 0; /* the fixed first site is in no frontier and in state 0 */
        for (int32_t l = 0; l < n_old; l++) {
            if (old[l] == j) {
                b = x / step->factor_stride[l] % q;
            }
        }
        energy += terms->J[k] * terms->V[a * q + b];
    }
    return energy;
}

/* Boltzmann factors with energies relative to the one of largest weight. */
static int fill_factors(sweep *s, const int32_t *old, int32_t n_old, const strides *step,
                        int32_t position, kr_error *err)
{
    size_t q = (size_t)s->plan->terms->q, n = step->n_factors * q;
    if (n > s->n_factors) {
        kr_free(s->factor);
        s->n_factors = 0;
        s->factor = kr_alloc(n, sizeof *s->factor, err);
        if (!s->factor) {
            return KR_ENOMEM;
        }
        s->n_factors = n;
    }
    double base = 0.0;
    bool is_fixed = s->plan->fixes_first && position == 0;
    for (size_t k = 0; k < n; k++) {
        double energy = energy_of(s, old, n_old, step, position, k / q, k % q);
        s->factor[k].e = energy;
        base = k == 0 || -s->beta * energy > -s->beta * base ? energy : base;
    }
    for (size_t k = 0; k < n; k++) {
        double x = s->factor[k].e - base, weight = exp(-s->beta * x);
        weight = is_fixed && k % q > 0 ? 0.0 : weight;
        s->factor[k] = (moments){ weight, weight * x, weight * x * x };
    }
    s->log_scale -= s->beta * base;
    s->origin += base;
    return KR_OK;
}

/* kernel: next = sum over the sites that leave of now times factor */
static void apply_step(sweep *s, const strides *step, int32_t n_old)
{
    size_t q = (size_t)s->plan->terms->q, stride = step->out_stride[n_old];
    size_t digit[32] = { 0 }, to = 0, which = 0;
    memset(s->next, 0, step->n_out * sizeof *s->next);
    for (size_t x = 0; x < step->n_in; x++) {
        const moments in = s->now[x], *factor = s->factor + which * q;
        for (size_t a = 0; a < q; a++) {
            moments *out = s->next + to + a * stride, f = factor[a];
            out->z += in.z * f.z;
            out->e += in.e * f.z + in.z * f.e;
            out->ee += in.ee * f.z + 2.0 * in.e * f.e + in.z * f.ee;
        }
        for (int32_t k = 0; k < n_old; k++) {
            if (++digit[k] < q) {
                to += step->out_stride[k];
                which += step->factor_stride[k];
                break;
            }
            digit[k] = 0;
            to -= (q - 1) * step->out_stride[k];
            which -= (q - 1) * step->factor_stride[k];
        }
    }
}

/* Scales the weights to sum 1 and moves the origin to the mean energy. */
static moments center(sweep *s, size_t n)
{
    moments sum = { 0 };
    for (size_t x = 0; x < n; x++) {
        sum.z += s->now[x].z;
        sum.e += s->now[x].e;
    }
    double scale = 1.0 / sum.z, shift = sum.e / sum.z;
    moments total = { 0 };
    for (size_t x = 0; x < n; x++) {
        moments *m = &s->now[x];
        m->ee = (m->ee - 2.0 * shift * m->e + shift * shift * m->z) * scale;
        m->e = (m->e - shift * m->z) * scale;
        m->z *= scale;
        total.z += m->z;
        total.e += m->e;
        total.ee += m->ee;
    }
    s->log_scale += log(sum.z);
    s->origin += shift;
    return total;
}

static int run_sweep(sweep *s, moments *total, kr_error *err)
{
    const plan *p = s->plan;
    s->now[0] = (moments){ 1.0, 0.0, 0.0 };
    for (int32_t position = 0; position < p->terms->n_sites; position++) {
        int32_t old[32], n_old = s->n_frontier;
        memcpy(old, s->frontier, sizeof old);
        strides step = plan_step(s, position);
        KR_TRY(fill_factors(s, old, n_old, &step, position, err));
        apply_step(s, &step, n_old);
        moments *swap = s->now;
        s->now = s->next;
        s->next = swap;
        *total = center(s, step.n_out);
    }
    if (p->fixes_first) {
        s->log_scale += log(p->terms->q);
    }
    return KR_OK;
}

/* A configuration of the frontier whose weight has underflowed can regain at most the span of
 * the energies that join it to later sites: within the bound it stays negligible. */
static int check_span(const plan *p, double beta, kr_error *err)
{
    const kr_terms *terms = p->terms;
    size_t q = (size_t)terms->q;
    double low = terms->V[0], high = terms->V[0];
    for (size_t k = 0; k < q * q; k++) {
        low = fmin(low, terms->V[k]);
        high = fmax(high, terms->V[k]);
    }
    double span = fabs(beta) * p->cut * (high - low);
    return span <= SPAN_MAX
               ? KR_OK
               : kr_fail(err, KR_EUNSUP,
                         "transfer matrix: beta = %g makes weights of one frontier "
                         "span exp(%.4g), want at most exp(%g)",
                         beta, span, SPAN_MAX);
}

/* ---- the whole ----------------------------------------------------------------------------
 */

static void fill_exact(const sweep *s, moments total, kr_exact *exact)
{
    double n = s->plan->terms->n_sites, mean = total.e / total.z;
    *exact = (kr_exact){
        .method = "transfer matrix",
        .log_z = s->log_scale + log(total.z),
        .energy_per_site = (s->origin + mean) / n,
        .specific_heat = s->beta * s->beta * (total.ee / total.z - mean * mean) / n,
        .magnetization = NAN,
        .abs_magnetization = NAN,
        .magnetization_squared = NAN,
        .magnetization_fourth = NAN,
        .susceptibility = NAN,
        .binder = NAN,
        .phi_squared = NAN,
        .phi_fourth = NAN,
        .neighbor_product = NAN,
    };
}

int kr_exact_strip(const kr_target *target, kr_exact *exact, kr_error *err)
{
    plan p;
    KR_TRY(plan_init(&p, target, err));
    double n_states = pow(target->terms->q, p.width);
    int status = check_span(&p, target->beta, err);
    if (status == KR_OK && n_states > KR_STRIP_STATES_MAX) {
        status =
            kr_fail(err, KR_EUNSUP,
                    "transfer matrix: a frontier of %d^%d configurations, want at most %.0f",
                    target->terms->q, p.width, KR_STRIP_STATES_MAX);
    }
    if (status != KR_OK) {
        plan_clear(&p);
        return status;
    }
    sweep s = { .plan = &p, .beta = target->beta };
    s.now = kr_alloc((size_t)n_states, sizeof *s.now, err);
    s.next = kr_alloc((size_t)n_states, sizeof *s.next, err);
    moments total = { 0 };
    status = s.now && s.next ? run_sweep(&s, &total, err) : KR_ENOMEM;
    if (status == KR_OK) {
        fill_exact(&s, total, exact);
    }
    kr_free(s.factor);
    kr_free(s.next);
    kr_free(s.now);
    plan_clear(&p);
    return status;
}
