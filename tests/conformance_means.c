/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/conformance_means.c - means that updates give beside the states: their mean in
 * equilibrium is that of the states, by enumeration.
 *
 * Every update of the registry with KR_UPDATE_MEANS, with a density that knows nothing of the
 * system. Each path of one sweep or two from each state counts with the law of the state times
 * the probability of the path; of two chains in a block, from each pair of states. */
#include "chain_density.h"
#include "model/quantity.h"
#include "model/terms.h"
#include "transition.h"

enum { STATES_MAX = 32, TRIES = 3, LANES_MAX = 2 };
#define BETA      0.6
#define MEANS_MAX 1e-12
#define SEEN      1e-3 /* what an error has to be off at least, to be seen for certain */

static const struct {
    const char *model, *yaml, *lattice;
} systems[] = {
    { "ising", "{field: 0.3, random_field: {kind: gaussian, seed: 3}}", "{size: [2, 2]}" },
    { "potts", "{q: 3, field: 0.2}", "{size: [2], boundary: open}" },
    { "blume_capel", "{D: 1.1}", "{size: [3]}" }, /* three phases */
    { "clock", "{q: 5}", "{size: [2]}" },         /* the order parameter is a length */
};
enum { N_SYSTEMS = sizeof systems / sizeof *systems };

/* An update without a row is tried with its defaults. After two sweeps what is kept from the
 * first, scores and counts, shows. */
static const struct {
    const char *update, *yaml;
    int n_sweeps, n_lanes;
    bool has_pool; /* of proposals that the block keeps */
} rows[] = {
    { "multi_try", "{tries: 2}", 1, 1, false }, { "multi_try", "{tries: 3}", 1, 1, false },
    { "multi_try", "{tries: 2}", 2, 1, false }, { "multi_try", "{tries: 2}", 1, 2, false },
    { "multi_try", "{tries: 2}", 1, 2, true },  { "multi_try", "{tries: 2}", 2, 1, true },
    { "multi_try", "{tries: 3}", 1, 1, true },
};
enum { N_ROWS = sizeof rows / sizeof *rows };

typedef struct moments { /* of the first chain, of the last, of both together */
    long double first[KR_QUANTITIES_MAX], second[KR_QUANTITIES_MAX];
    long double last[KR_QUANTITIES_MAX], product[KR_QUANTITIES_MAX];
} moments;

static void add_to(moments *m, int32_t n, double weight, const double *value,
                   const double *last)
{
    for (int32_t k = 0; k < n; k++) {
        m->first[k] += (long double)weight * value[k];
        m->second[k] += (long double)weight * value[k] * value[k];
        m->last[k] += (long double)weight * last[k];
        m->product[k] += (long double)weight * value[k] * last[k];
    }
}

static moments of_states(const tiny *system, const double *law)
{
    moments out = { { 0.0L } };
    for (int64_t x = 0; x < system->n_states; x++) {
        int64_t count[KR_STATES_MAX] = { 0 };
        double value[KR_QUANTITIES_MAX];
        tiny_decode(system, x, system->state, 1);
        for (int32_t i = 0; i < system->terms->n_sites; i++) {
            count[system->state[i]]++;
        }
        kr_quantity_values(system->terms, system->energy[x], count, value);
        add_to(&out, kr_quantities(system->terms), law[x], value, value);
    }
    return out;
}

/* What the sweep says of the counts of its block is true. */
static void check_counts(kr_block *block)
{
    int64_t told[LANES_MAX * KR_STATES_MAX];
    const size_t bytes = (size_t)(block->n_lanes * block->q) * sizeof *told;
    if (block->has_count) {
        memcpy(told, block->count, bytes);
        block->has_count = 0;
        kr_block_count(block);
        assert_memory_equal(told, block->count, bytes);
    }
}

