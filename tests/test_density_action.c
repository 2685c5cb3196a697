/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_density_action.c - log-densities of one's own as models. */
#include "kr_real_block.h"
#include "sampler_subject.h"

/* A normal density about the number in user, cut off at 0: impossible below, NaN below -1. */
static double cut_normal(const double *x, double *gradient, const void *user)
{
    const double mean = *(const double *)user;
    double sum = 0.0;
    for (int i = 0; i < 3; i++) {
        sum -= 0.5 * (x[i] - mean) * (x[i] - mean);
        sum = x[i] < -1.0 ? NAN : x[i] < 0.0 ? -INFINITY : sum;
        if (gradient) {
            gradient[i] = mean - x[i];
        }
    }
    return sum;
}

static int n_freed;

static void count_free(void *user)
{
    (void)user;
    n_freed++;
}

static double number = 1.0;

static int build(const void *params, const kr_lattice *lattice, kr_terms *terms, kr_error *err)
{
    (void)params, (void)lattice;
    return kr_terms_take_density(terms,
                                 &(kr_density_model){ .log_density = cut_normal,
                                                      .user = &number,
                                                      .free = count_free,
                                                      .start_width = 1.0,
                                                      .has_walls = true },
                                 err);
}

static const kr_model_plug plug = { .name = "cut_normal", .build = build };

static kr_terms *make(int32_t size, kr_error *err)
{
    char fields[32];
    snprintf(fields, sizeof fields, "size=%d", size);
    kr_lattice *lattice = system_lattice("variables", fields, err);
    assert_non_null(lattice);
    kr_terms *terms = kr_terms_alloc(&plug, NULL, lattice, err);
    kr_lattice_free(lattice);
    return terms;
}

static void the_action_is_minus_the_log_density(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_terms *terms = make(3, &err);
    assert_non_null(terms);
    assert_true(terms->action->has_walls);
    kr_block *block = real_block(terms, 2, 0.0, 1);
    const double x[] = { 1.0, 2.0, 4.0 }, outside[] = { 1.0, -0.5, 1.0 };
    double order[2];
    real_set(block, 0, x);
    real_set(block, 1, outside);
    kr_block_score(block, terms);
    assert_close(block->energy[0], 0.5 + 4.5, 1e-15);
    assert_true(isinf(block->energy[1]) && block->energy[1] > 0.0);
    kr_block_order(block, terms, order);
    assert_close(order[0], 7.0 / 3.0, 1e-15);
    kr_block_free(block);
    n_freed = 0;
    kr_terms_free(terms);
    assert_int_equal(n_freed, 1);
}

/* What was handed over is freed by a refusal too. */
static void too_many_variables_are_refused(void **state)
{
    (void)state;
    kr_error err = { 0 };
    n_freed = 0;
    assert_null(make(KR_VARIABLES_MAX + 1, &err));
    assert_int_equal(err.status, KR_ERANGE);
    assert_non_null(strstr(err.text, "want at most 4096"));
    assert_int_equal(n_freed, 1);
}

/* Runs chains of this density that start at one number, to the end: their means, and the
 * certificate of a density, if there is one, with its energy per site and error. */
static int run_from(const char *update, const char *more, double start, double mean[16],
                    kr_certificate *certificate, double energy[2], kr_error *err)
{
    char yaml[768];
    snprintf(yaml, sizeof yaml,
             "model: {name: eight_schools}\nlattice: {name: variables, size: 10}\nbeta: 1\n"
             "chains: 16\nstart: random\nupdates: [{name: %s}]\nobservables: [energy, "
             "magnetization]\n%s\n",
             update, more);
    kr_spec *spec = parse(yaml);
    kr_terms *own = make(3, err);
    kr_lattice *lattice = system_lattice("variables", "size=3", err);
    assert_true(own && lattice);
    spec->target[0] = (kr_target){ lattice, own, 1.0 }; /* in the place of the parsed model */
    spec->config.start = KR_START_VALUE;
    spec->config.start_value = start;
    kr_sampler *sampler = kr_sampler_alloc(&spec->config, err);
    int status = sampler ? KR_OK : err->status;
    memset(mean, 0, 16 * sizeof *mean);
    while (status == KR_OK && kr_sampler_stage(sampler) != KR_STAGE_DONE) {
        status = kr_sampler_advance(sampler, 64, err);
        const int64_t n = kr_sampler_new_is_warmup(sampler) ? 0 : kr_sampler_n_new(sampler);
        for (int64_t d = 0; status == KR_OK && d < n; d++) {
            for (int c = 0; c < 16; c++) {
                mean[c] += kr_sampler_slab(sampler, d, 1)[c] / 1000.0;
            }
        }
    }
    if (status == KR_OK && certificate) {
        kr_sampler_certificate(sampler, 0, 0, certificate);
        assert_string_equal(kr_sampler_estimate_column(sampler, 0)->name, "energy_per_site");
        kr_sampler_estimate(sampler, 0, 0, 0, &energy[0], &energy[1]);
    }
    kr_sampler_free(sampler);
    kr_spec_free(spec);
    kr_terms_free(own);
    kr_lattice_free(lattice);
    return status;
}

