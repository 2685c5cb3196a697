/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_phase_judge.c - places and limits of classifiers from made-up curves whose halves,
 * crossings and limits are known. */
#include "kr_test.h"

#include "base/memory.h"
#include "base/rng.h"
#include "study/phase_private.h"

enum { SIZES = 4, POINTS = 41, CHAINS = 32, SETS = 300 };
static const int32_t sides[SIZES] = { 8, 12, 16, 24 };
static const double limit = 0.44, drift = 0.3;

static void no_change_is_found_where_there_is_none(void **state)
{
    double y[POINTS], error[POINTS];
    int32_t n_found = 0;
    kr_rng rng;
    (void)state;
    kr_rng_seed(&rng, 3, 0, KR_PURPOSE_TEST);
    for (int s = 0; s < SETS; s++) {
        for (int p = 0; p < POINTS; p++) {
            y[p] = kr_rng_normal(&rng);
            error[p] = 1.0;
        }
        n_found += kr_phase_change(y, error, POINTS) >= 0;
    }
    /* the largest of partial sums of a bridge is above 3 sqrt(n) rarely */
    assert_true(n_found <= 10);
    for (int p = 0; p < POINTS; p++) {
        y[p] = 1.0;
    }
    assert_int_equal(kr_phase_change(y, error, POINTS), -1);
    for (int p = 0; p < POINTS; p++) {
        y[p] = 10.5 - p;
    }
    assert_int_equal(kr_phase_change(y, error, POINTS), -1); /* falls */
}

static void a_change_is_found_beside_noise(void **state)
{
    double y[POINTS], error[POINTS];
    (void)state;
    for (int p = 0; p < POINTS; p++) {
        y[p] = p - 20.5;
        error[p] = 0.5;
    }
    assert_int_equal(kr_phase_change(y, error, POINTS), 20);
    y[3] = 0.01; /* within its error: no crossing of the whole */
    y[35] = -0.01;
    assert_int_equal(kr_phase_change(y, error, POINTS), 20);
}

/* P = 1/(1 + exp(-z)), z = side (t - half), half = limit + drift/side, each chain with noise in
 * z; sign -1: ordered at the low end. */
static kr_phase_study *made_up(double noise, double sign, kr_rng *rng)
{
    kr_phase_study *study = kr_alloc(1, sizeof *study, NULL);
    study->size = kr_alloc(SIZES, sizeof *study->size, NULL);
    study->n_sizes = SIZES;
    study->n_points = POINTS;
    study->params.chains = 2 * CHAINS;
    study->params.nu = 1.0;
    study->ordered_is_high = sign > 0.0;
    study->base.known = limit;
    for (int32_t p = 0; p < POINTS; p++) {
        study->at[p] = 0.3 + 0.3 * p / (POINTS - 1);
    }
    for (int32_t k = 0; k < SIZES; k++) {
        study->size[k].side = sides[k];
        const double half = limit + drift / sides[k];
        for (int32_t w = 0; w < KR_PHASE_WINDOWS; w++) {
            kr_phase_curve *c = &study->size[k].curve[KR_PHASE_LOGISTIC][w];
            for (int32_t p = 0; p < POINTS; p++) {
                double sum = 0.0, squares = 0.0;
                for (int32_t i = 0; i < CHAINS; i++) {
                    const double shift = w == 1 ? 0.002 : 0.0;
                    const double z = sign * 10.0 * sides[k] * (study->at[p] - half - shift);
                    c->chain[p][i] = kr_logistic_probability(z + noise * kr_rng_normal(rng));
                    sum += c->chain[p][i] / CHAINS;
                    squares += c->chain[p][i] * c->chain[p][i] / CHAINS;
                }
                c->p[p] = sum;
                c->error[p] = sqrt(fmax(0.0, squares - sum * sum) / (CHAINS - 1));
            }
        }
    }
    return study;
}

static void clear(kr_phase_study *study)
{
    kr_free(study->size);
    kr_free(study);
}

