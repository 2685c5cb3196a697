/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/flow_wells.c - a Gaussian in every well of the action, as the source of flows.
 *
 * A share of each is drawn wider along the softest modes. Of the normals y that make a
 * configuration of the well, these are orthogonal directions u, so the wider part costs a few
 * scalar products: its density is factor^-modes e^((1 - 1/factor^2) sum (y . u)^2 / 2) times
 * the other part's. */
#include "density/flow_wells.h"

#include "base/memory.h"
#include "base/normals.h"
#include "base/rng.h"
#include "density/flow_kernels.h"
#include "density/minimum.h"
#include "density/svd.h"

#include <math.h>
#include <string.h>

#define L              KR_FLOW_LANES
#define HALF_LN_TWO_PI 0.91893853320467274178
#define RANDOM_STARTS  16
#define SAME           1e-3 /* wells closer than that, in widths, are one */
#define LEAST_SHARE    1e-12
#define EQUAL          1e-6 /* modes whose widths differ by less belong together */

/* Measured on the Allen-Cahn chain (docs/fields_measured.md): layers learn the core, so less is wide. */
static const kr_wells_shape of_flows = {
    .modes = 3, .share = 0.05, .factor = 1.8, .even = 0.1
};

typedef struct well {
    double *mean;     /* (n) */
    double *U, *A;    /* (n, n) L^T of H = L L^T, and its inverse */
    double *soft;     /* (n_soft, n) directions of y = sqrt(beta) U (x - mean) */
    double *variance; /* (n) times beta, skirt included */
    int32_t n_soft;
    double action, log_det; /* S and ln det H there */
    double log_share;       /* at beta */
} well;

typedef struct wells {
    int32_t n_sites, n;
    const kr_action *action; /* borrowed */
    const kr_flow_kernels *kernels;
    kr_wells_shape shape;
    double beta, spread;
    well well[KR_WELLS_MAX];
} wells;

/* ---- wells of them ------------------------------------------------------------------------
 */

static void clear_well(well *w)
{
    kr_free(w->mean);
    kr_free(w->U);
    kr_free(w->A);
    kr_free(w->soft);
    kr_free(w->variance);
    *w = (well){ .mean = NULL };
}

static bool is_known(const wells *v, const kr_minimum *s)
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

/* The n_soft widest modes: H = U^T U, so in y they are the eigenvectors of (U U^T)^-1 = A^T A,
 * left singular vectors of A^T. Modes as wide as the first one beyond are left out: a part of
 * them would break the symmetry that makes them equal. */
static int find_soft(well *w, int32_t n, int32_t n_soft, kr_error *err)
{
    const size_t stride = kr_svd_stride(n), all = (size_t)n * stride;
    double *rows = kr_alloc(all, sizeof *rows, err), *left = kr_alloc(all, sizeof *left, err);
    double *width = kr_alloc((size_t)n, sizeof *width, err);
    int status = rows && left && width ? KR_OK : KR_ENOMEM;
    for (size_t i = 0; status == KR_OK && i < (size_t)n; i++) {
        for (size_t k = 0; k < (size_t)n; k++) {
            rows[i * stride + k] = w->A[k * (size_t)n + i];
        }
    }
    if (status == KR_OK && !kr_svd_jacobi(n, n, rows, stride, left, width)) {
        status = kr_fail(err, KR_ESANITY, "wells: modes of a minimum do not converge");
    }
    for (w->n_soft = n_soft < n ? n_soft : n; status == KR_OK && w->n_soft > 0; w->n_soft--) {
        const double *last = width + w->n_soft - 1;
        if (w->n_soft == n || last[1] < (1.0 - EQUAL) * last[0]) {
            break;
        }
    }
    for (size_t j = 0; status == KR_OK && j < (size_t)w->n_soft; j++) {
        memcpy(w->soft + j * (size_t)n, left + j * stride, (size_t)n * sizeof *w->soft);
    }
    kr_free(width);
    kr_free(left);
    kr_free(rows);
    return status;
}

