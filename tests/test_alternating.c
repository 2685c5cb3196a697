/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_alternating.c - what the samples of chains that learn by turns may depend on,
 * which weights their numbers belong to, and what is refused. */
#include "sampler_subject.h"

#include "base/memory.h"
#include "base/state.h"
#include "run/spec.h"
#include "sampler/private.h"

/* Two densities at two points, groups of several blocks: 40 chains are blocks of 16, 16, 8. */
#define HEAD                                                                                   \
    "model: {name: ising}\nlattice: {name: hypercubic, size: [4, 4]}\nbeta: [0.3, 0.4]\n"      \
    "seed: 5\ndensities: {net: {name: frontier, hidden: 8}, other: {name: made, hidden: 8}}\n" \
    "updates: [heat_bath, {name: independence, density: net}, {name: independence, "           \
    "density: other}]\n"
#define PHASES   "phases: {thermalize: 6, adapt: 20, measure: 528, every: 2}\n"
#define TRAINING "training: {batch: 16, certificate: 64, while_measuring: alternating"
static const char learning[] = HEAD PHASES "chains: 40\n" TRAINING ", turn_steps: 2}\n";

enum { DRAWS = 264, CHAINS = 40, POINTS = 2 };

/* Measured draws, all columns, appended at *n. */
typedef struct record {
    double *value;
    size_t n, size;
} record;

static record record_alloc(const subject *s)
{
    record r = { .size = (size_t)kr_sampler_columns(s->sampler) * CHAINS * POINTS * DRAWS };
    r.value = calloc(r.size, sizeof *r.value);
    assert_non_null(r.value);
    return r;
}

static void step(const subject *s, int64_t max_draws, record *r)
{
    kr_error err = { 0 };
    size_t row = (size_t)kr_sampler_columns(s->sampler) * CHAINS * POINTS;
    assert_ok(kr_sampler_advance(s->sampler, max_draws, &err), &err);
    for (int64_t d = 0; d < kr_sampler_n_new(s->sampler); d++) {
        if (!kr_sampler_new_is_warmup(s->sampler)) {
            assert_true(r->n + row <= r->size);
            memcpy(r->value + r->n, kr_sampler_slab(s->sampler, d, 0), row * sizeof(double));
            r->n += row;
        }
    }
}

static void finish(const subject *s, int64_t max_draws, record *r)
{
    while (kr_sampler_stage(s->sampler) != KR_STAGE_DONE) {
        step(s, max_draws, r);
    }
}

static record run_whole(const char *yaml, int32_t n_threads, int64_t max_draws)
{
    subject s = open_subject(yaml, n_threads);
    record r = record_alloc(&s);
    finish(&s, max_draws, &r);
    assert_int_equal(r.n, r.size);
    close_subject(&s);
    return r;
}

static void assert_same(const record *a, const record *b)
{
    assert_int_equal(a->n, b->n);
    assert_memory_equal(a->value, b->value, a->n * sizeof(double));
}

/* ---- bits -------------------------------------------------------------------------------- */

static void samples_depend_neither_on_chunks_nor_on_threads(void **state)
{
    (void)state;
    record whole = run_whole(learning, 1, 4096);
    static const int64_t chunk[] = { 1, 7 };
    for (int k = 0; k < 2; k++) {
        record r = run_whole(learning, 2 + k, chunk[k]);
        assert_same(&whole, &r);
        free(r.value);
    }
    free(whole.value);
}

static void state_saved_while_measuring_continues_to_the_bit(void **state)
{
    (void)state;
    record whole = run_whole(learning, 2, 5);
    static const int64_t stop[] = { 1, 259 };
    for (int k = 0; k < 2; k++) {
        kr_error err = { 0 };
        subject a = open_subject(learning, 1), b = open_subject(learning, 2);
        record r = record_alloc(&a);
        while (kr_sampler_draws(a.sampler) < stop[k]) {
            step(&a, 1, &r);
        }
        assert_ok(kr_state_save(a.table, "test_alternating.state", NULL, &err), &err);
        assert_ok(kr_state_load(b.table, "test_alternating.state", &err), &err);
        finish(&b, 11, &r);
        assert_same(&whole, &r);
        close_subject(&a);
        close_subject(&b);
        free(r.value);
    }
    remove("test_alternating.state");
    free(whole.value);
}

/* ---- weights ----------------------------------------------------------------------------- */

static void score(const subject *s, int32_t p, int32_t d, double log_q[CHAINS])
{
    enum { SITES = 16, STRIDE = 48 };
    static uint8_t states[CHAINS * POINTS * SITES];
    uint8_t site_major[STRIDE * SITES] = { 0 };
    const kr_density *density = &s->sampler->point[p].density[d];
    kr_sampler_states(s->sampler, states);
    for (int k = 0; k < CHAINS * SITES; k++) {
        int c = k / SITES, i = k % SITES;
        site_major[i * STRIDE + c] = states[(c * POINTS + p) * SITES + i];
    }
    void *scratch = kr_alloc(density->plug->scratch_bytes(density->self, CHAINS), 1, NULL);
    assert_non_null(scratch);
    density->plug->log_q_tail(density->self, 0, CHAINS, site_major, log_q, scratch);
    kr_free(scratch);
}

