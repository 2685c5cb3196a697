/* SPDX-License-Identifier: GPL-3.0-or-later
 * models/mixture.c - mixture of normal densities, the textbook case of separated modes.
 *
 *   p(x) = sum_k w_k N(x; mu_k, width^2),   w_k ~ ratio^k,   S = -log p
 *
 * ring: mu_k = radius (cos, sin)(2 pi k/K) in the first two variables; hypercube: variable d <
 * log2 K at +radius where bit d of k is set, else at -radius. All other variables have mean 0.
 * p is normalized: log Z = 0 at beta = 1. The order parameter is the number of the nearest
 * mode. Source: Robert, Casella, Monte Carlo Statistical Methods, 2nd ed. (2004). */
#include "kramers_plug.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define MODES_MAX 64

typedef struct params {
    int64_t modes;
    int32_t arrangement;
    double radius, width, ratio;
} params;

enum { RING, HYPERCUBE };

#define REAL(member, text, least, most, help)                                                  \
    {                                                                                          \
        .name = #member, .type = KR_TYPE_REAL, .offset = offsetof(params, member),             \
        .fallback = (text), .min = (least), .max = (most), .unit = "1",                        \
        .flags = KR_FIELD_SCAN, .doc = (help)                                                  \
    }

static const kr_field fields[] = {
    { .name = "modes",
      .type = KR_TYPE_INT,
      .offset = offsetof(params, modes),
      .fallback = "2",
      .min = 1,
      .max = MODES_MAX,
      .unit = "1",
      .doc = "their number K; hypercube: a power of two" },
    { .name = "arrangement",
      .type = KR_TYPE_CHOICE,
      .offset = offsetof(params, arrangement),
      .fallback = "ring",
      .choices = "ring|hypercube",
      .doc =
          "on a ring in the first two variables, or at corners of a cube in the first log2 K" },
    REAL(radius, "4", 0, 1e6,
         "distance of the modes from the origin, hypercube: in each variable"),
    REAL(width, "1", 1e-6, 1e6, "standard deviation of each mode"),
    REAL(ratio, "1", 1e-6, 1e6, "weight of each mode over that of the one before"),
    KR_FIELD_END
};

typedef struct mixture {
    int32_t n, n_modes, n_placed; /* variables that have centers away from 0 */
    double width, log_norm;       /* of a mode of weight one */
    double log_weight[MODES_MAX];
    double center[MODES_MAX][8]; /* of the placed variables */
} mixture;

static double square_distance(const mixture *m, const double *x, int32_t k)
{
    double sum = 0.0;
    for (int32_t i = 0; i < m->n; i++) {
        const double d = x[i] - (i < m->n_placed ? m->center[k][i] : 0.0);
        sum += d * d;
    }
    return sum;
}

static double log_density(const double *x, double *gradient, const void *user)
{
    const mixture *m = user;
    const double inverse = 1.0 / (m->width * m->width);
    double log_p[MODES_MAX], top = -INFINITY, sum = 0.0;
    for (int32_t k = 0; k < m->n_modes; k++) {
        log_p[k] = m->log_weight[k] - 0.5 * inverse * square_distance(m, x, k);
        top = fmax(top, log_p[k]);
    }
    for (int32_t k = 0; k < m->n_modes; k++) {
        sum += exp(log_p[k] - top);
    }
    for (int32_t i = 0; gradient && i < m->n; i++) {
        double mean = 0.0;
        for (int32_t k = 0; i < m->n_placed && k < m->n_modes; k++) {
            mean += exp(log_p[k] - top) / sum * m->center[k][i];
        }
        gradient[i] = (mean - x[i]) * inverse;
    }
    return m->log_norm + top + log(sum);
}

/* Number of the nearest mode. */
static double nearest(const double *x, const void *user)
{
    const mixture *m = user;
    int32_t best = 0;
    double least = INFINITY;
    for (int32_t k = 0; k < m->n_modes; k++) {
        const double d = square_distance(m, x, k);
        best = d < least ? k : best;
        least = fmin(d, least);
    }
    return best;
}

