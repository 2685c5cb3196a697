/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_critical_judge.c - which order `kramers critical` claims from what it sees, and
 * where it measures phases that coexist. */
#include "kr_test.h"
#include "study/critical_private.h"

#include <string.h>

enum { N = 4 };

/* Sizes 8, 16, 32, 64 of a continuous transition: no peaks, fits that hold, 1/nu = 1. */
static void make_continuous(kr_critical *study)
{
    memset(study, 0, sizeof *study);
    study->base.n_dims = 2;
    study->base.is_beta = true;
    study->base.n_ordered = 2.0;
    study->base.low = 0.0;
    study->base.high = 2.0;
    study->n_sizes = N;
    study->has_fit = study->is_settled = true;
    study->fit.exponent = (kr_scaling_value){ .value = 1.0, .error = 0.02 };
    study->fit.critical = (kr_scaling_value){ .value = 0.44, .error = 1e-5 };
    study->fit.best_p = 0.4;
    for (int32_t k = 0; k < N; k++) {
        study->size[k].side = 8 << k;
        study->size[k].n_sites = pow(study->size[k].side, 2.0);
    }
}

/* Two peaks from size number `from` on: barriers, error 0.1, and jumps per site. */
static void add_peaks(kr_critical *study, int from, const double *barrier, const double *jump)
{
    for (int k = from; k < N; k++) {
        kr_critical_size *s = &study->size[k];
        s->coexistence = (kr_coexistence){ .has_peaks = true,
                                           .barrier = { barrier[k], 0.1 },
                                           .at_weight = { 0.44, 1e-5 },
                                           .gap = { jump[k] * s->n_sites, 0.01 * s->n_sites },
                                           .n_crossings = 1000 };
    }
}

static kr_critical_order order_of(kr_critical *study)
{
    study->n_evidence = 0;
    kr_critical_decide(study);
    assert_true(study->n_evidence > 0);
    return study->order;
}

static bool says(const kr_critical *study, const char *text)
{
    for (int32_t k = 0; k < study->n_evidence; k++) {
        if (strstr(study->evidence[k], text)) {
            return true;
        }
    }
    return false;
}

static void continuous_wants_fits_that_hold_and_no_barrier(void **state)
{
    (void)state;
    static kr_critical study;
    make_continuous(&study);
    assert_int_equal(order_of(&study), KR_CRITICAL_CONTINUOUS);
    assert_true(says(&study, "no two peaks") && says(&study, "50.0 sigma below"));
    study.is_settled = false;
    assert_int_equal(order_of(&study), KR_CRITICAL_UNCLEAR);
    make_continuous(&study);
    study.fit.best_p = 1e-6;
    assert_int_equal(order_of(&study), KR_CRITICAL_UNCLEAR);
    assert_true(says(&study, "do not describe"));
    study.fit.best_p = 0.01; /* poor, said so, but no other order */
    assert_int_equal(order_of(&study), KR_CRITICAL_CONTINUOUS);
    assert_true(says(&study, "poorly"));
    make_continuous(&study);
    study.has_fit = false;
    assert_int_equal(order_of(&study), KR_CRITICAL_UNCLEAR);
}

/* 1/nu near the dimension is what a transition of first order has, a small one looks like
 * Kosterlitz and Thouless. */
static void exponents_that_fit_another_kind_are_unclear(void **state)
{
    (void)state;
    static kr_critical study;
    make_continuous(&study);
    study.fit.exponent = (kr_scaling_value){ .value = 1.9, .error = 0.05 };
    assert_int_equal(order_of(&study), KR_CRITICAL_UNCLEAR);
    study.fit.exponent = (kr_scaling_value){ .value = 0.3, .error = 0.01 };
    assert_int_equal(order_of(&study), KR_CRITICAL_UNCLEAR);
    assert_true(says(&study, "Kosterlitz"));
}

