/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/conformance_flat.c - every update that takes any weight of the energy: its exact
 * transition matrix leaves w(H) invariant, for rough tables, levels and bins, and energies
 * outside the table. */
#include "made_models.h"
#include "transition.h"

#include "model/flat.h"

enum { STATES_MAX = 512, PATHS_MAX = 400000 };
#define BALANCE_MAX 1e-12

typedef struct system_row {
    const char *model, *model_yaml, *lattice, *lattice_yaml;
    double from, to; /* share of the range of energies */
    double width;    /* 0: levels or about a bin per site */
} system_row;

static const system_row systems[] = {
    { "ising", "{}", "hypercubic", "{size: [3, 3]}", 0.0, 1.0, 0.0 },
    { "ising", "{}", "hypercubic", "{size: [3, 2]}", 0.2, 0.7, 0.0 },
    { "ising", "{field: 0.3}", "hypercubic", "{size: [3, 2]}", 0.1, 0.6, 0.0 },
    { "ising", "{disorder: {kind: gaussian, seed: 3}}", "hypercubic", "{size: [2, 3]}", 0.2,
      0.8, 0.7 },
    { "ising", "{}", "hypercubic", "{size: [2, 2]}", 0.0, 1.0, 3.1 },
    { "potts", "{q: 3}", "hypercubic", "{size: [2, 2]}", 0.0, 1.0, 0.0 },
    { "potts", "{q: 3}", "hypercubic", "{size: [5]}", 0.3, 0.9, 0.0 },
    { "potts", "{q: 3, J: -1}", "hypercubic", "{size: [4], boundary: open}", 0.0, 1.0, 0.0 },
    { "potts", "{q: 5}", "hypercubic", "{size: [3]}", 0.0, 1.0, 0.0 },
    { "potts", "{q: 3, field: 0.4}", "hypercubic", "{size: [2, 2]}", 0.1, 0.9, 0.0 },
    { "potts", "{q: 3, disorder: {kind: gaussian, seed: 2}}", "hypercubic", "{size: [4]}", 0.1,
      0.9, 0.0 },
    { "blume_capel", "{D: 1}", "hypercubic", "{size: [2, 2]}", 0.0, 0.5, 0.0 },
    { "blume_capel", "{D: 0.7}", "triangular", "{size: [2, 2]}", 0.2, 0.9, 0.0 },
};
enum { N_SYSTEMS = sizeof systems / sizeof *systems };

static tiny *make(const system_row *row)
{
    kr_error err = { 0 };
    tiny *t = tiny_alloc(tiny_model(row->model), row->model_yaml, tiny_lattice(row->lattice),
                         row->lattice_yaml, STATES_MAX, &err);
    if (!t) {
        fail_msg("%s %s: %s", row->model, row->model_yaml, err.text);
    }
    return t;
}

/* A table with entries that vary by some units from bin to bin. */
static kr_flat_weights rough_table(const system_row *row, const tiny *t, uint64_t seed)
{
    kr_error err = { 0 };
    kr_flat_weights flat;
    kr_rng rng;
    double low = t->energy[0], high = t->energy[0];
    for (int64_t x = 1; x < t->n_states; x++) {
        low = fmin(low, t->energy[x]);
        high = fmax(high, t->energy[x]);
    }
    double from = low + row->from * (high - low), to = low + row->to * (high - low);
    assert_ok(kr_flat_init(&flat, t->terms, from, to, row->width, 0.4, &err), &err);
    kr_rng_seed(&rng, seed, 0, KR_PURPOSE_TEST);
    for (int32_t k = 0; k < flat.n_bins; k++) {
        flat.log_w[k] = 0.8 * kr_rng_normal(&rng);
    }
    flat.beta_low = 0.3;
    flat.beta_high = -0.2;
    kr_flat_refresh(&flat);
    return flat;
}

static double *law_of(const tiny *t, const kr_flat_weights *flat)
{
    double *law = calloc((size_t)t->n_states, sizeof *law), sum = 0.0;
    for (int64_t x = 0; x < t->n_states; x++) {
        law[x] = exp(kr_flat_log_w(flat, t->energy[x]));
        sum += law[x];
    }
    for (int64_t x = 0; x < t->n_states; x++) {
        law[x] /= sum;
    }
    return law;
}

static bool matrix(const kr_update_plug *update, const char *choice, const tiny *t,
                   const kr_flat_weights *flat, transition *out)
{
    kr_error err = { 0 };
    const kr_target target = {
        .lattice = t->lattice, .terms = t->terms, .beta = 5.0, .flat = flat
    };
    void *params = tiny_params(update->name, update->fields, update->params_size, choice, &err);
    assert_non_null(params);
    if (!update->supports(&target, params, &err)) {
        free(params);
        return false;
    }
    const kr_update_setting setting = { .target = &target, .n_lanes = 1 };
    void *self = update->alloc(&setting, params, &err);
    free(params);
    assert_non_null(self);
    *out = transition_of(t, update, self, 1, PATHS_MAX);
    update->free(self);
    return true;
}

