/* SPDX-License-Identifier: GPL-3.0-or-later
 * conformance_engines.c - every engine of the local updates samples the Boltzmann law.
 *
 * Whole vectors of draws cannot be enumerated, so engines are tested in law: chi^2 of the
 * classes of energy and magnetization against exact enumeration, on every system an engine
 * takes, for 1, 16, 37 and 64 chains, heat bath and Metropolis. An engine that refuses a system
 * must say why. */
#include "graph_file.h"
#include "sampled.h"

#include "model/exact.h"
#include "update/local.h"

/* ref is here to show that the test itself is right */
static const char *const engines[] = { "bits", "bytes", "ref" };
enum { N_ENGINES = sizeof engines / sizeof *engines };

#define GRAPH "conformance_engines"

typedef struct row {
    const char *model, *lattice, *lattice_yaml;
    double beta;
} row;

static const row rows[] = {
    { "{}", "hypercubic", "{size: [4, 4]}", 0.3 },
    { "{J: -1}", "hypercubic", "{size: [4, 4]}", 0.3 },
    { "{field: 0.2}", "hypercubic", "{size: [4, 4]}", 0.25 },
    { "{field: -0.3}", "hypercubic", "{size: [4, 4], boundary: open}", 0.4 },
    { "{disorder: {kind: pm1, seed: 3}}", "hypercubic", "{size: [4, 4]}", 0.4 },
    { "{disorder: {kind: pm1, seed: 4}, field: 0.1}", "hypercubic",
      "{size: [4, 4], boundary: [open, periodic]}", 0.4 },
    { "{}", "hypercubic", "{size: [4, 4], boundary: antiperiodic}", 0.4 },
    { "{}", "hypercubic", "{size: [4, 4], boundary: open}", 0.4 },
    { "{}", "hypercubic", "{size: [8, 2]}", 0.2 },
    { "{}", "hypercubic", "{size: [2, 2, 2]}", 0.1 },
    { "{field: 0.3}", "hypercubic", "{size: [2, 2, 2]}", 0.1 },
    { "{}", "hypercubic", "{size: [4, 2, 2]}", 0.12 },
    { "{J: -1}", "hypercubic", "{size: [4, 2, 2]}", 0.12 },
    { "{J: 0.7}", "hypercubic", "{size: [3, 5]}", 0.4 },
    { "{}", "hypercubic", "{size: [16]}", 0.5 },
    { "{}", "hypercubic", "{size: [13], boundary: open}", 0.5 },
    { "{}", "triangular", "{size: [4, 4]}", 0.15 },
    { "{J: -1, field: 0.4}", "triangular", "{size: [4, 4]}", 0.15 },
    { "{field: 0.1}", "triangular", "{size: [4, 4], boundary: open}", 0.2 },
    { "{}", "hypercubic", "{size: [4, 4]}", 0.0 },
    /* gathered: irregular graphs with sites that have no neighbor, odd boxes, planar lattices
     */
    { "{}", "graph", "{file: " GRAPH "_a.txt, n_sites: 14}", 0.3 },
    { "{J: -1, field: 0.2}", "graph", "{file: " GRAPH "_a.txt, n_sites: 14}", 0.3 },
    { "{disorder: {kind: pm1, seed: 5}, field: -0.15}", "graph",
      "{file: " GRAPH "_b.txt, n_sites: 11}", 0.35 },
    { "{disorder: {kind: file, file: " GRAPH "_J.txt}}", "graph",
      "{file: " GRAPH "_a.txt, n_sites: 14}", 0.5 },
    { "{disorder: {kind: pm1, seed: 6}}", "graph", "{file: " GRAPH "_b.txt}", 0.4 },
    { "{disorder: {kind: pm1, seed: 9}}", "hypercubic", "{size: [5, 3]}", 0.4 },
    { "{disorder: {kind: pm1, seed: 8}, field: 0.2}", "hypercubic",
      "{size: [5, 3], boundary: open}", 0.5 },
    { "{J: -1}", "honeycomb", "{size: [2, 3]}", 0.4 },
    { "{field: 0.1}", "kagome", "{size: [2, 2], boundary: open}", 0.3 },
};
enum { N_ROWS = sizeof rows / sizeof *rows };

