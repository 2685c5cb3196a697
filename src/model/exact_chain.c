/* SPDX-License-Identifier: GPL-3.0-or-later
 * model/exact_chain.c - quartic actions whose sites form a chain or a ring, exactly.
 *
 * Integrals over a variable are trapezoidal sums, which converge faster than any power for
 * analytic integrands that vanish at both ends. A step takes a variable to the next one by
 * exp(-beta (U_i(x)/2 + U_{i+1}(y)/2 - c x y)) and carries the moments of the sum, the energy
 * and its square along; equal steps are multiplied by repeated squaring. The mean of |m| comes
 * from the characteristic function of m: on [-L, L], |m| = L/2 - (4 L/pi^2) sum_{k odd} cos(k
 * pi m/L)/k^2. Two grids, of other spacing and extent, have to agree.
 *
 * Source: Scalapino, Sears, Ferrell, Phys. Rev. B 6, 3409 (1972); trapezoidal sums: Trefethen,
 * Weideman, SIAM Rev. 56, 385 (2014). */
#include "model/exact_chain.h"

#include "base/memory.h"
#include "model/chain.h"
#include "model/transfer.h"

#include <math.h>
#include <string.h>

#define AGREEMENT 1e-9
#define GRID_MAX  400
#define WAVES_MAX 4001
#define PI        3.14159265358979324

/* ---- steps ------------------------------------------------------------------------------
 */

/* Weights, m^k/k!, E and E^2, the means of phi^2, phi^4 and of phi phi over bonds. */
enum { Z, M4 = 4, E, EE, SQUARE, FOURTH, BOND, N_COMPONENTS };
static const kr_transfer_rule sum_rules[] = {
    { Z, Z, Z, 1.0 },           { 1, 1, Z, 1.0 },           { 1, Z, 1, 1.0 },
    { 2, 2, Z, 1.0 },           { 2, 1, 1, 1.0 },           { 2, Z, 2, 1.0 },
    { 3, 3, Z, 1.0 },           { 3, 2, 1, 1.0 },           { 3, 1, 2, 1.0 },
    { 3, Z, 3, 1.0 },           { M4, M4, Z, 1.0 },         { M4, 3, 1, 1.0 },
    { M4, 2, 2, 1.0 },          { M4, 1, 3, 1.0 },          { M4, Z, M4, 1.0 },
    { E, E, Z, 1.0 },           { E, Z, E, 1.0 },           { EE, EE, Z, 1.0 },
    { EE, E, E, 2.0 },          { EE, Z, EE, 1.0 },         { SQUARE, SQUARE, Z, 1.0 },
    { SQUARE, Z, SQUARE, 1.0 }, { FOURTH, FOURTH, Z, 1.0 }, { FOURTH, Z, FOURTH, 1.0 },
    { BOND, BOND, Z, 1.0 },     { BOND, Z, BOND, 1.0 },
};
static const kr_transfer_rule wave_rules[] = {
    { 0, 0, 0, 1.0 }, { 0, 1, 1, -1.0 }, { 1, 0, 1, 1.0 }, { 1, 1, 0, 1.0 }
};
static const kr_transfer_algebra sums = { N_COMPONENTS, sizeof sum_rules / sizeof *sum_rules,
                                          sum_rules };
static const kr_transfer_algebra waves = { 2, 4, wave_rules };
static const kr_transfer_algebra plain = { 1, 1, sum_rules };

typedef struct grid {
    int32_t n;
    double low, h;
    double frequency; /* of waves */
    const kr_transfer_algebra *algebra;
} grid;

/* 1 where x > 0, else 0, without the waves that the grid cannot see. */
static double is_positive(const grid *g, double x)
{
    const double L = 1.1 * fmax(fabs(g->low), fabs(g->low + (g->n - 1) * g->h));
    double sum = 0.5;
    for (int k = 1; k * g->h < L; k += 2) {
        sum += 2.0 / PI * sin(k * PI * x / L) / k;
    }
    return sum;
}

static double factor(const grid *g, int32_t power, double x)
{
    return power == KR_CHAIN_POSITIVE ? is_positive(g, x) : pow(x, power);
}

