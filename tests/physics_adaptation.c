/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/physics_adaptation.c - what adaptation does to whole runs.
 *
 * Chains of a product density with an independence move and single flips, refitted every few
 * steps: where they learn from themselves, or from each other at once, the energy is off by
 * many errors although every kernel is exact; learning by turns, or frozen, it is right. Then
 * runs of the program's sampler: energies while learning by turns, and the law of a run with a
 * density that was trained and frozen, by energy and magnetization. */
#include "physics_run.h"

#include "base/rng.h"
#include "tiny.h"

/* ---- own chains: 3x3, product density -----------------------------------------------------
 */

enum { SITES = 9, PAIRS = 64, WINDOW = 5, SETTLE = 200 };
#define BETA   0.4
#define SMOOTH 0.5 /* added to both counts of a site */

enum scheme { FROZEN, TURNS, OWN_WINDOW, BOTH_AT_ONCE };

typedef struct chain {
    uint8_t s[SITES];
    int32_t n_up[SITES];              /* in the window that ends now */
    double p[SITES], log_p[SITES][2]; /* of proposals: up; down and up */
    double energy_sum;
} chain;

static double energy_of(const tiny *system, const uint8_t *s)
{
    return system->energy[tiny_encode(system, s, 1)];
}

static double log_q(const chain *c, const uint8_t *s)
{
    double sum = 0.0;
    for (int i = 0; i < SITES; i++) {
        sum += c->log_p[i][s[i]];
    }
    return sum;
}

/* A flip of a random site by Metropolis, then a proposal from p. */
static void move(const tiny *system, chain *c, kr_rng *rng)
{
    uint8_t proposal[SITES];
    double energy = energy_of(system, c->s);
    uint32_t i = kr_rng_below(rng, SITES);
    c->s[i] ^= 1;
    double flipped = energy_of(system, c->s);
    if (kr_rng_bernoulli(rng, exp(-BETA * (flipped - energy)))) {
        energy = flipped;
    } else {
        c->s[i] ^= 1;
    }
    for (int k = 0; k < SITES; k++) {
        proposal[k] = kr_rng_bernoulli(rng, c->p[k]);
    }
    double log_ratio =
        -BETA * (energy_of(system, proposal) - energy) + log_q(c, c->s) - log_q(c, proposal);
    if (kr_rng_bernoulli(rng, exp(log_ratio))) {
        memcpy(c->s, proposal, sizeof proposal);
    }
}

/* Fits the proposals of a chain to n states, site i up in n_up[i] of them. */
static void fit(chain *c, const int32_t *n_up, int32_t n)
{
    for (int i = 0; i < SITES; i++) {
        c->p[i] = (n_up[i] + SMOOTH) / (n + 2.0 * SMOOTH);
        c->log_p[i][0] = log(1.0 - c->p[i]);
        c->log_p[i][1] = log(c->p[i]);
    }
}

static void fit_to_state(chain *c, const uint8_t *s)
{
    int32_t n_up[SITES];
    for (int i = 0; i < SITES; i++) {
        n_up[i] = s[i];
    }
    fit(c, n_up, 1);
}

/* WINDOW steps of one chain; its states make the window. */
static void run_window(const tiny *system, chain *c, kr_rng *rng, bool is_measured)
{
    memset(c->n_up, 0, sizeof c->n_up);
    for (int step = 0; step < WINDOW; step++) {
        move(system, c, rng);
        for (int i = 0; i < SITES; i++) {
            c->n_up[i] += c->s[i];
        }
        c->energy_sum += is_measured ? energy_of(system, c->s) / (SITES * WINDOW) : 0.0;
    }
}

static void run_pair(const tiny *system, enum scheme scheme, int n_passes, chain pair[2],
                     kr_rng *rng)
{
    for (int pass = 0; pass < SETTLE + n_passes; pass++) {
        for (int k = 0; k < 2; k++) {
            if (scheme == TURNS) {
                fit_to_state(&pair[k], pair[1 - k].s);
            }
            run_window(system, &pair[k], rng, pass >= SETTLE);
        }
        if (scheme == OWN_WINDOW) {
            fit(&pair[0], pair[0].n_up, WINDOW);
            fit(&pair[1], pair[1].n_up, WINDOW);
        } else if (scheme == BOTH_AT_ONCE) {
            fit(&pair[0], pair[1].n_up, WINDOW);
            fit(&pair[1], pair[0].n_up, WINDOW);
        }
    }
}

