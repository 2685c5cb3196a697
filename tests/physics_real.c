/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/physics_real.c - whole runs of real-valued models against exact values. */
#include "physics_run.h"

#include "model/exact_chain.h"

static const char *const updates[] = { "metropolis", "hmc" };

static result run_model(const char *model, const char *lattice, double beta, const char *update,
                        int64_t steps, int seed)
{
    char yaml[1024];
    snprintf(yaml, sizeof yaml,
             "model: %s\nlattice: %s\nbeta: %.17g\nchains: 64\nseed: %d\n"
             "updates: [{name: %s}]\nobservables: [energy, magnetization]\n"
             "phases: {thermalize: 1000, measure: %lld, every: 4}\n",
             model, lattice, beta, seed, update, (long long)steps);
    return run(yaml);
}

/* clang-format off: one row per line, as in the source */
static const struct {
    const char *size;
    double beta, energy, heat;
} rotators[] = {
    /* reference/xy2d_small.csv */
    { "[2, 2]", 0.5, -1.010393077, 0.4449473 },    { "[2, 2]", 0.9, -1.495878929, 0.5803816 },
    { "[2, 2]", 1.1199, -1.617069759, 0.5253567 }, { "[2, 2]", 1.5, -1.728123079, 0.4586206 },
    { "[4]", 2, -0.7795609227, 0.5562746 },        { "[8]", 1, -0.4488851448, 0.3665819 },
    { "[16]", 1, -0.446393912, 0.3543905 },
};
/* clang-format on */

static void rotators_have_their_exact_energies(void **state)
{
    (void)state;
    const size_t n = sizeof rotators / sizeof *rotators;
    for (size_t k = 0; k < 2 * n; k++) {
        char lattice[80], what[128];
        const char *update = updates[k / n];
        snprintf(lattice, sizeof lattice, "{name: hypercubic, size: %s}", rotators[k % n].size);
        snprintf(what, sizeof what, "xy %s beta %g, %s", rotators[k % n].size,
                 rotators[k % n].beta, update);
        const result r =
            run_model("{name: xy}", lattice, rotators[k % n].beta, update, 20000, 10 + (int)k);
        check(what, r.energy, rotators[k % n].energy, 4e-3, (int64_t)(4 * n));
        check(what, r.specific_heat, rotators[k % n].heat, 1.5e-2, (int64_t)(4 * n));
    }
}

/* Chains and free fields, by kr_exact_best. */
static void lattice_fields_have_their_exact_means(void **state)
{
    (void)state;
    static const char *const systems[][2] = {
        { "{name: phi4, m2: 1, lambda: 1}", "{name: hypercubic, size: [2, 2]}" },
        { "{name: phi4, m2: -1, lambda: 1}", "{name: hypercubic, size: [16]}" },
        { "{name: phi4, m2: 0.5}", "{name: hypercubic, size: [6, 6]}" },
        { "{name: phi4, convention: pnas, a: 0.1, ends: zero}",
          "{name: hypercubic, size: [10], boundary: open}" },
    };
    for (int k = 0; k < 8; k++) {
        char what[128];
        const result r = run_model(systems[k / 2][0], systems[k / 2][1], k / 2 == 3 ? 5.0 : 1.0,
                                   updates[k % 2], 20000, 40 + k);
        assert_true(r.has_exact);
        snprintf(what, sizeof what, "%s %s", systems[k / 2][0], updates[k % 2]);
        check(what, r.energy, r.exact.energy_per_site, 2e-2, 24);
        check(what, r.specific_heat, r.exact.specific_heat, 2e-2, 24);
        check(what, r.magnetization_squared, r.exact.magnetization_squared, 2e-2, 24);
    }
}

/* <mu^2>, the theta_j integrated out by hand: y_j ~ N(mu, s_j^2 + tau^2); then a sum over mu
 * and log tau. */
static double exact_square_of_mu(void)
{
    static const double y[] = { 28, 8, -3, 7, -1, 1, 18, 12 };
    static const double s[] = { 15, 10, 16, 11, 9, 11, 10, 18 };
    double norm = 0.0, square = 0.0;
    for (double log_tau = -30.0; log_tau < 9.0; log_tau += 0.02) {
        const double tau = exp(log_tau), t = tau / 5.0;
        for (double mu = -40.0; mu < 50.0; mu += 0.1) {
            double log_p = log_tau - log1p(t * t) - mu * mu / 50.0;
            for (int j = 0; j < 8; j++) {
                const double v = s[j] * s[j] + tau * tau;
                log_p -= 0.5 * log(v) + 0.5 * (y[j] - mu) * (y[j] - mu) / v;
            }
            norm += exp(log_p + 25.0);
            square += mu * mu * exp(log_p + 25.0);
        }
    }
    return square / norm;
}