static int advance_from(const char *update, double start, double mean[16], kr_error *err)
{
    return run_from(update, "phases: {thermalize: 100, measure: 4000, every: 4}", start, mean,
                    NULL, NULL, err);
}

/* Each variable is a normal about 1 given that it is positive: mean 1 + phi(1)/Phi(1). */
static void chains_stay_where_the_density_is(void **state)
{
    (void)state;
    const char *const update[] = { "metropolis", "hmc" };
    for (int u = 0; u < 2; u++) {
        kr_error err = { 0 };
        double mean[16], sum = 0.0, square = 0.0;
        assert_ok(advance_from(update[u], 0.5, mean, &err), &err);
        for (int c = 0; c < 16; c++) {
            sum += mean[c] / 16.0;
        }
        for (int c = 0; c < 16; c++) {
            square += (mean[c] - sum) * (mean[c] - sum) / (16.0 * 15.0);
        }
        assert_within_sigma(sum, sqrt(square), 1.2875999709, 4.5);
        assert_true(sqrt(square) < 0.01);
    }
}

static void starts_where_it_is_not_are_named(void **state)
{
    (void)state;
    double mean[16];
    kr_error err = { 0 };
    assert_int_equal(advance_from("metropolis", -2.0, mean, &err), KR_ERANGE);
    assert_non_null(strstr(err.text, "chain 0 of point 0: the action is"));
    assert_non_null(strstr(err.text, "nan, want a finite number"));
    err = (kr_error){ 0 };
    assert_int_equal(advance_from("hmc", -0.5, mean, &err), KR_ERANGE);
    assert_non_null(strstr(err.text, "the action is inf, want a finite number"));
}

/* A Gaussian proposes states where the density is 0 or NaN: they weigh nothing, and Z is that
 * of the rest, (sqrt(2 pi) Phi(1))^3. */
static void proposals_where_it_is_not_weigh_nothing(void **state)
{
    (void)state;
    double mean[16], energy[2];
    kr_error err = { 0 };
    kr_certificate c = { 0 };
    assert_ok(run_from("metropolis}, {name: independence, density: net",
                       "densities: {net: {name: gaussian}}\n"
                       "training: {certificate: 65536}\n"
                       "phases: {thermalize: 100, adapt: 0, measure: 4000, every: 4}",
                       0.5, mean, &c, energy, &err),
              &err);
    assert_true(c.n >= 65536.0 && c.ess_q > 0.01 && c.ess_q < 0.5);
    assert_true(c.acceptance > 0.0 && c.acceptance < 1.0 && c.log_z_error < 0.05);
    /* <(x - 1)^2>/2 = (1 - phi(1)/Phi(1))/2 */
    assert_true(energy[1] > 0.0 && energy[1] < 0.1);
    assert_within_sigma(energy[0], energy[1], 0.5 - 0.5 * 0.2875999709, 4.5);
    assert_within_sigma(c.log_z, c.log_z_error, 2.2385542625, 4.5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_action_is_minus_the_log_density),
        cmocka_unit_test(too_many_variables_are_refused),
        cmocka_unit_test(chains_stay_where_the_density_is),
        cmocka_unit_test(starts_where_it_is_not_are_named),
        cmocka_unit_test(proposals_where_it_is_not_weigh_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