/* One path of n_sweeps sweeps; value (LANES_MAX, KR_QUANTITIES_MAX) the means of each chain. */
static void run_path(const transition_drive *d, int64_t from, int64_t n_sweeps,
                     double value[][KR_QUANTITIES_MAX])
{
    kr_block *block = d->block;
    kr_means means;
    kr_tally tally = { .means = &means };
    memset(&means, 0, sizeof means);
    transition_load(d, from);
    block->has_count = 0;
    for (int32_t p = 0; p < block->n_pools; p++) {
        block->pool[p].n_used = block->pool[p].n_lanes = 0;
    }
    d->update->sweep(d->self, block, n_sweeps, d->scratch, &tally);
    check_counts(block);
    for (int32_t lane = 0; lane < block->n_lanes; lane++) {
        assert_int_equal(means.n[lane], n_sweeps);
        for (int32_t k = 0; k < kr_quantities(d->system->terms); k++) {
            value[lane][k] = means.sum[lane][k] / (double)means.n[lane];
        }
    }
}

/* Moments of the means that n_sweeps sweeps from the law of the states give. */
static moments of_means(const transition_drive *d, const double *law, int64_t n_sweeps)
{
    moments out = { { 0.0L } };
    const int64_t n = d->system->n_states;
    const int32_t last = d->block->n_lanes - 1, n_quantities = kr_quantities(d->system->terms);
    for (int64_t from = 0; from < (last > 0 ? n * n : n); from++) {
        const double weight = law[from % n] * (last > 0 ? law[from / n] : 1.0);
        kr_rng_enumerate_begin(d->block->rng, d->tree);
        do {
            double value[LANES_MAX][KR_QUANTITIES_MAX];
            run_path(d, from, n_sweeps, value);
            add_to(&out, n_quantities, weight * kr_rng_enumerate_weight(d->tree), value[0],
                   value[last]);
        } while (kr_rng_enumerate_next(d->tree));
    }
    return out;
}

static transition_drive drive_open(const tiny *system, const kr_update_plug *update,
                                   const void *self, int32_t n_lanes)
{
    kr_error err = { 0 };
    transition_drive d = { .system = system, .update = update, .self = self };
    d.block = kr_block_alloc(system->terms, n_lanes, 0, 0, &err);
    d.tree = kr_rng_tree_alloc();
    d.scratch = aligned_alloc(64, (update->scratch_bytes(self, n_lanes) + 127) / 64 * 64);
    assert_true(d.block && d.tree && d.scratch);
    kr_block_convert(d.block,
                     update->layouts & KR_LAYOUT_CHAIN ? KR_LAYOUT_CHAIN : KR_LAYOUT_LANE);
    return d;
}

static void drive_close(transition_drive *d)
{
    free(d->scratch);
    kr_rng_tree_free(d->tree);
    kr_block_free(d->block);
}

/* A system with its law and a density. */
typedef struct subject {
    tiny *system;
    double *law;
    kr_target target;
    kr_density_plug plug;
    kr_density density;
} subject;

static void open_subject(subject *s, int k)
{
    kr_error err = { 0 };
    s->system = tiny_alloc(tiny_model(systems[k].model), systems[k].yaml,
                           tiny_lattice("hypercubic"), systems[k].lattice, STATES_MAX, &err);
    if (!s->system) {
        fail_msg("%s: %s", systems[k].model, err.text);
        return;
    }
    s->law = tiny_law(s->system, BETA);
    s->target = (kr_target){ s->system->lattice, s->system->terms, BETA };
    s->plug = chain_density_plug();
    s->density = (kr_density){ .plug = &s->plug, .epoch = 1 };
    s->density.self = s->plug.alloc(&s->target, NULL, NULL);
}

static void close_subject(subject *s)
{
    s->plug.free(s->density.self);
    free(s->law);
    tiny_free(s->system);
}

