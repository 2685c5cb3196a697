/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/conformance_updates.c - every registered update on every registered model and lattice:
 * the exact transition matrix of the production sweep leaves exp(-beta H) invariant.
 *
 * The list of subtests follows from the registries. A new update, model or lattice is covered
 * without a change here as long as the smallest values its fields take make a system of at most
 * STATES_MAX states; rows below add systems that show more. */
#include "chain_density.h"
#include "field_values.h"
#include "graph_file.h"
#include "made_models.h"
#include "stirred.h"
#include "transition.h"

enum {
    STATES_MAX = 512,         /* 3x3 Ising */
    GENERIC_STATES_MAX = 125, /* for parameters that no row asked for */
    SMALL = 16,               /* states up to which extremes of beta are tried too */
    DENSITY_STATES_MAX = 64,
    DENSITY_PATHS_MAX = 32768, /* every path is a pass of a density */
    MIX_STATES_MAX = 81,
    PATHS_MAX = 300000,      /* larger trees of draws are left to smaller systems */
    DEEP_PATHS_MAX = 700000, /* but for deep rows: 610352 of Swendsen-Wang, 4x2 open */
};
#define BALANCE_MAX  1e-12
#define DETAILED_MAX 1e-13
#define BETA         0.6

typedef struct row {
    const char *plug, *yaml;
    bool is_deep; /* of model and lattice: larger trees are walked too */
} row;

/* Beside what generic_yaml makes of the fields. */
static const row model_rows[] = {
    { "ising", "{J: -1}" },
    { "ising", "{J: 0.7, field: -0.3, random_field: {kind: gaussian, seed: 5}}", true },
    { "potts", "{q: 3}" },
    { "potts", "{q: 3, J: -1, field: 0.4}" },
    { "potts", "{q: 3, disorder: {kind: gaussian, seed: 2}}" },
    { "potts", "{q: 4, field: -0.5}" },
    { "clock", "{q: 5, disorder: {kind: pm1, seed: 3}}" },
    { "ashkin_teller", "{K: 0.4, field: 0.2}" },
    { .plug = NULL },
};

/* A lattice without rows here is tried with sizes 2, [2, 2], [3, 3], [2, 2, 1]. */
static const row lattice_rows[] = {
    { "hypercubic", "{size: [1]}" },
    { "hypercubic", "{size: [2]}" }, /* two bonds between the sites */
    { "hypercubic", "{size: [2], boundary: open}" },
    { "hypercubic", "{size: [3]}" },
    { "hypercubic", "{size: [5]}" },
    { "hypercubic", "{size: [5], boundary: antiperiodic}" },
    { "hypercubic", "{size: [2, 2]}" },
    { "hypercubic", "{size: [2, 2], boundary: [antiperiodic, open]}" },
    { "hypercubic", "{size: [3, 2]}" },
    { "hypercubic", "{size: [4, 2], boundary: open}", true },
    { "hypercubic", "{size: [3, 3], boundary: open}" },
    { "hypercubic", "{size: [3, 3]}" },
    { "triangular", "{size: [2, 2]}" },
    { "triangular", "{size: [2, 3], boundary: open}" },
    { "triangular", "{size: [3, 3]}" },
    { "honeycomb", "{size: [2, 2]}" },
    { "complete", "{size: 2, weight: 1/N}" },
    { "complete", "{size: 4, weight: 1/sqrt(N)}" },
    { "graph", "{file: conformance_updates_tail.txt}" },
    { "graph", "{file: conformance_updates_tail.txt, n_sites: 5}" },
    { .plug = NULL },
};

/* Reversible by construction: update and choice. A sweep in a fixed order is not. */
static const row reversible_rows[] = {
    { "heat_bath", "{order: random}" },
    { "metropolis", "{order: random}" },
    { "wolff", NULL },
    { "swendsen_wang", NULL },
    { "independence", NULL },
    { "tail_refresh", "{}" }, /* not after a random symmetry */
    { "tail_refresh", "{cut: log_uniform}" },
    { "tail_refresh", "{cut: uniform}" },
    { "tail_refresh", "{cut: full}" },
    { "multi_try", NULL },
    { .plug = NULL },
};

