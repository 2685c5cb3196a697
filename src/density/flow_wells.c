/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/flow_wells.c - a Gaussian in every well of the action, as the source of flows. */
#include "density/flow_wells.h"

#include "base/memory.h"
#include "base/normals.h"
#include "base/rng.h"
#include "density/flow_kernels.h"

#include <math.h>
#include <string.h>

#define L              KR_FLOW_LANES
#define HALF_LN_TWO_PI 0.91893853320467274178
#define STEPS_MAX      200
#define RANDOM_STARTS  16
#define DIFFERENCE     1e-4 /* of second derivatives, in widths of a random start */
#define SMALL_FORCE    1e-9 /* times the first one: a minimum */
#define SAME           1e-3 /* wells closer than that, in widths, are one */
#define LEAST_SHARE    1e-12

typedef struct well {
    double *mean;           /* (n) */
    double *U, *A;          /* (n, n) L^T of H = L L^T, and its inverse */
    double action, log_det; /* S and ln det H there */
    double log_share;       /* at beta */
} well;

typedef struct wells {
    int32_t n_sites, n;
    const kr_action *action; /* borrowed */
    const kr_flow_kernels *kernels;
    double beta, spread;
    well well[KR_WELLS_MAX];
} wells;

/* ---- minima -------------------------------------------------------------------------------
 */

typedef struct search {
    const kr_action *action;
    size_t n;
    double width, value;
    double *x, *g, *step, *H, *L_of; /* (n), (n), (n), (n, n), (n, n) */
    double *lanes, *slopes;          /* (n, L) */
} search;

static double value_at(const search *s, const double *x)
{
    double value[L];
    for (size_t i = 0; i < s->n; i++) {
        for (size_t l = 0; l < L; l++) {
            s->lanes[i * L + l] = x[i];
        }
    }
    s->action->energy(s->action->self, 1, s->lanes, L, value);
    return value[0];
}

/* Force at x, and second derivatives by differences, L/2 columns at a time. */
static void derivatives(const search *s)
{
    const size_t n = s->n, columns = L / 2;
    const double h = DIFFERENCE * s->width;
    for (size_t first = 0; first <= n; first += columns) { /* the last group has room for g */
        for (size_t i = 0; i < n; i++) {
            for (size_t l = 0; l < L; l++) {
                const size_t column = first + l / 2;
                s->lanes[i * L + l] = s->x[i] + (column == i ? (l % 2 ? h : -h) : 0.0);
                s->slopes[i * L + l] = 0.0;
            }
        }
        s->action->add_gradient(s->action->self, L, s->lanes, L, 1.0, s->slopes);
        for (size_t i = 0; i < n; i++) {
            for (size_t k = 0; k < columns && first + k < n; k++) {
                s->H[i * n + first + k] =
                    (s->slopes[i * L + 2 * k + 1] - s->slopes[i * L + 2 * k]) / (2.0 * h);
            }
            if (n - first < columns) {
                s->g[i] = s->slopes[i * L + L - 1];
            }
        }
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < i; k++) {
            s->H[i * n + k] = s->H[k * n + i] = 0.5 * (s->H[i * n + k] + s->H[k * n + i]);
        }
    }
}

/* L_of L_of^T = H + damping; false unless that is positive. */
static bool factor(const search *s, double damping)
{
    const size_t n = s->n;
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k <= i; k++) {
            double sum = s->H[i * n + k] + (i == k ? damping : 0.0);
            for (size_t m = 0; m < k; m++) {
                sum -= s->L_of[i * n + m] * s->L_of[k * n + m];
            }
            if (i == k && !(sum > 0.0)) {
                return false;
            }
            s->L_of[i * n + k] = i == k ? sqrt(sum) : sum / s->L_of[k * n + k];
        }
    }
    return true;
}

static void solve(const search *s)
{
    const size_t n = s->n;
    for (size_t i = 0; i < n; i++) {
        double sum = -s->g[i];
        for (size_t k = 0; k < i; k++) {
            sum -= s->L_of[i * n + k] * s->step[k];
        }
        s->step[i] = sum / s->L_of[i * n + i];
    }
    for (size_t i = n; i-- > 0;) {
        double sum = s->step[i];
        for (size_t k = i + 1; k < n; k++) {
            sum -= s->L_of[k * n + i] * s->step[k];
        }
        s->step[i] = sum / s->L_of[i * n + i];
    }
}