/* Of every chain; in equilibrium chains are independent, and so are their means. */
static double worst_mean(const subject *s, const moments *got, const moments *want, bool is_two)
{
    double worst = 0.0;
    for (int32_t k = 0; k < kr_quantities(s->system->terms); k++) {
        const long double mean = want->first[k];
        const double off[] = { fabs((double)(got->first[k] - mean)),
                               fabs((double)(got->last[k] - mean)),
                               is_two ? fabs((double)(got->product[k] - mean * mean)) : 0.0 };
        for (int m = 0; m < 3; m++) {
            worst = worse(worst, off[m]);
        }
    }
    return worst;
}

static void check_system(const kr_update_plug *update, int r, int k)
{
    const int32_t n_lanes = r < N_ROWS ? rows[r].n_lanes : 1;
    const int n_sweeps = r < N_ROWS ? rows[r].n_sweeps : 1;
    const char *yaml = r < N_ROWS ? rows[r].yaml : "{}";
    kr_error err = { 0 };
    subject s;
    open_subject(&s, k);
    void *params = tiny_params(update->name, update->fields, update->params_size, yaml, &err);
    kr_update_setting setting = { .target = &s.target,
                                  .density = &s.density,
                                  .n_lanes = n_lanes };
    void *self = params ? update->alloc(&setting, params, &err) : NULL;
    if (!self) {
        fail_msg("%s %s: %s", update->name, yaml, err.text);
    }
    transition_drive d = drive_open(s.system, update, self, n_lanes);
    if (r < N_ROWS && rows[r].has_pool) {
        s.plug.sample_tail = chain_density_sample_pooled;
        assert_ok(kr_block_add_pool(d.block, 0, &err), &err);
    }
    moments got = of_means(&d, s.law, n_sweeps), want = of_states(s.system, s.law);
    double off = worst_mean(&s, &got, &want, n_lanes > 1);
    print_message("# %s %s, %d sweeps, %d chains%s, %s: off %.1e, <e^2> %.4f of the states "
                  "%.4f\n",
                  update->name, yaml, n_sweeps, n_lanes, d.block->n_pools ? ", pool" : "",
                  systems[k].model, off, (double)got.second[0], (double)want.second[0]);
    assert_true(off <= MEANS_MAX);
    /* means have less spread: they are the conditional means of the next states */
    assert_true(got.second[0] < want.second[0] - (long double)SEEN);
    drive_close(&d);
    update->free(self);
    free(params);
    close_subject(&s);
}

/* With a row, or N_ROWS for the defaults. */
static void check_update(const kr_update_plug *update, int r)
{
    for (int k = 0; k < N_SYSTEMS; k++) {
        check_system(update, r, k);
    }
}

static void means_of_every_update_have_the_mean_of_the_states(void **state)
{
    (void)state;
    int n_updates = 0;
    for (int u = 0; kr_registry_updates[u]; u++) {
        const kr_update_plug *update = kr_registry_updates[u];
        bool has_row = false;
        if (!(update->flags & KR_UPDATE_MEANS)) {
            continue;
        }
        n_updates++;
        for (int r = 0; r < N_ROWS; r++) {
            if (strcmp(rows[r].update, update->name) == 0) {
                has_row = true;
                check_update(update, r);
            }
        }
        if (!has_row) {
            check_update(update, N_ROWS);
        }
    }
    assert_true(n_updates > 0);
}

/* The law of two means one after the other: they are A O with the kernel P = A A* of the chain,
 * so their variance is <O, P O> and their covariance at distance k <O, P^(k+1) O>: the means
 * are as correlated as the chain, and errors have to count that. */
