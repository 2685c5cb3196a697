/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/conformance_proposals.c - updates with a density, where conformance_updates.c does not
 * go: systems of 512 states, proposals drawn ahead.
 *
 * Every registered density with random weights, exact transition matrices by enumeration. */
#include "chain_density.h"
#include "stirred.h"
#include "transition.h"

#include "update/block_tail.h"

enum { STATES_MAX = 512, PATHS_MAX = 4000000 };
#define BALANCE_MAX 1e-12
#define BETA        0.6

static const kr_update_plug *update_of(const char *name)
{
    int k = 0;
    while (strcmp(kr_registry_updates[k]->name, name) != 0) {
        k++;
    }
    return kr_registry_updates[k];
}

static tiny *system_of(const char *model, const char *yaml, const char *lattice)
{
    kr_error err = { 0 };
    tiny *system = tiny_alloc(tiny_model(model), yaml, tiny_lattice("hypercubic"), lattice,
                              STATES_MAX, &err);
    if (!system) {
        fail_msg("%s", err.text);
    }
    return system;
}

static void *instance(const kr_update_plug *update, const char *yaml, const kr_target *target,
                      const kr_density *density)
{
    kr_error err = { 0 };
    void *params = tiny_params(update->name, update->fields, update->params_size, yaml, &err);
    assert_non_null(params);
    assert_true(update->supports(target, params, &err));
    kr_update_setting setting = { .target = target, .density = density, .n_lanes = 2 };
    void *self = update->alloc(&setting, params, &err);
    assert_non_null(self);
    free(params);
    return self;
}

/* With random weights. NULL where the density refuses. */
static void *stirred_from(kr_density *density, const kr_target *target, const char *yaml)
{
    kr_error err = { 0 };
    const kr_density_plug *plug = density->plug;
    void *params = tiny_params(plug->name, plug->fields, plug->params_size, yaml, &err);
    assert_non_null(params);
    density->self =
        plug->supports(target, params, &err) ? plug->alloc(target, params, &err) : NULL;
    free(params);
    if (density->self && plug->init) {
        kr_rng rng;
        kr_rng_seed(&rng, 4, 0, KR_PURPOSE_WEIGHTS);
        plug->init(density->self, &rng);
        stirred_weights(density, &rng);
        assert_ok(plug->prepare(density->self, target->beta, &err), &err);
    }
    return density->self;
}

/* Small networks: every path of the enumeration is a pass. */
static void *stirred_density(kr_density *density, const kr_target *target)
{
    const char *yaml = "{}";
    for (const kr_field *f = density->plug->fields; f && f->name; f++) {
        yaml = strcmp(f->name, "hidden") == 0  ? "{hidden: 3}"
               : strcmp(f->name, "width") == 0 ? "{width: 3}"
                                               : yaml;
    }
    return stirred_from(density, target, yaml);
}

/* The matrix of an update, checked. */
static void check_matrix(const kr_update_plug *update, const char *yaml, const tiny *system,
                         const kr_target *target, const kr_density *density,
                         bool is_irreducible)
{
    void *self = instance(update, yaml, target, density);
    transition t = transition_of(system, update, self, 1, PATHS_MAX);
    double *law = tiny_law(system, target->beta);
    double balance = transition_balance_error(&t, law), rows = transition_row_error(&t);
    if (!t.is_complete || t.fault || !(balance <= BALANCE_MAX) || !(rows <= BALANCE_MAX) ||
        !(t.energy_off <= 1e-12) || transition_is_irreducible(&t) != is_irreducible) {
        fail_msg("%s %s with %s: complete %d, %s, pi P - pi %.3g, rows %.3g, energy %.3g",
                 update->name, yaml, density->plug->name, t.is_complete,
                 t.fault ? t.fault : "counts right", balance, rows, t.energy_off);
    }
    assert_true(!(density->plug->flags & KR_DENSITY_BLOCK) ||
                transition_detailed_error(&t, law) <= 1e-13);
    free(law);
    transition_clear(&t);
    update->free(self);
}