/* Soft modes of the last well, which are those of an earlier one with the same H, and
 * variances: those of A z and, of the share that is widened, (factor^2 - 1) along the modes. */
static int add_skirt(wells *v, kr_error *err)
{
    const size_t n = (size_t)v->n_sites, n_soft = (size_t)v->shape.modes;
    const double excess = v->shape.share * (v->shape.factor * v->shape.factor - 1.0);
    well *w = &v->well[v->n - 1], *like = v->well;
    w->soft = kr_alloc(n_soft * n, sizeof *w->soft, err);
    w->variance = kr_alloc(n, sizeof *w->variance, err);
    if (!w->soft || !w->variance) {
        return KR_ENOMEM;
    }
    while (memcmp(like->U, w->U, n * n * sizeof *w->U) != 0) {
        like++;
    }
    if (like < w) {
        memcpy(w->soft, like->soft, n_soft * n * sizeof *w->soft);
        w->n_soft = like->n_soft;
    } else if (v->shape.share > 0.0 && n_soft > 0) {
        KR_TRY(find_soft(w, v->n_sites, (int32_t)n_soft, err));
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t c = i; c < n; c++) {
            w->variance[i] += w->A[i * n + c] * w->A[i * n + c];
        }
        for (size_t j = 0; j < (size_t)w->n_soft; j++) {
            double along = 0.0;
            for (size_t c = i; c < n; c++) {
                along += w->A[i * n + c] * w->soft[j * n + c];
            }
            w->variance[i] += excess * along * along;
        }
    }
    return KR_OK;
}

static int add_well(wells *v, const kr_minimum *s, kr_error *err)
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
    return add_skirt(v, err);
}

static int look_from(wells *v, kr_minimum *s, kr_error *err)
{
    return v->n < KR_WELLS_MAX && kr_minimum_find(s) && !is_known(v, s) ? add_well(v, s, err)
                                                                        : KR_OK;
}