static void eight_schools_have_their_exact_mean_effect(void **state)
{
    (void)state;
    const double want = exact_square_of_mu();
    for (int k = 0; k < 2; k++) {
        const result r = run_model("{name: eight_schools}", "{name: variables, size: 10}", 1.0,
                                   updates[k], 40000, 70 + k);
        check(updates[k], r.magnetization_squared, want, 2e-2, 2);
    }
}

/* Order parameter: number of the mode, weights 8/15, 4/15, 2/15, 1/15; the modes are far apart
 * beside their width, so the nearest mode is the one drawn from. */
static void modes_of_a_mixture_have_their_weights(void **state)
{
    (void)state;
    const char *const model = "{name: mixture, modes: 4, radius: 2.2, width: 0.7, ratio: 0.5}";
    for (int k = 0; k < 2; k++) {
        /* the tails over the diagonals: each mode gives Phi(-r/(sqrt 2 w)) to each neighbor */
        const double leak = 0.5 * erfc(2.2 / 0.7 / 2.0), stay = 1.0 - leak;
        const double w[] = { 8 / 15.0, 4 / 15.0, 2 / 15.0, 1 / 15.0 };
        double want = 0.0;
        for (int a = 0; a < 4; a++) {
            for (int m = 0; m < 4; m++) {
                const int apart = (a - m + 4) % 4;
                const double p = apart == 0   ? stay * stay
                                 : apart == 2 ? leak * leak
                                              : stay * leak;
                want += w[a] * p * m * m;
            }
        }
        const result r =
            run_model(model, "{name: variables, size: 2}", 1.0, updates[k], 40000, 80 + k);
        check(updates[k], r.magnetization_squared, want, 2e-2, 2);
    }
}

/* In one dimension G(t) is <phi_0 phi_t>; broken phase, so that long distances are not lost. */
static void two_point_functions_of_a_ring_are_those_of_its_transfer_matrix(void **state)
{
    (void)state;
    enum { CHAINS = 64, TIMES = 5 };
    const char *const yaml =
        "model: {name: phi4, m2: -2, lambda: 0.9}\nlattice: {name: hypercubic, size: [8]}\n"
        "beta: 1\nchains: 64\nseed: 5\nupdates: [{name: hmc}, {name: metropolis}]\n"
        "observables: [two_point]\nphases: {thermalize: 1000, measure: 20000, every: 4}\n";
    kr_error err = { 0 };
    kr_runfile *file = kr_runfile_parse("test", yaml, strlen(yaml), &err);
    kr_spec *spec = file ? kr_spec_alloc(file, &err) : NULL;
    kr_sampler *sampler = spec ? kr_sampler_alloc(&spec->config, &err) : NULL;
    double sum[TIMES][CHAINS] = { { 0.0 } }, n_draws = 0.0;
    if (!sampler) {
        fail_msg("%s", err.text);
    }
    while (kr_sampler_stage(sampler) != KR_STAGE_DONE) {
        assert_ok(kr_sampler_advance(sampler, 64, &err), &err);
        const int64_t n = kr_sampler_new_is_warmup(sampler) ? 0 : kr_sampler_n_new(sampler);
        for (int64_t k = 0; k < n * TIMES * CHAINS; k++) {
            const int64_t d = k / (TIMES * CHAINS), t = k / CHAINS % TIMES, c = k % CHAINS;
            sum[t][c] += kr_sampler_slab(sampler, d, 1 + (int32_t)t)[c];
        }
        n_draws += (double)n;
    }
    for (int t = 0; t < TIMES; t++) {
        const kr_chain_factor factor[] = { { 0, t == 0 ? 2 : 1 }, { t, 1 } };
        double want;
        assert_ok(kr_exact_chain_mean(&spec->target[0], factor, t == 0 ? 1 : 2, INFINITY, &want,
                                      &err),
                  &err);
        check("G(t)", over_chains(sum[t], CHAINS, n_draws), want, 1e-2, TIMES);
    }
    kr_sampler_free(sampler);
    kr_spec_free(spec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rotators_have_their_exact_energies),
        cmocka_unit_test(lattice_fields_have_their_exact_means),
        cmocka_unit_test(eight_schools_have_their_exact_mean_effect),
        cmocka_unit_test(modes_of_a_mixture_have_their_weights),
        cmocka_unit_test(two_point_functions_of_a_ring_are_those_of_its_transfer_matrix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