static void check_large(const char *name, const char *yaml, const tiny *system,
                        const kr_target *target, const kr_density *density)
{
    check_matrix(update_of(name), yaml, system, target, density, true);
}

/* Random couplings and fields: no two states weigh the same. */
static void systems_of_512_states_keep_their_weights(void **state)
{
    (void)state;
    tiny *system = system_of(
        "ising",
        "{disorder: {kind: gaussian, seed: 3}, random_field: {kind: gaussian, seed: 3}}",
        "{size: [3, 3]}");
    kr_target target = { system->lattice, system->terms, BETA };
    int n_densities = 0;
    for (int k = 0; kr_registry_densities[k]; k++) {
        kr_density density = { .plug = kr_registry_densities[k], .epoch = 1 };
        if (density.plug->flags & (KR_DENSITY_BLOCK | KR_DENSITY_REAL) || !stirred_density(&density, &target)) {
            continue;
        }
        n_densities++;
        check_large("independence", "{}", system, &target, &density);
        check_large("tail_refresh", "{cut: log_uniform}", system, &target, &density);
        check_large("tail_refresh", "{cut: uniform}", system, &target, &density);
        check_large("multi_try", "{tries: 2}", system, &target, &density);
        density.plug->free(density.self);
    }
    assert_true(n_densities >= 2);
    tiny_free(system);
}

/* ---- blocks given their surroundings ----------------------------------------------------- */

/* One attempt of a sweep of tail_refresh: two of them are too many paths. */
static void attempt_once(const void *self, kr_block *block, int64_t n_sweeps, void *scratch,
                         kr_tally *tally)
{
    kr_block_tail_run(self, BETA, block, n_sweeps, scratch, tally);
}

static void *attempt_alloc(const kr_update_setting *setting, const void *params, kr_error *err)
{
    (void)params;
    kr_block_tail *tail = calloc(1, sizeof *tail);
    assert_ok(kr_block_tail_init(tail, setting->target, setting->density, true, err), err);
    return tail;
}

static void attempt_free(void *self)
{
    kr_block_tail_clear(self);
    free(self);
}

static size_t attempt_bytes(const void *self, int32_t n_lanes)
{
    (void)n_lanes;
    return kr_block_tail_scratch_bytes(self);
}

static kr_update_plug attempt_plug(void)
{
    kr_update_plug plug = *update_of("tail_refresh");
    plug.name = "one block";
    plug.alloc = attempt_alloc;
    plug.free = attempt_free;
    plug.scratch_bytes = attempt_bytes;
    plug.sweep = attempt_once;
    return plug;
}

typedef struct block_case {
    const char *model, *model_yaml, *lattice, *block, *update;
    bool is_irreducible;
} block_case;

static kr_density block_density(const kr_target *target, const char *yaml)
{
    kr_density density = { .epoch = 1 };
    for (int k = 0; kr_registry_densities[k]; k++) {
        const kr_density_plug *plug = kr_registry_densities[k];
        density.plug = strcmp(plug->name, "frontier_block") == 0 ? plug : density.plug;
    }
    assert_non_null(stirred_from(&density, target, yaml));
    return density;
}

static void check_block(const block_case *c)
{
    tiny *system = system_of(c->model, c->model_yaml, c->lattice);
    kr_target target = { system->lattice, system->terms, BETA };
    kr_density density = block_density(&target, c->block);
    const kr_update_plug once = attempt_plug(), *update = update_of("tail_refresh");
    check_matrix(c->update ? update : &once, c->update ? c->update : "{symmetry: true}", system,
                 &target, &density, c->is_irreducible);
    density.plug->free(density.self);
    tiny_free(system);
}

/* The square block meets itself across one line of sites, and on 3 x 2 goes round the torus.
 * Symmetries carry a block everywhere, else it stays where it is. */
