/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/conformance_adaptation.c - densities that learn while the run measures: the exact
 * transition matrix of two chains, 16 x 16 joint states of the Ising model on 2x2, by driving
 * the production sampler through every branch of its draws.
 *
 * The alternating form leaves the product of the two laws invariant. The same weights used in
 * two ways that are often taken for exact do not, which proves that the matrix would show it.
 */
#include "sampler/private.h"
#include "transition.h"

enum { STATES = 16, JOINT = STATES * STATES, PATHS_MAX = 4096, LAGS = 400 };
#define BETA      0.4
#define FIT_MAX   1e-12 /* max |pi P - pi| of what is exact */
#define SEEN_MIN  1e-3  /* and at least of what is not */
#define BIAS_MIN  3e-3  /* of the energy per site, exactly */
#define NOISE_MAX 0.2   /* covariances between the chains, in units of those within */

static const char start_of_density[] = "{hidden: 2}";

typedef struct world {
    tiny *system;
    double law[STATES], joint_law[JOINT];
    kr_target target;
    kr_schedule_entry update;
    kr_density_entry density;
    void *density_params;
    kr_sampler *sampler;
    kr_rng_tree *tree;
    double kernel[STATES][JOINT]; /* of one chain, by the state that the weights learn from */
} world;

static const kr_density_plug *density_named(const char *name)
{
    int k = 0;
    while (strcmp(kr_registry_densities[k]->name, name) != 0) {
        k++;
    }
    return kr_registry_densities[k];
}

static const kr_update_plug *update_named(const char *name)
{
    int k = 0;
    while (strcmp(kr_registry_updates[k]->name, name) != 0) {
        k++;
    }
    return kr_registry_updates[k];
}

/* Two chains, no draws yet, frozen weights away from their start. */
static kr_sampler *sampler_of(world *w, int32_t while_measuring)
{
    kr_error err = { 0 };
    const kr_sampler_config config = {
        .n_points = 1,
        .target = &w->target,
        .n_updates = 1,
        .n_densities = 1,
        .update = &w->update,
        .density = &w->density,
        .n_chains = 2,
        .seed = 3,
        .start = KR_START_RANDOM,
        .measure = INT32_MAX,
        .every = 1,
        .training = { .batch = 16,
                      .certificate = 64,
                      .while_measuring = while_measuring,
                      .turn_steps = 4,
                      .turn_rate = 0.3 },
        .n_threads = 1,
    };
    kr_sampler *s = kr_sampler_alloc(&config, &err);
    if (!s) {
        fail_msg("%s", err.text);
    }
    kr_density *density = &s->point[0].density[0];
    float *weights = density->plug->weights(density->self);
    for (size_t k = 0; k < s->point[0].trainer[0].n_weights; k++) {
        bool is_padding =
            density->plug->is_padding && density->plug->is_padding(density->self, k);
        weights[k] = is_padding ? 0.0F : weights[k] + 0.2F * (float)sin(3.0 * (double)k);
    }
    s->stage = KR_STAGE_MEASURE;
    return s;
}

static kr_block *load(const world *w, int32_t chain, int64_t x)
{
    kr_block *block = w->sampler->point[0].block[chain];
    kr_block_convert(block, KR_LAYOUT_CHAIN);
    tiny_decode(w->system, x, block->state, 1);
    block->energy[0] = w->system->energy[x];
    kr_block_touch(block);
    return block;
}

static int64_t state_of(const world *w, int32_t chain)
{
    kr_block *block = w->sampler->point[0].block[chain];
    kr_block_convert(block, KR_LAYOUT_CHAIN);
    return tiny_encode(w->system, block->state, 1);
}

/* One draw of the sampler from everywhere, along every branch: both chains share the tree. */
static transition matrix_of_sampler(world *w)
{
    kr_sampler *s = w->sampler;
    kr_error err = { 0 };
    transition t = { .n = JOINT, .p = calloc(JOINT * JOINT, sizeof(double)) };
    assert_non_null(t.p);
    for (int64_t from = 0; from < JOINT; from++) {
        int64_t n_paths = 0;
        for (int32_t chain = 0; chain < 2; chain++) {
            kr_rng_enumerate_begin(s->point[0].block[chain]->rng, w->tree);
        }
        do {
            assert_true(++n_paths <= PATHS_MAX);
            for (int32_t chain = 0; chain < 2; chain++) { /* scored, as after a draw */
                kr_schedule_log_q(&s->point[0].density[0],
                                  load(w, chain, chain ? from / STATES : from % STATES),
                                  s->scratch[0]);
            }
            s->n_draws = s->n_steps = s->stage_step = s->window_draws = 0;
            assert_ok(kr_sampler_advance(s, 1, &err), &err);
            assert_int_equal(kr_sampler_n_new(s), 1);
            t.p[from * JOINT + state_of(w, 0) + STATES * state_of(w, 1)] +=
                kr_rng_enumerate_weight(w->tree);
        } while (kr_rng_enumerate_next(w->tree));
        t.n_paths += n_paths;
    }
    return t;
}

/* The kernel of a chain under the weights that the sampler learns from each state of the other
 * one. Its frozen weights must be kept: after a draw. */
