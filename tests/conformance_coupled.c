/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/conformance_coupled.c - updates that move two chains together leave the product of the
 * laws of both invariant: exact joint transition matrices, by enumeration of all draws.
 *
 * Every registered update with KR_UPDATE_COUPLES_CHAINS is covered. */
#include "transition.h"

enum { STATES_MAX = 16, PATHS_MAX = 300000 };
#define BALANCE_MAX  1e-12
#define DETAILED_MAX 1e-13
#define BETA         0.6

static const struct {
    const char *model, *lattice_name, *lattice;
} systems[] = {
    { "{}", "hypercubic", "{size: [2], boundary: open}" },
    { "{}", "hypercubic", "{size: [2, 2]}" },
    { "{field: 0.4}", "hypercubic", "{size: 3}" },
    { "{J: -1}", "hypercubic", "{size: 4}" },
    { "{disorder: {kind: pm1, seed: 2}}", "hypercubic", "{size: 4, boundary: open}" },
    { "{disorder: {kind: gaussian, seed: 5}, random_field: {kind: gaussian, seed: 1}}",
      "hypercubic", "{size: 4, boundary: open}" },
    { "{disorder: {kind: gaussian, seed: 9}}", "triangular", "{size: [2, 2]}" },
    { "{disorder: {kind: gaussian, seed: 9}}", "hypercubic", "{size: [2, 2], boundary: open}" },
};

/* A pair of chains keeps its total energy. */
static double pair_energy_error(const transition *t, const tiny *system)
{
    double worst = 0.0;
    int64_t n = system->n_states;
    for (int64_t x = 0; x < t->n; x++) {
        for (int64_t y = 0; y < t->n; y++) {
            double before = system->energy[x % n] + system->energy[x / n];
            double after = system->energy[y % n] + system->energy[y / n];
            worst = fmax(worst, t->p[x * t->n + y] > 0.0 ? fabs(after - before) : 0.0);
        }
    }
    return worst;
}

static void check_update(const kr_update_plug *update, const tiny *system)
{
    kr_error err = { 0 };
    kr_target target = { .lattice = system->lattice, .terms = system->terms, .beta = BETA };
    void *params = tiny_params(update->name, update->fields, update->params_size, "{}", &err);
    assert_non_null(params);
    assert_true(update->supports(&target, params, &err));
    kr_update_setting setting = { .target = &target, .n_lanes = 2 };
    void *self = update->alloc(&setting, params, &err);
    assert_non_null(self);
    transition two = transition_of(system, update, self, 2, PATHS_MAX);
    double *one = tiny_law(system, BETA), *law = calloc((size_t)two.n, sizeof *law);
    double moved = 0.0;
    for (int64_t x = 0; x < two.n; x++) {
        law[x] = one[x % system->n_states] * one[x / system->n_states];
        moved = fmax(moved, 1.0 - two.p[x * two.n + x]);
    }
    assert_true(two.is_complete);
    assert_null(two.fault);
    assert_true(transition_row_error(&two) <= BALANCE_MAX);
    assert_true(transition_balance_error(&two, law) <= BALANCE_MAX);
    assert_true(transition_detailed_error(&two, law) <= DETAILED_MAX);
    assert_true(two.energy_off <= (system->terms->is_integer ? 0.0 : 1e-12));
    assert_true(pair_energy_error(&two, system) <= 1e-12);
    assert_true(moved > 0.5);
    free(law);
    free(one);
    transition_clear(&two);
    update->free(self);
    free(params);
}

static void coupled_chains_leave_the_product_of_their_laws_invariant(void **state)
{
    (void)state;
    int n_updates = 0;
    for (size_t s = 0; s < sizeof systems / sizeof *systems; s++) {
        kr_error err = { 0 };
        tiny *system = tiny_alloc(tiny_model("ising"), systems[s].model,
                                  tiny_lattice(systems[s].lattice_name), systems[s].lattice,
                                  STATES_MAX, &err);
        if (!system) {
            fail_msg("%s", err.text);
        }
        for (int k = 0; kr_registry_updates[k]; k++) {
            if (kr_registry_updates[k]->flags & KR_UPDATE_COUPLES_CHAINS) {
                check_update(kr_registry_updates[k], system);
                n_updates++;
            }
        }
        tiny_free(system);
    }
    assert_true(n_updates > 0);
}

/* An odd chain is left alone, in whatever block. */
static void a_chain_without_partner_stays(void **state)
{
    (void)state;
    kr_error err = { 0 };
    tiny *system = tiny_alloc(tiny_model("ising"), "{}", tiny_lattice("hypercubic"),
                              "{size: 3}", STATES_MAX, &err);
    assert_non_null(system);
    for (int k = 0; kr_registry_updates[k]; k++) {
        const kr_update_plug *update = kr_registry_updates[k];
        if (!(update->flags & KR_UPDATE_COUPLES_CHAINS)) {
            continue;
        }
        void *params =
            tiny_params(update->name, update->fields, update->params_size, "{}", &err);
        kr_target target = { system->lattice, system->terms, BETA };
        kr_update_setting setting = { .target = &target, .n_lanes = 3 };
        void *self = update->alloc(&setting, params, &err);
        transition three = transition_of(system, update, self, 3, PATHS_MAX);
        assert_true(three.is_complete);
        for (int64_t x = 0; x < three.n; x++) {
            for (int64_t y = 0; y < three.n; y++) {
                assert_true(three.p[x * three.n + y] == 0.0 || x / 64 == y / 64);
            }
        }
        transition_clear(&three);
        update->free(self);
        free(params);
    }
    tiny_free(system);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(coupled_chains_leave_the_product_of_their_laws_invariant),
        cmocka_unit_test(a_chain_without_partner_stays),
    };
    return cmocka_run_group_tests_name("coupled chains", tests, NULL, NULL);
}