static void judge(kr_phase_study *study)
{
    kr_error err = { 0 };
    study->n_sizes = SIZES;
    for (int32_t k = 0; k < SIZES; k++) { /* Binder cumulants that do not cross */
        for (int32_t p = 0; p < POINTS; p++) {
            study->size[k].binder[p] = 0.1 * k;
            study->size[k].binder_error[p] = 0.01;
        }
    }
    assert_ok(kr_phase_judge(study, &err), &err);
}

static void halves_and_their_limit_are_found_at_either_side(void **state)
{
    (void)state;
    for (int s = -1; s <= 1; s += 2) {
        kr_rng rng;
        kr_rng_seed(&rng, 5, 0, KR_PURPOSE_TEST);
        kr_phase_study *study = made_up(1e-4, s, &rng);
        judge(study);
        for (int32_t k = 0; k < SIZES; k++) {
            const kr_phase_curve *c = &study->size[k].curve[KR_PHASE_LOGISTIC][0];
            assert_close(c->half.value, limit + drift / sides[k], 1e-5);
            assert_close(c->slope.value, s * 2.5 * sides[k], 1e-3);
        }
        const kr_phase_limit *l = &study->limit[KR_PHASE_LOGISTIC];
        assert_close(l->value, limit, 1e-5);
        assert_close(l->window, 0.002, 2e-5);
        assert_close(study->steepens[KR_PHASE_LOGISTIC], 1.0, 1e-3);
        /* logits 10 L_k (t - limit) - 10 drift: of all sizes equal at the limit */
        assert_close(study->crossing[KR_PHASE_LOGISTIC][0].value, limit, 1e-5);
        assert_true(isnan(study->binder_crossing[SIZES - 2].value));
        clear(study);
    }
}

/* Errors of halves, of crossings and of the limit are those that repetitions show. */
static void errors_are_those_of_repetitions(void **state)
{
    double half = 0.0, crossing = 0.0, whole = 0.0, bias = 0.0;
    kr_rng rng;
    (void)state;
    kr_rng_seed(&rng, 9, 0, KR_PURPOSE_TEST);
    for (int s = 0; s < SETS; s++) {
        kr_phase_study *study = made_up(0.3, 1.0, &rng);
        judge(study);
        const kr_phase_limit *l = &study->limit[KR_PHASE_LOGISTIC];
        for (int32_t k = 0; k < SIZES; k++) {
            const kr_phase_value *h = &study->size[k].curve[KR_PHASE_LOGISTIC][0].half;
            const kr_phase_value *c = &study->crossing[KR_PHASE_LOGISTIC][k];
            half += pow((h->value - limit - drift / sides[k]) / h->error, 2) / (SETS * SIZES);
            crossing += k + 1 < SIZES
                            ? pow((c->value - limit) / c->error, 2) / (SETS * (SIZES - 1))
                            : 0.0;
        }
        whole += pow((l->value - limit) / l->statistical, 2) / SETS;
        bias += (l->value - limit) / l->statistical / SETS;
        clear(study);
    }
    /* a square of a pull by an error of 31 degrees of freedom has mean 31/29 and variance 2.8:
     * 4.5 sigma of a mean of 1200 are 0.22, of 900 (neighbors share a size) about 0.3; the
     * limit's error is enlarged where chi^2 is large, so its pulls may be smaller */
    print_message("# mean squares of pulls: half %.3f, crossing %.3f, limit %.3f\n", half,
                  crossing, whole);
    assert_true(fabs(half - 31.0 / 29.0) < 0.22);
    assert_true(fabs(crossing - 31.0 / 29.0) < 0.3);
    assert_true(whole > 0.4 && whole < 31.0 / 29.0 + 0.43);
    assert_true(fabs(bias) < 4.5 / sqrt(SETS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_change_is_found_where_there_is_none),
        cmocka_unit_test(a_change_is_found_beside_noise),
        cmocka_unit_test(halves_and_their_limit_are_found_at_either_side),
        cmocka_unit_test(errors_are_those_of_repetitions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