static double length(const double *x, size_t n)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        sum += x[i] * x[i];
    }
    return sqrt(sum);
}

/* x becomes a minimum, with its second derivatives in H, their factor in L_of. */
static bool minimize(search *s)
{
    double damping = 0.0, first_force = 0.0;
    s->value = value_at(s, s->x);
    for (int k = 0; k < STEPS_MAX && isfinite(s->value); k++) {
        derivatives(s);
        const double force = length(s->g, s->n), scale = 1.0 / (s->width * s->width);
        first_force = k == 0 ? force + scale * s->width : first_force;
        if (force <= SMALL_FORCE * first_force) {
            return factor(s, 0.0);
        }
        bool is_lower = false;
        for (int tries = 0; tries < 60 && !is_lower; tries++) {
            double *trial = s->slopes; /* not needed until the next derivatives */
            if (factor(s, damping)) {
                solve(s);
                for (size_t i = 0; i < s->n; i++) {
                    trial[i] = s->x[i] + s->step[i];
                }
                const double value = value_at(s, trial);
                is_lower = value <= s->value + 1e-12 * fabs(s->value);
                if (is_lower) {
                    memcpy(s->x, trial, s->n * sizeof *trial);
                    s->value = value;
                    damping = damping > 1e-6 * scale ? 0.2 * damping : 0.0;
                    break;
                }
            }
            damping = damping > 0.0 ? 4.0 * damping : 1e-3 * scale;
        }
        if (!is_lower) {
            return false;
        }
    }
    return false;
}

/* ---- wells of them ------------------------------------------------------------------------
 */

static void clear_well(well *w)
{
    kr_free(w->mean);
    kr_free(w->U);
    kr_free(w->A);
    *w = (well){ .mean = NULL };
}

static bool is_known(const wells *v, const search *s)
{
    for (int32_t k = 0; k < v->n; k++) {
        double far = 0.0;
        for (size_t i = 0; i < s->n; i++) {
            far = fmax(far, fabs(s->x[i] - v->well[k].mean[i]));
        }
        if (far < SAME * s->width) {
            return true;
        }
    }
    return false;
}

static int add_well(wells *v, const search *s, kr_error *err)
{
    const size_t n = s->n;
    well *w = &v->well[v->n];
    w->mean = kr_alloc(n, sizeof *w->mean, err);
    w->U = kr_alloc(n * n, sizeof *w->U, err);
    w->A = kr_alloc(n * n, sizeof *w->A, err);
    v->n++;
    if (!w->mean || !w->U || !w->A) {
        return KR_ENOMEM;
    }
    memcpy(w->mean, s->x, n * sizeof *w->mean);
    w->action = s->value;
    for (size_t i = 0; i < n; i++) {
        w->log_det += 2.0 * log(s->L_of[i * n + i]);
        for (size_t k = i; k < n; k++) {
            w->U[i * n + k] = s->L_of[k * n + i];
        }
    }
    for (size_t c = 0; c < n; c++) { /* columns of U^-1, from the diagonal up */
        for (size_t i = c + 1; i-- > 0;) {
            double sum = i == c ? 1.0 : 0.0;
            for (size_t k = i + 1; k <= c; k++) {
                sum -= w->U[i * n + k] * w->A[k * n + c];
            }
            w->A[i * n + c] = sum / w->U[i * n + i];
        }
    }
    return KR_OK;
}

static int look_from(wells *v, search *s, kr_error *err)
{
    return v->n < KR_WELLS_MAX && minimize(s) && !is_known(v, s) ? add_well(v, s, err) : KR_OK;
}

static int find(wells *v, const kr_target *target, search *s, kr_error *err)
{
    const kr_terms *terms = target->terms;
    kr_rng rng;
    kr_rng_seed(&rng, 1, 0, KR_PURPOSE_WEIGHTS); /* the same wells every time */
    for (int32_t p = 0; p < terms->n_phases; p++) {
        for (size_t i = 0; i < s->n; i++) {
            s->x[i] = terms->phase[p].start_value;
        }
        KR_TRY(look_from(v, s, err));
    }
    for (int k = 0; k < (terms->n_phases ? 0 : RANDOM_STARTS); k++) {
        for (size_t i = 0; i < s->n; i++) {
            s->x[i] = k ? s->width * kr_rng_normal(&rng) : 0.0;
        }
        KR_TRY(look_from(v, s, err));
    }
    return v->n > 0 ? KR_OK
                    : kr_fail(err, KR_EUNSUP,
                              "no minimum of the action was found from %d starts, want one "
                              "for a Gaussian to stand in",
                              terms->n_phases ? terms->n_phases : RANDOM_STARTS);
}

