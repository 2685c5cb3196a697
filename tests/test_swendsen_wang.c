/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_swendsen_wang.c - both forms with production random numbers. */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_follow_the_boltzmann_law),
        cmocka_unit_test(potts_samples_follow_the_boltzmann_law),
        cmocka_unit_test(random_clusters_refuse_a_negative_coupling),
        cmocka_unit_test(clusters_are_counted_as_attempts),
    };
    return cmocka_run_group_tests_name("swendsen wang", tests, NULL, NULL);
}
