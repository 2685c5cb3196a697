/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/conformance_acceptance.c - every registered density with every update that proposes
 * from one, where the density is the target itself: sites in fields alone, or beta = 0. All
 * weights are equal then, and nothing may be refused. */
#include "sampled.h"

enum { N_LANES = 16, SWEEPS = 400, STATES_MAX = 1 << 20 };

typedef struct at {
    const char *model, *yaml;
    double beta;
} at;

static const at rows[] = {
    { "ising", "{}", 0.0 },
    { "ising", "{J: 0, field: 0.7}", 0.8 },
    { "ising", "{J: 0, random_field: {kind: gaussian, seed: 3}}", 1.1 },
    { "potts", "{q: 3}", 0.0 },
    { "potts", "{q: 5, J: 0, field: -0.6}", 0.9 },
    { "blume_capel", "{J: 0, D: 0.4, field: 0.2}", 0.7 },
    { .model = NULL },
};

/* Share of proposals that leave the state where all weights are equal: a choice among `tries`
 * states may fall on the present one. */
static double share_moved(const kr_update_plug *update, const void *params)
{
    for (const kr_field *f = update->fields; f && f->name; f++) {
        if (strcmp(f->name, "tries") == 0) {
            int64_t tries = *(const int64_t *)(const void *)((const char *)params + f->offset);
            return 1.0 - 1.0 / (double)tries;
        }
    }
    return 1.0;
}

/* False when the density does not take the target. */
static bool check_pair(const kr_update_plug *update, const kr_density_plug *plug,
                       const tiny *system, double beta)
{
    kr_error err = { 0 };
    kr_target target = { system->lattice, system->terms, beta, NULL };
    const bool is_block = plug->flags & KR_DENSITY_BLOCK;
    if (is_block && !(update->flags & KR_UPDATE_BLOCKS)) {
        return false;
    }
    void *params = tiny_params(plug->name, plug->fields, plug->params_size,
                               is_block ? "{size: 2}" : "{}", &err);
    void *update_params =
        tiny_params(update->name, update->fields, update->params_size, "{}", &err);
    assert_true(params && update_params);
    bool fits = plug->supports(&target, params, &err);
    kr_density density = { .plug = plug, .epoch = 1 };
    density.self = fits ? plug->alloc(&target, params, &err) : NULL;
    assert_true(!fits || density.self);
    if (fits) {
        sampled s = sampled_alloc(update->name, "{}", &target, &density, N_LANES);
        kr_block *block = sampled_block(system->terms, N_LANES, 5);
        double attempted = 0.0, accepted = 0.0, share = share_moved(update, update_params);
        for (int k = 0; k < SWEEPS; k++) {
            sampled_sweep(&s, block);
        }
        for (int l = 0; l < N_LANES; l++) {
            attempted += (double)s.tally.attempted[l];
            accepted += (double)s.tally.accepted[l];
        }
        double width = 4.6 * sqrt(share * (1.0 - share) * attempted); /* 0: all of them */
        if (!(attempted >= SWEEPS * N_LANES && fabs(accepted - share * attempted) <= width)) {
            fail_msg("%s with %s: %.0f of %.0f accepted, want %.0f(%.0f)", update->name,
                     plug->name, accepted, attempted, share * attempted, width);
        }
        kr_block_free(block);
        sampled_free(&s);
        plug->free(density.self);
    }
    free(params);
    free(update_params);
    return fits;
}

static void proposals_from_the_target_itself_are_accepted(void **state)
{
    (void)state;
    int n_checked[64] = { 0 };
    for (const at *r = rows; r->model; r++) {
        kr_error err = { 0 };
        tiny *system = tiny_alloc(tiny_model(r->model), r->yaml, tiny_lattice("hypercubic"),
                                  "{size: [4, 2], boundary: open}", STATES_MAX, &err);
        if (!system) {
            fail_msg("%s", err.text);
        }
        for (int u = 0; kr_registry_updates[u]; u++) {
            for (int d = 0; kr_registry_updates[u]->flags & KR_UPDATE_NEEDS_DENSITY &&
                            kr_registry_densities[d];
                 d++) {
                if (kr_registry_densities[d]->flags & KR_DENSITY_REAL ||
                    kr_registry_updates[u]->layouts == KR_LAYOUT_REAL) {
                    continue; /* of real variables: conformance_real.c */
                }
                n_checked[d] += check_pair(kr_registry_updates[u], kr_registry_densities[d],
                                           system, r->beta);
            }
        }
        tiny_free(system);
    }
    for (int d = 0; kr_registry_densities[d]; d++) {
        if (n_checked[d] == 0 && !(kr_registry_densities[d]->flags & KR_DENSITY_REAL)) {
            fail_msg("%s: on no system", kr_registry_densities[d]->name);
        }
        print_message("# %s: %d cases\n", kr_registry_densities[d]->name, n_checked[d]);
    }
}

/* The same sweep sees a target that is a little off: one proposal in a hundred is refused. */
static void a_target_a_little_off_is_seen(void **state)
{
    (void)state;
    kr_error err = { 0 };
    tiny *system = tiny_alloc(tiny_model("ising"), "{J: 0, field: 0.7}",
                              tiny_lattice("hypercubic"), "{size: [4, 2]}", STATES_MAX, &err);
    assert_non_null(system);
    kr_target target = { system->lattice, system->terms, 0.8, NULL }, other = target;
    other.beta = 0.81;
    int d = 0;
    while (strcmp(kr_registry_densities[d]->name, "frontier") != 0) {
        d++;
    }
    kr_density density = { .plug = kr_registry_densities[d], .epoch = 1 };
    void *params =
        tiny_params("frontier", density.plug->fields, density.plug->params_size, "{}", &err);
    density.self = density.plug->alloc(&target, params, &err);
    assert_non_null(density.self);
    sampled s = sampled_alloc("independence", "{}", &other, &density, N_LANES);
    kr_block *block = sampled_block(system->terms, N_LANES, 5);
    int64_t n_refused = 0;
    for (int k = 0; k < SWEEPS; k++) {
        sampled_sweep(&s, block);
    }
    for (int l = 0; l < N_LANES; l++) {
        n_refused += s.tally.attempted[l] - s.tally.accepted[l];
    }
    assert_true(n_refused > 0);
    kr_block_free(block);
    sampled_free(&s);
    density.plug->free(density.self);
    free(params);
    tiny_free(system);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(proposals_from_the_target_itself_are_accepted),
        cmocka_unit_test(a_target_a_little_off_is_seen),
    };
    return cmocka_run_group_tests_name("acceptance", tests, NULL, NULL);
}