static int search_wells(wells *v, const kr_target *target, kr_error *err)
{
    const size_t n = (size_t)v->n_sites;
    search s = { .action = v->action, .n = n, .width = v->action->start_width };
    s.x = kr_alloc(n, sizeof(double), err);
    s.g = kr_alloc(n, sizeof(double), err);
    s.step = kr_alloc(n, sizeof(double), err);
    s.H = kr_alloc(n * n, sizeof(double), err);
    s.L_of = kr_alloc(n * n, sizeof(double), err);
    s.lanes = kr_alloc(n * L, sizeof(double), err);
    s.slopes = kr_alloc(n * L, sizeof(double), err);
    int status = s.x && s.g && s.step && s.H && s.L_of && s.lanes && s.slopes
                     ? find(v, target, &s, err)
                     : KR_ENOMEM;
    kr_free(s.slopes);
    kr_free(s.lanes);
    kr_free(s.L_of);
    kr_free(s.H);
    kr_free(s.step);
    kr_free(s.g);
    kr_free(s.x);
    return status;
}

/* Shares of the wells at beta, and how wide the variables are then. */
static int prepare(void *self, double beta, kr_error *err)
{
    wells *v = self;
    const size_t n = (size_t)v->n_sites;
    double top = -INFINITY, total = 0.0, square = 0.0;
    (void)err;
    v->beta = beta;
    for (int32_t k = 0; k < v->n; k++) {
        v->well[k].log_share = -beta * v->well[k].action - 0.5 * v->well[k].log_det;
        top = fmax(top, v->well[k].log_share);
    }
    for (int32_t k = 0; k < v->n; k++) {
        total += exp(v->well[k].log_share - top) + LEAST_SHARE;
    }
    for (int32_t k = 0; k < v->n; k++) {
        well *w = &v->well[k];
        const double share = (exp(w->log_share - top) + LEAST_SHARE) / total;
        w->log_share = log(share);
        for (size_t i = 0; i < n; i++) {
            double variance = 0.0;
            for (size_t c = i; c < n; c++) {
                variance += w->A[i * n + c] * w->A[i * n + c];
            }
            square += share * (w->mean[i] * w->mean[i] + variance / beta) / (double)n;
        }
    }
    v->spread = sqrt(square);
    return KR_OK;
}

/* ---- the source of a stack ----------------------------------------------------------------
 */

static void free_wells(void *self)
{
    wells *v = self;
    for (int32_t k = 0; v && k < v->n; k++) {
        clear_well(&v->well[k]);
    }
    kr_free(v);
}

static void use(void *self, kr_isa isa)
{
    ((wells *)self)->kernels = kr_flow_kernels_of(isa);
}

/* d = x - mean, y = sqrt(beta) U d; quadratic form of each lane. */
static void whiten(const wells *v, const well *w, const double *x, double *d, double *y,
                   double quadratic[L])
{
    const int32_t n = v->n_sites;
    const double root = sqrt(v->beta);
    for (size_t i = 0; i < (size_t)n; i++) {
        for (size_t l = 0; l < L; l++) {
            d[i * L + l] = root * (x[i * L + l] - w->mean[i]);
        }
    }
    v->kernels->apply(n, n, w->U, (size_t)n, 1, NULL, 1, 1, d, y);
    memset(quadratic, 0, L * sizeof *quadratic);
    for (size_t i = 0; i < (size_t)n; i++) {
        for (size_t l = 0; l < L; l++) {
            quadratic[l] += y[i * L + l] * y[i * L + l];
        }
    }
}