static int place(mixture *m, const params *p, kr_error *err)
{
    const double two_pi = 6.283185307179586477;
    if (p->arrangement == RING) {
        if (m->n < 2 && m->n_modes > 2) {
            return kr_fail(err, KR_EUNSUP,
                           "mixture: a ring of %d modes in one variable, want at least two "
                           "variables (lattice size) or at most two modes",
                           m->n_modes);
        }
        m->n_placed = m->n < 2 ? 1 : 2;
        for (int32_t k = 0; k < m->n_modes; k++) {
            m->center[k][0] = p->radius * cos(two_pi * k / m->n_modes);
            m->center[k][1] = p->radius * sin(two_pi * k / m->n_modes);
        }
        return KR_OK;
    }
    while (1 << m->n_placed < m->n_modes) {
        m->n_placed++;
    }
    if (1 << m->n_placed != m->n_modes || m->n_placed > m->n) {
        return kr_fail(
            err, KR_EUNSUP,
            "mixture: %d modes at corners in %d variables, want a power of two of at "
            "most 2^%d",
            m->n_modes, m->n, m->n);
    }
    for (int32_t k = 0; k < m->n_modes; k++) {
        for (int32_t d = 0; d < m->n_placed; d++) {
            m->center[k][d] = k >> d & 1 ? p->radius : -p->radius;
        }
    }
    return KR_OK;
}

/* A phase per mode; none starts in it, for a start is one number for all variables. */
static int add_phases(kr_terms *terms, int32_t n_modes, kr_error *err)
{
    for (int32_t k = 0; n_modes >= 2 && n_modes <= KR_PHASES_MAX && k < n_modes; k++) {
        char name[16];
        snprintf(name, sizeof name, "mode_%d", k);
        KR_TRY(kr_terms_add_real_phase(terms, name, k - 0.25, k + 0.25, 0.0, err));
        terms->phase[k].start_state = KR_START_RANDOM;
    }
    return KR_OK;
}

static int build(const void *parameters, const kr_lattice *lattice, kr_terms *terms,
                 kr_error *err)
{
    if (lattice->n_bonds > 0) {
        return kr_fail(err, KR_EUNSUP, "mixture: lattice %s has bonds, want lattice variables",
                       lattice->name);
    }
    const params *p = parameters;
    mixture *m = calloc(1, sizeof *m);
    if (!m) {
        return kr_fail(err, KR_ENOMEM, "mixture: no memory");
    }
    m->n = lattice->n_sites;
    m->n_modes = (int32_t)p->modes;
    m->width = p->width;
    m->log_norm = -0.5 * m->n * log(6.283185307179586477 * p->width * p->width);
    double sum = 0.0;
    for (int32_t k = 0; k < m->n_modes; k++) {
        sum += pow(p->ratio, k);
    }
    for (int32_t k = 0; k < m->n_modes; k++) {
        m->log_weight[k] = k * log(p->ratio) - log(sum);
    }
    const int status = place(m, p, err);
    if (status != KR_OK) {
        free(m);
        return status;
    }
    KR_TRY(
        kr_terms_take_density(terms,
                              &(kr_density_model){ .log_density = log_density,
                                                   .order = nearest,
                                                   .user = m,
                                                   .free = free,
                                                   .start_width = hypot(p->radius, p->width) },
                              err));
    return add_phases(terms, (int32_t)p->modes, err);
}

const kr_model_plug kr_model_mixture = {
    .name = "mixture",
    .doc = "mixture of normal densities on a ring or at the corners of a cube",
    .source = "Robert, Casella, Monte Carlo Statistical Methods, 2nd ed. (2004)",
    .fields = fields,
    .params_size = sizeof(params),
    .build = build,
};