typedef struct system_case {
    const kr_model_plug *model;
    const kr_lattice_plug *lattice;
    char model_yaml[YAML_MAX], lattice_yaml[YAML_MAX];
    int64_t max_paths;
    tiny *system;
    kr_error err; /* when system is NULL */
} system_case;

typedef struct update_case {
    const system_case *at;
    const kr_update_plug *update;
    const kr_density_plug *density; /* NULL unless the update needs one */
    uint32_t completed;             /* bit per choice: the whole matrix was listed */
    char name[3 * YAML_MAX];
} update_case;

/* ---- one matrix ---------------------------------------------------------------------------
 */

static bool is_reversible(const char *update, const char *choice)
{
    for (const row *r = reversible_rows; r->plug; r++) {
        if (strcmp(r->plug, update) == 0 && (!r->yaml || strcmp(r->yaml, choice) == 0)) {
            return true;
        }
    }
    return false;
}

static bool is_of_block(const kr_density *density)
{
    return density && density->plug->flags & KR_DENSITY_BLOCK;
}

static void check_matrix(const kr_update_plug *update, const char *choice, const tiny *system,
                         double beta, const kr_density *density, const transition *t)
{
    double *law = tiny_law(system, beta);
    double rows = transition_row_error(t), balance = transition_balance_error(t, law);
    double detailed =
        is_reversible(update->name, choice) ? transition_detailed_error(t, law) : 0.0;
    free(law);
    if (t->fault) {
        fail_msg("%s %s, beta %g: %s", update->name, choice, beta, t->fault);
    }
    if (!(rows <= BALANCE_MAX && balance <= BALANCE_MAX && detailed <= DETAILED_MAX)) {
        fail_msg("%s %s, beta %g: rows off by %.3g, pi P - pi %.3g, detailed balance %.3g",
                 update->name, choice, beta, rows, balance, detailed);
    }
    if (!(t->energy_off <= (system->terms->is_integer ? 0.0 : 1e-12))) {
        fail_msg("%s %s, beta %g: energy off by %.3g", update->name, choice, beta,
                 t->energy_off);
    }
    if (update->flags & KR_UPDATE_IRREDUCIBLE && beta == BETA && !is_of_block(density) &&
        !transition_is_irreducible(t)) {
        fail_msg("%s %s, beta %g: not irreducible", update->name, choice, beta);
    }
}

/* False when the tree of draws is too large or the combination is refused (with a reason). */
static bool list_matrix(const kr_update_plug *update, const char *choice, const tiny *system,
                        double beta, const kr_density *density, int64_t max_paths)
{
    kr_error err = { 0 };
    kr_target target = { .lattice = system->lattice, .terms = system->terms, .beta = beta };
    void *params = tiny_params(update->name, update->fields, update->params_size, choice, &err);
    if (!params) {
        fail_msg("%s %s: %s", update->name, choice, err.text);
    }
    if (!update->supports(&target, params, &err)) {
        free(params);
        assert_true(err.text[0] != 0);
        return false;
    }
    kr_update_setting setting = { .target = &target, .density = density, .n_lanes = 1 };
    void *self = update->alloc(&setting, params, &err);
    free(params);
    if (!self && is_of_block(density) && err.status == KR_EUNSUP) {
        assert_true(err.text[0] != 0);
        return false;
    }
    if (!self) {
        fail_msg("%s %s: %s", update->name, choice, err.text);
    }
    assert_true(!is_of_block(density) || update->flags & KR_UPDATE_BLOCKS);
    transition t = transition_of(system, update, self, 1, max_paths);
    update->free(self);
    bool is_complete = t.is_complete;
    if (is_complete) {
        check_matrix(update, choice, system, beta, density, &t);
    }
    transition_clear(&t);
    return is_complete;
}

/* ---- subtests -----------------------------------------------------------------------------
 */

static const tiny *system_of(const system_case *at)
{
    if (!at->system) {
        fail_msg("no system: %s", at->err.text);
    }
    return at->system;
}