static void check_spread(const kr_update_plug *update, const char *yaml, int k)
{
    kr_error err = { 0 };
    subject s;
    open_subject(&s, k);
    void *params = tiny_params(update->name, update->fields, update->params_size, yaml, &err);
    kr_update_setting setting = { .target = &s.target, .density = &s.density, .n_lanes = 1 };
    void *self = update->alloc(&setting, params, &err);
    transition t = transition_of(s.system, update, self, 1, 1000000);
    transition_drive d = drive_open(s.system, update, self, 1);
    double near = 0.0, far = 0.0, n = s.system->terms->n_sites;
    for (int64_t x = 0; x < t.n; x++) {
        double next = 0.0, after = 0.0; /* P O and P P O in state x */
        for (int64_t y = 0; y < t.n; y++) {
            next += t.p[x * t.n + y] * s.system->energy[y] / n;
            for (int64_t z = 0; z < t.n; z++) {
                after += t.p[x * t.n + y] * t.p[y * t.n + z] * s.system->energy[z] / n;
            }
        }
        near += s.law[x] * s.system->energy[x] / n * next;
        far += s.law[x] * s.system->energy[x] / n * after;
    }
    moments one = of_means(&d, s.law, 1), two = of_means(&d, s.law, 2);
    assert_true(t.is_complete);
    assert_true(fabs((double)one.second[0] - near) <= MEANS_MAX);
    assert_true(fabs((double)two.second[0] - 0.5 * (near + far)) <= MEANS_MAX);
    assert_true(far < near - SEEN);
    drive_close(&d);
    transition_clear(&t);
    update->free(self);
    free(params);
    close_subject(&s);
}

static void means_of_multi_try_are_as_correlated_as_the_chain(void **state)
{
    (void)state;
    int u = 0;
    while (strcmp(kr_registry_updates[u]->name, "multi_try") != 0) {
        u++;
    }
    for (int k = 0; k < N_SYSTEMS; k++) {
        check_spread(kr_registry_updates[u], "{tries: 2}", k);
    }
}

/* ---- sizes of clusters ------------------------------------------------------------------- */

static const struct {
    const char *model, *yaml, *lattice, *lattice_yaml;
    bool has_clusters;
} clustered[] = {
    { "ising", "{}", "hypercubic", "{size: [2, 2]}", true },
    { "ising", "{J: 0.4}", "hypercubic", "{size: [5], boundary: open}", true },
    { "ising", "{}", "triangular", "{size: [2, 2]}", true }, /* no box: bond by bond */
    { "potts", "{q: 3}", "hypercubic", "{size: [3]}", true },
    { "potts", "{q: 3}", "complete", "{size: 3, weight: 1}", true },
    { "potts", "{q: 5}", "hypercubic", "{size: [2], boundary: open}", true },
    { "ising", "{J: -1}", "hypercubic", "{size: [2, 2]}", false },
    { "ising", "{field: 0.3}", "hypercubic", "{size: [2, 2]}", false },
    { "ising", "{disorder: {kind: pm1, seed: 3}}", "hypercubic", "{size: [2, 2]}", false },
    { "blume_capel", "{D: 1.1}", "hypercubic", "{size: [3]}", false },
    { "clock", "{q: 5}", "hypercubic", "{size: [2]}", false },
};

/* N <|m|^2>, m the mean of the corners of a simplex. */
static double structure_zero(const tiny *system, const double *law)
{
    const int32_t q = system->terms->q, n = system->terms->n_sites;
    double sum = 0.0;
    for (int64_t x = 0; x < system->n_states; x++) {
        double squares = 0.0;
        int64_t count[KR_STATES_MAX] = { 0 };
        tiny_decode(system, x, system->state, 1);
        for (int32_t i = 0; i < n; i++) {
            count[system->state[i]]++;
        }
        for (int32_t a = 0; a < q; a++) {
            squares += (double)(count[a] * count[a]);
        }
        sum += law[x] * (q * squares / n - n) / (q - 1);
    }
    return sum;
}

/* <changed/attempted> of one sweep from the law of the states, or the mean of the means that
 * updates with KR_UPDATE_CLUSTERS give; NaN: they give none. */
