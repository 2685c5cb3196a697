/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_mass.c - masses of sites, from the spread of the chains. */
#include "sampler_subject.h"

#include "model/terms.h"
#include "update/mass.h"

enum { SITES = 10, CHAINS = 64 };

/* ---- windows ---------------------------------------------------------------------------- */

/* Moments of n states of spread s about 7. */
static bool learn(kr_mass *mass, int64_t call, int64_t n_calls, int64_t n, double s,
                  double *factor)
{
    double mean[2] = { 7.0, 7.0 }, m2[2];
    m2[0] = s * s * (double)n;
    m2[1] = 9.0 * m2[0];
    const kr_moments moments = { n, mean, m2 };
    const kr_tuning seen = { 0.8, call, n_calls, &moments };
    return kr_mass_learn(mass, &seen, factor);
}

static void a_window_forgets_what_was_before(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_mass mass;
    double factor = 0.0;
    assert_ok(kr_mass_init(&mass, 2, 2.0, &err), &err);
    assert_true(mass.sigma[0] == 1.0 && mass.sigma[1] == 1.0);
    for (int call = 1; call <= 16; call++) {
        const bool is_end = learn(&mass, call, 100, 20, call <= 8 ? 1e3 : 0.5, &factor);
        assert_int_equal(is_end, call == 8 || call == 16);
        if (call == 8) {
            assert_close(mass.sigma[0], 1e3, 5e-2);
            assert_close(factor, 1.0 / mass.sigma[0], 1e-15);
        }
    }
    /* 160 states of the second window, drawn to 1e-3 of the square of the start width */
    const double s2 = 0.25 * 160.0 / 159.0, share = 160.0 / 165.0;
    assert_close(mass.sigma[0], sqrt(share * s2 + (1.0 - share) * 4e-3), 1e-14);
    assert_close(mass.sigma[1], sqrt(share * 9.0 * s2 + (1.0 - share) * 4e-3), 1e-14);
    assert_true(factor > 500.0);
    kr_mass_clear(&mass);
}

static void windows_double_and_the_last_quarter_is_for_the_step(void **state)
{
    (void)state;
    static const int n_calls[] = { KR_MOMENTS_CALLS, 42, 43, 85, 86, 1000 };
    static const int last[] = { 8, 16, 32, 32, 64, 512 };
    for (int k = 0; k < 6; k++) {
        kr_error err = { 0 };
        kr_mass mass;
        double factor;
        int next = 8, seen = 0;
        assert_ok(kr_mass_init(&mass, 2, 1.0, &err), &err);
        for (int call = 1; call <= n_calls[k]; call++) {
            if (learn(&mass, call, n_calls[k], 4, 1.0, &factor)) {
                assert_int_equal(call, next);
                seen = call;
                next *= 2;
            }
        }
        assert_int_equal(seen, last[k]);
        kr_mass_clear(&mass);
    }
}

static void sites_without_a_number_keep_their_scale(void **state)
{
    (void)state;
    kr_error err = { 0 };
    kr_mass mass;
    double factor;
    assert_ok(kr_mass_init(&mass, 2, 1.0, &err), &err);
    for (int call = 1; call <= 8; call++) {
        assert_int_equal(learn(&mass, call, 16, 4, INFINITY, &factor), false);
    }
    assert_true(mass.sigma[0] == 1.0 && mass.sigma[1] == 1.0);
    kr_mass_clear(&mass);
}

/* ---- in a sampler ----------------------------------------------------------------------- */

static double scale_of(int i)
{
    return pow(10.0, 3.0 * i / (SITES - 1)); /* 1 to 1000 */
}

static double wide_normal(const double *x, double *gradient, const void *user)
{
    (void)user;
    double sum = 0.0;
    for (int i = 0; i < SITES; i++) {
        const double z = x[i] / scale_of(i);
        sum -= 0.5 * z * z;
        if (gradient) {
            gradient[i] = -z / scale_of(i);
        }
    }
    return sum;
}

static double widest(const double *x, const void *user)
{
    (void)user;
    return x[SITES - 1] / scale_of(SITES - 1);
}

static int build(const void *params, const kr_lattice *lattice, kr_terms *terms, kr_error *err)
{
    (void)params, (void)lattice;
    return kr_terms_take_density(
        terms,
        &(kr_density_model){ .log_density = wide_normal, .order = widest, .start_width = 1.0 },
        err);
}

