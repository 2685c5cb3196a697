/* SPDX-License-Identifier: GPL-3.0-or-later
 * model/kaufman.c - the Ising model on a torus in closed form.
 *
 *   Z = 1/2 (2 sinh 2K)^{N/2} (Z_1 + Z_2 + Z_3 + Z_4),   K = beta J > 0, N = L M sites,
 *   Z_1, Z_2 = prod_r 2 cosh, 2 sinh (L gamma_{2r+1} / 2),   r = 0..M-1,
 *   Z_3, Z_4 = prod_r 2 cosh, 2 sinh (L gamma_{2r} / 2),
 *   cosh gamma_l = cosh 2K coth 2K - cos(pi l / M),   gamma_0 = 2K + ln tanh K.
 *
 * Source: Kaufman, Phys. Rev. 76, 1232 (1949), eq. (39); Ferdinand, Fisher, Phys. Rev. 185, 832
 * (1969). Every product is kept as its logarithm with two derivatives in K; only sinh(L gamma_0
 * / 2), which passes through zero at the critical point, is kept as a factor. With s = sinh 2K,
 * cosh gamma_l - 1 = (s - 1)^2 / s + 2 sin^2(pi l / 2M) has no cancellation at s = 1. */
#include "model/exact.h"

#include <math.h>
#include <string.h>

#define KAUFMAN_K_MAX 300.0 /* sinh 2K must fit a double */

typedef struct jet { /* a function of K with its first two derivatives */
    double f, d, dd;
} jet;

static jet gamma_of(double K, int64_t l, int64_t M)
{
    double s = sinh(2.0 * K), C = cosh(2.0 * K);
    if (l == 0) {
        return (jet){ 2.0 * K + log(tanh(K)), 2.0 + 2.0 / s, -4.0 * (C / s) / s };
    }
    double sine = sin(M_PI * (double)l / (2.0 * (double)M));
    double u = (s - 1.0) * ((s - 1.0) / s) + 2.0 * sine * sine; /* cosh gamma - 1 */
    double sinh_gamma = sqrt(u) * sqrt(u + 2.0);
    double d = 2.0 * C * ((s - 1.0) / s) * (1.0 + 1.0 / s); /* of s + 1/s */
    double dd = 4.0 * s - 4.0 / s + 8.0 * (C / s) * (C / s) / s;
    double slope = d / sinh_gamma;
    return (jet){ 2.0 * asinh(sqrt(0.5 * u)), slope,
                  (dd - slope * slope * (u + 1.0)) / sinh_gamma };
}

/* ln 2 cosh x and ln 2 sinh x, x > 0, along x(K). */
static jet log_2cosh(jet x)
{
    double a = fabs(x.f), t = tanh(x.f);
    return (jet){ a + log1p(exp(-2.0 * a)), t * x.d, t * x.dd + (1.0 - t * t) * x.d * x.d };
}

static jet log_2sinh(jet x)
{
    double t = 1.0 / tanh(x.f);
    return (jet){ x.f + log1p(-exp(-2.0 * x.f)), t * x.d,
                  t * x.dd + (1.0 - t * t) * x.d * x.d };
}

static void add(jet *sum, jet x)
{
    sum->f += x.f;
    sum->d += x.d;
    sum->dd += x.dd;
}

/* A summand of Z: exp(log.f) times a factor, both with derivatives; the factor is 1 but for
 * Z_4, where it is 2 sinh(x) exp(-|x|) with d, dd scaled alike. */
typedef struct sector {
    jet log, factor;
} sector;

static void fill_sectors(double K, int64_t L, int64_t M, sector z[4])
{
    for (int k = 0; k < 4; k++) {
        z[k] = (sector){ { 0 }, { 1, 0, 0 } };
    }
    double half = 0.5 * (double)L;
    for (int64_t l = 0; l < 2 * M; l++) {
        jet x = gamma_of(K, l, M);
        x = (jet){ half * x.f, half * x.d, half * x.dd };
        int pair = l % 2 ? 0 : 2;
        add(&z[pair].log, log_2cosh(x));
        if (l > 0) {
            add(&z[pair + 1].log, log_2sinh(x));
            continue;
        }
        double small = exp(-2.0 * fabs(x.f));
        double cosh2 = 1.0 + small, sinh2 = copysign(-expm1(-2.0 * fabs(x.f)), x.f);
        z[3].log.f += fabs(x.f);
        z[3].factor = (jet){ sinh2, cosh2 * x.d, cosh2 * x.dd + sinh2 * x.d * x.d };
    }
}