static void list_kernels(world *w)
{
    kr_sampler *s = w->sampler;
    kr_error err = { 0 };
    kr_density *density = &s->point[0].density[0];
    size_t bytes = s->point[0].trainer[0].n_weights * sizeof(float);
    float *frozen = malloc(bytes), *weights = density->plug->weights(density->self);
    memcpy(frozen, weights, bytes);
    for (int64_t x = 0; x < STATES; x++) {
        load(w, 1, x);
        assert_ok(kr_alternating_train(s, &s->point[0], 0, 1, &err), &err);
        assert_true(memcmp(frozen, weights, bytes) != 0);
        transition t = transition_of(w->system, w->update.plug, s->point[0].update[0].self, 1,
                                     PATHS_MAX * STATES);
        assert_true(t.is_complete && !t.fault);
        memcpy(w->kernel[x], t.p, sizeof w->kernel[x]);
        transition_clear(&t);
    }
    memcpy(weights, frozen, bytes);
    density->epoch++;
    free(frozen);
}

/* What each chain learns from when it moves from (a, b) to (c, d), chain 0 first. */
enum scheme { ALTERNATING, BOTH_AT_ONCE, OWN_STATE };

static transition matrix_of(const world *w, enum scheme scheme)
{
    transition t = { .n = JOINT, .p = calloc(JOINT * JOINT, sizeof(double)) };
    assert_non_null(t.p);
    for (int64_t k = 0; k < JOINT * JOINT; k++) {
        int64_t a = k / JOINT % STATES, b = k / JOINT / STATES;
        int64_t c = k % JOINT % STATES, d = k % JOINT / STATES;
        int64_t first = scheme == OWN_STATE ? a : b;
        int64_t second = scheme == OWN_STATE ? b : scheme == ALTERNATING ? c : a;
        t.p[k] = w->kernel[first][a * STATES + c] * w->kernel[second][b * STATES + d];
    }
    return t;
}

static int setup(void **state)
{
    kr_error err = { 0 };
    world *w = calloc(1, sizeof *w);
    w->system = tiny_alloc(tiny_model("ising"), "{field: 0.2}", tiny_lattice("hypercubic"),
                           "{size: [2, 2]}", STATES, &err);
    w->tree = kr_rng_tree_alloc();
    assert_non_null(w->system);
    assert_non_null(w->tree);
    double *law = tiny_law(w->system, BETA);
    memcpy(w->law, law, sizeof w->law);
    free(law);
    for (int64_t x = 0; x < JOINT; x++) {
        w->joint_law[x] = w->law[x % STATES] * w->law[x / STATES];
    }
    w->target = (kr_target){ w->system->lattice, w->system->terms, BETA, NULL };
    const kr_density_plug *plug = density_named("frontier");
    w->density_params =
        tiny_params(plug->name, plug->fields, plug->params_size, start_of_density, &err);
    w->density = (kr_density_entry){ .plug = plug, .params = w->density_params, .name = "net" };
    w->update = (kr_schedule_entry){ .plug = update_named("independence"), .sweeps = 1 };
    w->sampler = sampler_of(w, KR_TRAINING_ALTERNATING);
    load(w, 0, 0);
    load(w, 1, 0);
    assert_ok(kr_sampler_advance(w->sampler, 1, &err), &err);
    list_kernels(w);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    world *w = *state;
    kr_sampler_free(w->sampler);
    kr_rng_tree_free(w->tree);
    tiny_free(w->system);
    free(w->density_params);
    free(w);
    return 0;
}

/* ---- exact ------------------------------------------------------------------------------ */

static void alternating_leaves_the_product_of_the_laws_invariant(void **state)
{
    world *w = *state;
    transition t = matrix_of_sampler(w), want = matrix_of(w, ALTERNATING);
    double fit = transition_balance_error(&t, w->joint_law), rows = transition_row_error(&t);
    double off = 0.0;
    for (int64_t k = 0; k < JOINT * JOINT; k++) {
        off = fmax(off, fabs(t.p[k] - want.p[k]));
    }
    print_message("# %lld paths: |pi P - pi| %.1e, rows %.1e, from its halves %.1e\n",
                  (long long)t.n_paths, fit, rows, off);
    assert_true(rows <= FIT_MAX);
    assert_true(fit <= FIT_MAX);
    assert_true(off <= FIT_MAX); /* the weights have no memory: they are those of the state */
    assert_true(transition_is_irreducible(&t));
    transition_clear(&t);
    transition_clear(&want);
}

static void weights_are_the_frozen_ones_at_every_draw(void **state)
{
    world *w = *state;
    kr_error err = { 0 };
    kr_sampler *s = w->sampler;
    const kr_density *density = &s->point[0].density[0];
    size_t bytes = s->point[0].trainer[0].n_weights * sizeof(float);
    float *before = malloc(bytes);
    memcpy(before, density->plug->weights(density->self), bytes);
    for (int64_t x = 0; x < STATES; x++) {
        load(w, 0, x);
        load(w, 1, STATES - 1 - x);
        kr_rng_seed(s->point[0].block[0]->rng, 1, (uint64_t)x, KR_PURPOSE_TEST);
        kr_rng_seed(s->point[0].block[1]->rng, 2, (uint64_t)x, KR_PURPOSE_TEST);
        s->n_draws = s->stage_step = s->window_draws = 0;
        assert_ok(kr_sampler_advance(s, 1, &err), &err);
        assert_memory_equal(before, density->plug->weights(density->self), bytes);
    }
    free(before);
}