/* Components of one entry of a step; x, y NULL: the step before the first, after the last. */
static void fill_entry(const kr_chain *c, const grid *g, const kr_chain_site *s, double weight,
                       double e, const double *x, const double *y, double out[N_COMPONENTS])
{
    const double m = x ? *x / c->n : 0.0;
    if (g->algebra == &plain) {
        out[Z] = weight * (x && s->power ? factor(g, s->power, *x) : 1.0);
        return;
    }
    if (g->algebra == &waves) {
        out[0] = weight * cos(g->frequency * m);
        out[1] = weight * sin(g->frequency * m);
        return;
    }
    out[Z] = weight;
    for (int k = 1; k <= M4; k++) {
        out[k] = out[k - 1] * m / k;
    }
    out[E] = weight * e;
    out[EE] = weight * e * e;
    out[SQUARE] = x ? weight * m * *x : 0.0;
    out[FOURTH] = x ? out[SQUARE] * *x * *x : 0.0;
    out[BOND] = x && y ? weight * s->bonds * *x * *y : 0.0;
}

/* The step from site i (-1: none) to j (-1: none). */
static int fill_step(const kr_chain *c, const grid *g, int32_t i, int32_t j, kr_transfer *step,
                     kr_error *err)
{
    const kr_chain_site none = { 0.0, 0.0, 0.0, 0.0, 0 }, *s = i < 0 ? &none : &c->site[i];
    const int32_t n_rows = i < 0 ? 1 : g->n, n_columns = j < 0 ? 1 : g->n;
    const size_t size = (size_t)n_rows * (size_t)n_columns;
    KR_TRY(kr_transfer_init(step, g->algebra, n_rows, n_columns, err));
    double top = -INFINITY;
    for (int stage = 0; stage < 2; stage++) {
        for (size_t k = 0; k < size; k++) {
            const double x = g->low + (double)(k / (size_t)n_columns) * g->h;
            const double y = g->low + (double)(k % (size_t)n_columns) * g->h;
            const double e = (i < 0 ? 0.0 : 0.5 * kr_chain_potential(c, i, x)) +
                             (j < 0 ? 0.0 : 0.5 * kr_chain_potential(c, j, y)) -
                             (i < 0 || j < 0 ? 0.0 : s->coupling * x * y);
            double out[N_COMPONENTS];
            if (stage == 0) {
                top = fmax(top, -c->beta * e);
                continue;
            }
            fill_entry(c, g, s, exp(-c->beta * e - top), e - c->origin, i < 0 ? NULL : &x,
                       j < 0 ? NULL : &y, out);
            for (int a = 0; a < g->algebra->n_components; a++) {
                step->value[(size_t)a * size + k] = out[a];
            }
        }
    }
    step->log_scale = top + (i < 0 ? 0.0 : log(g->h));
    return KR_OK;
}

/* Equal steps from site i on. */
static int32_t n_equal(const kr_chain *c, int32_t i)
{
    const int32_t last = c->is_ring ? c->n : c->n - 1;
    int32_t n = 1;
    while (i + n < last && kr_chain_is_same(c, i, i + n) &&
           kr_chain_is_same(c, (i + 1) % c->n, (i + n + 1) % c->n)) {
        n++;
    }
    return n;
}

static int append_step(const kr_chain *c, const grid *g, int32_t i, int32_t j, int32_t n,
                       kr_transfer *product, kr_error *err)
{
    kr_transfer step;
    int status = fill_step(c, g, i, j, &step, err);
    if (status == KR_OK) {
        status = kr_transfer_append(g->algebra, &step, n, product, err);
    }
    kr_transfer_clear(&step);
    return status;
}

/* Components of the sum over all configurations. */
static int sum_all(const kr_chain *c, const grid *g, double *out, double *log_scale,
                   kr_error *err)
{
    const int32_t last = c->is_ring ? c->n : c->n - 1;
    kr_transfer product = { .n_rows = 0 };
    int status = c->is_ring ? KR_OK : append_step(c, g, -1, 0, 1, &product, err);
    for (int32_t i = 0, n; i < last && status == KR_OK; i += n) {
        n = n_equal(c, i);
        status = append_step(c, g, i, (i + 1) % c->n, n, &product, err);
    }
    if (status == KR_OK && !c->is_ring) {
        status = append_step(c, g, c->n - 1, -1, 1, &product, err);
    }
    if (status == KR_OK) {
        kr_transfer_trace(g->algebra, &product, out);
        *log_scale = product.log_scale;
    }
    kr_transfer_clear(&product);
    return status;
}

