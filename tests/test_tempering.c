/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_tempering.c - replica exchange in the sampler: ladders, labels, round trips, what
 * the samples may depend on. */
#include "kr_test.h"

#include "base/state.h"
#include "run/spec.h"

#define RUN                                                                                    \
    "model: {name: ising, disorder: {kind: gaussian, seed: 3}, field: [0.1, 0.0]}\n"           \
    "lattice: {name: hypercubic, size: [3, 3]}\nchains: 20\nseed: 5\n"                         \
    "updates: [heat_bath, wolff]\nobservables: [energy]\n"
#define PHASES "phases: {thermalize: 12, measure: 60, every: 3}\n"

/* Two systems, four temperatures not in order, offers that do not fit the draws. */
static const char two_ladders[] =
    RUN PHASES "beta: [0.5, 0.2, 1.1, 0.8]\ntempering: {every: 2}\n";

/* Chains of ten temperatures in one block, the last ladder slots and another update included;
 * a system this small has no vectors of its own. */
static const char gangs[] =
    "model: {name: ising, disorder: {kind: pm1, seed: [3, 4]}}\n"
    "lattice: {name: hypercubic, size: [4, 4]}\nchains: 2\nseed: 5\n"
    "updates: [heat_bath, {name: houdayer}, metropolis]\nobservables: [energy, overlap]\n"
    "beta: {from: 0.1, to: 2, count: 20}\n" PHASES "tempering: {every: 2}\n";
static const char gangs_alone[] =
    "model: {name: ising, disorder: {kind: pm1, seed: [3, 4]}}\n"
    "lattice: {name: hypercubic, size: [4, 4]}\nchains: 3\nseed: 5\n"
    "updates: [heat_bath]\nobservables: [energy, magnetization]\n"
    "beta: {from: 0, to: 2, count: 23}\n" PHASES "tempering: {}\n";

/* Work enough between offers for the slots of one ladder to be shared out among threads. */
static const char shared_slots[] =
    "model: {name: ising, disorder: {kind: pm1, seed: 3}}\n"
    "lattice: {name: hypercubic, size: [4, 4]}\nchains: 2\nseed: 5\n"
    "updates: [{name: heat_bath, sweeps: 1200}]\nobservables: [energy]\n"
    "beta: {from: 0.1, to: 2, count: 20}\n" PHASES "tempering: {}\n";

typedef struct subject {
    kr_spec *spec;
    kr_sampler *sampler;
    kr_state *table;
} subject;

static kr_spec *parse(const char *yaml, kr_error *err)
{
    kr_runfile *file = kr_runfile_parse("test", yaml, strlen(yaml), err);
    return file ? kr_spec_alloc(file, err) : NULL;
}

static subject open_subject(const char *yaml, int32_t n_threads)
{
    kr_error err = { 0 };
    subject s = { .spec = parse(yaml, &err) };
    if (!s.spec) {
        fail_msg("%s", err.text);
    }
    s.spec->config.n_threads = n_threads;
    s.sampler = kr_sampler_alloc(&s.spec->config, &err);
    s.table = kr_state_alloc(&err);
    if (!s.sampler || !s.table) {
        fail_msg("%s", err.text);
    }
    assert_ok(kr_sampler_declare(s.sampler, s.table, &err), &err);
    return s;
}

static void close_subject(subject *s)
{
    kr_state_free(s->table);
    kr_sampler_free(s->sampler);
    kr_spec_free(s->spec);
}

/* Every number of every draw, then those of the slots. */
typedef struct record {
    double value[400000];
    size_t n;
} record;

static void keep(record *r, double value)
{
    assert_true(r->n < sizeof r->value / sizeof *r->value);
    r->value[r->n++] = value;
}

static void finish(subject *s, int64_t max_draws, record *r)
{
    kr_error err = { 0 };
    while (kr_sampler_stage(s->sampler) != KR_STAGE_DONE) {
        assert_ok(kr_sampler_advance(s->sampler, max_draws, &err), &err);
        int64_t n = kr_sampler_n_new(s->sampler) * kr_sampler_columns(s->sampler) *
                    s->spec->config.n_chains * s->spec->config.n_points;
        for (int64_t k = 0; k < n; k++) {
            keep(r, kr_sampler_slab(s->sampler, 0, 0)[k]);
        }
    }
    for (int32_t p = 0; p < s->spec->config.n_points; p++) {
        kr_slot slot;
        kr_sampler_slot(s->sampler, p, &slot);
        keep(r, (double)slot.accepted);
        keep(r, (double)slot.round_trips);
        keep(r, (double)slot.n_from_cold);
        keep(r, (double)slot.n_from_hot);
    }
}