static void blocks_drawn_anew_keep_the_weights(void **state)
{
    static const char *disorder =
        "{disorder: {kind: gaussian, seed: 3}, random_field: {kind: gaussian, seed: 3}}";
    const block_case cases[] = {
        { "ising", "{}", "{size: [3, 3]}", "{size: 2, hidden: 3}", NULL, true },
        { "ising", "{field: 0.2}", "{size: [3, 2]}", "{size: 2, at: [2, 1], hidden: 3}",
          "{symmetry: true}", true },
        { "ising", disorder, "{size: [3, 3]}", "{size: 2, at: [1, 2], hidden: 3}", "{}",
          false },
        { "ising", "{J: -0.7}", "{size: [3, 3], boundary: [antiperiodic, open]}",
          "{size: [2, 1], at: [2, 1], hidden: 3}", "{}", false },
        { "potts", "{q: 3}", "{size: [5]}", "{size: 2, hidden: 3}", NULL, true },
        { "potts", "{q: 3, field: 0.3}", "{size: [5]}", "{size: 3, at: [3], hidden: 3}",
          "{symmetry: true}", true },
        { "blume_capel", "{D: 0.4}", "{size: [5]}", "{size: 2, hidden: 3}", NULL, true },
    };
    (void)state;
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        check_block(&cases[k]);
    }
}

/* Two chains in a block. Where the block stays they are independent: the joint matrix is the
 * product. The place is drawn for both at once (KR_UPDATE_SHARES_CHOICE): then each has the law
 * that it has alone, wherever the other is, and the product of their weights stays. */
static void check_two_chains(const block_case *c)
{
    tiny *system = system_of(c->model, c->model_yaml, c->lattice);
    kr_target target = { system->lattice, system->terms, BETA };
    kr_density density = block_density(&target, c->block);
    const kr_update_plug once = attempt_plug(),
                         *update = c->update ? update_of("tail_refresh") : &once;
    void *self =
        instance(update, c->update ? c->update : "{symmetry: true}", &target, &density);
    transition one = transition_of(system, update, self, 1, PATHS_MAX);
    transition two = transition_of(system, update, self, 2, PATHS_MAX);
    double *law = tiny_law(system, BETA);
    const double product = transition_product_error(&one, &two);
    const double marginal = transition_marginal_error(&one, &two);
    const double balance = transition_pair_balance_error(&two, law, one.n);
    print_message("# two chains, %s %s: product %.1e, marginal %.1e, balance %.1e\n", c->model,
                  c->block, product, marginal, balance);
    assert_true(one.is_complete && two.is_complete && !two.fault && two.energy_off <= 1e-12);
    assert_true(marginal <= 1e-13 && balance <= BALANCE_MAX);
    assert_true(c->update ? product <= 1e-13 : product > 1e-3);
    free(law);
    transition_clear(&one);
    transition_clear(&two);
    update->free(self);
    density.plug->free(density.self);
    tiny_free(system);
}

static void blocks_of_two_chains_are_drawn_independently(void **state)
{
    const block_case cases[] = {
        { "ising", "{field: 0.2}", "{size: [4]}", "{size: 2, at: [1], hidden: 3}", "{}",
          false },
        { "ising", "{random_field: {kind: gaussian, seed: 3}}",
          "{size: [2, 2], boundary: open}", "{size: [2, 1], hidden: 3}", "{}", false },
        { "potts", "{q: 3, field: 0.3}", "{size: [3]}", "{size: 2, hidden: 3}", "{}", false },
        { "ising", "{field: 0.2}", "{size: [4]}", "{size: 2, hidden: 3}", NULL, true },
        { "potts", "{q: 3}", "{size: [3]}", "{size: 2, hidden: 3}", NULL, true },
    };
    (void)state;
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        check_two_chains(&cases[k]);
    }
}

/* ---- successive sweeps ------------------------------------------------------------------- */

