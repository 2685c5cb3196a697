/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_phase_train.c - which draws of a study train and which give the curves: made-up
 * features that say one thing in the chains that train and the opposite in the others. */
#include "kr_test.h"

#include "base/memory.h"
#include "base/rng.h"
#include "study/phase_private.h"

#include <gsl/gsl_errno.h>

enum { POINTS = 9, CHAINS = 16, DRAWS = 8, FEATURES = 3 };

typedef struct fixture {
    kr_study_options options;
    kr_phase_study *study;
    kr_phase_data data;
} fixture;

/* |m| is high at the high end in the first half of the chains, at the low end in the others;
 * other features are noise. Where nothing is trained on, they are not finite. */
static fixture *begin(double low, double high)
{
    fixture *f = calloc(1, sizeof *f);
    kr_rng rng;
    f->study = kr_alloc(1, sizeof *f->study, NULL);
    f->study->base.options = &f->options;
    snprintf(f->study->base.parameter, sizeof f->study->base.parameter, "beta");
    f->study->base.is_beta = true;
    f->study->size = kr_alloc(1, sizeof *f->study->size, NULL);
    f->study->n_sizes = 1;
    f->study->n_points = POINTS;
    f->study->n_features = FEATURES;
    f->study->params.chains = CHAINS;
    f->study->params.ridge = 1e-3;
    const int32_t window[KR_PHASE_WINDOWS][2] = { { 2, 6 }, { 1, 6 }, { 2, 7 } };
    memcpy(f->study->window, window, sizeof window);
    f->data = (kr_phase_data){ .n_chains = CHAINS, .n_draws = DRAWS, .n_sites = 4 };
    const size_t n = POINTS * CHAINS * DRAWS;
    f->data.feature = kr_alloc(n * FEATURES, sizeof(double), NULL);
    kr_rng_seed(&rng, 2, 0, KR_PURPOSE_TEST);
    for (int64_t k = 0; k < (int64_t)n; k++) {
        double *x = f->data.feature + k * FEATURES;
        const int64_t p = k / (CHAINS * DRAWS), c = k / DRAWS % CHAINS;
        const bool trains = c < CHAINS / 2, is_high = (p > 4) == trains;
        for (int i = 0; i < FEATURES; i++) {
            x[i] = trains && p > 2 && p < 6 ? NAN : 0.01 * kr_rng_normal(&rng);
        }
        x[KR_PHASE_ABS] += is_high ? high : low;
    }
    return f;
}

static void end(fixture *f)
{
    kr_phase_data_clear(&f->data);
    kr_free(f->study->size);
    kr_free(f->study);
    free(f);
}

static void other_chains_than_those_that_train_give_the_curves(void **state)
{
    fixture *f = begin(0.1, 0.9);
    bool is_finished = false;
    kr_error err = { 0 };
    (void)state;
    assert_ok(kr_phase_train(f->study, 0, &f->data, &is_finished, &err), &err);
    const kr_phase_size *s = &f->study->size[0];
    assert_true(is_finished && f->study->ordered_is_high);
    assert_true(s->train[KR_PHASE_LOGISTIC].accuracy == 1.0);
    assert_true(s->test[KR_PHASE_LOGISTIC].accuracy == 0.0);
    for (int w = 0; w < KR_PHASE_WINDOWS; w++) {
        const kr_phase_curve *c = &s->curve[KR_PHASE_LOGISTIC][w];
        assert_true(c->p[0] > 0.95 && c->p[POINTS - 1] < 0.05);
        assert_true(c->error[0] > 0.0 && c->error[0] < 0.01);
    }
    assert_true(s->logistic.weight[KR_PHASE_ABS] > 3.0);
    assert_true(fabs(s->logistic.weight[KR_PHASE_SQUARE]) < 0.3);
    end(f);
}

static void ends_with_the_same_order_are_refused(void **state)
{
    fixture *f = begin(0.5, 0.5);
    bool is_finished;
    kr_error err = { 0 };
    (void)state;
    assert_int_equal(kr_phase_train(f->study, 0, &f->data, &is_finished, &err), KR_EUNSUP);
    assert_non_null(strstr(err.text, "want a range with order at one end only"));
    end(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_chains_than_those_that_train_give_the_curves),
        cmocka_unit_test(ends_with_the_same_order_are_refused),
    };
    gsl_set_error_handler_off();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