static record *run(const char *yaml, int32_t n_threads, int64_t max_draws)
{
    record *r = calloc(1, sizeof *r);
    assert_non_null(r);
    subject s = open_subject(yaml, n_threads);
    finish(&s, max_draws, r);
    close_subject(&s);
    return r;
}

static void assert_same(const record *a, const record *b)
{
    assert_int_equal(a->n, b->n);
    assert_memory_equal(a->value, b->value, a->n * sizeof *a->value);
}

static void check_threads(const char *yaml)
{
    record *whole = run(yaml, 1, 64);
    /* 2 ladders of 2 blocks: up to 4 threads each ladder is one task, beyond slots are shared
     */
    static const int32_t threads[] = { 2, 3, 4, 5, 16 };
    for (int k = 0; k < 5; k++) {
        record *other = run(yaml, threads[k], 1 + 3 * k);
        assert_same(whole, other);
        free(other);
    }
    free(whole);
}

static void samples_depend_neither_on_chunks_nor_on_threads(void **state)
{
    (void)state;
    check_threads(two_ladders);
    check_threads(gangs);
    check_threads(gangs_alone);
    check_threads(shared_slots);
}

static void check_restarts(const char *yaml)
{
    record *whole = run(yaml, 1, 1), *part = calloc(1, sizeof *part);
    kr_error err = { 0 };
    for (int n_before = 1; n_before < 24; n_before += 5) {
        subject a = open_subject(yaml, 1), b = open_subject(yaml, 2);
        part->n = 0;
        for (int k = 0; k < n_before; k++) {
            assert_ok(kr_sampler_advance(a.sampler, 1, &err), &err);
            int64_t n = kr_sampler_n_new(a.sampler) * kr_sampler_columns(a.sampler) *
                        a.spec->config.n_chains * a.spec->config.n_points;
            for (int64_t m = 0; m < n; m++) {
                keep(part, kr_sampler_slab(a.sampler, 0, 0)[m]);
            }
        }
        assert_ok(kr_state_save(a.table, "test_tempering.state", NULL, &err), &err);
        assert_ok(kr_state_load(b.table, "test_tempering.state", &err), &err);
        finish(&b, 7, part);
        assert_same(whole, part);
        close_subject(&a);
        close_subject(&b);
    }
    remove("test_tempering.state");
    free(part);
    free(whole);
}

static void state_saved_in_between_continues_to_the_bit(void **state)
{
    (void)state;
    check_restarts(two_ladders);
    check_restarts(gangs);
    check_restarts(gangs_alone);
}

/* By themselves these chains are too few for the engine. */
static void slots_of_few_chains_share_vectors(void **state)
{
    (void)state;
    subject s = open_subject(gangs, 1), alone = open_subject(two_ladders, 1);
    assert_string_equal(kr_sampler_engine(s.sampler, 0), "bits");
    assert_null(kr_sampler_engine_reason(s.sampler, 0));
    assert_null(kr_sampler_engine(s.sampler, 1));
    assert_string_equal(kr_sampler_engine(s.sampler, 2), "bits");
    assert_string_not_equal(kr_sampler_engine(alone.sampler, 0), "bits");
    close_subject(&s);
    close_subject(&alone);
}

static void ladders_are_the_points_of_one_system_by_temperature(void **state)
{
    (void)state;
    subject s = open_subject(two_ladders, 1);
    for (int32_t p = 0; p < 8; p++) { /* beta runs slowest: 0.5, 0.2, 1.1, 0.8 */
        static const int32_t want[] = { 1, 0, 3, 2 };
        kr_slot slot;
        kr_sampler_slot(s.sampler, p, &slot);
        assert_int_equal(slot.slot, want[p / 2]);
        assert_int_equal(slot.ladder, p % 2);
        assert_int_equal(slot.n_slots, 4);
    }
    close_subject(&s);
}

enum { SLOTS = 4, CHAINS = 20 };

/* Replicas as a reader of the draws sees them. */
typedef struct travel {
    int32_t was[CHAINS][SLOTS]; /* replica in a slot */
    int way[CHAINS][SLOTS];     /* of a replica: 1 from cold, 2 from hot, 3 the same at first */
    int64_t n_trips, n_from_cold[SLOTS], n_attempted, n_moves;
} travel;