static int find(wells *v, const kr_target *target, kr_minimum *s, kr_error *err)
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
    kr_minimum s = { .action = v->action, .n = n, .width = v->action->start_width };
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
        const double laplace = (exp(w->log_share - top) + LEAST_SHARE) / total;
        const double share = (1.0 - v->shape.even) * laplace + v->shape.even / v->n;
        w->log_share = log(share);
        for (size_t i = 0; i < n; i++) {
            square += share * (w->mean[i] * w->mean[i] + w->variance[i] / beta) / (double)n;
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

/* y . u of a soft mode, of each lane. */
static void along_mode(const wells *v, const well *w, int32_t j, const double *y,
                       double along[L])
{
    v->kernels->apply(1, v->n_sites, w->soft + (size_t)j * (size_t)v->n_sites,
                      (size_t)v->n_sites, 1, NULL, 1, 1, y, along);
}

/* A well is the Gaussian of y times (1 - share) + share factor^-n e^(reach sum (y . u)^2 / 2):
 * the logarithm of that, and the share of its second part unless NULL. */
static void log_skirt(const wells *v, const well *w, const double *y, double more[L],
                      double *wide)
{
    const double s = v->shape.factor, share = v->shape.share, reach = 1.0 - 1.0 / (s * s);
    const double core = log(1.0 - share), out = log(share) - w->n_soft * log(s);
    double square[L] = { 0.0 }, along[L];
    for (int32_t j = 0; j < w->n_soft; j++) {
        along_mode(v, w, j, y, along);
        for (int l = 0; l < L; l++) {
            square[l] += along[l] * along[l];
        }
    }
    for (int l = 0; l < L; l++) {
        const double far = out + 0.5 * reach * square[l], top = fmax(core, far);
        more[l] = w->n_soft ? top + log(exp(core - top) + exp(far - top)) : 0.0;
        if (wide) {
            wide[l] = w->n_soft ? exp(far - more[l]) : 0.0;
        }
    }
}

/* y becomes minus the derivative of the logarithm of the well with respect to y. */
static void flatten(const wells *v, const well *w, double *y)
{
    const size_t n = (size_t)v->n_sites;
    const double reach = 1.0 - 1.0 / (v->shape.factor * v->shape.factor);
    double more[L], wide[L], along[L];
    log_skirt(v, w, y, more, wide);
    for (int32_t j = 0; j < w->n_soft; j++) { /* orthogonal: one after the other */
        along_mode(v, w, j, y, along);
        for (size_t i = 0; i < n * L; i++) {
            y[i] -= reach * wide[i % L] * along[i % L] * w->soft[(size_t)j * n + i / L];
        }
    }
}

static void log_density(const void *self, const double *x, double *log_p, double *slope,
                        double *scratch)
{
    const wells *v = self;
    const size_t n = (size_t)v->n_sites;
    double *d = scratch, *y = d + n * L, *part = y + n * L;
    double each[KR_WELLS_MAX][L], quadratic[L], more[L];
    for (int32_t k = 0; k < v->n; k++) {
        const well *w = &v->well[k];
        whiten(v, w, x, d, y, quadratic);
        log_skirt(v, w, y, more, NULL);
        for (int l = 0; l < L; l++) {
            each[k][l] = w->log_share + 0.5 * w->log_det +
                         (0.5 * log(v->beta) - HALF_LN_TWO_PI) * (double)n -
                         0.5 * quadratic[l] + more[l];
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
        flatten(v, w, y);
        v->kernels->apply((int32_t)n, (int32_t)n, w->U, 1, n, NULL, 1, 1, y, part);
        for (size_t i = 0; i < n * L; i++) {
            const double share = exp(each[k][i % L] - log_p[i % L]);
            slope[i] = (k ? slope[i] : 0.0) - share * sqrt(v->beta) * part[i];
        }
    }
}

/* The normals z of the lanes of well k that are in its skirt are stretched along the modes. */
static void widen(const wells *v, const well *w, int32_t k, const int32_t chosen[L],
                  const bool is_wide[L], double *z)
{
    const size_t n = (size_t)v->n_sites;
    double along[L];
    for (int32_t j = 0; j < w->n_soft; j++) {
        along_mode(v, w, j, z, along);
        for (int l = 0; l < L; l++) {
            along[l] *= chosen[l] == k && is_wide[l] ? v->shape.factor - 1.0 : 0.0;
        }
        for (size_t i = 0; i < n * L; i++) {
            z[i] += along[i % L] * w->soft[(size_t)j * n + i / L];
        }
    }
}

static void sample(const void *self, kr_rng *rng, double *x, double *log_p, double *scratch)
{
    const wells *v = self;
    const size_t n = (size_t)v->n_sites;
    double share[KR_WELLS_MAX], *z = scratch + 3 * n * L, *moved = scratch;
    int32_t chosen[L];
    bool is_wide[L];
    for (int32_t k = 0; k < v->n; k++) {
        share[k] = exp(v->well[k].log_share);
    }
    for (int l = 0; l < L; l++) {
        chosen[l] = kr_rng_categorical(rng, share, v->n);
        is_wide[l] = kr_rng_uniform(rng) < v->shape.share;
    }
    kr_normals(rng, n * L, z);
    for (int32_t k = 0; k < v->n; k++) {
        const well *w = &v->well[k];
        widen(v, w, k, chosen, is_wide, z);
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

int kr_flow_wells_add(kr_flow_stack *stack, const kr_target *target,
                      const kr_wells_shape *shape, kr_error *err)
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
    v->shape = shape ? *shape : of_flows;
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
            center[i] += share * w->mean[i];
            square += share * (w->mean[i] * w->mean[i] + w->variance[i] / v->beta);
        }
        width[i] = sqrt(square - center[i] * center[i]);
    }
}