static const kr_model_plug plug = { .name = "wide_normal", .build = build };

typedef struct wide {
    kr_terms *terms;
    subject s;
} wide;

static wide open_wide(const char *update, const char *phases, int32_t n_threads)
{
    char yaml[512];
    kr_error err = { 0 };
    snprintf(yaml, sizeof yaml,
             "model: {name: eight_schools}\nlattice: {name: variables, size: %d}\nbeta: 1\n"
             "chains: %d\nupdates: [%s]\nobservables: [energy, magnetization]\n"
             "phases: %s\n",
             SITES, CHAINS, update, phases);
    kr_spec *spec = parse(yaml);
    wide w = { kr_terms_alloc(&plug, NULL, spec->lattice, &err) };
    assert_non_null(w.terms);
    spec->target[0] = (kr_target){ spec->lattice, w.terms, 1.0 };
    w.s = open_spec(spec, n_threads);
    return w;
}

static void close_wide(wide *w)
{
    close_subject(&w->s);
    kr_terms_free(w->terms);
}

/* Chain means and mean square of the widest variable in n draws. */
static double tau_of_widest(const char *update, double *square, double *acceptance,
                            double *ratio)
{
    enum { DRAWS = 2000 };
    double mean[CHAINS] = { 0 }, sum = 0.0, spread = 0.0;
    int64_t n = 0;
    kr_error err = { 0 };
    wide w = open_wide(update, "{thermalize: 2000, measure: 8000, every: 4}", 1);
    *square = *acceptance = 0.0;
    while (kr_sampler_stage(w.s.sampler) != KR_STAGE_DONE) {
        assert_ok(kr_sampler_advance(w.s.sampler, 64, &err), &err);
        for (int64_t d = 0;
             !kr_sampler_new_is_warmup(w.s.sampler) && d < kr_sampler_n_new(w.s.sampler);
             d++, n++) {
            for (int c = 0; c < CHAINS; c++) {
                const double x = kr_sampler_slab(w.s.sampler, d, 1)[c];
                mean[c] += x / DRAWS;
                *square += x * x / (DRAWS * (double)CHAINS);
                *acceptance += kr_sampler_slab(w.s.sampler, d,
                                               kr_sampler_first_count(w.s.sampler) + 1)[c] /
                               (4.0 * DRAWS * CHAINS);
            }
        }
    }
    assert_int_equal(n, DRAWS);
    for (int c = 0; c < CHAINS; c++) {
        sum += mean[c] / CHAINS;
    }
    for (int c = 0; c < CHAINS; c++) {
        spread += (mean[c] - sum) * (mean[c] - sum) / (CHAINS - 1);
    }
    const double *scale = kr_sampler_tuned_scale(w.s.sampler, 0, 0);
    for (int i = 0; i < SITES && scale; i++) {
        ratio[i] = scale[i] / scale_of(i);
    }
    close_wide(&w);
    return 0.5 * spread * DRAWS; /* in units of draws, of a variable of variance 1 */
}

static void scales_of_variables_are_found(void **state)
{
    (void)state;
    static const char *const update[] = { "{name: hmc, mass: diagonal}",
                                          "{name: mala, mass: diagonal}" };
    const double target[] = { 0.8, 0.574 };
    for (int u = 0; u < 2; u++) {
        double square, acceptance, ratio[SITES];
        const double tau = tau_of_widest(update[u], &square, &acceptance, ratio);
        print_message("# %s: tau %.2f draws, <x^2> %.4f of the widest, accepted %.3f\n",
                      update[u], tau, square, acceptance);
        assert_true(tau < (u == 0 ? 1.0 : 4.0));
        assert_within_sigma(square, sqrt(2.0 * 2.0 * fmax(tau, 0.5) / (2000.0 * CHAINS)), 1.0,
                            4.5);
        assert_close(acceptance, target[u], 0.05);
        for (int i = 0; i < SITES; i++) {
            assert_close(ratio[i], 1.0, 0.1);
        }
    }
}

