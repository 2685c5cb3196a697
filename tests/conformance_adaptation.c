/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/conformance_adaptation.c - densities that learn while the run measures: the exact
 * transition matrix of two chains, 16 x 16 joint states of the Ising model on 2x2, by driving
 * the production sampler through every branch of its draws.
 *
 * Further, groups of several chains of two sites, and a local update beside the proposals.
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
    int32_t n_updates, n_chains;
    kr_schedule_entry update[2]; /* the last one proposes from the density */
    kr_density_entry density;
    void *density_params, *local_params;
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

/* No draws yet, frozen weights away from their start. */
static kr_sampler *sampler_of(const world *w)
{
    kr_error err = { 0 };
    const kr_sampler_config config = {
        .n_points = 1,
        .target = &w->target,
        .n_updates = w->n_updates,
        .n_densities = 1,
        .update = w->update,
        .density = &w->density,
        .n_chains = w->n_chains,
        .seed = 3,
        .start = KR_START_RANDOM,
        .measure = INT32_MAX,
        .every = 1,
        .training = { .batch = 16,
                      .certificate = 64,
                      .while_measuring = KR_TRAINING_ALTERNATING,
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

/* States of the chains of a block, digits of x in base n_states. */
static kr_block *load(const world *w, int32_t b, int64_t x)
{
    kr_block *block = w->sampler->point[0].block[b];
    kr_block_convert(block, KR_LAYOUT_CHAIN);
    for (int32_t l = 0; l < block->n_lanes; l++, x /= w->system->n_states) {
        int64_t lane = x % w->system->n_states;
        tiny_decode(w->system, lane, block->state + l * block->n_sites, 1);
        block->energy[l] = w->system->energy[lane];
    }
    kr_block_touch(block);
    return block;
}

/* Both blocks at once, scored as after a draw. */
static void load_joint(const world *w, int64_t x)
{
    const kr_point *point = &w->sampler->point[0];
    for (int32_t b = 0; b < 2; b++) {
        kr_block *block = load(w, b, x);
        kr_schedule_log_q(&point->density[0], block, w->sampler->scratch[0]);
        for (int32_t l = 0; l < block->n_lanes; l++) {
            x /= w->system->n_states;
        }
    }
}

static int64_t joint_state(const world *w)
{
    int64_t x = 0, scale = 1;
    for (int32_t b = 0; b < 2; b++) {
        kr_block *block = w->sampler->point[0].block[b];
        kr_block_convert(block, KR_LAYOUT_CHAIN);
        for (int32_t l = 0; l < block->n_lanes; l++, scale *= w->system->n_states) {
            x += scale * tiny_encode(w->system, block->state + l * block->n_sites, 1);
        }
    }
    return x;
}

/* One draw of the sampler from everywhere, along every branch: the blocks share the tree. */
static transition matrix_of_sampler(const world *w, int64_t n_joint)
{
    kr_sampler *s = w->sampler;
    kr_error err = { 0 };
    transition t = { .n = n_joint, .p = calloc((size_t)(n_joint * n_joint), sizeof(double)) };
    assert_non_null(t.p);
    assert_int_equal(s->n_blocks, 2);
    for (int64_t from = 0; from < n_joint; from++) {
        int64_t n_paths = 0;
        for (int32_t b = 0; b < 2; b++) {
            kr_rng_enumerate_begin(s->point[0].block[b]->rng, w->tree);
        }
        do {
            assert_true(++n_paths <= PATHS_MAX);
            load_joint(w, from);
            s->n_draws = s->n_steps = s->stage_step = s->window_draws = 0;
            assert_ok(kr_sampler_advance(s, 1, &err), &err);
            assert_int_equal(kr_sampler_n_new(s), 1);
            t.p[from * n_joint + joint_state(w)] += kr_rng_enumerate_weight(w->tree);
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
        transition t = transition_of(w->system, w->update[0].plug, s->point[0].update[0].self,
                                     1, PATHS_MAX * STATES);
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

static world *world_alloc(const char *size, int32_t n_chains, bool has_local)
{
    kr_error err = { 0 };
    world *w = calloc(1, sizeof *w);
    w->system = tiny_alloc(tiny_model("ising"), "{field: 0.2}", tiny_lattice("hypercubic"),
                           size, STATES, &err);
    w->tree = kr_rng_tree_alloc();
    assert_non_null(w->system);
    assert_non_null(w->tree);
    double *law = tiny_law(w->system, BETA);
    memcpy(w->law, law, (size_t)w->system->n_states * sizeof *law);
    free(law);
    w->target = (kr_target){ w->system->lattice, w->system->terms, BETA, NULL };
    const kr_density_plug *plug = density_named("frontier");
    w->density_params =
        tiny_params(plug->name, plug->fields, plug->params_size, start_of_density, &err);
    w->density = (kr_density_entry){ .plug = plug, .params = w->density_params, .name = "net" };
    if (has_local) {
        const kr_update_plug *local = update_named("heat_bath");
        w->local_params =
            tiny_params(local->name, local->fields, local->params_size, "{}", &err);
        if (!w->local_params) {
            fail_msg("%s", err.text);
        }
        w->update[w->n_updates++] = (kr_schedule_entry){
            .plug = local, .params = w->local_params, .sweeps = 1, .density = -1
        };
    }
    w->update[w->n_updates++] =
        (kr_schedule_entry){ .plug = update_named("independence"), .sweeps = 1 };
    w->n_chains = n_chains;
    w->sampler = sampler_of(w);
    return w;
}

static void world_free(world *w)
{
    kr_sampler_free(w->sampler);
    kr_rng_tree_free(w->tree);
    tiny_free(w->system);
    free(w->density_params);
    free(w->local_params);
    free(w);
}

static int setup(void **state)
{
    kr_error err = { 0 };
    world *w = world_alloc("{size: [2, 2]}", 2, false);
    for (int64_t x = 0; x < JOINT; x++) {
        w->joint_law[x] = w->law[x % STATES] * w->law[x / STATES];
    }
    load_joint(w, 0);
    assert_ok(kr_sampler_advance(w->sampler, 1, &err), &err);
    list_kernels(w);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    world_free(*state);
    return 0;
}

/* ---- exact ------------------------------------------------------------------------------ */

static void alternating_leaves_the_product_of_the_laws_invariant(void **state)
{
    const world *w = *state;
    transition t = matrix_of_sampler(w, JOINT), want = matrix_of(w, ALTERNATING);
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

/* Groups of several chains, uneven groups, local updates beside; two sites. */
static void groups_and_schedules_leave_the_product_of_the_laws_invariant(void **state)
{
    (void)state;
    static const struct {
        int32_t n_chains;
        bool has_local;
    } row[] = { { 4, false }, { 3, false }, { 2, true } };
    for (size_t k = 0; k < sizeof row / sizeof *row; k++) {
        world *w =
            world_alloc("{size: [2], boundary: open}", row[k].n_chains, row[k].has_local);
        int64_t n_joint = 1;
        for (int32_t c = 0; c < row[k].n_chains; c++) {
            n_joint *= w->system->n_states;
        }
        for (int64_t x = 0; x < n_joint; x++) {
            w->joint_law[x] = 1.0;
            for (int64_t c = 0, rest = x; c < row[k].n_chains; c++) {
                w->joint_law[x] *= w->law[rest % w->system->n_states];
                rest /= w->system->n_states;
            }
        }
        transition t = matrix_of_sampler(w, n_joint);
        double fit = transition_balance_error(&t, w->joint_law);
        print_message("# %d chains%s, %lld paths: |pi P - pi| %.1e\n", row[k].n_chains,
                      row[k].has_local ? " with heat_bath" : "", (long long)t.n_paths, fit);
        assert_true(transition_row_error(&t) <= FIT_MAX);
        assert_true(fit <= FIT_MAX);
        transition_clear(&t);
        world_free(w);
    }
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
        cmocka_unit_test(groups_and_schedules_leave_the_product_of_the_laws_invariant),
        cmocka_unit_test(weights_are_the_frozen_ones_at_every_draw),
        cmocka_unit_test(turns_hardly_correlate_the_chains),
        cmocka_unit_test(each_kernel_alone_is_exact),
        cmocka_unit_test(chains_that_learn_from_each_other_at_once_are_biased),
        cmocka_unit_test(chains_that_learn_from_themselves_are_biased),
    };
    return cmocka_run_group_tests_name("adaptation", tests, setup, teardown);
}