static void log_density(const void *self, const double *x, double *log_p, double *slope,
                        double *scratch)
{
    const wells *v = self;
    const size_t n = (size_t)v->n_sites;
    double *d = scratch, *y = d + n * L, *part = y + n * L;
    double each[KR_WELLS_MAX][L], quadratic[L];
    for (int32_t k = 0; k < v->n; k++) {
        const well *w = &v->well[k];
        whiten(v, w, x, d, y, quadratic);
        for (int l = 0; l < L; l++) {
            each[k][l] = w->log_share + 0.5 * w->log_det +
                         (0.5 * log(v->beta) - HALF_LN_TWO_PI) * (double)n - 0.5 * quadratic[l];
        }
    }
    for (int l = 0; l < L; l++) {
        double top = -INFINITY, sum = 0.0;
        for (int32_t k = 0; k < v->n; k++) {
            top = fmax(top, each[k][l]);
        }
        for (int32_t k = 0; k < v->n; k++) {
            sum += exp(each[k][l] - top);
        }
        log_p[l] = top + log(sum);
    }
    for (int32_t k = 0; slope && k < v->n; k++) {
        const well *w = &v->well[k];
        whiten(v, w, x, d, y, quadratic);
        v->kernels->apply((int32_t)n, (int32_t)n, w->U, 1, n, NULL, 1, 1, y, part);
        for (size_t i = 0; i < n * L; i++) {
            const double share = exp(each[k][i % L] - log_p[i % L]);
            slope[i] = (k ? slope[i] : 0.0) - share * sqrt(v->beta) * part[i];
        }
    }
}

static void sample(const void *self, kr_rng *rng, double *x, double *log_p, double *scratch)
{
    const wells *v = self;
    const size_t n = (size_t)v->n_sites;
    double share[KR_WELLS_MAX], *z = scratch + 3 * n * L, *moved = scratch;
    int32_t chosen[L];
    for (int32_t k = 0; k < v->n; k++) {
        share[k] = exp(v->well[k].log_share);
    }
    for (int l = 0; l < L; l++) {
        chosen[l] = kr_rng_categorical(rng, share, v->n);
    }
    kr_normals(rng, n * L, z);
    for (int32_t k = 0; k < v->n; k++) {
        const well *w = &v->well[k];
        v->kernels->apply((int32_t)n, (int32_t)n, w->A, n, 1, NULL, 1, 1, z, moved);
        for (size_t i = 0; i < n * L; i++) {
            if (chosen[i % L] == k) {
                x[i] = w->mean[i / L] + moved[i] / sqrt(v->beta);
            }
        }
    }
    log_density(v, x, log_p, NULL, scratch);
}

static const kr_flow_source_ops ops = { .free = free_wells,
                                        .prepare = prepare,
                                        .use = use,
                                        .sample = sample,
                                        .log_density = log_density };

int kr_flow_wells_add(kr_flow_stack *stack, const kr_target *target, kr_error *err)
{
    if (stack->n_sites > KR_WELLS_SITES_MAX) {
        return kr_fail(err, KR_EUNSUP, "wells: %d sites, want at most %d", stack->n_sites,
                       KR_WELLS_SITES_MAX);
    }
    wells *v = kr_alloc(1, sizeof *v, err);
    if (!v) {
        return KR_ENOMEM;
    }
    v->n_sites = stack->n_sites;
    v->action = target->terms->action;
    v->kernels = kr_flow_kernels_of(KR_ISA_BEST);
    stack->source = v;
    stack->source_ops = &ops;
    stack->source_scratch = 4 * (size_t)stack->n_sites * L;
    KR_TRY(search_wells(v, target, err));
    return prepare(v, target->beta, err);
}

double kr_flow_wells_spread(const kr_flow_stack *stack)
{
    return ((const wells *)stack->source)->spread;
}

void kr_flow_wells_units(const kr_flow_stack *stack, double *center, double *width)
{
    const wells *v = stack->source;
    const size_t n = (size_t)v->n_sites;
    for (size_t i = 0; i < n; i++) {
        double square = 0.0;
        center[i] = 0.0;
        for (int32_t k = 0; k < v->n; k++) {
            const well *w = &v->well[k];
            const double share = exp(w->log_share);
            double variance = w->mean[i] * w->mean[i];
            for (size_t c = i; c < n; c++) {
                variance += w->A[i * n + c] * w->A[i * n + c] / v->beta;
            }
            center[i] += share * w->mean[i];
            square += share * variance;
        }
        width[i] = sqrt(square - center[i] * center[i]);
    }
}
