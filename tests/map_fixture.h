/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/map_fixture.h - a monotone map of density/flow_map.h on a few variables. */
#ifndef MAP_FIXTURE_H
#define MAP_FIXTURE_H

#include "kr_test.h"

#include "base/isa.h"
#include "base/rng.h"
#include "density/flow_map.h"

#include <math.h>
#include <string.h>

enum { ML = KR_LANES_PAD, SITES = 3, MAPPED = 2, PARAMS_MAX = 2 * KR_MAP_KNOTS_MAX };

typedef struct map_fixture {
    const kr_map_kernels *kernels;
    kr_map map;
    int32_t n_odd, n_even;
    double odd[MAPPED * PARAMS_MAX * ML], even[MAPPED * PARAMS_MAX * ML];
    double x[SITES * ML];
} map_fixture;

static const int32_t mapped_sites[MAPPED] = { 2, 0 };
static const double centers[SITES] = { 0.5, 0.0, -1.0 }, widths[SITES] = { 2.0, 1.0, 0.7 };
static const double no_centers[SITES] = { 0.0 };

/* Parameters of width `size`, variables up to `reach` widths from their centers. */
static inline void fill(map_fixture *f, uint64_t seed, double size, double reach)
{
    kr_rng rng;
    kr_rng_seed(&rng, seed, 0, KR_PURPOSE_TEST);
    for (int k = 0; k < MAPPED * PARAMS_MAX * ML; k++) {
        f->odd[k] = size * kr_rng_normal(&rng);
        f->even[k] = size * kr_rng_normal(&rng);
    }
    for (int k = 0; k < SITES * ML; k++) {
        const double u = reach * (2.0 * kr_rng_uniform(&rng) - 1.0);
        f->x[k] = f->map.center[k / ML] + f->map.width[k / ML] * u;
    }
}

/* Sum over the mapped variables of weight x' and over lanes of volume ln J. */
static inline double map_loss(const map_fixture *f, const double *weight, const double *volume)
{
    double y[SITES * ML], log_j[ML] = { 0.0 }, sum = 0.0;
    memcpy(y, f->x, sizeof y);
    f->kernels->forward(&f->map, f->odd, f->even, y, log_j);
    for (int k = 0; k < SITES * ML; k++) {
        sum += weight[k] * y[k];
    }
    for (int l = 0; l < ML; l++) {
        sum += volume[l] * log_j[l];
    }
    return sum;
}

/* Of fourth order in the number at `at`; odd step counts so that a knot is rarely met. */
static inline double slope_at(const map_fixture *f, double *at, const double *weight,
                              const double *volume)
{
    const double old = *at, h = 1e-5;
    double value[4];
    for (int k = 0; k < 4; k++) {
        *at = old + h * (k < 2 ? k - 2 : k - 1);
        value[k] = map_loss(f, weight, volume);
    }
    *at = old;
    return (value[0] - 8.0 * value[1] + 8.0 * value[2] - value[3]) / (12.0 * h);
}

static inline void assert_slope(double got, double want, const char *of, int k)
{
    if (!(fabs(got - want) <= 1e-7 * fmax(1.0, fabs(want)))) {
        fail_msg("%s %d: %.12g, of finite differences %.12g", of, k, got, want);
    }
}

/* Cotangents of x and of all parameters by pull, against differences. */
static inline void check_pull(map_fixture *f)
{
    double weight[SITES * ML], volume[ML], bar[SITES * ML];
    static double odd[MAPPED * PARAMS_MAX * ML], even[MAPPED * PARAMS_MAX * ML];
    for (int k = 0; k < SITES * ML; k++) {
        weight[k] = bar[k] = cos(k + 1.0);
    }
    for (int l = 0; l < ML; l++) {
        volume[l] = sin(l + 0.5);
    }
    memcpy(odd, f->odd, sizeof odd);
    memcpy(even, f->even, sizeof even);
    f->kernels->pull(&f->map, odd, even, f->x, bar, volume);
    for (int k = 0; k < SITES * ML; k++) {
        assert_slope(bar[k], slope_at(f, &f->x[k], weight, volume), "x", k);
    }
    for (int k = 0; k < MAPPED * f->n_odd * ML; k++) {
        assert_slope(odd[k], slope_at(f, &f->odd[k], weight, volume), "odd", k);
    }
    for (int k = 0; k < MAPPED * f->n_even * ML; k++) {
        assert_slope(even[k], slope_at(f, &f->even[k], weight, volume), "even", k);
    }
}