/* Means of pairs are independent. */
static mean_error energy_under(enum scheme scheme, int n_passes, double *want)
{
    kr_error err = { 0 };
    double sum[PAIRS];
    tiny *system = tiny_alloc(tiny_model("ising"), "{}", tiny_lattice("hypercubic"),
                              "{size: [3, 3]}", 512, &err);
    assert_non_null(system);
    for (int k = 0; k < PAIRS; k++) {
        chain pair[2] = { 0 };
        kr_rng rng;
        kr_rng_seed(&rng, 11, (uint64_t)k, KR_PURPOSE_TEST);
        for (int i = 0; i < 2 * SITES; i++) {
            pair[i % 2].s[i / 2] = (uint8_t)kr_rng_below(&rng, 2);
        }
        fit(&pair[0], pair[0].n_up, 0); /* 1/2 each */
        fit(&pair[1], pair[1].n_up, 0);
        run_pair(system, scheme, n_passes, pair, &rng);
        sum[k] = (pair[0].energy_sum + pair[1].energy_sum) / 2.0;
    }
    double *law = tiny_law(system, BETA);
    *want = 0.0;
    for (int64_t x = 0; x < system->n_states; x++) {
        *want += law[x] * system->energy[x] / SITES;
    }
    free(law);
    tiny_free(system);
    return over_chains(sum, PAIRS, n_passes);
}

static void check_biased(const char *what, enum scheme scheme, int n_passes, double least)
{
    double want;
    mean_error got = energy_under(scheme, n_passes, &want);
    double z = (got.mean - want) / got.error;
    print_message("# %-40s energy off by %+.4f(%.0e), %.0f errors\n", what, got.mean - want,
                  got.error, z);
    assert_true(z > 10.0);
    assert_true(got.mean - want > least);
}

static void a_chain_that_learns_from_its_own_window_is_biased(void **state)
{
    (void)state;
    check_biased("own window of 5", OWN_WINDOW, 1000, 0.1);
}

static void chains_that_learn_from_each_other_at_once_are_biased(void **state)
{
    (void)state;
    check_biased("each other's window of 5, at once", BOTH_AT_ONCE, 20000, 0.003);
}

static void chains_that_learn_by_turns_are_not(void **state)
{
    (void)state;
    double want;
    mean_error turns = energy_under(TURNS, 15000, &want),
               frozen = energy_under(FROZEN, 15000, &want);
    check("by turns, 3x3 product density", turns, want, 1e-3, 2);
    check("frozen, 3x3 product density", frozen, want, 1e-3, 2);
}

/* ---- the program's sampler ----------------------------------------------------------------
 */

#define ISING(size)                                                                            \
    "model: {name: ising}\nlattice: {name: hypercubic, size: " size "}\nbeta: 0.4\n"           \
    "seed: 9\nobservables: [energy, magnetization]\n"
#define NET(name, updates)                                                                     \
    "densities: {net: {name: " name ", hidden: 4}}\nupdates: [" updates                        \
    "{name: independence, density: net}]\n"
#define TURNS_OF(rate)                                                                         \
    "training: {while_measuring: alternating, turn_steps: 5, turn_rate: " rate                 \
    ", certificate: 64, batch: 16}\n"

static void energies_are_exact_while_densities_learn_by_turns(void **state)
{
    (void)state;
    static const struct {
        const char *name, *yaml;
    } row[] = {
        { "4x4, frontier, 32 chains, large steps",
          ISING("[4, 4]") NET("frontier", "heat_bath, ")
              TURNS_OF("0.1") "chains: 32\n"
                              "phases: {thermalize: 100, adapt: 0, measure: 20000, every: 1}"
                              "\n" },
        { "4x4, frontier, 64 chains",
          ISING("[4, 4]") NET("frontier", "heat_bath, ")
              TURNS_OF("0.02") "chains: 64\n"
                               "phases: {thermalize: 100, adapt: 20, measure: 20000, every: 2}"
                               "\n" },
        { "3x3, made, 20 chains, proposals alone",
          ISING("[3, 3]") NET("made", "")
              TURNS_OF("0.05") "chains: 20\n"
                               "phases: {thermalize: 100, adapt: 0, measure: 40000, every: 2}"
                               "\n" },
    };
    for (size_t k = 0; k < sizeof row / sizeof *row; k++) {
        result r = run(row[k].yaml);
        assert_true(r.has_exact);
        check(row[k].name, r.energy, r.exact.energy_per_site, 1e-3, 3);
    }
}