/* Between draws nobody sees other weights; log q of the draws is that of the frozen ones. */
static void draws_are_scored_with_the_frozen_weights(void **state)
{
    (void)state;
    subject s = open_subject(learning, 2);
    record r = record_alloc(&s);
    float *frozen = NULL;
    size_t bytes = 0;
    while (kr_sampler_stage(s.sampler) != KR_STAGE_DONE) {
        kr_learned now;
        kr_stage stage = kr_sampler_stage(s.sampler);
        assert_true(kr_sampler_learned(s.sampler, 1, 1, &now));
        if (stage == KR_STAGE_MEASURE && !frozen) {
            bytes = now.n_weights * sizeof *frozen;
            frozen = malloc(bytes);
            memcpy(frozen, now.weights, bytes);
        }
        step(&s, 1, &r);
        assert_true(!frozen || memcmp(frozen, now.weights, bytes) == 0);
        for (int k = 0; frozen && kr_sampler_n_new(s.sampler) > 0 && k < 4; k++) {
            int32_t p = k % 2, d = k / 2;
            double log_q[CHAINS];
            score(&s, p, d, log_q);
            const double *kept =
                kr_sampler_slab(s.sampler, 0, kr_sampler_first_density(s.sampler) + 2 * d);
            for (int c = 0; c < CHAINS; c++) {
                assert_true(kept[c * POINTS + p] == log_q[c]);
            }
        }
    }
    free(frozen);
    close_subject(&s);
    free(r.value);
}

/* Fresh weights, a few steps before each turn; all chains make all steps of a draw. */
static double acceptance_at(const char *rate)
{
    char yaml[1024];
    snprintf(yaml, sizeof yaml, "%s%s%s, turn_rate: %s}\n", HEAD,
             "phases: {thermalize: 6, adapt: 0, measure: 528, every: 2}\nchains: 40\n",
             TRAINING, rate);
    subject s = open_subject(yaml, 2);
    record r = record_alloc(&s);
    finish(&s, 64, &r);
    double accepted = 0.0, n = 0.0;
    size_t n_cells = (size_t)CHAINS * POINTS;
    size_t row = (size_t)kr_sampler_columns(s.sampler) * n_cells;
    size_t column = (size_t)(kr_sampler_first_count(s.sampler) + 3) * n_cells;
    for (size_t at = column; at < r.n; at += row) {
        for (size_t c = 0; c < n_cells; c++, n += 2.0) {
            assert_true(r.value[at + c] == 2.0);
            accepted += r.value[at + n_cells + c];
        }
    }
    close_subject(&s);
    free(r.value);
    return accepted / n;
}

static void turns_raise_the_acceptance_of_an_untrained_density(void **state)
{
    (void)state;
    double frozen = acceptance_at("1e-9"), turns = acceptance_at("0.005");
    print_message("# acceptance %.3f, learning by turns %.3f\n", frozen, turns);
    assert_true(turns > frozen + 0.02);
}

/* ---- groups ------------------------------------------------------------------------------ */

static void few_chains_still_make_two_groups(void **state)
{
    (void)state;
    static const struct {
        int64_t n_chains;
        int32_t lanes, alternating;
    } row[] = { { 2, 16, 1 },   { 3, 16, 2 },   { 6, 16, 4 },   { 16, 16, 8 },
                { 18, 16, 10 }, { 32, 16, 16 }, { 40, 16, 16 }, { 512, 64, 64 } };
    for (size_t k = 0; k < sizeof row / sizeof *row; k++) {
        kr_sampler_config config = { .n_chains = row[k].n_chains };
        assert_int_equal(kr_alternating_lanes(&config), row[k].lanes);
        config.training.while_measuring = KR_TRAINING_ALTERNATING;
        assert_int_equal(kr_alternating_lanes(&config), row[k].alternating);
        assert_true(config.n_chains > row[k].alternating);
    }
}

static void frozen_runs_are_what_they_were(void **state)
{
    (void)state;
    subject s = open_subject(HEAD PHASES "chains: 40\n", 1);
    assert_null(s.sampler->alternating);
    assert_int_equal(s.sampler->n_blocks, 3);
    close_subject(&s);
}

/* ---- what is refused ----------------------------------------------------------------------
 */

static void assert_refused(const char *yaml, const char *message)
{
    kr_error err = { 0 };
    kr_runfile *file = kr_runfile_parse("test", yaml, strlen(yaml), &err);
    kr_spec *spec = file ? kr_spec_alloc(file, &err) : NULL;
    assert_null(spec);
    if (!strstr(err.text, message)) {
        fail_msg("%s, want %s", err.text, message);
    }
}

static void what_cannot_go_with_it_is_refused(void **state)
{
    (void)state;
    static const char exact[] =
        "model: {name: ising}\nlattice: {name: hypercubic, size: [4, 4]}\nbeta: 0.4\n"
        "densities: {net: {name: transfer_matrix}}\n"
        "updates: [{name: independence, density: net}]\n" TRAINING "}\n";
    assert_refused(exact, "no update proposes from a density with weights");
    assert_refused(HEAD "chains: 1\n" TRAINING "}\n", "with 1 chain, want at least 2");
    assert_refused(HEAD "chains: 2\nobservables: [energy, overlap]\n" TRAINING "}\n",
                   "with 2 chains taken in pairs, want at least 4");
    assert_refused(HEAD "tempering: {}\n" TRAINING "}\n", "alternating beside tempering");
    assert_refused(HEAD TRAINING ", conditional: 1}\n", "with conditional = 1, want 0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_depend_neither_on_chunks_nor_on_threads),
        cmocka_unit_test(state_saved_while_measuring_continues_to_the_bit),
        cmocka_unit_test(draws_are_scored_with_the_frozen_weights),
        cmocka_unit_test(turns_raise_the_acceptance_of_an_untrained_density),
        cmocka_unit_test(few_chains_still_make_two_groups),
        cmocka_unit_test(frozen_runs_are_what_they_were),
        cmocka_unit_test(what_cannot_go_with_it_is_refused),
    };
    return cmocka_run_group_tests_name("alternating", tests, NULL, NULL);
}
