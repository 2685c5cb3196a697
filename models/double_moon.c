/* SPDX-License-Identifier: GPL-3.0-or-later
 * models/double_moon.c - two crescents in the plane, a test density of flows.
 *
 *   -log p = ((|x| - 2)/0.4)^2/2 - log(exp(-((x_1 - 2)/0.6)^2/2) + exp(-((x_1 + 2)/0.6)^2/2))
 *
 * up to a constant. `thickness` and `opening` stand for 0.4 and 0.6: smaller ones part the two
 * further. Source: Rezende, Mohamed, ICML 37, 1530 (2015), the first potential of their
 * table 1.
 */
#include "kramers_plug.h"

#include <math.h>
#include <stdlib.h>

#define RADIUS 2.0

typedef struct params {
    double thickness, opening;
} params;

static const kr_field fields[] = { { .name = "thickness",
                                     .type = KR_TYPE_REAL,
                                     .offset = offsetof(params, thickness),
                                     .fallback = "0.4",
                                     .min = 1e-3,
                                     .max = 1e3,
                                     .unit = "1",
                                     .flags = KR_FIELD_SCAN,
                                     .doc = "width of a crescent across" },
                                   { .name = "opening",
                                     .type = KR_TYPE_REAL,
                                     .offset = offsetof(params, opening),
                                     .fallback = "0.6",
                                     .min = 1e-3,
                                     .max = 1e3,
                                     .unit = "1",
                                     .flags = KR_FIELD_SCAN,
                                     .doc = "width of the weights that cut the ring in two" },
                                   KR_FIELD_END };

static double log_density(const double *x, double *gradient, const void *user)
{
    const params *p = user;
    const double r = hypot(x[0], x[1]), across = (r - RADIUS) / p->thickness;
    const double right = (x[0] - RADIUS) / p->opening, left = (x[0] + RADIUS) / p->opening;
    const double near = fmin(right * right, left * left);
    const double w_right = exp(0.5 * (near - right * right));
    const double w_left = exp(0.5 * (near - left * left)), sum = w_right + w_left;
    if (gradient) {
        for (int i = 0; i < 2; i++) {
            gradient[i] = r > 0.0 ? -across / p->thickness * x[i] / r : 0.0;
        }
        gradient[0] -= (w_right * right + w_left * left) / (sum * p->opening);
    }
    return -0.5 * across * across - 0.5 * near + log(sum);
}

static double side(const double *x, const void *user)
{
    (void)user;
    return x[0];
}

static int build(const void *parameters, const kr_lattice *lattice, kr_terms *terms,
                 kr_error *err)
{
    if (lattice->n_sites != 2 || lattice->n_bonds > 0) {
        return kr_fail(
            err, KR_EUNSUP,
            "double_moon: %d sites and %lld bonds, want lattice variables of size %d",
            lattice->n_sites, (long long)lattice->n_bonds, 2);
    }
    params *p = malloc(sizeof *p);
    if (!p) {
        return kr_fail(err, KR_ENOMEM, "double_moon: no memory");
    }
    *p = *(const params *)parameters;
    KR_TRY(kr_terms_take_density(terms,
                                 &(kr_density_model){ .log_density = log_density,
                                                      .order = side,
                                                      .user = p,
                                                      .free = free,
                                                      .start_width = RADIUS },
                                 err));
    /* both variables at sqrt(2): on the ring */
    KR_TRY(kr_terms_add_real_phase(terms, "left", -INFINITY, -1.0, -sqrt(2.0), err));
    return kr_terms_add_real_phase(terms, "right", 1.0, INFINITY, sqrt(2.0), err);
}

const kr_model_plug kr_model_double_moon = {
    .name = "double_moon",
    .doc = "two crescents in the plane",
    .source = "Rezende, Mohamed, ICML 37, 1530 (2015)",
    .fields = fields,
    .params_size = sizeof(params),
    .build = build,
};
