/* SPDX-License-Identifier: GPL-3.0-or-later
 * models/eight_schools.c - a hierarchical Bayesian posterior, and a pattern for your own: write
 * the log-density with its gradient, hand it over in build.
 *
 * Effects y_j of coaching in eight schools with standard errors s_j:
 *   y_j ~ N(theta_j, s_j^2),  theta_j ~ N(mu, tau^2),  mu ~ N(0, 5^2),  tau ~ Cauchy+(0, 5).
 * Variables: mu, log tau, then theta_j (centered) or (theta_j - mu)/tau (noncentered). All
 * constants are kept, so log Z is the evidence of the data. The order parameter is mu.
 * Centered, the posterior has a funnel at small tau where no one step size fits.
 * Source: Rubin, J. Educ. Stat. 6, 377 (1981); Gelman et al., Bayesian Data Analysis, 3rd ed.
 * (2013), section 5.5. */
#include "kramers_plug.h"

#include <math.h>
#include <stdlib.h>

enum { SCHOOLS = 8, MU = 0, LOG_TAU = 1, FIRST = 2, N = FIRST + SCHOOLS };
enum { NONCENTERED, CENTERED };

#define PRIOR_MU  5.0
#define PRIOR_TAU 5.0

typedef struct params {
    int32_t variables;
} params;

static const kr_field fields[] = {
    { .name = "variables",
      .type = KR_TYPE_CHOICE,
      .offset = offsetof(params, variables),
      .fallback = "noncentered",
      .choices = "noncentered|centered",
      .doc = "beside mu and log tau: (theta - mu)/tau, or theta itself" },
    KR_FIELD_END
};

static const double effect[SCHOOLS] = { 28, 8, -3, 7, -1, 1, 18, 12 };
static const double error[SCHOOLS] = { 15, 10, 16, 11, 9, 11, 10, 18 };

/* log N(x; mean, width^2); slope = d/dx */
static double log_normal(double x, double mean, double width, double *slope)
{
    const double z = (x - mean) / width;
    *slope = -z / width;
    return -0.5 * z * z - log(width) - 0.91893853320467274;
}

static double log_density(const double *x, double *gradient, const void *user)
{
    const bool is_centered = ((const params *)user)->variables == CENTERED;
    const double mu = x[MU], tau = exp(x[LOG_TAU]), t = tau / PRIOR_TAU;
    double d[N], slope;
    /* half-Cauchy of tau, times d tau/d log tau */
    double sum = log(2.0 / 3.14159265358979324 / PRIOR_TAU) - log1p(t * t) + x[LOG_TAU];
    sum += log_normal(mu, 0.0, PRIOR_MU, &d[MU]);
    d[LOG_TAU] = 1.0 - 2.0 * t * t / (1.0 + t * t);
    for (int j = 0; j < SCHOOLS; j++) {
        const double u = x[FIRST + j], theta = is_centered ? u : mu + tau * u;
        sum += log_normal(effect[j], theta, error[j], &slope);
        const double d_theta = -slope;
        if (is_centered) {
            sum += log_normal(u, mu, tau, &slope);
            d[FIRST + j] = d_theta + slope;
            d[MU] -= slope;
            d[LOG_TAU] += (u - mu) * (u - mu) / (tau * tau) - 1.0;
        } else {
            sum += log_normal(u, 0.0, 1.0, &slope);
            d[FIRST + j] = d_theta * tau + slope;
            d[MU] += d_theta;
            d[LOG_TAU] += d_theta * tau * u;
        }
    }
    for (int i = 0; gradient && i < N; i++) {
        gradient[i] = d[i];
    }
    return sum;
}

static double mean_effect(const double *x, const void *user)
{
    (void)user;
    return x[MU];
}

static int build(const void *parameters, const kr_lattice *lattice, kr_terms *terms,
                 kr_error *err)
{
    if (lattice->n_sites != N || lattice->n_bonds > 0) {
        return kr_fail(
            err, KR_EUNSUP,
            "eight_schools: %d sites and %lld bonds, want lattice variables of size %d",
            lattice->n_sites, (long long)lattice->n_bonds, (int)N);
    }
    params *p = malloc(sizeof *p);
    if (!p) {
        return kr_fail(err, KR_ENOMEM, "eight_schools: no memory");
    }
    *p = *(const params *)parameters;
    return kr_terms_take_density(terms,
                                 &(kr_density_model){ .log_density = log_density,
                                                      .order = mean_effect,
                                                      .user = p,
                                                      .free = free,
                                                      .start_width = 1.0 },
                                 err);
}

const kr_model_plug kr_model_eight_schools = {
    .name = "eight_schools",
    .doc = "posterior of eight schools, a hierarchical Bayesian model",
    .source = "Rubin, J. Educ. Stat. 6, 377 (1981)",
    .fields = fields,
    .params_size = sizeof(params),
    .build = build,
};