/* Multiplications of sum_all. */
static double work_of(const kr_chain *c, const grid *g)
{
    const double n = g->n;
    double work = 0.0;
    if (!c->is_ring) {
        return g->algebra->n_rules * n * n * c->n;
    }
    for (int32_t i = 0, m; i < c->n; i += m) {
        m = n_equal(c, i);
        work += kr_transfer_work(g->algebra, g->n, m);
    }
    return work;
}

/* ---- values -----------------------------------------------------------------------------
 */

enum { LOG_Z, ENERGY, HEAT, MEAN, MEAN_2, MEAN_4, PHI_2, PHI_4, NEIGHBOR, ABS, N_VALUES };

/* <|m|>; NaN when the characteristic function is too much work. */
static int abs_mean(const kr_chain *c, grid g, double *value, kr_error *err)
{
    const double L = fmax(fabs(g.low), fabs(g.low + (g.n - 1) * g.h));
    double norm = 0.0, sum = 0.0, wave[2], scale, first = 0.0;
    g.algebra = &waves;
    const double each = work_of(c, &g);
    int n_small = 0, k = 1;
    g.frequency = 0.0;
    KR_TRY(sum_all(c, &g, wave, &first, err));
    norm = wave[0];
    for (; n_small < 3 && k < WAVES_MAX && (k + 3) / 2 * each < c->most_work; k += 2) {
        g.frequency = k * PI / L;
        KR_TRY(sum_all(c, &g, wave, &scale, err));
        const double size = exp(scale - first) / norm / k / k;
        sum += wave[0] * size;
        n_small = hypot(wave[0], wave[1]) * size < 1e-14 ? n_small + 1 : 0;
    }
    *value = n_small == 3 ? L / 2.0 - 4.0 * L / PI / PI * sum : NAN;
    return KR_OK;
}

/* S(-phi) = S(phi) */
static bool is_even(const kr_chain *c)
{
    double most = 0.0;
    for (int32_t i = 0; i < c->n; i++) {
        most = fmax(most, fabs(c->site[i].linear));
    }
    return most == 0.0;
}

static int measure_all(kr_chain *c, const grid *g, double *value, kr_error *err)
{
    double x[N_COMPONENTS], scale;
    const double n = c->n, n_steps = n + !c->is_ring;
    KR_TRY(sum_all(c, g, x, &scale, err));
    const double e = x[E] / x[Z];
    value[LOG_Z] = log(x[Z]) + scale;
    value[ENERGY] = (e + n_steps * c->origin) / n;
    value[HEAT] = c->beta * c->beta * (x[EE] / x[Z] - e * e) / n;
    value[MEAN] = is_even(c) ? 0.0 : x[1] / x[Z];
    value[MEAN_2] = 2.0 * x[2] / x[Z];
    value[MEAN_4] = 24.0 * x[M4] / x[Z];
    value[PHI_2] = x[SQUARE] / x[Z];
    value[PHI_4] = x[FOURTH] / x[Z];
    value[NEIGHBOR] = c->has_bonds ? x[BOND] / x[Z] : NAN;
    KR_TRY(abs_mean(c, *g, &value[ABS], err));
    c->origin += e / n_steps;
    return KR_OK;
}

/* <product of the factors> */
static int measure_factors(kr_chain *c, const grid *g, double *value, kr_error *err)
{
    double with, without, scale, other;
    KR_TRY(sum_all(c, g, &with, &scale, err));
    kr_chain_site *kept = c->site, *bare = kr_alloc((size_t)c->n, sizeof *bare, err);
    if (!bare) {
        return KR_ENOMEM;
    }
    memcpy(bare, kept, (size_t)c->n * sizeof *bare);
    for (int32_t i = 0; i < c->n; i++) {
        bare[i].power = 0;
    }
    c->site = bare;
    int status = sum_all(c, g, &without, &other, err);
    c->site = kept;
    kr_free(bare);
    *value = with / without * exp(scale - other);
    return status;
}

typedef int measure(kr_chain *c, const grid *g, double *value, kr_error *err);

static double distance(const double *a, const double *b, int n)
{
    double most = 0.0;
    for (int k = 0; k < n; k++) {
        const double d = fabs(a[k] - b[k]) / fmax(1.0, fabs(b[k]));
        most = isnan(d) ? most : fmax(most, d);
    }
    return most;
}

