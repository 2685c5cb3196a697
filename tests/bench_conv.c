/* SPDX-License-Identifier: GPL-3.0-or-later
 * tests/bench_conv.c - speed of the convolutional density, one core.
 *
 * Ising on a 16 x 16 torus and Potts beside it, 64 chains: CPU microseconds per chain, median
 * of many repetitions, and the rate of the products that the masks leave. The last column is a
 * training step of reverse KL without the optimizer: draw and differentiate 1000 chains.
 * `meson test --benchmark` runs it; arguments: budget in CPU seconds per figure, instruction
 * set. */
#include "kr_system.h"

#include "base/memory.h"
#include "base/rng.h"
#include "density/conv.h"

#include <time.h>

extern const kr_density_plug kr_density_conv, kr_density_frontier;

enum { REPEATS_MAX = 4096, BATCH = 1000 };

typedef struct task {
    const kr_density_plug *plug;
    void *self;
    uint8_t *state;
    double log_q[KR_LANES_MAX], coefficient[KR_LANES_MAX];
    float *gradient;
    kr_rng rng;
    void *scratch;
} task;

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void draw(task *t)
{
    t->plug->sample_tail(t->self, 0, KR_LANES_MAX, t->state, t->log_q, &t->rng, t->scratch);
}

static void score(task *t)
{
    t->plug->log_q_tail(t->self, 0, KR_LANES_MAX, t->state, t->log_q, t->scratch);
}

static void slope(task *t)
{
    t->plug->grad(t->self, KR_LANES_MAX, t->state, t->coefficient, t->gradient, NULL,
                  t->scratch);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* microseconds per chain */
static double median_time(void (*work)(task *), task *t, double budget)
{
    static double seconds[REPEATS_MAX];
    int n = 0;
    work(t);
    for (double begin = cpu_seconds(), now = begin; n < REPEATS_MAX && now - begin < budget;
         n++) {
        work(t);
        double then = now;
        now = cpu_seconds();
        seconds[n] = now - then;
    }
    qsort(seconds, (size_t)n, sizeof *seconds, compare);
    return 1e6 * seconds[n / 2] / KR_LANES_MAX;
}

static void time_density(const char *label, const kr_density_plug *plug, const char *text,
                         const kr_target *target, const char *isa, double budget)
{
    _Alignas(16) char params[256] = { 0 };
    kr_error err = { 0 };
    system_params(plug->fields, text, params);
    task t = { .plug = plug, .self = plug->alloc(target, params, &err) };
    if (!t.self) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    t.scratch = kr_alloc(plug->scratch_bytes(t.self, KR_LANES_MAX), 1, &err);
    t.state = kr_alloc((size_t)target->terms->n_sites, KR_LANES_MAX, &err);
    t.gradient = kr_alloc(plug->n_weights(t.self), sizeof(float), &err);
    for (int32_t l = 0; l < KR_LANES_MAX; l++) {
        t.coefficient[l] = l % 2 ? 0.01 : -0.01;
    }
    if (plug == &kr_density_conv && isa) {
        ((kr_conv *)t.self)->lanes = kr_lanes_best(isa);
    }
    kr_rng_seed(&t.rng, 1, 0, KR_PURPOSE_TEST);
    plug->init(t.self, &t.rng);
    double sample = median_time(draw, &t, budget), log_q = median_time(score, &t, budget);
    double grad = median_time(slope, &t, budget);
    double flop = plug->n_visits ? 2.0 * plug->n_visits(t.self) : 0.0;
    printf("%-28s %8.2f %9.2f %9.2f %9.2f %8.0f %7.1f %7.1f %8.3f\n", label, 1e-6 * flop,
           sample, log_q, grad, 1e6 / sample, 1e-3 * flop / sample, 3e-3 * flop / grad,
           1e-6 * BATCH * (sample + grad));
    fflush(stdout);
    kr_free(t.gradient);
    kr_free(t.state);
    kr_free(t.scratch);
    plug->free(t.self);
}

int main(int argc, char **argv)
{
    const double budget = argc > 1 ? atof(argv[1]) : 0.5;
    const char *isa = argc > 2 ? argv[2] : NULL;
    if (isa && !kr_lanes_best(isa)) {
        fprintf(stderr, "no %s here\n", isa);
        return 1;
    }
    kr_system ising = system_alloc("ising", "", "hypercubic", "size=16,16");
    kr_system potts = system_alloc("potts", "q=4", "hypercubic", "size=16,16");
    kr_target even = system_target(&ising, 0.44), many = system_target(&potts, 1.0);
    printf("%-28s %8s %9s %9s %9s %8s %7s %7s %8s\n", "us per chain", "MFLOP", "sample",
           "log_q", "gradient", "1/s", "GF/s", "GF/s", "step, s");
    time_density("frontier 32", &kr_density_frontier, "hidden=32", &even, NULL, budget);
    time_density("conv 3/64/3x3", &kr_density_conv, "width=64", &even, isa, budget);
    time_density("conv 3/64/3x3, last masked", &kr_density_conv, "width=64 last=masked", &even,
                 isa, budget);
    time_density("conv 3/16/5x5", &kr_density_conv, "width=16 kernel=5", &even, isa, budget);
    time_density("conv 3/64/7x7", &kr_density_conv, "width=64 kernel=7", &even, isa, budget);
    time_density("conv 3/64/13x13", &kr_density_conv, "width=64 kernel=13", &even, isa, budget);
    time_density("conv 3/64/3x3, Potts q=4", &kr_density_conv, "width=64", &many, isa, budget);
    system_free(&potts);
    system_free(&ising);
    return 0;
}
