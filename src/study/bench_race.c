/* SPDX-License-Identifier: GPL-3.0-or-later
 * study/bench_race.c - alternating timed slices, and the median of their ratios. */
#include "base/memory.h"
#include "study/bench_private.h"

#include <math.h>
#include <stdlib.h>

#define ROUNDS_WANTED 24 /* slices are a fraction 1/24 of the time of a side */
#define ROUNDS_MIN    5
#define ROUNDS_MAX    256
#define RACERS_MAX    (2 * KR_BENCH_ISAS + 1)

static double now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Quantile by linear interpolation of n sorted values. */
static double quantile(const double *sorted, int32_t n, double p)
{
    const double place = p * (n - 1);
    const int32_t k = (int32_t)place;
    return k + 1 < n ? sorted[k] + (place - k) * (sorted[k + 1] - sorted[k]) : sorted[n - 1];
}

static double median(double *value, int32_t n)
{
    qsort(value, (size_t)n, sizeof *value, ascending);
    return quantile(value, n, 0.5);
}

/* Sweeps of a racer that fill a slice on average. The first sweep is not timed: it may convert
 * the layout of all states. */
static int64_t calibrate(const kr_bench_racer *racer, clockid_t clock, double slice)
{
    double took = 0.0;
    int64_t done = 0;
    racer->run(racer->self, 1);
    for (int64_t n = 1; took < slice && n < INT64_C(1) << 40; n *= 2) {
        const double start = now(clock);
        racer->run(racer->self, n);
        took += now(clock) - start;
        done += n;
    }
    const double wanted = (double)done * slice / fmax(took, 1e-9);
    return wanted > (double)racer->min_sweeps ? (int64_t)wanted : racer->min_sweeps;
}

/* Nanoseconds per unit of every racer for every round: ns (n_racers, ROUNDS_MAX). Returns the
 * number of rounds. */
static int32_t alternate(const kr_bench_racer *racer, int32_t n_racers, clockid_t clock,
                         double seconds, const volatile sig_atomic_t *stop, double *ns)
{
    int64_t n[RACERS_MAX];
    for (int32_t k = 0; k < n_racers; k++) {
        n[k] = calibrate(&racer[k], clock, seconds / ROUNDS_WANTED);
    }
    double spent = 0.0;
    int32_t round = 0;
    while (round < ROUNDS_MIN || (round < ROUNDS_MAX && spent < seconds * n_racers)) {
        for (int32_t k = 0; k < n_racers; k++) {
            const double start = now(clock);
            const double units = racer[k].run(racer[k].self, n[k]);
            const double took = now(clock) - start;
            spent += took;
            ns[k * ROUNDS_MAX + round] = 1e9 * took / units; /* inf where nothing was done */
        }
        round++;
        if (stop && *stop) {
            break;
        }
    }
    return round;
}

/* How near a subject comes to the yardstick beside it, pair by pair. */
static void compare_peak(double *peak, const double *own, double *ratio, int32_t n,
                         kr_bench_result *result)
{
    for (int32_t round = 0; round < n; round++) {
        ratio[round] = peak[round] / own[round];
    }
    result->peak_fraction = median(ratio, n);
    result->peak_gflops = 1.0 / median(peak, n);
}

int kr_bench_race(const kr_bench_racer *racer, int32_t n_subjects, bool with_peaks,
                  clockid_t clock, double seconds, const volatile sig_atomic_t *stop,
                  kr_bench_result *result, kr_error *err)
{
    const int32_t n_racers = n_subjects + 1 + (with_peaks ? n_subjects : 0);
    double *ns = kr_alloc((size_t)(n_racers + 1) * ROUNDS_MAX, sizeof *ns, err);
    if (!ns) {
        return KR_ENOMEM;
    }
    double *ratio = ns + n_racers * ROUNDS_MAX, *rival = ns + n_subjects * ROUNDS_MAX;
    const int32_t n = alternate(racer, n_racers, clock, seconds, stop, ns);
    int status = KR_OK;
    for (int32_t k = 0; k < n_subjects; k++) {
        double *own = ns + k * ROUNDS_MAX;
        if (with_peaks) {
            compare_peak(rival + (k + 1) * ROUNDS_MAX, own, ratio, n, &result[k]);
        }
        for (int32_t round = 0; round < n; round++) {
            ratio[round] = rival[round] / own[round];
            if (!isfinite(ratio[round]) || !(ratio[round] > 0.0)) {
                status = kr_fail(err, KR_ESANITY, "a slice of time in which nothing was done");
            }
        }
        result[k].n_pairs = n;
        result[k].value = median(ratio, n);
        result[k].low = quantile(ratio, n, 0.25);
        result[k].high = quantile(ratio, n, 0.75);
        result[k].ns = median(own, n);
    }
    const double rival_ns = median(rival, n);
    for (int32_t k = 0; k < n_subjects; k++) {
        result[k].rival_ns = rival_ns;
    }
    kr_free(ns);
    return status;
}
