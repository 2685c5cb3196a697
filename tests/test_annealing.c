/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/test_annealing.c - population annealing in the sampler: resampling, families, what the
 * samples may depend on, what is refused. */
#include "kr_test.h"

#include "base/state.h"
#include "run/spec.h"
#include "sampler/private.h"

#define RUN                                                                                    \
    "model: {name: ising, disorder: {kind: gaussian, seed: 3}, field: 0.1}\n"                  \
    "lattice: {name: hypercubic, size: [3, 3]}\nchains: 37\nseed: 5\n"                         \
    "updates: [heat_bath, wolff]\nobservables: [energy, magnetization]\n"
#define PHASES "phases: {measure: 60, every: 3}\n"
#define ON     "population_annealing: {}\n"

/* Three blocks, temperatures not in order. */
static const char subject_run[] = RUN PHASES ON "beta: [0.5, 0.0, 1.1, 0.8]\n";

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

/* Every number of every draw and run. */
typedef struct record {
    double value[100000];
    size_t n;
} record;

static void keep(record *r, const double *value, int64_t n)
{
    assert_true(r->n + (size_t)n <= sizeof r->value / sizeof *r->value);
    memcpy(r->value + r->n, value, (size_t)n * sizeof *value);
    r->n += (size_t)n;
}

static void advance(subject *s, int64_t max_draws, record *r)
{
    kr_error err = { 0 };
    assert_ok(kr_sampler_advance(s->sampler, max_draws, &err), &err);
    int64_t points = s->spec->config.n_points;
    for (int64_t d = 0; d < kr_sampler_n_new(s->sampler); d++) {
        assert_false(kr_sampler_new_is_warmup(s->sampler));
        keep(r, kr_sampler_slab(s->sampler, d, 0),
             kr_sampler_columns(s->sampler) * s->spec->config.n_chains * points);
        keep(r, kr_sampler_annealing(s->sampler, d, 0), KR_ANNEALING_ROWS * points);
    }
}

static record *run(const char *yaml, int32_t n_threads, int64_t max_draws)
{
    record *r = calloc(1, sizeof *r);
    assert_non_null(r);
    subject s = open_subject(yaml, n_threads);
    while (kr_sampler_stage(s.sampler) != KR_STAGE_DONE) {
        advance(&s, max_draws, r);
    }
    close_subject(&s);
    return r;
}

static void assert_same(const record *a, const record *b)
{
    assert_true(a->n > 0);
    assert_int_equal(a->n, b->n);
    assert_memory_equal(a->value, b->value, a->n * sizeof *a->value);
}

/* The copies of a member change at the fractional parts of the sums of weights only: their mean
 * over u is a finite sum. */
static void resampling_gives_each_member_its_weight_in_the_mean(void **state)
{
    (void)state;
    enum { N = 7 };
    static const double weight[][N] = {
        { 1, 1, 1, 1, 1, 1, 1 },
        { 0.3, 2.7, 0, 0.01, 1.5, 4, 0.8 },
        { 0, 0, 1e-3, 5, 0, 0, 0 },
        { 1e-300, 1, 1e-9, 0.999, 0.25, 0.125, 0 },
    };
    for (int w = 0; w < 4; w++) {
        double edge[N + 1] = { 0 }, total = 0.0, sum = 0.0, copies[N] = { 0 };
        for (int i = 0; i < N; i++) {
            total += weight[w][i];
        }
        for (int i = 0; i < N; i++) {
            sum += weight[w][i] / total * N;
            edge[i] = sum - floor(sum);
        }
        edge[N] = 1.0;
        double from = 0.0;
        while (from < 1.0) { /* from one edge to the next above it */
            double to = 1.0;
            for (int i = 0; i <= N; i++) {
                to = edge[i] > from && edge[i] < to ? edge[i] : to;
            }
            int32_t parent[N];
            double mean = kr_annealing_resample(weight[w], N, 0.5 * (from + to), parent);
            assert_true(fabs(mean - total / N) <= 1e-14 * total);
            for (int m = 0; m < N; m++) {
                assert_true(parent[m] >= (m ? parent[m - 1] : 0) && parent[m] < N);
                copies[parent[m]] += to - from;
            }
            from = to;
        }
        for (int i = 0; i < N; i++) {
            double want = weight[w][i] / total * N;
            assert_true(fabs(copies[i] - want) <= 1e-13 * N);
            assert_true(weight[w][i] > 0.0 || copies[i] == 0.0);
        }
    }
}

