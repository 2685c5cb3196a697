/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/bench_density.c - speed of the frontier density and of its kernels, one core.
 *
 * CPU time, best of many short repetitions: on a shared machine read ratios. Prints a table;
 * `meson test --benchmark` runs it. */
#include "kr_test.h"

#include "base/memory.h"
#include "base/rng.h"
#include "density/frontier.h"
#include "model/terms.h"

#include <time.h>

extern const kr_density_plug kr_density_frontier;
static const kr_density_plug *const plug = &kr_density_frontier;

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Potts (Ising for q = 2) on a periodic side x side lattice. */
static kr_terms *make_torus(int32_t q, int32_t side)
{
    double V[KR_STATES_MAX] = { 0 };
    double *table =
        q * q <= KR_STATES_MAX ? V : kr_alloc((size_t)(q * q), sizeof(double), NULL);
    kr_error err = { .status = KR_OK };
    int32_t index;
    kr_terms *terms = kr_terms_alloc_empty(side * side, q, &err);
    for (int32_t a = 0; a < q; a++) {
        terms->value[a] = a;
        for (int32_t b = 0; b < q; b++) {
            table[a * q + b] = a == b ? -1.0 : q == 2 ? 1.0 : 0.0;
        }
    }
    kr_terms_add_table(terms, 2, table, &index, &err);
    for (int32_t i = 0; i < side * side; i++) {
        const int32_t x = i % side, y = i / side;
        const int32_t right[2] = { i, y * side + (x + 1) % side };
        const int32_t down[2] = { i, (y + 1) % side * side + x };
        kr_terms_add(terms, index, right, 1.0, &err);
        kr_terms_add(terms, index, down, 1.0, &err);
    }
    if (table != V) {
        kr_free(table);
    }
    if (kr_terms_finish(terms, &err) != KR_OK) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    return terms;
}

typedef struct task {
    kr_frontier *self;
    int32_t n_lanes;
    uint8_t *state;
    double *log_q, *coefficient;
    float *gradient;
    kr_rng rng;
    void *scratch;
} task;

static void draw(task *t)
{
    plug->sample_tail(t->self, 0, t->n_lanes, t->state, t->log_q, &t->rng, t->scratch);
}

static void score(task *t)
{
    plug->log_q_tail(t->self, 0, t->n_lanes, t->state, t->log_q, t->scratch);
}

static void slope(task *t)
{
    plug->grad(t->self, t->n_lanes, t->state, t->coefficient, t->gradient, NULL, t->scratch);
}

/* microseconds per chain: best of repetitions within a budget of CPU seconds */
static double best_time(void (*work)(task *), task *t, double budget)
{
    double best = 1e9, begin = cpu_seconds(), now = begin;
    work(t);
    do {
        const double from = cpu_seconds();
        work(t);
        now = cpu_seconds();
        best = now - from < best ? now - from : best;
    } while (now - begin < budget);
    return 1e6 * best / t->n_lanes;
}

static void time_density(const char *name, int32_t q, double beta, int32_t n_lanes,
                         const char *isa, double budget)
{
    enum { SIDE = 16, HIDDEN = 32 };
    const kr_frontier_params params = { .hidden = HIDDEN };
    kr_error err = { .status = KR_OK };
    kr_terms *terms = make_torus(q, SIDE);
    const kr_target target = { .terms = terms, .beta = beta };
    task t = { .n_lanes = n_lanes, .self = plug->alloc(&target, &params, &err) };
    t.scratch = kr_alloc(plug->scratch_bytes(t.self, n_lanes), 1, &err);
    t.state = kr_alloc(SIDE * SIDE, KR_LANES_MAX, &err);
    t.log_q = kr_alloc(KR_LANES_MAX, sizeof(double), &err);
    t.coefficient = kr_alloc(KR_LANES_MAX, sizeof(double), &err);
    t.gradient = kr_alloc(plug->n_weights(t.self), sizeof(float), &err);
    for (int32_t l = 0; l < n_lanes; l++) {
        t.coefficient[l] = l % 2 ? 0.01 : -0.01;
    }
    t.self->lanes = kr_lanes_best(isa);
    t.self->units = kr_units_best(isa);
    kr_rng_seed(&t.rng, 1, 0, KR_PURPOSE_TEST);
    plug->init(t.self, &t.rng);
    const double sample = best_time(draw, &t, budget);
    const double log_q = best_time(score, &t, budget);
    const double grad = best_time(slope, &t, budget);
    /* of the dense products: 2 H |F| (+ 2 H for the output), once forward, twice with slopes */
    const double flop = 2.0 * HIDDEN * ((double)t.self->begin[SIDE * SIDE] + SIDE * SIDE);
    printf("%-14s %5d  %-8s %9.2f %9.2f %9.2f %8.1f %8.1f\n", name, n_lanes, isa, sample, log_q,
           grad, q == 2 ? 1e-3 * flop / sample : 0.0, q == 2 ? 2e-3 * flop / grad : 0.0);
    fflush(stdout);
    kr_free(t.gradient);
    kr_free(t.coefficient);
    kr_free(t.log_q);
    kr_free(t.state);
    kr_free(t.scratch);
    plug->free(t.self);
    kr_terms_free(terms);
}

static void time_functions(const char *isa, double budget)
{
    enum { N = 4096 };
    const kr_lanes *lanes = kr_lanes_best(isa);
    float *x = kr_alloc(2 * N, sizeof(float), NULL), *h = x + N;
    for (int i = 0; i < N; i++) {
        x[i] = (float)i / 512.0f - 4.0f;
    }
    double best[3] = { 1e9, 1e9, 1e9 };
    for (double begin = cpu_seconds(); cpu_seconds() - begin < budget;) {
        const double a = cpu_seconds();
        lanes->phi(N, x, h);
        const double b = cpu_seconds();
        lanes->phi_back(N, x, x, h);
        const double c = cpu_seconds();
        lanes->sigmoid(N, x, (uint32_t *)(void *)h);
        const double d = cpu_seconds();
        best[0] = fmin(best[0], b - a);
        best[1] = fmin(best[1], c - b);
        best[2] = fmin(best[2], d - c);
    }
    printf("%-8s ns per element: phi %.3f, phi_back %.3f, sigmoid %.3f\n", isa,
           1e9 * best[0] / N, 1e9 * best[1] / N, 1e9 * best[2] / N);
    kr_free(x);
}

int main(int argc, char **argv)
{
    static const char *const isas[] = { "avx512", "avx2", "portable" };
    const double budget = argc > 1 ? atof(argv[1]) : 0.3; /* CPU seconds per figure */
    printf("frontier, 16x16 torus, 32 hidden units; us per chain, GFLOP/s of dense products\n"
           "%-14s %5s  %-8s %9s %9s %9s %8s %8s\n",
           "system", "lanes", "isa", "sample", "log_q", "gradient", "GF/s", "GF/s");
    for (int i = 0; i < 3; i++) {
        if (kr_lanes_best(isas[i])) {
            time_density("Ising", 2, 0.44, 64, isas[i], budget);
            time_density("Ising", 2, 0.44, 16, isas[i], budget);
            time_density("Potts q=20", 20, 1.69, 64, isas[i], budget);
            time_density("Potts q=20 hot", 20, 0.5, 64, isas[i], budget);
        }
    }
    for (int i = 0; i < 3; i++) {
        if (kr_lanes_best(isas[i])) {
            time_functions(isas[i], budget);
        }
    }
    return 0;
}