static void first_order_wants_a_barrier_that_grows_or_is_deep(void **state)
{
    (void)state;
    static kr_critical study;
    const double grow[N] = { 0.6, 0.9, 1.4, 2.4 }, flat[N] = { 0.8, 0.8, 0.8, 0.8 };
    const double deep[N] = { 6.0, 6.0, 6.0, 6.0 };
    const double stays[N] = { 0.7, 0.7, 0.7, 0.7 }, shrinks[N] = { 0.7, 0.6, 0.5, 0.4 };
    make_continuous(&study);
    add_peaks(&study, 0, grow, stays);
    assert_int_equal(order_of(&study), KR_CRITICAL_FIRST);
    assert_true(says(&study, "it grows") && says(&study, "below 3.5: phases mix"));
    study.has_fit = false; /* the fits of continuous transitions say nothing of it */
    assert_int_equal(order_of(&study), KR_CRITICAL_FIRST);
    make_continuous(&study);
    add_peaks(&study, 0, flat, stays); /* shallow: unclear, whatever the fits say */
    assert_int_equal(order_of(&study), KR_CRITICAL_UNCLEAR);
    make_continuous(&study);
    add_peaks(&study, 0, deep, stays);
    assert_int_equal(order_of(&study), KR_CRITICAL_FIRST);
    assert_false(says(&study, "phases mix"));
    make_continuous(&study);
    add_peaks(&study, 0, deep, shrinks); /* as where a continuous transition has two peaks */
    assert_int_equal(order_of(&study), KR_CRITICAL_UNCLEAR);
}

/* One size says nothing of growth, and the largest has the last word. */
static void one_size_or_a_small_one_is_no_proof(void **state)
{
    (void)state;
    static kr_critical study;
    const double grow[N] = { 0.6, 0.9, 1.4, 2.4 }, stays[N] = { 0.7, 0.7, 0.7, 0.7 };
    make_continuous(&study);
    add_peaks(&study, N - 1, grow, stays);
    assert_int_equal(order_of(&study), KR_CRITICAL_UNCLEAR);
    assert_true(says(&study, "but in one size"));
    make_continuous(&study);
    add_peaks(&study, 0, grow, stays);
    study.size[N - 1].coexistence = (kr_coexistence){ .has_peaks = false };
    assert_int_equal(order_of(&study), KR_CRITICAL_UNCLEAR);
}

/* Two phases of densities exp(-N at x): at the place both weigh the same, whichever of them is
 * the ordered one, q_o of which there are. */
static void coexistence_is_measured_in_balance(void **state)
{
    (void)state;
    static kr_critical study;
    const double x[2] = { -1.6, -0.9 }, balance = 1.42, q = 10.0;
    const double barrier[N] = { 1.0, 2.0, 3.0, 4.0 }, jump[N] = { 0.7, 0.7, 0.7, 0.7 };
    for (int ordered = 0; ordered < 2; ordered++) {
        make_continuous(&study);
        study.base.n_ordered = q;
        add_peaks(&study, 0, barrier, jump);
        for (int k = 0; k < N; k++) {
            kr_coexistence *c = &study.size[k].coexistence;
            c->at_weight = (kr_estimated){ balance, 1e-6 };
            c->order_low = (kr_estimated){ ordered == 0 ? 0.9 : 0.1, 0.01 };
            c->order_high = (kr_estimated){ ordered == 0 ? 0.1 : 0.9, 0.01 };
        }
        kr_critical_place(&study, 1.0);
        for (int k = 0; k < N; k++) {
            const kr_critical_size *s = &study.size[k];
            /* at `balance` the ordered phases together weigh q_o times the other */
            const double log_ratio =
                log(q) - (s->at - balance) * s->n_sites * (x[ordered] - x[1 - ordered]);
            assert_close(log_ratio, 0.0, 1e-9);
        }
        for (int k = 0; k < N; k++) { /* crossed too seldom: the common place */
            study.size[k].coexistence.n_crossings = 3;
        }
        kr_critical_place(&study, 1.0);
        for (int k = 0; k < N; k++) {
            assert_true(study.size[k].at == 1.0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(continuous_wants_fits_that_hold_and_no_barrier),
        cmocka_unit_test(exponents_that_fit_another_kind_are_unclear),
        cmocka_unit_test(first_order_wants_a_barrier_that_grows_or_is_deep),
        cmocka_unit_test(one_size_or_a_small_one_is_no_proof),
        cmocka_unit_test(coexistence_is_measured_in_balance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
