/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_pace.c - step sizes of training, and its end at break-even, on excesses 1/ESS - 1
 * that follow known laws. */
#include "kr_test.h"

#include "base/rng.h"
#include "sampler/private.h"

#define HOT 0.7 /* as pace.c has it: the rest of a part cools */

typedef struct law {
    double scale, power;      /* excess = scale / T^power */
    double noise;             /* of its logarithm */
    double late;              /* before this T the excess is 1000 */
    double demand, forward;   /* work of the wanted proposals; share of forward KL */
    double budget, step_work; /* T at most, and of a step */
    double target, gain;      /* excess asked for; cooled over hot excess */
} law;

static double excess_at(const law *l, double work)
{
    return work < l->late ? 1000.0 : l->scale / pow(work, l->power);
}

/* Trains by the law. Returns the work at the end; *hot: where the rate first fell. */
static double train(const law *l, kr_pace *pace, double *hot)
{
    kr_rng rng;
    double work = 0.0;
    kr_rng_seed(&rng, 3, 0, KR_PURPOSE_TEST);
    kr_pace_open(pace);
    *hot = NAN;
    for (int64_t step = 1;; step++) {
        kr_pace_forward(pace, l->forward, work / l->budget);
        if (isnan(*hot) && kr_pace_rate(pace, work / l->budget) < 1.0) {
            *hot = work;
        }
        work += l->step_work;
        if (kr_pace_is_due(pace, step, work / l->budget)) {
            kr_pace_watch(pace, work / l->budget, work,
                          excess_at(l, work) * exp(l->noise * kr_rng_normal(&rng)), l->target,
                          l->demand);
        }
        const double cooled = pace->is_cooling ? l->gain * excess_at(l, work) : INFINITY;
        if (cooled < l->target || kr_pace_is_over(pace, l->forward, work / l->budget)) {
            return work;
        }
    }
}

static double total_cost(const law *l, double hot)
{
    return hot / HOT + l->demand * (1.0 + excess_at(l, hot));
}

static double least_cost(const law *l)
{
    double least = INFINITY;
    for (double hot = 0.01; hot < l->budget; hot *= 1.01) {
        least = fmin(least, total_cost(l, hot));
    }
    return least;
}

static void without_a_demand_the_whole_budget_is_spent(void **state)
{
    (void)state;
    kr_pace pace;
    double hot;
    const law l = { 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 10.0, 0.01 };
    assert_close(train(&l, &pace, &hot), 10.0, 0.002);
    assert_close(hot, 7.0, 0.002);
}

static void each_part_cools_by_itself(void **state)
{
    (void)state;
    kr_pace pace;
    kr_pace_open(&pace);
    static const struct {
        double progress, rate;
        bool is_forward;
    } want[] = { { 0.0, 1.0, true },   { 0.27, 1.0, true },  { 0.29, 0.3, true },
                 { 0.35, 0.3, true },  { 0.37, 0.1, true },  { 0.41, 1.0, false },
                 { 0.81, 1.0, false }, { 0.83, 0.3, false }, { 0.95, 0.1, false } };
    for (size_t k = 0; k < sizeof want / sizeof *want; k++) {
        assert_int_equal(kr_pace_forward(&pace, 0.4, want[k].progress), want[k].is_forward);
        assert_close(kr_pace_rate(&pace, want[k].progress), want[k].rate, 1e-12);
        assert_false(kr_pace_is_over(&pace, 0.4, want[k].progress));
    }
    assert_true(kr_pace_is_over(&pace, 0.4, 1.0));
}

/* Over four decades of demand and three laws, with noise of 30 % in every record, at most
 * 12 % above the least cost there is (11 % found, 3 % but for one). */
static void training_ends_near_the_least_total_cost(void **state)
{
    (void)state;
    static const double power[] = { 0.5, 1.0, 1.5 };
    for (int k = 0; k < 3; k++) {
        for (double demand = 0.3; demand < 1e4; demand *= 10.0) {
            kr_pace pace;
            double hot;
            const law l = { 1.0, power[k], 0.3, 0.0, demand, 0.0, 1e4, 0.001 };
            const double end = train(&l, &pace, &hot);
            assert_true(total_cost(&l, hot) < 1.12 * least_cost(&l));
            assert_close(end, hot / HOT, 0.01);
        }
    }
}

static void an_ess_that_has_yet_to_rise_ends_nothing(void **state)
{
    (void)state;
    kr_pace pace;
    double hot;
    const law l = { 1.0, 1.0, 0.1, 5.0, 0.01, 0.0, 1e3, 0.01 };
    train(&l, &pace, &hot);
    assert_true(hot > 5.0 && hot < 12.0);
}

static void an_ess_that_stands_still_ends_training(void **state)
{
    (void)state;
    kr_pace pace;
    double hot;
    const law l = { 1.0, 0.0, 0.3, 0.0, 50.0, 0.0, 1e3, 0.01 };
    train(&l, &pace, &hot);
    assert_true(hot < 0.3 * 50.0);
}

/* Forward KL that ends early leaves to what follows the share it would have had. */
static void a_short_first_part_has_a_short_second_one(void **state)
{
    (void)state;
    kr_pace pace;
    double hot;
    const law l = { 1.0, 1.0, 0.0, 0.0, 10.0, 0.8, 1e3, 0.01 };
    const double end = train(&l, &pace, &hot);
    assert_true(hot < 10.0);
    assert_close(end, hot / HOT / 0.8, 0.02);
    assert_int_equal(pace.part, 2);
}

/* A target is cooled down to, in good time, and waited for if cooling gains less than usual. */
static void a_target_is_met_by_cooling(void **state)
{
    (void)state;
    static const double gain[] = { 0.4, 0.9 };
    static const double want[] = { 11.8, 18.0 }; /* seen in time; gain T^-1 < 0.05 */
    for (int k = 0; k < 2; k++) {
        kr_pace pace;
        double hot;
        const law l = { 1.0, 1.0, 0.2, 0.0, 0.0, 1.0, 100.0, 0.01, 0.05, gain[k] };
        const double end = train(&l, &pace, &hot);
        assert_true(pace.nears_target && gain[k] * excess_at(&l, end) < 0.05);
        assert_close(end, want[k], 0.05);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_demand_the_whole_budget_is_spent),
        cmocka_unit_test(each_part_cools_by_itself),
        cmocka_unit_test(training_ends_near_the_least_total_cost),
        cmocka_unit_test(an_ess_that_has_yet_to_rise_ends_nothing),
        cmocka_unit_test(an_ess_that_stands_still_ends_training),
        cmocka_unit_test(a_short_first_part_has_a_short_second_one),
        cmocka_unit_test(a_target_is_met_by_cooling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