/* The law of two sweeps from each state, in one call or two, by enumeration. */
static void fill_two(const transition_drive *d, int n_calls, transition *out)
{
    kr_block *block = d->block;
    kr_tally tally;
    for (int64_t from = 0; from < out->n; from++) {
        kr_rng_enumerate_begin(block->rng, d->tree);
        do {
            memset(&tally, 0, sizeof tally);
            transition_load(d, from);
            for (int32_t k = 0; k < block->n_pools; k++) {
                block->pool[k].n_used = block->pool[k].n_lanes = 0;
            }
            for (int call = 0; call < n_calls; call++) {
                d->update->sweep(d->self, block, 2 / n_calls, d->scratch, &tally);
            }
            int64_t to = transition_read(d, from, &tally, out);
            out->p[from * out->n + to] += kr_rng_enumerate_weight(d->tree);
        } while (kr_rng_enumerate_next(d->tree));
    }
}

/* Two sweeps have the square of the matrix of one: nothing kept from the first, a score or
 * proposals left over, is wrong in the second. */
static void check_square(const transition_drive *d, const transition *one)
{
    for (int n_calls = 1; n_calls <= 2; n_calls++) {
        transition two = { .n = one->n,
                           .p = calloc((size_t)(one->n * one->n), sizeof(double)) };
        fill_two(d, n_calls, &two);
        assert_null(two.fault);
        for (int64_t x = 0; x < one->n * one->n; x++) {
            double square = 0.0;
            for (int64_t y = 0; y < one->n; y++) {
                square += one->p[x / one->n * one->n + y] * one->p[y * one->n + x % one->n];
            }
            assert_true(fabs(two.p[x] - square) <= 1e-13);
        }
        transition_clear(&two);
    }
}

/* A pool, if any, holds the proposals of both sweeps. */
static void check_two_sweeps(const char *name, const char *yaml, bool has_pool)
{
    kr_error err = { 0 };
    tiny *system = system_of("potts", "{q: 3, field: 0.3}", "{size: [2], boundary: open}");
    kr_target target = { system->lattice, system->terms, BETA };
    kr_density_plug plug = chain_density_plug();
    kr_density density = { .plug = &plug, .epoch = 1 };
    density.self = plug.alloc(&target, NULL, NULL);
    const kr_update_plug *update = update_of(name);
    void *self = instance(update, yaml, &target, &density);
    transition one = transition_of(system, update, self, 1, PATHS_MAX);
    assert_true(one.is_complete);
    transition_drive d = { .system = system, .update = update, .self = self };
    d.block = kr_block_alloc(system->terms, 1, 0, 0, &err);
    if (has_pool) {
        plug.sample_tail = chain_density_sample_pooled;
        assert_ok(kr_block_add_pool(d.block, 0, &err), &err);
    }
    kr_block_convert(d.block, KR_LAYOUT_LANE);
    d.tree = kr_rng_tree_alloc();
    d.scratch = aligned_alloc(64, (update->scratch_bytes(self, 1) + 127) / 64 * 64);
    check_square(&d, &one);
    free(d.scratch);
    kr_rng_tree_free(d.tree);
    kr_block_free(d.block);
    transition_clear(&one);
    update->free(self);
    plug.free(density.self);
    tiny_free(system);
}

static void proposals_drawn_ahead_serve_successive_sweeps(void **state)
{
    (void)state;
    check_two_sweeps("independence", "{}", true);
    check_two_sweeps("multi_try", "{tries: 2}", true);
}

static void scores_kept_between_sweeps_are_right(void **state)
{
    (void)state;
    check_two_sweeps("independence", "{}", false);
    check_two_sweeps("multi_try", "{tries: 2}", false);
    check_two_sweeps("tail_refresh", "{}", false);
    check_two_sweeps("tail_refresh", "{cut: full}", false);
    check_two_sweeps("tail_refresh", "{cut: full, symmetry: true}", false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(systems_of_512_states_keep_their_weights),
        cmocka_unit_test(blocks_drawn_anew_keep_the_weights),
        cmocka_unit_test(blocks_of_two_chains_are_drawn_independently),
        cmocka_unit_test(proposals_drawn_ahead_serve_successive_sweeps),
        cmocka_unit_test(scores_kept_between_sweeps_are_right),
    };
    return cmocka_run_group_tests_name("proposals", tests, NULL, NULL);
}