static void resampling_keeps_the_number_of_members_at_both_ends_of_u(void **state)
{
    (void)state;
    enum { N = 1000 };
    static const double u[] = { 0.0, 0.5, 1.0 - 0x1p-53 };
    double weight[N];
    int32_t parent[N];
    for (int i = 0; i < N; i++) {
        weight[i] = 1.0 / (i + 1.0);
    }
    weight[N - 1] = weight[0] = 0.0;
    for (int k = 0; k < 3; k++) {
        memset(parent, -1, sizeof parent);
        kr_annealing_resample(weight, N, u[k], parent);
        for (int m = 0; m < N; m++) {
            assert_true(parent[m] > 0 && parent[m] < N - 1);
        }
    }
}

static void samples_depend_neither_on_chunks_nor_on_threads(void **state)
{
    (void)state;
    record *whole = run(subject_run, 1, 64);
    static const int32_t threads[] = { 2, 3, 5 };
    for (int k = 0; k < 3; k++) {
        record *other = run(subject_run, threads[k], 1 + 3 * k);
        assert_same(whole, other);
        free(other);
    }
    free(whole);
}

static void state_saved_between_runs_continues_to_the_bit(void **state)
{
    (void)state;
    record *whole = run(subject_run, 1, 1), *part = calloc(1, sizeof *part);
    assert_non_null(part);
    for (int n_before = 1; n_before < 20; n_before += 6) {
        kr_error err = { 0 };
        subject a = open_subject(subject_run, 1), b = open_subject(subject_run, 2);
        part->n = 0;
        for (int k = 0; k < n_before; k++) {
            advance(&a, 1, part);
        }
        assert_ok(kr_state_save(a.table, "test_annealing.state", NULL, &err), &err);
        assert_ok(kr_state_load(b.table, "test_annealing.state", &err), &err);
        while (kr_sampler_stage(b.sampler) != KR_STAGE_DONE) {
            advance(&b, 7, part);
        }
        assert_same(whole, part);
        close_subject(&a);
        close_subject(&b);
    }
    remove("test_annealing.state");
    free(part);
    free(whole);
}

/* log Q by hand from the energies of the next higher temperature; families only die out. */
static void numbers_of_a_run_follow_from_its_members(void **state)
{
    (void)state;
    static const int32_t order[] = { 1, 0, 3, 2 };
    subject s = open_subject(subject_run, 1);
    record *r = calloc(1, sizeof *r);
    assert_non_null(r);
    int64_t n_chains = s.spec->config.n_chains, n_checked = 0;
    while (kr_sampler_stage(s.sampler) != KR_STAGE_DONE) {
        advance(&s, 5, r);
        for (int64_t d = 0; d < kr_sampler_n_new(s.sampler); d++) {
            const double *row[KR_ANNEALING_ROWS], *energy = kr_sampler_slab(s.sampler, d, 0);
            for (int k = 0; k < KR_ANNEALING_ROWS; k++) {
                row[k] = kr_sampler_annealing(s.sampler, d, k);
            }
            double log_z = 0.0;
            assert_true(row[KR_ANNEALING_RHO_T][1] == 1.0 &&
                        row[KR_ANNEALING_FAMILIES][1] == (double)n_chains);
            for (int k = 1; k < 4; k++) {
                int32_t p = order[k], before = order[k - 1];
                double step = s.spec->target[p].beta - s.spec->target[before].beta, mean = 0.0;
                for (int64_t c = 0; c < n_chains; c++) {
                    mean += exp(-step * 9.0 * energy[c * 4 + before]) / (double)n_chains;
                }
                log_z += log(mean);
                assert_true(fabs(row[KR_ANNEALING_LOG_Q][p] - log(mean)) < 1e-12);
                assert_true(fabs(row[KR_ANNEALING_LOG_Z][p] - log_z) < 1e-12);
                double families = row[KR_ANNEALING_FAMILIES][p],
                       rho = row[KR_ANNEALING_RHO_T][p];
                assert_true(families <= row[KR_ANNEALING_FAMILIES][before] && families >= 1.0);
                assert_true(rho >= (double)n_chains / families && rho <= (double)n_chains);
                n_checked++;
            }
        }
    }
    assert_int_equal(n_checked, 60);
    free(r);
    close_subject(&s);
}