/* Returns whether the whole matrix was listed. */
static bool check(const kr_update_plug *update, const char *choice, const system_row *row,
                  uint64_t seed)
{
    tiny *t = make(row);
    kr_flat_weights flat = rough_table(row, t, seed);
    double *law = law_of(t, &flat);
    transition m = { 0 };
    bool is_listed = matrix(update, choice, t, &flat, &m) && m.is_complete;
    if (is_listed) {
        double balance = transition_balance_error(&m, law), rows = transition_row_error(&m);
        if (m.fault || !(balance <= BALANCE_MAX && rows <= BALANCE_MAX)) {
            fail_msg("%s %s on %s %s %s: %s, pi P - pi %.3g, rows off by %.3g", update->name,
                     choice, row->model, row->model_yaml, row->lattice_yaml,
                     m.fault ? m.fault : "", balance, rows);
        }
        if (update->flags & KR_UPDATE_IRREDUCIBLE) {
            assert_true(transition_is_irreducible(&m));
        }
    }
    transition_clear(&m);
    free(law);
    kr_flat_clear(&flat);
    tiny_free(t);
    return is_listed;
}

static void updates_for_any_weight_leave_it_invariant(void **state)
{
    (void)state;
    static const char *const choice[] = { "{}", "{order: checkerboard}", "{order: random}" };
    int n_updates = 0;
    for (int k = 0; kr_registry_updates[k]; k++) {
        const kr_update_plug *update = kr_registry_updates[k];
        if (!(update->flags & KR_UPDATE_ANY_WEIGHT)) {
            continue;
        }
        int n_listed = 0;
        for (int s = 0; s < N_SYSTEMS; s++) {
            for (int c = 0; c < (update->fields && update->fields->name ? 3 : 1); c++) {
                n_listed += check(update, choice[c], &systems[s], (uint64_t)s);
            }
        }
        print_message("# %s: %d matrices\n", update->name, n_listed);
        assert_true(n_listed > N_SYSTEMS / 2);
        n_updates++;
    }
    assert_true(n_updates >= 2);
}

static const kr_update_plug *multicanonical(void)
{
    for (int k = 0; kr_registry_updates[k]; k++) {
        if (strcmp(kr_registry_updates[k]->name, "multicanonical") == 0) {
            return kr_registry_updates[k];
        }
    }
    fail_msg("no update multicanonical");
    return NULL;
}

/* Where w is constant a certain flip would alternate between two halves of the states. */
static void flat_weights_do_not_make_the_sweep_cycle(void **state)
{
    (void)state;
    for (int s = 0; s < 2; s++) {
        tiny *t = make(&systems[s]);
        kr_flat_weights flat = rough_table(&systems[s], t, 1);
        memset(flat.log_w, 0, (size_t)flat.n_bins * sizeof *flat.log_w);
        flat.beta_low = flat.beta_high = 0.0;
        kr_flat_refresh(&flat);
        transition m;
        bool is_there = matrix(multicanonical(), "{}", t, &flat, &m);
        assert_true(is_there && m.is_complete && transition_is_irreducible(&m));
        for (int64_t x = 0; x < m.n; x++) {
            assert_true(m.p[x * m.n + x] > 0.0);
        }
        transition_clear(&m);
        kr_flat_clear(&flat);
        tiny_free(t);
    }
}

/* Planted error: one entry of the table off by 1e-5. */
static void an_entry_of_the_table_off_by_1e_5_is_seen(void **state)
{
    (void)state;
    static const int with_levels[] = { 0, 5, 8 };
    for (int k = 0; k < 3; k++) {
        int s = with_levels[k];
        tiny *t = make(&systems[s]);
        kr_flat_weights flat = rough_table(&systems[s], t, 7);
        double *law = law_of(t, &flat);
        transition m;
        flat.log_w[kr_flat_bin(&flat, t->energy[1])] += 1e-5;
        kr_flat_refresh(&flat);
        bool is_there = matrix(multicanonical(), "{}", t, &flat, &m);
        assert_true(is_there && m.is_complete);
        assert_true(transition_balance_error(&m, law) > 1000.0 * BALANCE_MAX);
        transition_clear(&m);
        free(law);
        kr_flat_clear(&flat);
        tiny_free(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(updates_for_any_weight_leave_it_invariant),
        cmocka_unit_test(flat_weights_do_not_make_the_sweep_cycle),
        cmocka_unit_test(an_entry_of_the_table_off_by_1e_5_is_seen),
    };
    return cmocka_run_group_tests_name("weights of the energy", tests, NULL, NULL);
}