/* Finer grids, every other one wider, until two agree. */
static int converge(kr_chain *c, measure *what, const kr_transfer_algebra *algebra,
                    int n_values, double *value, kr_error *err)
{
    double before[N_VALUES] = { 0.0 }, apart = INFINITY, coupled = 0.0;
    KR_TRY(kr_chain_find_range(c, err));
    for (int32_t i = 0; i < c->n; i++) {
        coupled = fmax(coupled, fabs(c->site[i].coupling));
    }
    double n = fmax(32.0, (c->high - c->low) * sqrt(c->beta * coupled) / 0.8);
    for (int round = 0; !(apart <= AGREEMENT); round++, n *= 1.3) {
        const double extent = (c->high - c->low) * (round % 2 ? 1.06 : 1.0);
        grid g = { .n = (int32_t)n, .algebra = algebra };
        g.h = extent / (g.n - 1);
        g.low = 0.5 * (c->low + c->high - extent);
        if (n > GRID_MAX || work_of(c, &g) > c->most_work) {
            return kr_fail(err, KR_EUNSUP,
                           "transfer matrix: %d sites on a grid of %.0f values need %.2g "
                           "multiplications, want at most %.2g and %d values (grids before "
                           "differ by %.2g)",
                           c->n, n, work_of(c, &g), c->most_work, GRID_MAX, apart);
        }
        KR_TRY(what(c, &g, value, err));
        apart = round > 0 ? distance(value, before, n_values) : INFINITY;
        memcpy(before, value, (size_t)n_values * sizeof *before);
    }
    return KR_OK;
}

int kr_exact_chain(const kr_target *target, double most_work, kr_exact *exact, kr_error *err)
{
    kr_chain c;
    double v[N_VALUES] = { 0.0 };
    int status = kr_chain_init(&c, target, err);
    c.most_work = most_work;
    status = status == KR_OK ? converge(&c, measure_all, &sums, N_VALUES, v, err) : status;
    kr_chain_clear(&c);
    if (status != KR_OK) {
        return status;
    }
    const double n = c.n, constant = target->terms->action->quartic->constant;
    *exact = (kr_exact){
        .method = "transfer matrix",
        .log_z = v[LOG_Z] - c.beta * constant,
        .energy_per_site = v[ENERGY] + constant / n,
        .specific_heat = v[HEAT],
        .magnetization = v[MEAN],
        .abs_magnetization = v[ABS],
        .magnetization_squared = v[MEAN_2],
        .magnetization_fourth = v[MEAN_4],
        .susceptibility = c.beta * n * (v[MEAN_2] - v[MEAN] * v[MEAN]),
        .binder = 1.0 - v[MEAN_4] / (3.0 * v[MEAN_2] * v[MEAN_2]),
        .phi_squared = v[PHI_2],
        .phi_fourth = v[PHI_4],
        .neighbor_product = v[NEIGHBOR],
    };
    return KR_OK;
}

static int set_factors(kr_chain *c, const kr_target *target, const kr_chain_factor *factor,
                       int32_t n_factors, kr_error *err)
{
    int32_t *order = kr_alloc(2 * (size_t)c->n, sizeof *order, err);
    bool is_ring;
    if (!order) {
        return KR_ENOMEM;
    }
    int32_t *place = order + c->n;
    int status =
        kr_chain_find_order(target->terms->action->quartic, order, place, &is_ring, err);
    for (int32_t k = 0; k < n_factors && status == KR_OK; k++) {
        const kr_chain_factor f = factor[k];
        const bool is_site = f.site >= 0 && f.site < c->n;
        if (!is_site || f.power < KR_CHAIN_POSITIVE || c->site[place[f.site]].power != 0) {
            status = kr_fail(err, KR_EINVAL,
                             "factor of site %d, power %d: want different sites 0..%d, powers "
                             ">= 0 or -1",
                             f.site, f.power, c->n - 1);
        } else {
            c->site[place[f.site]].power = f.power;
        }
    }
    kr_free(order);
    return status;
}

int kr_exact_chain_mean(const kr_target *target, const kr_chain_factor *factor,
                        int32_t n_factors, double most_work, double *mean, kr_error *err)
{
    kr_chain c;
    int status = kr_chain_init(&c, target, err);
    c.most_work = most_work;
    status = status == KR_OK ? set_factors(&c, target, factor, n_factors, err) : status;
    status = status == KR_OK ? converge(&c, measure_factors, &plain, 1, mean, err) : status;
    kr_chain_clear(&c);
    return status;
}
