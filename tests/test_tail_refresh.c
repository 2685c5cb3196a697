/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_tail_refresh.c - new tails from a density, after a random symmetry or not. */
#include "chain_density.h"
#include "classes.h"

/* Some 60 classes hold 20 of the 40 000 draws or more. */
static void states_have_their_weights_by_energy_and_magnetization(void **state)
{
    (void)state;
    static const char *yaml[] = { "{}", "{cut: uniform, symmetry: true}",
                                  "{cut: full, symmetry: true}" };
    for (int k = 0; k < 3; k++) {
        for (uint64_t seed = 1; seed <= 3; seed++) {
            double z = classes_run("tail_refresh", yaml[k], 16, 12, false, seed);
            assert_true(fabs(z) < CLASSES_MAX);
        }
    }
}

/* Acceptance of 16 chains on an open 4 x 4 box at a beta, proposals from its exact law. */
static double accepted_exact(const char *yaml, double beta, int n_sweeps)
{
    tiny *system;
    kr_error err = { 0 };
    system =
        tiny_alloc(tiny_model("ising"), "{disorder: {kind: gaussian, seed: 2}}",
                   tiny_lattice("hypercubic"), "{size: [4, 4], boundary: open}", 65536, &err);
    assert_non_null(system);
    kr_target target = { system->lattice, system->terms, beta };
    kr_density density = classes_fresh("transfer_matrix", &target);
    sampled s = sampled_alloc("tail_refresh", yaml, &target, &density, 16);
    kr_block *block = sampled_block(system->terms, 16, 5);
    double accepted = 0.0;
    for (int k = 0; k < n_sweeps; k++) {
        sampled_sweep(&s, block);
    }
    for (int lane = 0; lane < 16; lane++) {
        accepted += (double)s.tally.accepted[lane] / (16.0 * n_sweeps);
    }
    kr_block_free(block);
    sampled_free(&s);
    density.plug->free(density.self);
    tiny_free(system);
    return accepted;
}

/* Without weight all probabilities are 1/2, ratios of integers without rounding: log q is the
 * same sum of equal numbers for every tail, so each ratio is exactly 1. */
static void at_beta_0_every_tail_is_accepted(void **state)
{
    (void)state;
    assert_true(accepted_exact("{cut: log_uniform}", 0.0, 400) == 1.0);
    assert_true(accepted_exact("{cut: uniform}", 0.0, 400) == 1.0);
    assert_true(accepted_exact("{cut: full}", 0.0, 400) == 1.0);
}

/* Probabilities rounded to 2^-32 are off by 2^-33/p, p above 1e-4 here, so 16 sites change a
 * log ratio by less than 2 * 16 * 2^-33 * 1e4 = 4e-5. 16 000 proposals: 0.6 refusals at most in
 * the mean, more than 8 of them once in 1e7 such runs. */
static void tails_of_the_exact_law_are_accepted_but_for_rounding(void **state)
{
    (void)state;
    assert_true(accepted_exact("{cut: log_uniform}", 0.7, 1000) >= 1.0 - 8.0 / 16000.0);
    assert_true(accepted_exact("{cut: uniform}", 0.7, 1000) >= 1.0 - 8.0 / 16000.0);
    assert_true(accepted_exact("{cut: full}", 0.7, 1000) >= 1.0 - 8.0 / 16000.0);
}

/* Tail lengths as the density is asked for them. */
typedef struct spy {
    int32_t n_sites;
    double count[32];
} spy;

static void spy_sample(const void *self, int32_t k, int32_t n_lanes, uint8_t *state,
                       double *log_q, kr_rng *rng, void *scratch)
{
    (void)state;
    (void)rng;
    (void)scratch;
    spy *s = (spy *)(uintptr_t)self;
    s->count[s->n_sites - k] += 1.0;
    for (int32_t lane = 0; lane < n_lanes; lane++) {
        log_q[lane] = (double)NAN; /* refused */
    }
}

static void spy_log_q(const void *self, int32_t k, int32_t n_lanes, const uint8_t *state,
                      double *log_q, void *scratch)
{
    (void)self;
    (void)k;
    (void)state;
    (void)scratch;
    memset(log_q, 0, (size_t)n_lanes * sizeof *log_q);
}