static tiny *make_system(const row *r)
{
    kr_error err = { 0 };
    tiny *t = tiny_alloc(tiny_model("ising"), r->model, tiny_lattice(r->lattice),
                         r->lattice_yaml, 65536, &err);
    if (!t) {
        fail_msg("%s %s: %s", r->model, r->lattice_yaml, err.text);
    }
    return t;
}

static int32_t n_ones(int64_t x)
{
    int32_t n = 0;
    for (; x; x &= x - 1) {
        n++;
    }
    return n;
}

/* States numbered by (energy, magnetization): class_of (n_states), law (classes). */
typedef struct classes {
    int32_t *class_of;
    double *law;
    int64_t n;
} classes;

typedef struct keyed {
    double energy;
    int32_t up, state;
} keyed;

static int compare_keyed(const void *a, const void *b)
{
    const keyed *x = a, *y = b;
    if (fabs(x->energy - y->energy) > 1e-9) {
        return x->energy < y->energy ? -1 : 1;
    }
    return (x->up > y->up) - (x->up < y->up);
}

static classes make_classes(const tiny *t, double beta)
{
    size_t n = (size_t)t->n_states;
    classes c = { .class_of = calloc(n, sizeof *c.class_of), .law = calloc(n, sizeof *c.law) };
    keyed *key = calloc(n, sizeof *key);
    double *law = tiny_law(t, beta);
    for (size_t x = 0; x < n; x++) {
        key[x] = (keyed){ t->energy[x], n_ones((int64_t)x), (int32_t)x };
    }
    qsort(key, n, sizeof *key, compare_keyed);
    for (size_t k = 0; k < n; k++) {
        c.n += k == 0 || compare_keyed(&key[k - 1], &key[k]) != 0;
        c.class_of[key[k].state] = (int32_t)c.n - 1;
        c.law[c.n - 1] += law[key[k].state];
    }
    free(key);
    free(law);
    return c;
}

static void classes_free(classes *c)
{
    free(c->class_of);
    free(c->law);
}

/* An update of one engine; self is NULL when the engine refuses. beta: of each lane, or NULL.
 */
static sampled try_lanes(const char *update, const char *engine, const kr_target *target,
                         int32_t n_lanes, const double *beta)
{
    kr_error err = { 0 };
    sampled s = { .update = sampled_update(update) };
    char yaml[64];
    snprintf(yaml, sizeof yaml, "{engine: %s}", engine);
    void *params = tiny_params(update, s.update->fields, s.update->params_size, yaml, &err);
    kr_update_setting setting = { .target = target, .n_lanes = n_lanes, .lane_beta = beta };
    s.self = s.update->alloc(&setting, params, &err);
    free(params);
    if (!s.self) {
        assert_int_equal(err.status, KR_EUNSUP);
        assert_true(strlen(err.text) > 20);
        return s;
    }
    assert_string_equal(kr_local_engine(s.self), engine);
    size_t bytes = (s.update->scratch_bytes(s.self, n_lanes) + 127) / 64 * 64;
    s.scratch = aligned_alloc(64, bytes);
    memset(s.scratch, 0xa5, bytes);
    return s;
}

static sampled try_engine(const char *update, const char *engine, const kr_target *target,
                          int32_t n_lanes)
{
    return try_lanes(update, engine, target, n_lanes, NULL);
}

static bool engine_exists(const char *engine)
{
    row plain = { "{}", "hypercubic", "{size: [4, 4]}", 0.3 };
    tiny *t = make_system(&plain);
    kr_target target = { .lattice = t->lattice, .terms = t->terms, .beta = 0.3 };
    sampled s = try_engine("heat_bath", engine, &target, 16);
    bool found = s.self != NULL;
    if (found) {
        sampled_free(&s);
    }
    tiny_free(t);
    return found;
}

static void sweep_folded(sampled *s, kr_block *block, int64_t n_sweeps)
{
    const kr_fold *fold = s->update->fold(s->self);
    kr_error err = { 0 };
    if (fold) {
        assert_ok(kr_block_add_fold(block, fold, &err), &err);
    }
    kr_block_convert(block, fold ? fold->layout : KR_LAYOUT_CHAIN);
    s->update->sweep(s->self, block, n_sweeps, s->scratch, &s->tally);
}

enum { SAMPLES = 60000, THIN = 12 };

/* Deviation of the sampled classes from the law at beta_law. Metropolis in a fixed order needs
 * company (its head): one sweep of heat bath after each run of it. */