/* Labels stay a permutation and move by one slot per accepted offer. */
static void follow(travel *t, const kr_sampler *sampler, int c, int64_t step)
{
    static const int32_t point[SLOTS] = { 1, 0, 3, 2 };
    int32_t first = kr_sampler_first_exchange(sampler), now[SLOTS];
    const double *label = kr_sampler_slab(sampler, 0, first) + c * SLOTS;
    const double *attempted = kr_sampler_slab(sampler, 0, first + 1) + c * SLOTS;
    const double *accepted = kr_sampler_slab(sampler, 0, first + 2) + c * SLOTS;
    int seen = 0;
    for (int k = 0; k < SLOTS; k++) {
        now[k] = (int32_t)label[point[k]];
        seen |= 1 << now[k];
    }
    assert_int_equal(seen, 15);
    for (int k = 0; k < SLOTS; k++) {
        bool is_offered = k + 1 < SLOTS && k % 2 == step % 2;
        assert_true(attempted[point[k]] == is_offered);
        t->n_attempted += is_offered;
        if (accepted[point[k]] == 1.0) {
            assert_int_equal(now[k], t->was[c][k + 1]);
            assert_int_equal(now[k + 1], t->was[c][k]);
            t->n_moves++;
        }
        int *way = &t->way[c][now[k]];
        t->n_trips += k == SLOTS - 1 && *way == 2;
        *way = k == SLOTS - 1 ? 1 : k > 0 ? *way : *way == 1 || *way == 2 ? 2 : 3;
        t->n_from_cold[k] += *way == 1;
    }
    memcpy(t->was[c], now, sizeof now);
}

static void labels_and_round_trips_follow_the_replicas(void **state)
{
    (void)state;
    kr_error err = { 0 };
    subject s = open_subject("model: {name: ising}\nlattice: {name: hypercubic, size: [3, 3]}\n"
                             "chains: 20\nbeta: [0.5, 0.2, 1.1, 0.8]\nobservables: [energy]\n"
                             "phases: {thermalize: 0, measure: 400, every: 1}\ntempering: {}\n",
                             1);
    travel t = { .n_trips = 0 };
    int64_t step = 0, n_attempted = 0;
    for (int k = 0; k < CHAINS * SLOTS; k++) {
        t.was[k / SLOTS][k % SLOTS] = k % SLOTS;
    }
    while (kr_sampler_stage(s.sampler) != KR_STAGE_DONE) {
        assert_ok(kr_sampler_advance(s.sampler, 1, &err), &err);
        step += kr_sampler_n_new(s.sampler);
        for (int c = 0; c < CHAINS && kr_sampler_n_new(s.sampler); c++) {
            follow(&t, s.sampler, c, step);
        }
    }
    for (int32_t p = 0; p < SLOTS; p++) {
        kr_slot slot;
        kr_sampler_slot(s.sampler, p, &slot);
        assert_int_equal(slot.round_trips, t.n_trips);
        assert_int_equal(slot.n_from_cold, t.n_from_cold[slot.slot]);
        n_attempted += slot.attempted;
    }
    assert_int_equal(n_attempted, t.n_attempted);
    assert_true(t.n_trips > 100 && t.n_moves > 1000);
    close_subject(&s);
}

/* Exact energies per site at each temperature, errors from independent ladders. */
static void every_slot_keeps_its_own_law(void **state)
{
    (void)state;
    enum { N = 3, LADDERS = 64 };
    kr_error err = { 0 };
    subject s = open_subject("model: {name: ising}\nlattice: {name: hypercubic, size: [4, 4]}\n"
                             "chains: 64\nbeta: [0.3, 0.4406868, 0.5]\nobservables: [energy]\n"
                             "phases: {thermalize: 100, measure: 4000, every: 1}\n"
                             "tempering: {}\n",
                             2);
    /* reference table ising2d_torus_kaufman.csv, L = 4 */
    static const double want[N] = { -0.84405407362385666974, -1.5656238138147016892,
                                    -1.7553802887774352483 };
    static double sum[LADDERS][N];
    double n = 0.0;
    while (kr_sampler_stage(s.sampler) != KR_STAGE_DONE) {
        assert_ok(kr_sampler_advance(s.sampler, 100, &err), &err);
        for (int64_t d = 0;
             !kr_sampler_new_is_warmup(s.sampler) && d < kr_sampler_n_new(s.sampler);
             d++, n += 1.0) {
            for (int k = 0; k < LADDERS * N; k++) {
                sum[k / N][k % N] += kr_sampler_slab(s.sampler, d, 0)[k];
            }
        }
    }
    for (int k = 0; k < N; k++) {
        double mean = 0.0, square = 0.0;
        for (int c = 0; c < LADDERS; c++) {
            mean += sum[c][k] / n / LADDERS;
            square += sum[c][k] / n * sum[c][k] / n / LADDERS;
        }
        double error = sqrt((square - mean * mean) / (LADDERS - 1));
        assert_true(error < 2e-3);
        assert_within_sigma(mean, error, want[k], 4.3);
    }
    close_subject(&s);
}