/* ---- the law of a run, by energy and magnetization ----------------------------------------
 */

enum { L = 4, N = L * L, CLASSES = (4 * N + 1) * (2 * N + 1), LANES = 64 };

/* E in -2N..2N, M in -N..N */
static int class_of(double energy_per_site, double magnetization_per_site)
{
    int e = (int)lround(energy_per_site * N) + 2 * N;
    int m = (int)lround(magnetization_per_site * N) + N;
    return e * (2 * N + 1) + m;
}

static void list_class(void *context, const uint8_t *s, double energy)
{
    double *law = context, m = 0.0;
    for (int i = 0; i < N; i++) {
        m += 2.0 * s[i] - 1.0;
    }
    law[class_of(energy / N, m / N)] += exp(-BETA * energy);
}

/* Counts of measured draws under a density that was trained first. */
static void count_classes(uint64_t seed, int64_t *count)
{
    kr_error err = { 0 };
    static const char yaml[] = ISING("[4, 4]")
        NET("frontier",
            "heat_bath, ") "chains: 64\n"
                           "training: {batch: 64, certificate: 64, target_ess: 1}\n"
                           "phases: {thermalize: 100, adapt: 200, measure: 40000, every: 20}\n";
    kr_runfile *file = kr_runfile_parse("test", yaml, strlen(yaml), &err);
    kr_spec *spec = file ? kr_spec_alloc(file, &err) : NULL;
    assert_non_null(spec);
    spec->config.seed = seed;
    kr_sampler *s = kr_sampler_alloc(&spec->config, &err);
    assert_non_null(s);
    while (kr_sampler_stage(s) != KR_STAGE_DONE) {
        assert_ok(kr_sampler_advance(s, 64, &err), &err);
        for (int64_t d = 0; !kr_sampler_new_is_warmup(s) && d < kr_sampler_n_new(s); d++) {
            for (int c = 0; c < LANES; c++) {
                count[class_of(kr_sampler_slab(s, d, 0)[c], kr_sampler_slab(s, d, 1)[c])]++;
            }
        }
    }
    kr_sampler_free(s);
    kr_spec_free(spec);
}

static void a_trained_and_frozen_run_visits_energy_and_magnetization_by_their_law(void **state)
{
    (void)state;
    kr_error err = { 0 };
    static double law[CLASSES];
    static int64_t count[CLASSES];
    double Z = 0.0;
    kr_runfile *file = kr_runfile_parse("test", ISING("[4, 4]"), strlen(ISING("[4, 4]")), &err);
    kr_spec *spec = file ? kr_spec_alloc(file, &err) : NULL;
    assert_non_null(spec);
    assert_ok(kr_enumerate_visit(spec->target[0].terms, list_class, law, &err), &err);
    kr_spec_free(spec);
    for (int k = 0; k < CLASSES; k++) {
        Z += law[k];
    }
    for (uint64_t seed = 1; seed <= 3; seed++) {
        double total = 0.0, dof, expected[CLASSES];
        memset(count, 0, sizeof count);
        count_classes(seed, count);
        for (int k = 0; k < CLASSES; k++) {
            total += (double)count[k];
        }
        for (int k = 0; k < CLASSES; k++) {
            expected[k] = total * law[k] / Z;
        }
        double chi2 = kr_chi2_statistic(count, expected, CLASSES, 20.0, &dof);
        double p = kr_chi2_p(chi2, dof);
        print_message("# seed %d: %.0f draws, chi2 %.1f of %.0f degrees, p %.3f\n", (int)seed,
                      total, chi2, dof, p);
        assert_true(dof >= 50.0 && total >= 1e5);
        assert_true(p > 1e-6);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chain_that_learns_from_its_own_window_is_biased),
        cmocka_unit_test(chains_that_learn_from_each_other_at_once_are_biased),
        cmocka_unit_test(chains_that_learn_by_turns_are_not),
        cmocka_unit_test(energies_are_exact_while_densities_learn_by_turns),
        cmocka_unit_test(a_trained_and_frozen_run_visits_energy_and_magnetization_by_their_law),
    };
    return cmocka_run_group_tests_name("adaptation", tests, NULL, NULL);
}
