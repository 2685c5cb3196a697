/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/results_set.h - the result set that the tests of io write and read back. */
#ifndef KR_TESTS_RESULTS_SET_H
#define KR_TESTS_RESULTS_SET_H

#include "kr_test.h"

#include "base/memory.h"
#include "io/results.h"

enum { CHAINS = 3, POINTS = 2, SITES = 5 };

/* A set with two groups that grow apart; the test runs in the build folder. */
typedef struct set {
    kr_results *r;
    int energy, beta, step_loss, state, draw, run_count;
    kr_error err;
} set;

static inline void set_declare(set *s)
{
    const double beta[POINTS] = { 0.25, 0.5 };
    kr_error *e = &s->err;
    *s = (set){ 0 };
    kr_results *r = s->r = kr_results_alloc(e);
    assert_non_null(r);
    assert_ok(kr_results_dim(r, "posterior", "chain", CHAINS, NULL, e), e);
    assert_ok(kr_results_dim(r, "posterior", "draw", 0, NULL, e), e);
    assert_ok(kr_results_dim(r, "posterior", "point", POINTS, beta, e), e);
    assert_ok(kr_results_variable(r, "posterior", "energy_per_site", KR_F64, "chain draw point",
                                  "J", "energy per site", &s->energy, e),
              e);
    assert_ok(kr_results_dim(r, "adaptation", "step", 0, NULL, e), e);
    assert_ok(
        kr_results_variable(r, "adaptation", "loss", KR_F32, "step", "", "", &s->step_loss, e),
        e);
    assert_ok(kr_results_dim(r, "configurations", "chain", CHAINS, NULL, e), e);
    assert_ok(kr_results_dim(r, "configurations", "draw", 0, NULL, e), e);
    assert_ok(kr_results_dim(r, "configurations", "site", SITES, NULL, e), e);
    assert_ok(kr_results_variable(r, "configurations", "draw", KR_I64, "draw", "", "true draw",
                                  &s->draw, e),
              e);
    assert_ok(kr_results_variable(r, "configurations", "state", KR_U8, "chain draw site", "",
                                  "", &s->state, e),
              e);
    assert_ok(kr_results_dim(r, "constant_data", "point", POINTS, NULL, e), e);
    assert_ok(kr_results_variable(r, "constant_data", "beta", KR_F64, "point", "1/J", "",
                                  &s->beta, e),
              e);
    assert_ok(kr_results_variable(r, "cost", "n_starts", KR_I64, "", "", "", &s->run_count, e),
              e);
    assert_ok(kr_results_attr_text(r, "", "", "Conventions", "kramers-1.0", e), e);
    assert_ok(kr_results_attr_text(r, "posterior", "", "empty", "", e), e);
    assert_ok(kr_results_attr_real(r, "posterior", "energy_per_site", "exact", -1.25, e), e);
    const int64_t one = 1;
    assert_ok(kr_results_put(r, s->beta, beta, e), e);
    assert_ok(kr_results_put(r, s->run_count, &one, e), e);
}

static inline double set_energy(int chain, int64_t draw, int point)
{
    return 1000.0 * (double)draw + 10.0 * chain + point;
}

/* Appends draws from..to-1 to posterior, every third as a configuration. */
static inline void set_append(set *s, int64_t from, int64_t to)
{
    for (int64_t t = from; t < to; t++) {
        double energy[CHAINS * POINTS];
        unsigned char state[CHAINS * SITES];
        for (int c = 0; c < CHAINS; c++) {
            for (int p = 0; p < POINTS; p++) {
                energy[c * POINTS + p] = set_energy(c, t, p);
            }
            for (int i = 0; i < SITES; i++) {
                state[c * SITES + i] = (unsigned char)(7 * t + 3 * c + i);
            }
        }
        assert_ok(kr_results_append(s->r, s->energy, energy, &s->err), &s->err);
        if (t % 3 == 0) {
            assert_ok(kr_results_append(s->r, s->draw, &t, &s->err), &s->err);
            assert_ok(kr_results_append(s->r, s->state, state, &s->err), &s->err);
        }
    }
}

#endif