static void leaves_the_weights_invariant(void **state)
{
    /* a negative one is refused or as exact as the others */
    static const double betas[] = { BETA, 0.0, 300.0, -BETA };
    update_case *c = *state;
    const tiny *system = system_of(c->at);
    char choice[CHOICES_MAX][YAML_MAX];
    int n_choices = choices_of(c->update->fields, choice);
    int n_betas = system->n_states <= SMALL ? 4 : 1;
    for (int k = 0; k < n_choices; k++) {
        for (int b = 0; b < n_betas; b++) {
            int64_t max_paths = k == 0 ? c->at->max_paths : PATHS_MAX;
            if (list_matrix(c->update, choice[k], system, betas[b], NULL, max_paths)) {
                c->completed |= 1U << k;
            }
        }
    }
}

/* Fresh and stirred weights of a few seeds. */
static void leaves_the_weights_invariant_with_a_density(void **state)
{
    update_case *c = *state;
    const tiny *system = system_of(c->at);
    kr_target target = { .lattice = system->lattice, .terms = system->terms, .beta = BETA };
    char yaml[YAML_MAX];
    kr_error err = { 0 };
    generic_yaml(c->density->fields, REQUIRED_ONLY, yaml);
    void *params =
        tiny_params(c->density->name, c->density->fields, c->density->params_size, yaml, &err);
    assert_non_null(params);
    if (c->density->supports && !c->density->supports(&target, params, &err)) {
        assert_true(err.text[0] != 0);
        free(params);
        return;
    }
    kr_density density = { .plug = c->density,
                           .self = c->density->alloc(&target, params, &err) };
    free(params);
    if (!density.self) {
        fail_msg("%s: %s", c->density->name, err.text);
    }
    char choice[CHOICES_MAX][YAML_MAX];
    int n_choices = choices_of(c->update->fields, choice);
    for (uint64_t seed = 0; seed < (system->n_states <= SMALL ? 4 : 1); seed++) {
        kr_rng rng;
        kr_rng_seed(&rng, seed, 0, KR_PURPOSE_WEIGHTS);
        if (c->density->init) {
            c->density->init(density.self, &rng);
        }
        if (seed != 1) {
            stirred_weights(&density, &rng);
        }
        density.epoch++;
        if (c->density->prepare) {
            assert_ok(c->density->prepare(density.self, BETA, &err), &err);
        }
        for (int k = 0; k < n_choices; k++) { /* not again what was too large */
            if ((seed == 0 || c->completed >> k & 1) &&
                list_matrix(c->update, choice[k], system, BETA, &density, DENSITY_PATHS_MAX)) {
                c->completed |= 1U << k;
            }
        }
    }
    c->density->free(density.self);
}

/* One sweep each of all updates that take the system, in registry order. */
static void mix_of_all_updates_reaches_every_state(void **state)
{
    const tiny *system = system_of(*state);
    kr_target target = { .lattice = system->lattice, .terms = system->terms, .beta = BETA };
    size_t n = (size_t)system->n_states;
    transition mix = { .n = system->n_states, .p = calloc(n * n, sizeof(double)) };
    double *product = calloc(n * n, sizeof *product);
    int n_parts = 0;
    for (size_t x = 0; x < n; x++) {
        mix.p[x * n + x] = 1.0;
    }
    for (int k = 0; kr_registry_updates[k]; k++) {
        const kr_update_plug *update = kr_registry_updates[k];
        kr_error err = { 0 };
        void *params =
            tiny_params(update->name, update->fields, update->params_size, "{}", &err);
        assert_non_null(params);
        bool fits = tiny_takes_states(update->layouts) &&
                    !(update->flags & KR_UPDATE_NEEDS_DENSITY) &&
                    update->supports(&target, params, &err);
        kr_update_setting setting = { .target = &target, .n_lanes = 1 };
        void *self = fits ? update->alloc(&setting, params, &err) : NULL;
        free(params);
        if (!self) {
            continue;
        }
        transition t = transition_of(system, update, self, 1, PATHS_MAX);
        update->free(self);
        if (t.is_complete) {
            memset(product, 0, n * n * sizeof *product);
            for (size_t x = 0; x < n; x++) {
                for (size_t y = 0; y < n; y++) {
                    for (size_t z = 0; z < n && mix.p[x * n + y] > 0.0; z++) {
                        product[x * n + z] += mix.p[x * n + y] * t.p[y * n + z];
                    }
                }
            }
            memcpy(mix.p, product, n * n * sizeof *product);
            n_parts++;
        }
        transition_clear(&t);
    }
    double *law = tiny_law(system, BETA);
    assert_true(n_parts > 0);
    assert_true(transition_balance_error(&mix, law) <= BALANCE_MAX);
    assert_true(transition_is_irreducible(&mix));
    free(law);
    free(product);
    transition_clear(&mix);
}