/* The same number of gradients per draw. */
static void unit_masses_hardly_move_the_widest(void **state)
{
    (void)state;
    double square, acceptance, ratio[SITES];
    const double tau = tau_of_widest("{name: hmc}", &square, &acceptance, ratio);
    print_message("# mass: unit: <x^2> %.2g of the widest, tau %.3g draws at least\n", square,
                  tau);
    assert_true(tau > 100.0); /* the spread of the chains' means says at most half of the run */
}

static void same_bits_for_any_number_of_threads_and_after_a_restart(void **state)
{
    (void)state;
    static const char update[] = "{name: hmc, steps: 3, mass: diagonal}, {name: mala, mass: "
                                 "diagonal, sweeps: 2}";
    static const char phases[] = "{thermalize: 80, measure: 40, every: 2}";
    kr_error err = { 0 };
    wide whole = open_wide(update, phases, 1), cut = open_wide(update, phases, 3);
    const char *path = "test_mass.state";
    for (int k = 0; kr_sampler_stage(whole.s.sampler) != KR_STAGE_DONE; k++) {
        assert_ok(kr_sampler_advance(whole.s.sampler, 4, &err), &err);
        assert_ok(kr_sampler_advance(cut.s.sampler, 4, &err), &err);
        if (k == 12 || k == 27) { /* inside a window; after the last one */
            assert_ok(kr_state_save(cut.s.table, path, NULL, &err), &err);
            close_wide(&cut);
            cut = open_wide(update, phases, 2);
            assert_ok(kr_state_load(cut.s.table, path, &err), &err);
        }
    }
    for (int u = 0; u < 2; u++) {
        assert_memory_equal(kr_sampler_tuned_scale(whole.s.sampler, u, 0),
                            kr_sampler_tuned_scale(cut.s.sampler, u, 0),
                            SITES * sizeof(double));
        assert_true(kr_sampler_tuned_scale(cut.s.sampler, u, 0)[SITES - 1] != 1.0);
        assert_true(kr_sampler_tuned(whole.s.sampler, u, 0) ==
                    kr_sampler_tuned(cut.s.sampler, u, 0));
    }
    for (int column = 0; column < 2; column++) {
        assert_memory_equal(kr_sampler_slab(whole.s.sampler, 0, column),
                            kr_sampler_slab(cut.s.sampler, 0, column), CHAINS * sizeof(double));
    }
    close_wide(&whole);
    close_wide(&cut);
    remove(path);
}

static void refuses(const char *yaml, const char *text)
{
    kr_error err = { 0 };
    kr_runfile *file = kr_runfile_parse("test", yaml, strlen(yaml), &err);
    kr_spec *spec = file ? kr_spec_alloc(file, &err) : NULL;
    kr_sampler *sampler = spec ? kr_sampler_alloc(&spec->config, &err) : NULL;
    if (sampler) {
        assert_int_not_equal(kr_sampler_check_tuning(sampler, &spec->config, &err), KR_OK);
    }
    if (!strstr(err.text, text)) {
        fail_msg("\"%s\", want \"%s\"", err.text, text);
    }
    kr_sampler_free(sampler);
    kr_spec_free(spec);
}

static void few_draws_and_angles_are_refused(void **state)
{
    (void)state;
    refuses("model: {name: eight_schools}\nlattice: {name: variables, size: 10}\nbeta: 1\n"
            "chains: 4\nupdates: [{name: hmc, mass: diagonal}]\nobservables: [energy]\n"
            "phases: {thermalize: 100, measure: 40, every: 5}\n",
            "update hmc: a mass of every site is measured in three quarters of the draws of "
            "thermalize, 15 here, want 16 or more: phases.thermalize >= 110");
    refuses("model: {name: xy}\nlattice: {name: hypercubic, size: 4}\nbeta: 1\n"
            "chains: 4\nupdates: [{name: mala, mass: diagonal}]\nobservables: [energy]\n"
            "phases: {thermalize: 100, measure: 40}\n",
            "mala: mass: diagonal is for numbers on the line, the variables are angles");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_window_forgets_what_was_before),
        cmocka_unit_test(windows_double_and_the_last_quarter_is_for_the_step),
        cmocka_unit_test(sites_without_a_number_keep_their_scale),
        cmocka_unit_test(scales_of_variables_are_found),
        cmocka_unit_test(unit_masses_hardly_move_the_widest),
        cmocka_unit_test(same_bits_for_any_number_of_threads_and_after_a_restart),
        cmocka_unit_test(few_draws_and_angles_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