/* ln Z of the torus with two derivatives in K. */
static jet log_z_of(double K, int64_t L, int64_t M)
{
    double n = (double)L * (double)M;
    if (K == 0.0) {
        return (jet){ n * M_LN2, 0.0, 0.0 }; /* the last is only used times K^2 */
    }
    sector z[4];
    fill_sectors(K, L, M, z);
    jet sum = { 0 };
    /* derivatives are taken of Z exp(-slope K): the first two then stay of order 1 and N */
    double slope = z[0].log.d, top = z[0].log.f;
    for (int k = 0; k < 4; k++) {
        double weight = exp(z[k].log.f - top), g = z[k].log.d - slope;
        jet x = z[k].factor;
        sum.f += weight * x.f;
        sum.d += weight * (x.d + g * x.f);
        sum.dd += weight * (x.dd + 2.0 * g * x.d + (g * g + z[k].log.dd) * x.f);
    }
    double s = sinh(2.0 * K), mean = sum.d / sum.f;
    return (jet){ -M_LN2 + 0.5 * n * log(2.0 * s) + top + log(sum.f),
                  n * cosh(2.0 * K) / s + slope + mean,
                  -2.0 * n / s / s + sum.dd / sum.f - mean * mean };
}

/* The target as an Ising torus: H = offset - J sum_<ij> s s'. */
static int find_torus(const kr_target *target, double *J, double *offset, kr_error *err)
{
    const kr_lattice *lattice = target->lattice;
    const kr_terms *terms = target->terms;
    if (strcmp(lattice->name, "hypercubic") != 0 || lattice->dim != 2 ||
        lattice->extent[0] < 2 || lattice->extent[1] < 2 || !lattice->is_periodic[0] ||
        !lattice->is_periodic[1] || lattice->has_antiperiodic) {
        return kr_fail(err, KR_EUNSUP,
                       "Kaufman's formula: lattice %s in %d dimensions, want a "
                       "periodic square lattice with sides of at least 2",
                       lattice->name, lattice->dim);
    }
    bool is_bonds = terms->is_potts && terms->q == 2 && terms->n_terms == lattice->n_bonds &&
                    memcmp(terms->term_site, lattice->bond,
                           2 * (size_t)lattice->n_bonds * sizeof *lattice->bond) == 0;
    for (int64_t t = 0; is_bonds && t < terms->n_terms; t++) {
        is_bonds = terms->coupling[t] == terms->coupling[0];
    }
    if (!is_bonds || terms->has_local) {
        return kr_fail(err, KR_EUNSUP,
                       "Kaufman's formula: %s, want two states, equal couplings "
                       "and no field",
                       is_bonds ? "a field" : "other terms than equal Ising bonds");
    }
    *J = 0.5 * terms->coupling[0] * (terms->V[1] - terms->V[0]);
    *offset = 0.5 * terms->coupling[0] * (terms->V[1] + terms->V[0]) * (double)terms->n_terms;
    for (int32_t i = 0; i < terms->n_sites; i++) {
        *offset += terms->local[2 * i];
    }
    return KR_OK;
}

int kr_exact_kaufman(const kr_target *target, kr_exact *exact, kr_error *err)
{
    double J = 0.0, offset = 0.0, n = target->terms->n_sites, beta = target->beta;
    KR_TRY(find_torus(target, &J, &offset, err));
    int64_t L = target->lattice->extent[0], M = target->lattice->extent[1];
    if (beta * J < 0.0 && (L % 2 || M % 2)) {
        return kr_fail(err, KR_EUNSUP,
                       "Kaufman's formula: an antiferromagnet on %lld x %lld sites, want even "
                       "sides",
                       (long long)L, (long long)M);
    }
    if (!(fabs(beta * J) <= KAUFMAN_K_MAX)) {
        return kr_fail(err, KR_EUNSUP, "Kaufman's formula: beta J = %g, want at most %g",
                       beta * J, KAUFMAN_K_MAX);
    }
    /* flipping one sublattice of an even torus turns J into -J */
    double K = fabs(beta * J), sign = beta * J < 0.0 ? -1.0 : 1.0;
    jet log_z = log_z_of(K, L > M ? L : M, L > M ? M : L);
    *exact = (kr_exact){
        .method = "Kaufman 1949",
        .log_z = log_z.f - beta * offset,
        .energy_per_site = (offset - sign * J * log_z.d) / n,
        .specific_heat = K * K * log_z.dd / n,
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
    return KR_OK;
}