/* Two chains in a block: their matrix is the product of two. Chains that share a choice move
 * each as it would alone, and pi x pi stays, so that in equilibrium they are uncorrelated. The
 * first choice whose draws for two chains can be listed is tried. For updates that couple
 * chains see conformance_coupled.c. */
static void chains_of_a_block_are_independent(void **state)
{
    update_case *c = *state;
    const tiny *system = system_of(c->at);
    kr_target target = { .lattice = system->lattice, .terms = system->terms, .beta = BETA };
    kr_error err = { 0 };
    kr_density density = { .plug = c->density, .epoch = 1 };
    if (c->density) {
        density.self = c->density->alloc(&target, NULL, &err);
    }
    char choice[CHOICES_MAX][YAML_MAX];
    int n_choices = choices_of(c->update->fields, choice);
    bool is_listed = false;
    for (int k = 0; k < n_choices && !is_listed; k++) {
        void *params = tiny_params(c->update->name, c->update->fields, c->update->params_size,
                                   choice[k], &err);
        assert_non_null(params);
        kr_update_setting setting = { .target = &target,
                                      .density = c->density ? &density : NULL,
                                      .n_lanes = 2 };
        void *self = c->update->alloc(&setting, params, &err);
        assert_non_null(self);
        transition one = transition_of(system, c->update, self, 1, PATHS_MAX);
        transition two = transition_of(system, c->update, self, 2, PATHS_MAX);
        is_listed = one.is_complete && two.is_complete;
        assert_null(two.fault);
        if (is_listed && c->update->flags & KR_UPDATE_SHARES_CHOICE) {
            double *law = tiny_law(system, BETA);
            assert_true(transition_marginal_error(&one, &two) <= 1e-13);
            assert_true(transition_pair_balance_error(&two, law, one.n) <= BALANCE_MAX);
            free(law);
        } else if (is_listed) {
            assert_true(transition_product_error(&one, &two) <= 1e-13);
        }
        transition_clear(&one);
        transition_clear(&two);
        c->update->free(self);
        free(params);
    }
    assert_true(is_listed);
    if (c->density) {
        c->density->free(density.self);
    }
}

/* ---- the list of subtests -----------------------------------------------------------------
 */

typedef struct suite {
    size_t n_systems, n_cases, n_tests;
    system_case *systems;
    update_case *cases;
    struct CMUnitTest *tests;
    char (*names)[3 * YAML_MAX];
    kr_density_plug chain; /* beside the registered densities */
} suite;

enum { SYSTEMS_MAX = 4096, TESTS_MAX = 32768 };

/* Every choice of every update was listed whole on some system. */
static void every_update_and_choice_was_listed(void **state)
{
    const suite *s = *state;
    for (int k = 0; kr_registry_updates[k]; k++) {
        const kr_update_plug *update = kr_registry_updates[k];
        if (!tiny_takes_states(update->layouts)) {
            continue;
        }
        char choice[CHOICES_MAX][YAML_MAX];
        int n = choices_of(update->fields, choice);
        uint32_t completed = 0;
        for (size_t c = 0; c < s->n_cases; c++) {
            completed |= s->cases[c].update == update ? s->cases[c].completed : 0;
        }
        for (int m = 0; m < n; m++) {
            if (!(completed >> m & 1)) {
                fail_msg("%s %s: on no system", update->name, choice[m]);
            }
        }
    }
}