static double mean_size(const transition_drive *d, const double *law)
{
    double sum = 0.0;
    for (int64_t from = 0; from < d->system->n_states; from++) {
        kr_rng_enumerate_begin(d->block->rng, d->tree);
        do {
            kr_means means;
            kr_tally tally = { .means = &means };
            memset(&means, 0, sizeof means);
            transition_load(d, from);
            d->update->sweep(d->self, d->block, 1, d->scratch, &tally);
            const bool is_single = d->update->flags & KR_UPDATE_ONE_CLUSTER;
            const double size = is_single
                                    ? (double)tally.changed[0] / (double)tally.attempted[0]
                                    : means.sum[0][0] / (double)means.n[0];
            assert_true(is_single || means.n[0] <= 1);
            sum += law[from] * kr_rng_enumerate_weight(d->tree) * size;
        } while (kr_rng_enumerate_next(d->tree));
    }
    return sum;
}

/* Distance of the mean size of clusters from the structure factor; NaN: there is none. */
static double cluster_off(const kr_update_plug *update, const char *yaml, int k)
{
    kr_error err = { 0 };
    tiny *system = tiny_alloc(tiny_model(clustered[k].model), clustered[k].yaml,
                              tiny_lattice(clustered[k].lattice), clustered[k].lattice_yaml,
                              STATES_MAX, &err);
    if (!system) {
        fail_msg("%s on %s: %s", clustered[k].model, clustered[k].lattice, err.text);
        return NAN;
    }
    assert_true(kr_terms_has_clusters(system->terms) == clustered[k].has_clusters);
    double *law = tiny_law(system, BETA);
    kr_target target = { system->lattice, system->terms, BETA };
    void *params = tiny_params(update->name, update->fields, update->params_size, yaml, &err);
    kr_update_setting setting = { .target = &target, .n_lanes = 1 };
    if (!update->supports(&target, params, &err) && !clustered[k].has_clusters) {
        free(params);
        free(law);
        tiny_free(system);
        return NAN;
    }
    void *self = update->alloc(&setting, params, &err);
    assert_non_null(self);
    transition_drive d = drive_open(system, update, self, 1);
    const double off = fabs(mean_size(&d, law) - structure_zero(system, law));
    print_message("# %s %s, %s, %s %s on %s %s: off %.1e\n", update->name, yaml,
                  update->engine ? update->engine(self) : "-", clustered[k].model,
                  clustered[k].yaml, clustered[k].lattice, clustered[k].lattice_yaml, off);
    drive_close(&d);
    update->free(self);
    free(params);
    free(law);
    tiny_free(system);
    return off;
}

static void sizes_of_single_clusters_are_structure_factors_at_zero(void **state)
{
    (void)state;
    int n_updates = 0;
    for (int u = 0; kr_registry_updates[u]; u++) {
        const kr_update_plug *update = kr_registry_updates[u];
        if (!(update->flags & KR_UPDATE_ONE_CLUSTER)) {
            continue;
        }
        n_updates++;
        for (size_t k = 0; k < sizeof clustered / sizeof *clustered; k++) {
            const double off = cluster_off(update, "{}", (int)k);
            assert_true(clustered[k].has_clusters ? off <= MEANS_MAX : !(off <= SEEN));
        }
    }
    assert_true(n_updates > 0);
}

/* Both forms; where clusters tell nothing, no means are given. */
static void sizes_of_all_clusters_are_structure_factors_at_zero(void **state)
{
    static const char *const forms[] = { "{}", "{form: reflection}" };
    (void)state;
    int n_updates = 0;
    for (int u = 0; kr_registry_updates[u]; u++) {
        const kr_update_plug *update = kr_registry_updates[u];
        if (!(update->flags & KR_UPDATE_CLUSTERS)) {
            continue;
        }
        n_updates++;
        const size_t n_forms = strcmp(update->name, "swendsen_wang") == 0 ? 2 : 1;
        for (size_t k = 0; k < n_forms * (sizeof clustered / sizeof *clustered); k++) {
            const double off = cluster_off(update, forms[k % n_forms], (int)(k / n_forms));
            assert_true(clustered[k / n_forms].has_clusters ? off <= MEANS_MAX : isnan(off));
        }
    }
    assert_true(n_updates > 0);
}

