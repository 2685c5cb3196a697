/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_swendsen_wang.c - both forms with production random numbers. */
#include "kr_system.h"
#include "sampled.h"

static void samples_follow_the_boltzmann_law(void **state)
{
    static const char *const forms[] = { "{form: fortuin_kasteleyn}", "{form: reflection}" };
    (void)state;
    for (int m = 0; m < 4; m++) {
        const char *model = m < 2 ? "{}" : "{field: 0.2}";
        tiny *system = sampled_system("ising", model, "{size: [3, 3]}");
        double z = sampled_law("swendsen_wang", forms[m % 2], system, 0.25, 4000, 3);
        assert_true(fabs(z) < SAMPLED_MAX);
        tiny_free(system);
    }
}

static void potts_samples_follow_the_boltzmann_law(void **state)
{
    static const char *const models[] = { "{q: 4, field: 0.3}", "{q: 4, J: -1}" };
    (void)state;
    for (int m = 0; m < 2; m++) { /* the second takes the form reflection by itself */
        tiny *system = sampled_system("potts", models[m], "{size: [2, 2]}");
        double z = sampled_law("swendsen_wang", "{}", system, 0.4, 5000, 6);
        assert_true(fabs(z) < SAMPLED_MAX);
        tiny_free(system);
    }
}

static void random_clusters_refuse_a_negative_coupling(void **state)
{
    (void)state;
    kr_error err = { 0 };
    tiny *system = sampled_system("ising", "{J: -1}", "{size: [3, 3]}");
    kr_target target = { .lattice = system->lattice, .terms = system->terms, .beta = 1.0 };
    const kr_update_plug *update = sampled_update("swendsen_wang");
    void *params = tiny_params(update->name, update->fields, update->params_size,
                               "{form: fortuin_kasteleyn}", &err);
    assert_non_null(params);
    assert_false(update->supports(&target, params, &err));
    assert_int_equal(err.status, KR_EUNSUP);
    assert_non_null(strstr(err.text, "coupling -1 between sites 0 and 1, want J >= 0"));
    free(params);
    tiny_free(system);
}

/* At beta = 0 no bond is kept: as many clusters as sites; when frozen there is one. */
static void clusters_are_counted_as_attempts(void **state)
{
    (void)state;
    tiny *system = sampled_system("ising", "{}", "{size: [3, 3]}");
    for (int cold = 0; cold < 2; cold++) {
        kr_target target = { system->lattice, system->terms, cold ? 50.0 : 0.0 };
        sampled update = sampled_alloc("swendsen_wang", "{}", &target, NULL, 1);
        kr_block *block = sampled_block(system->terms, 1, 12);
        kr_block_start_lane(block, 0, 1, block->rng);
        kr_block_score(block, system->terms);
        sampled_sweep(&update, block);
        assert_int_equal(update.tally.attempted[0], cold ? 1 : 9);
        kr_block_free(block);
        sampled_free(&update);
    }
    tiny_free(system);
}

/* Mean of sum |C|^2/N over batches of sweeps of a ring of 130 sites, rows of three words. */
static void check_ring(const char *model, const char *yaml, const char *form,
                       const char *engine)
{
    enum { N = 130, BATCHES = 400, SWEEPS = 50 };
    static kr_means means;
    kr_system s = system_alloc(model, yaml, "hypercubic", "size=130");
    kr_target target = { .lattice = s.lattice, .terms = s.terms, .beta = 0.8 };
    sampled u = sampled_alloc("swendsen_wang", form, &target, NULL, 1);
    assert_string_equal(u.update->engine(u.self), engine);
    kr_block *block = sampled_block(s.terms, 1, 7);
    kr_block_start_lane(block, 0, 1, block->rng);
    kr_block_score(block, s.terms);
    u.update->sweep(u.self, block, 100, u.scratch, &u.tally);
    double sum = 0.0, sum_2 = 0.0;
    u.tally.means = &means;
    for (int b = 0; b < BATCHES; b++) {
        memset(&means, 0, sizeof means);
        u.update->sweep(u.self, block, SWEEPS, u.scratch, &u.tally);
        assert_int_equal(means.n[0], SWEEPS);
        sum += means.sum[0][0] / SWEEPS;
        sum_2 += means.sum[0][0] / SWEEPS * (means.sum[0][0] / SWEEPS);
    }
    /* correlations fall by t from site to site; t^130 is nothing */
    const double q = s.terms->q, b = q == 2 ? 1.6 : 0.8; /* e^b: weight of an equal bond */
    const double t = (exp(b) - 1.0) / (exp(b) + q - 1.0), exact = (1.0 + t) / (1.0 - t);
    const double mean = sum / BATCHES;
    const double error = sqrt((sum_2 / BATCHES - mean * mean) / (BATCHES - 1));
    print_message("# %s %s %s: %.5f(%.5f) exact %.5f z %+.2f\n", model, yaml, form, mean, error,
                  exact, (mean - exact) / error);
    assert_true(error < 0.01 * exact);
    assert_within_sigma(mean, error, exact, 4.6);
    kr_block_free(block);
    sampled_free(&u);
    system_free(&s);
}

static void sizes_of_clusters_on_a_ring_are_those_of_its_transfer_matrix(void **state)
{
    (void)state;
    check_ring("ising", "", "{}", "bits");
    check_ring("ising", "", "{form: reflection}", "graph");
    check_ring("potts", "q=3", "{}", "bits");
    check_ring("potts", "q=3", "{form: reflection}", "graph");
}

/* Steps are the same whether sizes are wanted or not, several chains are told apart. */
static void sizes_change_nothing(void **state)
{
    enum { LANES = 3, N = 9 };
    (void)state;
    static kr_means means;
    tiny *system = sampled_system("ising", "{}", "{size: [3, 3]}");
    uint8_t states[2][LANES * N];
    for (int k = 0; k < 4; k++) {
        kr_target target = { system->lattice, system->terms, 0.3 };
        sampled u = sampled_alloc("swendsen_wang", k < 2 ? "{}" : "{form: reflection}", &target,
                                  NULL, LANES);
        kr_block *block = sampled_block(system->terms, LANES, 5);
        for (int32_t l = 0; l < LANES; l++) {
            kr_block_start_lane(block, l, 1, block->rng);
        }
        kr_block_score(block, system->terms);
        memset(&means, 0, sizeof means);
        u.tally.means = k % 2 ? &means : NULL;
        u.update->sweep(u.self, block, 20, u.scratch, &u.tally);
        memcpy(states[k % 2], block->state, sizeof states[0]);
        for (int32_t l = 0; l < LANES; l++) {
            assert_int_equal(means.n[l], k % 2 ? 20 : 0);
            assert_true(k % 2 == 0 || (means.sum[l][0] > 20.0 && means.sum[l][0] < 180.0));
            assert_true(k % 2 == 0 || l == 0 || means.sum[l][0] != means.sum[l - 1][0]);
        }
        kr_block_free(block);
        sampled_free(&u);
        if (k % 2) {
            assert_memory_equal(states[0], states[1], sizeof states[0]);
        }
    }
    tiny_free(system);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_follow_the_boltzmann_law),
        cmocka_unit_test(potts_samples_follow_the_boltzmann_law),
        cmocka_unit_test(random_clusters_refuse_a_negative_coupling),
        cmocka_unit_test(clusters_are_counted_as_attempts),
        cmocka_unit_test(sizes_of_clusters_on_a_ring_are_those_of_its_transfer_matrix),
        cmocka_unit_test(sizes_change_nothing),
    };
    return cmocka_run_group_tests_name("swendsen wang", tests, NULL, NULL);
}