/* Under the slope that push gives and unit volume, pull gives the old slope and the same
 * cotangents of the parameters. */
static inline void check_push(const map_fixture *f)
{
    double slope[SITES * ML], one[ML];
    static double odd[2][MAPPED * PARAMS_MAX * ML], even[2][MAPPED * PARAMS_MAX * ML];
    for (int k = 0; k < 2; k++) {
        memcpy(odd[k], f->odd, sizeof odd[k]);
        memcpy(even[k], f->even, sizeof even[k]);
    }
    for (int k = 0; k < SITES * ML; k++) {
        slope[k] = cos(k + 1.0);
        one[k % ML] = 1.0;
    }
    f->kernels->push(&f->map, odd[0], even[0], f->x, slope);
    f->kernels->pull(&f->map, odd[1], even[1], f->x, slope, one);
    for (int k = 0; k < SITES * ML; k++) {
        assert_close(slope[k], cos(k + 1.0), 1e-11);
    }
    for (int k = 0; k < MAPPED * f->n_odd * ML; k++) {
        assert_close(odd[0][k], odd[1][k], 1e-10 * fmax(1.0, fabs(odd[1][k])));
    }
    for (int k = 0; k < MAPPED * f->n_even * ML; k++) {
        assert_close(even[0][k], even[1][k], 1e-10 * fmax(1.0, fabs(even[1][k])));
    }
}

static inline void check_inverse(const map_fixture *f)
{
    double x[SITES * ML], there[ML] = { 0.0 }, back[ML] = { 0.0 };
    memcpy(x, f->x, sizeof x);
    f->kernels->forward(&f->map, f->odd, f->even, x, there);
    f->kernels->inverse(&f->map, f->odd, f->even, x, back);
    for (int k = 0; k < SITES * ML; k++) {
        assert_close(x[k], f->x[k], 1e-11);
    }
    for (int l = 0; l < ML; l++) {
        assert_close(back[l], there[l], 1e-10);
    }
}

/* f(-x; -odd, even) = -f(x; odd, even) */
static inline void check_parity(map_fixture *f)
{
    double y[SITES * ML], other[SITES * ML], log_j[2][ML] = { { 0.0 } };
    f->map.center = no_centers;
    memcpy(y, f->x, sizeof y);
    f->kernels->forward(&f->map, f->odd, f->even, y, log_j[0]);
    for (int k = 0; k < MAPPED * PARAMS_MAX * ML; k++) {
        f->odd[k] = -f->odd[k];
    }
    for (int k = 0; k < SITES * ML; k++) {
        other[k] = -f->x[k];
    }
    f->kernels->forward(&f->map, f->odd, f->even, other, log_j[1]);
    for (int k = 0; k < SITES * ML; k++) {
        assert_close(other[k], -y[k], 1e-12);
    }
    for (int l = 0; l < ML; l++) {
        assert_close(log_j[0][l], log_j[1][l], 1e-11);
    }
}

static inline void check_identity(map_fixture *f)
{
    double y[SITES * ML], log_j[ML] = { 0.0 };
    memset(f->odd, 0, sizeof f->odd);
    memset(f->even, 0, sizeof f->even);
    memcpy(y, f->x, sizeof y);
    f->kernels->forward(&f->map, f->odd, f->even, y, log_j);
    for (int k = 0; k < SITES * ML; k++) {
        assert_close(y[k], f->x[k], 1e-13);
    }
    for (int l = 0; l < ML; l++) {
        assert_close(log_j[l], 0.0, 1e-13);
    }
}

#endif