/* ---- the check sees what is wrong -------------------------------------------------------- */

typedef struct flawed {
    const subject *subject;
    bool drops_own; /* means over the proposals alone: importance sampling from q */
} flawed;

static size_t no_scratch(const void *self, int32_t n_lanes)
{
    (void)self;
    (void)n_lanes;
    return 0;
}

/* Present state and proposals as rows of lanes: states, energies, weights. */
static void flawed_sweep(const void *self, kr_block *block, int64_t n_sweeps, void *scratch,
                         kr_tally *tally)
{
    (void)n_sweeps;
    (void)scratch;
    const flawed *f = self;
    const kr_terms *terms = f->subject->system->terms;
    const void *q = f->subject->density.self;
    uint8_t proposal[KR_LANES_PAD * STATES_MAX], *lane[TRIES];
    double log_q[TRIES], energy[TRIES], weight[TRIES], total = 0.0;
    chain_density_log_q(q, 0, 1, block->state, log_q, NULL);
    chain_density_sample(q, 0, TRIES - 1, proposal, log_q + 1, block->rng, NULL);
    for (int m = 0; m < TRIES; m++) {
        lane[m] = m ? proposal + m - 1 : block->state;
        energy[m] = kr_terms_energy(terms, lane[m], KR_LANES_PAD);
        weight[m] = exp(-BETA * energy[m] - log_q[m]);
    }
    int32_t next = kr_rng_categorical(block->rng, weight, TRIES);
    for (int m = f->drops_own; m < TRIES; m++) {
        total += weight[m];
    }
    tally->means->n[0]++;
    for (int m = f->drops_own; m < TRIES; m++) {
        int64_t count[KR_STATES_MAX] = { 0 };
        double value[KR_QUANTITIES_MAX];
        for (int32_t i = 0; i < terms->n_sites; i++) {
            count[lane[m][i * KR_LANES_PAD]]++;
        }
        kr_quantity_values(terms, energy[m], count, value);
        for (int32_t k = 0; k < kr_quantities(terms); k++) {
            tally->means->sum[0][k] += weight[m] / total * value[k];
        }
    }
    for (int32_t i = 0; next > 0 && i < terms->n_sites; i++) {
        block->state[i * KR_LANES_PAD] = lane[next][i * KR_LANES_PAD];
    }
    block->energy[0] = energy[next];
}

static double flawed_error(const subject *s, bool drops_own)
{
    flawed self = { .subject = s, .drops_own = drops_own };
    kr_update_plug update = { .layouts = KR_LAYOUT_LANE,
                              .flags = KR_UPDATE_NEEDS_DENSITY,
                              .scratch_bytes = no_scratch,
                              .sweep = flawed_sweep };
    transition_drive d = drive_open(s->system, &update, &self, 1);
    moments got = of_means(&d, s->law, 1), want = of_states(s->system, s->law);
    drive_close(&d);
    return worst_mean(s, &got, &want, false);
}

static void means_without_the_present_state_are_seen_to_be_biased(void **state)
{
    (void)state;
    for (int k = 0; k < N_SYSTEMS; k++) {
        subject s;
        open_subject(&s, k);
        double right = flawed_error(&s, false), wrong = flawed_error(&s, true);
        print_message("# %s: with the present state off %.1e, without %.1e\n", systems[k].model,
                      right, wrong);
        assert_true(right <= MEANS_MAX && wrong >= SEEN);
        close_subject(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(means_of_every_update_have_the_mean_of_the_states),
        cmocka_unit_test(sizes_of_single_clusters_are_structure_factors_at_zero),
        cmocka_unit_test(sizes_of_all_clusters_are_structure_factors_at_zero),
        cmocka_unit_test(means_of_multi_try_are_as_correlated_as_the_chain),
        cmocka_unit_test(means_without_the_present_state_are_seen_to_be_biased),
    };
    return cmocka_run_group_tests_name("means", tests, NULL, NULL);
}