/* Octaves 1, 2-3, 4-7, 8-9 of ten sites. */
static void cuts_have_their_declared_law(void **state)
{
    (void)state;
    enum { DRAWS = 40000 };
    static const double log_uniform[] = { 4, 8, 8, 16, 16, 16, 16, 12, 12, 12 };
    static const char *yaml[] = { "{}", "{cut: uniform}", "{cut: full}" };
    tiny *system = sampled_system("ising", "{}", "{size: [5, 2]}");
    kr_target target = { system->lattice, system->terms, 0.3 };
    for (int c = 0; c < 3; c++) {
        spy self = { .n_sites = 10 };
        kr_density_plug plug = { .name = "spy",
                                 .scratch_bytes = chain_density_scratch,
                                 .sample_tail = spy_sample,
                                 .log_q_tail = spy_log_q };
        kr_density density = { .plug = &plug, .self = &self };
        sampled s = sampled_alloc("tail_refresh", yaml[c], &target, &density, 3);
        kr_block *block = sampled_block(system->terms, 3, 11);
        for (int k = 0; k < DRAWS; k++) {
            sampled_sweep(&s, block);
        }
        for (int length = 1; length <= 10; length++) {
            double p = c == 0 ? 1.0 / log_uniform[length - 1] : c == 1 ? 0.1 : length == 10;
            double error = sqrt(p * (1.0 - p) / DRAWS);
            assert_true(fabs(self.count[length] / DRAWS - p) <= 4.6 * error);
        }
        assert_true(s.tally.accepted[0] == 0 && s.tally.attempted[2] == DRAWS);
        kr_block_free(block);
        sampled_free(&s);
    }
    tiny_free(system);
}

/* A score is that of the states or stale; energies stay current. */
static void scores_stay_those_of_the_states(void **state)
{
    (void)state;
    static const char *yaml[] = { "{}", "{cut: full}", "{cut: full, symmetry: true}" };
    tiny *system = sampled_system("ising", "{J: 0.7}", "{size: [3, 2]}");
    kr_target target = { system->lattice, system->terms, 0.3 };
    kr_density_plug plug = chain_density_plug();
    kr_density density = { .plug = &plug, .self = plug.alloc(&target, NULL, NULL), .index = 2 };
    for (int c = 0; c < 3; c++) {
        sampled s = sampled_alloc("tail_refresh", yaml[c], &target, &density, 16);
        kr_block *block = sampled_block(system->terms, 16, 12);
        int n_known = 0;
        for (int k = 0; k < 100; k++) {
            double log_q[KR_LANES_MAX];
            sampled_sweep(&s, block);
            chain_density_log_q(density.self, 0, 16, block->state, log_q, NULL);
            if (block->log_q_of == 2) {
                assert_memory_equal(log_q, block->log_q, 16 * sizeof *log_q);
                n_known++;
            }
            assert_true(kr_block_audit(block, system->terms) <= 1e-12);
            block->log_q_of = k % 2 ? block->log_q_of : -1;
        }
        assert_true(n_known >= (c == 0 ? 5 : 100));
        kr_block_free(block);
        sampled_free(&s);
    }
    plug.free(density.self);
    tiny_free(system);
}

/* The terms decide: random couplings leave no symmetry of the lattice. Without a field all
 * spins may still be turned. */
static void symmetry_without_one_is_refused(void **state)
{
    (void)state;
    static const char *couplings = "disorder: {kind: gaussian, seed: 1}";
    for (int has_field = 0; has_field < 2; has_field++) {
        char model[128];
        (void)snprintf(model, sizeof model, "{%s, field: 0.%d}", couplings, has_field);
        tiny *system = sampled_system("ising", model, "{size: [3, 3]}");
        kr_target target = { system->lattice, system->terms, 0.3 };
        kr_error err = { 0 };
        const kr_update_plug *update = sampled_update("tail_refresh");
        void *params = tiny_params(update->name, update->fields, update->params_size,
                                   "{symmetry: true}", &err);
        assert_true(update->supports(&target, params, &err) == !has_field);
        if (has_field) {
            assert_non_null(strstr(err.text, "want symmetry: false"));
        }
        free(params);
        tiny_free(system);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_have_their_weights_by_energy_and_magnetization),
        cmocka_unit_test(at_beta_0_every_tail_is_accepted),
        cmocka_unit_test(tails_of_the_exact_law_are_accepted_but_for_rounding),
        cmocka_unit_test(cuts_have_their_declared_law),
        cmocka_unit_test(scores_stay_those_of_the_states),
        cmocka_unit_test(symmetry_without_one_is_refused),
    };
    return cmocka_run_group_tests_name("tail_refresh", tests, NULL, NULL);
}