/* Sum over lags of <f(0) g(t)>, both centered; t = 0 counts half. */
static double correlation(const world *w, const transition *t, const double *f, const double *g)
{
    double now[JOINT], next[JOINT], sum = 0.0;
    memcpy(now, g, sizeof now);
    for (int lag = 0; lag < LAGS; lag++) {
        for (int64_t x = 0; x < JOINT; x++) {
            sum += (lag == 0 ? 0.5 : 1.0) * w->joint_law[x] * f[x] * now[x];
        }
        for (int64_t x = 0; x < JOINT; x++) {
            next[x] = 0.0;
            for (int64_t y = 0; y < JOINT; y++) {
                next[x] += t->p[x * JOINT + y] * now[y];
            }
        }
        memcpy(now, next, sizeof now);
    }
    return sum;
}

/* One chain per group and a rate sixty times the default, the worst of cases: at the defaults
 * the ratio is 8e-4. */
static void turns_hardly_correlate_the_chains(void **state)
{
    const world *w = *state;
    double e[2][JOINT], mean = 0.0;
    for (int64_t x = 0; x < STATES; x++) {
        mean += w->law[x] * w->system->energy[x];
    }
    for (int64_t x = 0; x < JOINT; x++) {
        e[0][x] = w->system->energy[x % STATES] - mean;
        e[1][x] = w->system->energy[x / STATES] - mean;
    }
    transition t = matrix_of(w, ALTERNATING);
    double within = correlation(w, &t, e[0], e[0]) + correlation(w, &t, e[1], e[1]);
    double between = correlation(w, &t, e[0], e[1]) + correlation(w, &t, e[1], e[0]);
    print_message("# covariances of the energies: %.2e of those within\n", between / within);
    assert_true(fabs(between) <= NOISE_MAX * within);
    transition_clear(&t);
}

/* ---- not exact -------------------------------------------------------------------------- */

/* Energy per site of both chains in the stationary law, minus the exact one. */
static double bias(const world *w, const transition *t)
{
    double law[JOINT], next[JOINT], off = 0.0;
    memcpy(law, w->joint_law, sizeof law);
    for (int step = 0; step < LAGS; step++) {
        memset(next, 0, sizeof next);
        for (int64_t k = 0; k < JOINT * JOINT; k++) {
            next[k % JOINT] += law[k / JOINT] * t->p[k];
        }
        memcpy(law, next, sizeof law);
    }
    for (int64_t x = 0; x < JOINT; x++) {
        double e = w->system->energy[x % STATES] + w->system->energy[x / STATES];
        off += (law[x] - w->joint_law[x]) * e / 2.0 / w->system->terms->n_sites;
    }
    return off;
}

static void check_is_seen(const world *w, enum scheme scheme, const char *name)
{
    transition t = matrix_of(w, scheme), good = matrix_of(w, ALTERNATING);
    double fit = transition_balance_error(&t, w->joint_law);
    print_message("# %s: |pi P - pi| %.1e, energy per site off by %+.1e\n", name, fit,
                  bias(w, &t));
    assert_true(transition_row_error(&t) <= FIT_MAX);
    assert_true(fit >= SEEN_MIN);
    assert_true(fabs(bias(w, &t)) >= BIAS_MIN);
    assert_true(fabs(bias(w, &good)) <= FIT_MAX);
    transition_clear(&t);
    transition_clear(&good);
}

static void chains_that_learn_from_each_other_at_once_are_biased(void **state)
{
    check_is_seen(*state, BOTH_AT_ONCE, "two-way cross-fit");
}

static void chains_that_learn_from_themselves_are_biased(void **state)
{
    check_is_seen(*state, OWN_STATE, "own state");
}

/* Every single kernel of all these is exact. */
static void each_kernel_alone_is_exact(void **state)
{
    const world *w = *state;
    for (int64_t x = 0; x < STATES; x++) {
        double kernel[JOINT];
        memcpy(kernel, w->kernel[x], sizeof kernel);
        const transition t = { .n = STATES, .p = kernel };
        assert_true(transition_balance_error(&t, w->law) <= FIT_MAX);
        assert_true(transition_detailed_error(&t, w->law) <= FIT_MAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alternating_leaves_the_product_of_the_laws_invariant),
        cmocka_unit_test(weights_are_the_frozen_ones_at_every_draw),
        cmocka_unit_test(turns_hardly_correlate_the_chains),
        cmocka_unit_test(each_kernel_alone_is_exact),
        cmocka_unit_test(chains_that_learn_from_each_other_at_once_are_biased),
        cmocka_unit_test(chains_that_learn_from_themselves_are_biased),
    };
    return cmocka_run_group_tests_name("adaptation", tests, setup, teardown);
}