static void add_test(suite *s, const char *name, CMUnitTestFunction test, void *state)
{
    if (s->n_tests == TESTS_MAX) {
        abort();
    }
    (void)snprintf(s->names[s->n_tests], sizeof s->names[0], "%s", name);
    s->tests[s->n_tests] = (struct CMUnitTest){ .name = s->names[s->n_tests],
                                                .test_func = test,
                                                .initial_state = state };
    s->n_tests++;
}

static update_case *add_case(suite *s, const system_case *at, const kr_update_plug *update,
                             const kr_density_plug *density, const char *what,
                             CMUnitTestFunction test)
{
    if (s->n_cases == TESTS_MAX) {
        abort();
    }
    update_case *c = &s->cases[s->n_cases++];
    *c = (update_case){ .at = at, .update = update, .density = density };
    (void)snprintf(c->name, sizeof c->name, "%s%s%s %s: %s %s on %s %s", update->name,
                   density ? " with " : "", density ? density->name : "", what, at->model->name,
                   at->model_yaml, at->lattice->name, at->lattice_yaml);
    add_test(s, c->name, test, c);
    return c;
}

/* A refused or too large system adds nothing; any other error makes its subtests fail. */
static void add_system(suite *s, const kr_model_plug *model, const row *of_model,
                       const kr_lattice_plug *lattice, const row *of_lattice)
{
    for (size_t k = 0; k < s->n_systems; k++) {
        const system_case *old = &s->systems[k];
        if (old->model == model && old->lattice == lattice &&
            strcmp(old->model_yaml, of_model->yaml) == 0 &&
            strcmp(old->lattice_yaml, of_lattice->yaml) == 0) {
            return;
        }
    }
    if (s->n_systems == SYSTEMS_MAX) {
        abort();
    }
    system_case *at = &s->systems[s->n_systems];
    *at = (system_case){ .model = model, .lattice = lattice };
    at->max_paths = of_model->is_deep && of_lattice->is_deep ? DEEP_PATHS_MAX : PATHS_MAX;
    (void)snprintf(at->model_yaml, sizeof at->model_yaml, "%s", of_model->yaml);
    (void)snprintf(at->lattice_yaml, sizeof at->lattice_yaml, "%s", of_lattice->yaml);
    at->system = tiny_alloc(model, at->model_yaml, lattice, at->lattice_yaml,
                            of_model->plug ? STATES_MAX : GENERIC_STATES_MAX, &at->err);
    if (at->system || at->err.status != KR_EUNSUP) {
        s->n_systems++;
    }
}

static bool has_rows(const row *rows, const char *plug)
{
    while (rows->plug && strcmp(rows->plug, plug) != 0) {
        rows++;
    }
    return rows->plug != NULL;
}

static void add_lattices(suite *s, const kr_model_plug *model, const row *of_model)
{
    static const row sizes[] = { { "", "{size: 2}" },
                                 { "", "{size: [2, 2]}" },
                                 { "", "{size: [3, 3]}" },
                                 { "", "{size: [2, 2, 1]}" } };
    for (int k = 0; kr_registry_lattices[k]; k++) {
        const kr_lattice_plug *lattice = kr_registry_lattices[k];
        for (const row *r = lattice_rows; r->plug; r++) {
            if (strcmp(r->plug, lattice->name) == 0) {
                add_system(s, model, of_model, lattice, r);
            }
        }
        for (size_t m = 0; m < 4 && !has_rows(lattice_rows, lattice->name); m++) {
            kr_error err = { 0 };
            void *params = tiny_params(lattice->name, lattice->fields, lattice->params_size,
                                       sizes[m].yaml, &err);
            kr_lattice *built = params ? kr_lattice_alloc(lattice, params, &err) : NULL;
            if (built) {
                add_system(s, model, of_model, lattice, &sizes[m]);
            }
            kr_lattice_free(built);
            free(params);
        }
    }
}

/* Registered models with required fields only, and rows, up to STATES_MAX. */
static void add_model(suite *s, const kr_model_plug *model, bool is_registered)
{
    for (int flavor = 0; flavor < FLAVORS; flavor++) {
        char yaml[YAML_MAX];
        generic_yaml(model->fields, (enum flavor)flavor, yaml);
        bool is_row = is_registered && flavor == REQUIRED_ONLY;
        const row generic = { .plug = is_row ? model->name : NULL, .yaml = yaml };
        add_lattices(s, model, &generic);
    }
    for (const row *r = model_rows; r->plug; r++) {
        if (strcmp(r->plug, model->name) == 0) {
            add_lattices(s, model, r);
        }
    }
}