/* 16 ladders of four slots in two gangs of two: exchanges within and between them. Also the
 * joint law of two neighbors: their energies are independent at any one time. */
static void slots_in_gangs_keep_the_product_of_their_laws(void **state)
{
    (void)state;
    enum { N = 4, LADDERS = 16 };
    kr_error err = { 0 };
    subject s = open_subject("model: {name: ising}\nlattice: {name: hypercubic, size: [4, 4]}\n"
                             "chains: 16\nbeta: [0.3, 0.36, 0.4406868, 0.5]\nseed: 2\n"
                             "observables: [energy]\n"
                             "phases: {thermalize: 100, measure: 24000, every: 1}\n"
                             "tempering: {}\n",
                             2);
    static const double want[N] = { -0.84405407362385666974, NAN, -1.5656238138147016892,
                                    -1.7553802887774352483 };
    static double sum[LADDERS][N], product[LADDERS][N];
    double n = 0.0;
    while (kr_sampler_stage(s.sampler) != KR_STAGE_DONE) {
        assert_ok(kr_sampler_advance(s.sampler, 100, &err), &err);
        for (int64_t d = 0;
             !kr_sampler_new_is_warmup(s.sampler) && d < kr_sampler_n_new(s.sampler);
             d++, n += 1.0) {
            const double *e = kr_sampler_slab(s.sampler, d, 0);
            for (int k = 0; k < LADDERS * N; k++) {
                sum[k / N][k % N] += e[k];
                product[k / N][k % N] += k % N < N - 1 ? (e[k] + 1.3) * (e[k + 1] + 1.3) : 0.0;
            }
        }
    }
    for (int k = 0; k < N; k++) {
        double mean = 0.0, square = 0.0, joint = 0.0, joint_2 = 0.0;
        for (int c = 0; c < LADDERS; c++) {
            double x = sum[c][k] / n, next = k < N - 1 ? sum[c][k + 1] / n : -1.3;
            double y = product[c][k] / n - (x + 1.3) * (next + 1.3);
            mean += x / LADDERS;
            square += x * x / LADDERS;
            joint += y / LADDERS;
            joint_2 += y * y / LADDERS;
        }
        double error = sqrt((square - mean * mean) / (LADDERS - 1));
        assert_true(error < 3e-3);
        if (!isnan(want[k])) {
            assert_within_sigma(mean, error, want[k], 4.3);
        }
        if (k < N - 1) { /* a variance is 0.2 here */
            double joint_error = sqrt((joint_2 - joint * joint) / (LADDERS - 1));
            assert_true(joint_error < 2e-3);
            assert_within_sigma(joint, joint_error, 0.0, 4.3);
        }
    }
    close_subject(&s);
}

static void wrong_ladders_are_refused_with_place_and_value(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *text;
    } bad[] = {
        { RUN PHASES "beta: 0.5\ntempering: {}\n", "one temperature, beta = 0.5" },
        { RUN PHASES "beta: [0.5, 0.6, 0.5]\ntempering: {}\n", "beta = 0.5 twice" },
        { RUN PHASES "beta: [0.5, 0.6]\ntempering: 7\n", "want a map" },
        { RUN PHASES "beta: [0.5, 0.6]\ntempering: {evry: 2}\n", "every" },
        { RUN PHASES "beta: [0.5, 0.6]\ntempering: {every: 0}\n", "every = 0" },
    };
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        kr_error err = { 0 };
        assert_null(parse(bad[k].yaml, &err));
        if (!strstr(err.text, bad[k].text) || !strstr(err.text, "test:")) {
            fail_msg("%s", err.text);
        }
    }
    kr_error err = { 0 };
    kr_spec *spec = parse(RUN PHASES "beta: [0.5, 0.6]\ntempering: null\n", &err);
    assert_non_null(spec);
    assert_int_equal(spec->config.exchange_every, 0);
    kr_spec_free(spec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_depend_neither_on_chunks_nor_on_threads),
        cmocka_unit_test(state_saved_in_between_continues_to_the_bit),
        cmocka_unit_test(ladders_are_the_points_of_one_system_by_temperature),
        cmocka_unit_test(labels_and_round_trips_follow_the_replicas),
        cmocka_unit_test(every_slot_keeps_its_own_law),
        cmocka_unit_test(slots_of_few_chains_share_vectors),
        cmocka_unit_test(slots_in_gangs_keep_the_product_of_their_laws),
        cmocka_unit_test(wrong_ladders_are_refused_with_place_and_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