static double deviation(const tiny *t, double beta_law, sampled *update, sampled *company,
                        int32_t n_lanes, uint64_t seed)
{
    classes c = make_classes(t, beta_law);
    kr_block *block = sampled_block(t->terms, n_lanes, seed);
    double *count = calloc((size_t)c.n, sizeof *count);
    int64_t draws = SAMPLES / n_lanes;
    for (int64_t d = -10; d < draws; d++) {
        if (company) {
            sweep_folded(company, block, 1);
        }
        sweep_folded(update, block, THIN);
        kr_block_convert(block, KR_LAYOUT_CHAIN);
        for (int32_t lane = 0; lane < n_lanes && d >= 0; lane++) {
            count[c.class_of[tiny_encode(t, block->state + lane * block->n_sites, 1)]] += 1.0;
        }
    }
    assert_true(kr_block_audit(block, t->terms) <= 1e-9);
    double z = sampled_deviation(count, c.law, c.n, (double)draws * n_lanes);
    free(count);
    kr_block_free(block);
    classes_free(&c);
    return z;
}

/* A ring with two chords and an end: one to three neighbors, not bipartite. */
static const char graph_chords[] = "0 1\n1 2\n2 3\n3 4\n4 5\n5 6\n6 7\n7 8\n8 9\n9 10\n10 11\n"
                                   "11 0\n0 6\n3 9\n12 1\n";

/* Rows of graphs run on gathered folds with any number of chains. */
static bool is_gathered(const row *r)
{
    return strcmp(r->lattice, "graph") == 0;
}

static int check_row(const char *engine, const row *r, int32_t n_lanes, uint64_t seed)
{
    tiny *t = make_system(r);
    kr_target target = { .lattice = t->lattice, .terms = t->terms, .beta = r->beta };
    int n_checked = 0;
    sampled bath = try_engine("heat_bath", engine, &target, n_lanes);
    if (bath.self) {
        const kr_fold *fold = bath.update->fold(bath.self);
        if (is_gathered(r) && strcmp(engine, "bits") == 0 && !fold->near) {
            fail_msg("%s, %d chains: not gathered", r->lattice_yaml, n_lanes);
        }
        sampled metropolis = try_engine("metropolis", engine, &target, n_lanes);
        assert_non_null(metropolis.self);
        double z = deviation(t, r->beta, &bath, NULL, n_lanes, seed);
        double z_metropolis = deviation(t, r->beta, &metropolis, &bath, n_lanes, seed + 1);
        if (fabs(z) > SAMPLED_MAX || fabs(z_metropolis) > SAMPLED_MAX) {
            fail_msg("%s, %s %s, beta %g, %d chains: heat bath off by %.1f sigma, metropolis "
                     "by %.1f",
                     engine, r->model, r->lattice_yaml, r->beta, n_lanes, z, z_metropolis);
        }
        sampled_free(&bath);
        sampled_free(&metropolis);
        n_checked++;
    }
    tiny_free(t);
    return n_checked;
}

static void every_engine_samples_the_law(void **state)
{
    (void)state;
    static const int32_t lanes[] = { 64, 37, 16, 1 };
    for (int e = 0; e < N_ENGINES; e++) {
        if (!engine_exists(engines[e])) {
            continue;
        }
        int n_checked = 0;
        for (int r = 0; r < N_ROWS; r++) {
            /* all numbers of chains on the first rows, one of them in turn on the others */
            for (int l = 0; l < 4; l++) {
                bool is_due =
                    (r < 6 && e < 2) || (is_gathered(&rows[r]) && e == 0) || l == r % 4;
                n_checked += is_due ? check_row(engines[e], &rows[r], lanes[l],
                                                (uint64_t)(1000 * e + 10 * r + l))
                                    : 0;
            }
        }
        assert_true(n_checked >= N_ROWS);
    }
}

/* A law 1e-2 away in beta moves probabilities of spins by about 1e-2: what a wrong threshold
 * does. The same number of samples must show it. */
static void a_law_slightly_off_is_noticed(void **state)
{
    (void)state;
    tiny *t = make_system(&rows[0]);
    kr_target target = { .lattice = t->lattice, .terms = t->terms, .beta = 0.3 };
    for (int e = 0; e < N_ENGINES; e++) {
        if (engine_exists(engines[e])) {
            sampled bath = try_engine("heat_bath", engines[e], &target, 64);
            assert_true(deviation(t, 0.31, &bath, NULL, 64, 7) > 2 * SAMPLED_MAX);
            sampled_free(&bath);
        }
    }
    tiny_free(t);
}