static void add_cases(suite *s, const system_case *at)
{
    int64_t n = at->system ? at->system->n_states : 0;
    for (int k = 0; kr_registry_updates[k]; k++) {
        const kr_update_plug *update = kr_registry_updates[k];
        if (!tiny_takes_states(update->layouts)) {
            continue;
        }
        if (!(update->flags & KR_UPDATE_NEEDS_DENSITY)) {
            add_case(s, at, update, NULL, "leaves the weights invariant",
                     leaves_the_weights_invariant);
            continue;
        }
        for (int m = -1; n <= DENSITY_STATES_MAX && (m < 0 || kr_registry_densities[m]); m++) {
            const kr_density_plug *density = m < 0 ? &s->chain : kr_registry_densities[m];
            if (!(density->flags & KR_DENSITY_REAL)) {
                add_case(s, at, update, density, "leaves the weights invariant",
                         leaves_the_weights_invariant_with_a_density);
            }
        }
    }
    if (n <= MIX_STATES_MAX) {
        char name[3 * YAML_MAX];
        (void)snprintf(name, sizeof name,
                       "mix of all updates reaches every state: %s %s on %s %s",
                       at->model->name, at->model_yaml, at->lattice->name, at->lattice_yaml);
        add_test(s, name, mix_of_all_updates_reaches_every_state,
                 (void *)(uintptr_t)(const void *)at);
    }
}

/* Two sites, one bond: small enough for the draws of two chains at once. */
static void add_lane_tests(suite *s)
{
    for (size_t k = 0; k < s->n_systems; k++) {
        const system_case *at = &s->systems[k];
        if (!at->system || at->system->n_states != 4 || at->system->lattice->n_bonds != 1) {
            continue;
        }
        kr_target target = { at->system->lattice, at->system->terms, BETA };
        for (int m = 0; kr_registry_updates[m]; m++) {
            const kr_update_plug *update = kr_registry_updates[m];
            kr_error err = { 0 };
            void *params =
                tiny_params(update->name, update->fields, update->params_size, "{}", &err);
            if (params && tiny_takes_states(update->layouts) &&
                !(update->flags & KR_UPDATE_COUPLES_CHAINS) &&
                update->supports(&target, params, &err)) {
                bool needs = update->flags & KR_UPDATE_NEEDS_DENSITY;
                add_case(s, at, update, needs ? &s->chain : NULL, "moves chains independently",
                         chains_of_a_block_are_independent);
            }
            free(params);
        }
    }
}

static void suite_build(suite *s)
{
    s->systems = calloc(SYSTEMS_MAX, sizeof *s->systems);
    s->cases = calloc(TESTS_MAX, sizeof *s->cases);
    s->tests = calloc(TESTS_MAX, sizeof *s->tests);
    s->names = calloc(TESTS_MAX, sizeof *s->names);
    s->chain = chain_density_plug();
    for (int k = 0; kr_registry_models[k]; k++) {
        if (kr_registry_models[k]->n_states) {
            add_model(s, kr_registry_models[k], true);
        }
    }
    for (int k = 0; k < MADE_MODELS; k++) {
        add_model(s, &made_models[k], false);
    }
    for (size_t k = 0; k < s->n_systems; k++) {
        add_cases(s, &s->systems[k]);
    }
    add_lane_tests(s);
    add_test(s, "every update and choice was listed", every_update_and_choice_was_listed, s);
}

int main(void)
{
    graph_write("conformance_updates_tail.txt", graph_tail);
    suite s = { 0 };
    suite_build(&s);
    int n_failed = _cmocka_run_group_tests("updates", s.tests, s.n_tests, NULL, NULL);
    for (size_t k = 0; k < s.n_systems; k++) {
        tiny_free(s.systems[k].system);
    }
    free(s.systems);
    free(s.cases);
    free(s.tests);
    free(s.names);
    return n_failed;
}