static void what_does_not_go_with_it_is_refused_with_place_and_value(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *text;
    } bad[] = {
        { RUN PHASES ON "beta: 0.5\n", "1 temperatures and 37 chains, want two or more" },
        { RUN PHASES ON "beta: [0, 0.6, 0]\n", "beta = 0 twice" },
        { RUN PHASES "beta: [0, 0.6]\npopulation_annealing: 7\n", "want {}" },
        { RUN PHASES "beta: [0, 0.6]\npopulation_annealing: {steps: 2}\n", "steps" },
        { RUN PHASES "beta: [0, 0.6]\npopulation_anealing: {}\n", "population_annealing" },
        { RUN PHASES ON "beta: [0, 0.6]\ntempering: {}\n", "tempering beside it" },
        { RUN PHASES ON "beta: [0, 0.6]\nstart: ordered\n", "want start: random" },
        { RUN ON "beta: [0, 0.6]\nphases: {thermalize: 10}\n", "phases.thermalize = 0" },
        { RUN PHASES ON "beta: [0, 0.6]\ndensities: {net: {name: frontier}}\n",
          "densities beside it" },
        { "model: {name: ising, field: [0, 1]}\nlattice: {name: hypercubic, size: [3, 3]}\n"
          "updates: [heat_bath]\nobservables: [energy]\n" ON "beta: [0, 0.6]\n",
          "another Hamiltonian" },
        { "model: {name: ising}\nlattice: {name: hypercubic, size: [3, 3]}\n"
          "updates: [heat_bath]\nobservables: [overlap]\n" ON "beta: [0, 0.6]\n",
          "observable overlap compares" },
        { "model: {name: ising}\nlattice: {name: hypercubic, size: [3, 3]}\n"
          "updates: [heat_bath, houdayer]\nobservables: [energy]\n" ON "beta: [0, 0.6]\n",
          "update houdayer couples" },
        { "model: {name: ising}\nlattice: {name: hypercubic, size: [3, 3]}\n"
          "updates: [heat_bath]\nobservables: [residence]\n" ON "beta: [0, 0.6]\n",
          "observable residence remembers" },
        { "model: {name: ising}\nlattice: {name: hypercubic, size: [3, 3]}\n"
          "updates: [multicanonical]\nobservables: [energy]\nmulticanonical: {}\nbeta: 1\n" ON,
          "multicanonical beside it" },
    };
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        kr_error err = { 0 };
        assert_null(parse(bad[k].yaml, &err));
        if (!strstr(err.text, bad[k].text) || !strstr(err.text, "test:")) {
            fail_msg("%s, want \"%s\"", err.text, bad[k].text);
        }
    }
    kr_error err = { 0 };
    kr_spec *few = parse("model: {name: ising}\nlattice: {name: hypercubic, size: [3, 3]}\n"
                         "beta: [0, 0.6]\nupdates: [heat_bath]\n" ON,
                         &err);
    if (!few) {
        fail_msg("%s", err.text);
        return;
    }
    assert_int_equal(few->config.thermalize, 0); /* defaults that go with it */
    assert_int_equal(few->config.n_observables, 2);
    kr_spec_free(few);
    kr_spec *spec = parse(RUN PHASES "beta: [0, 0.6]\npopulation_annealing: null\n", &err);
    assert_non_null(spec);
    assert_false(spec->config.is_annealing);
    kr_spec_free(spec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resampling_gives_each_member_its_weight_in_the_mean),
        cmocka_unit_test(resampling_keeps_the_number_of_members_at_both_ends_of_u),
        cmocka_unit_test(samples_depend_neither_on_chunks_nor_on_threads),
        cmocka_unit_test(state_saved_between_runs_continues_to_the_bit),
        cmocka_unit_test(numbers_of_a_run_follow_from_its_members),
        cmocka_unit_test(what_does_not_go_with_it_is_refused_with_place_and_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