enum { BETAS = 4 };

/* Deviation of each temperature from its own law; lane l is at beta[l % BETAS]. */
static void deviations_by_beta(const tiny *t, const double *beta, sampled *update,
                               sampled *company, int32_t n_lanes, uint64_t seed, double *z)
{
    classes c[BETAS];
    double *count[BETAS], draws[BETAS] = { 0 };
    kr_block *block = sampled_block(t->terms, n_lanes, seed);
    for (int b = 0; b < BETAS; b++) {
        c[b] = make_classes(t, beta[b]);
        count[b] = calloc((size_t)c[b].n, sizeof *count[b]);
    }
    for (int64_t d = -10; d < BETAS * SAMPLES / n_lanes; d++) {
        if (company) {
            sweep_folded(company, block, 1);
        }
        sweep_folded(update, block, THIN);
        kr_block_convert(block, KR_LAYOUT_CHAIN);
        for (int32_t lane = 0; lane < n_lanes && d >= 0; lane++) {
            const uint8_t *s = block->state + lane * block->n_sites;
            count[lane % BETAS][c[lane % BETAS].class_of[tiny_encode(t, s, 1)]] += 1.0;
            draws[lane % BETAS] += 1.0;
        }
    }
    assert_true(kr_block_audit(block, t->terms) <= 1e-9);
    for (int b = 0; b < BETAS; b++) {
        z[b] = sampled_deviation(count[b], c[b].law, c[b].n, draws[b]);
        free(count[b]);
        classes_free(&c[b]);
    }
    kr_block_free(block);
}

static void check_lanes(const row *r, int32_t n_lanes, uint64_t seed)
{
    tiny *t = make_system(r);
    kr_target target = { .lattice = t->lattice, .terms = t->terms, .beta = r->beta };
    double beta[KR_LANES_MAX], z[2][BETAS];
    for (int32_t l = 0; l < n_lanes; l++) {
        beta[l] = r->beta * (1.0 - 0.15 * (l % BETAS)); /* not colder: chains would be slow */
    }
    sampled bath = try_lanes("heat_bath", "bits", &target, n_lanes, beta);
    sampled metropolis = try_lanes("metropolis", "bits", &target, n_lanes, beta);
    assert_non_null(bath.self);
    assert_non_null(metropolis.self);
    deviations_by_beta(t, beta, &bath, NULL, n_lanes, seed, z[0]);
    deviations_by_beta(t, beta, &metropolis, &bath, n_lanes, seed + 1, z[1]);
    for (int k = 0; k < 2 * BETAS; k++) {
        if (fabs(z[k / BETAS][k % BETAS]) > SAMPLED_MAX) {
            fail_msg("%s %s, beta %g, %d chains: %s off by %.1f sigma", r->model,
                     r->lattice_yaml, beta[k % BETAS], n_lanes,
                     k < BETAS ? "heat bath" : "metropolis", z[k / BETAS][k % BETAS]);
        }
    }
    sampled_free(&bath);
    sampled_free(&metropolis);
    tiny_free(t);
}

/* Not at infinite temperature: it shares no law with others. */
static void every_lane_samples_the_law_of_its_own_temperature(void **state)
{
    (void)state;
    static const int32_t lanes[] = { 32, 20, 8, 4 };
    for (int r = 0; r < N_ROWS; r++) {
        if (rows[r].beta > 0.0) {
            check_lanes(&rows[r], lanes[r % 4], (uint64_t)(7000 + 2 * r));
        }
    }
}

static void the_bit_parallel_engine_is_among_them(void **state)
{
    (void)state;
    assert_true(engine_exists("bits"));
    assert_true(engine_exists("ref"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bit_parallel_engine_is_among_them),
        cmocka_unit_test(every_engine_samples_the_law),
        cmocka_unit_test(a_law_slightly_off_is_noticed),
        cmocka_unit_test(every_lane_samples_the_law_of_its_own_temperature),
    };
    graph_write(GRAPH "_a.txt", graph_chords);
    graph_write(GRAPH "_b.txt", graph_petersen);
    graph_write(GRAPH "_J.txt", "1\n-1\n0\n1\n1\n-1\n1\n1\n0\n-1\n1\n1\n1\n0\n1\n"); /* rims */
    return cmocka_run_group_tests_name("conformance_engines", tests, NULL, NULL);
}
