/* SPDX-License-Identifier: GPL-3.0-or-later
 * stats/dos.c - density of states and the barrier between two phases from histograms taken
 * under known weights.
 *
 * g(E) is proportional to visits(E)/w(E); errors come from leaving out one of the independent
 * parts of the run (Efron 1982). Barrier: Janke, Phys. Rev. B 47, 14757 (1993): ln(P_max/P_min)
 * at the beta where both peaks of P(E) are equally high. */
#include "stats/stats.h"

#include "base/memory.h"

#include <math.h>

#define SMOOTH      100 /* P is averaged over +- n_bins/SMOOTH bins */
#define BINS_MIN    32  /* with fewer, structure of single levels looks like peaks */
#define ITERATIONS  60
#define SEPARATION  0.1 /* of the energies, between two phases at least */
#define PROMINENCE  0.1 /* least depth of a valley, in ln P */
#define PEAKS_AGREE 1e-9

/* log of the sum over bins, those outside the table included, and log terms without it. */
static double log_total(const kr_dos *d, const double *visits, double *log_g)
{
    int64_t n = d->n_bins;
    double top = -INFINITY, sum = 0.0;
    for (int64_t k = -1; k <= n; k++) {
        int64_t entry = k < 0 ? 0 : k < n ? k : n - 1;
        double x = log(visits[k + 1]) - d->log_w[entry];
        top = fmax(top, x);
        if (k >= 0 && k < n) {
            log_g[k] = x;
        }
    }
    for (int64_t k = -1; k <= n; k++) {
        int64_t entry = k < 0 ? 0 : k < n ? k : n - 1;
        sum += exp(log(visits[k + 1]) - d->log_w[entry] - top);
    }
    return top + log(sum);
}

static void sum_groups(const kr_dos *d, int64_t left_out, double *visits)
{
    for (int64_t k = 0; k < d->n_bins + 2; k++) {
        visits[k] = 0.0;
        for (int64_t j = 0; j < d->n_groups; j++) {
            visits[k] += j == left_out ? 0.0 : d->visits[j * (d->n_bins + 2) + k];
        }
    }
}

static void normalize(const kr_dos *d, const double *visits, double *log_g)
{
    double shift = -log_total(d, visits, log_g);
    if (isfinite(d->log_states)) {
        shift += d->log_states;
    } else {
        shift = -INFINITY;
        for (int64_t k = 0; k < d->n_bins; k++) {
            shift = fmax(shift, log_g[k]);
        }
        shift = -shift;
    }
    for (int64_t k = 0; k < d->n_bins; k++) {
        log_g[k] += shift;
    }
}

int kr_dos_estimate(const kr_dos *d, double *log_g, double *error, kr_error *err)
{
    size_t n = (size_t)d->n_bins, n_groups = (size_t)d->n_groups;
    double *visits = kr_alloc(4 * (n + 2), sizeof *visits, err);
    if (!visits) {
        return KR_ENOMEM;
    }
    double *part = visits + n + 2, *mean = part + n + 2, *square = mean + n + 2;
    sum_groups(d, -1, visits);
    normalize(d, visits, log_g);
    for (size_t j = 0; j < n_groups; j++) {
        sum_groups(d, (int64_t)j, visits);
        normalize(d, visits, part);
        for (size_t k = 0; k < n; k++) { /* NaN where one group has all visits, or none */
            double x = part[k] - log_g[k];
            mean[k] += x / (double)n_groups;
            square[k] += x * x / (double)n_groups;
        }
    }
    for (size_t k = 0; k < n; k++) {
        double variance = fmax(square[k] - mean[k] * mean[k], 0.0);
        error[k] = isfinite(square[k]) && n_groups > 1
                       ? sqrt(((double)n_groups - 1.0) * variance)
                       : NAN;
    }
    kr_free(visits);
    return KR_OK;
}

/* ln P(E) at beta, averaged over neighboring bins. */
static void fill_log_p(const kr_dos *d, const double *visits, double beta, double *raw,
                       double *log_p)
{
    int64_t n = d->n_bins, h = n / SMOOTH;
    double top = -INFINITY;
    for (int64_t k = 0; k < n; k++) {
        raw[k] = log(visits[k + 1]) - d->log_w[k] - beta * d->width * (double)k;
        top = fmax(top, raw[k]);
    }
    for (int64_t k = 0; k < n; k++) {
        int64_t from = k - h < 0 ? 0 : k - h, to = k + h >= n ? n - 1 : k + h;
        double local = -INFINITY, sum = 0.0;
        for (int64_t m = from; m <= to; m++) {
            local = fmax(local, raw[m]);
        }
        for (int64_t m = from; m <= to && isfinite(local); m++) {
            sum += exp(raw[m] - local);
        }
        log_p[k] = local - top + log(sum / (double)(to - from + 1));
    }
}

typedef struct peaks {
    int64_t low, valley, high; /* bins */
} peaks;

/* The highest peak and the one beyond the deepest valley; false when there is none. */
static bool find_peaks(const double *log_p, int64_t n, peaks *found)
{
    int64_t top = 0;
    double best = PROMINENCE;
    bool is_found = false;
    for (int64_t k = 1; k < n; k++) {
        top = log_p[k] > log_p[top] ? k : top;
    }
    for (int step = -1; step <= 1; step += 2) {
        int64_t valley = top;
        for (int64_t k = top + step; k >= 0 && k < n; k += step) {
            if (isfinite(log_p[k]) && log_p[k] < log_p[valley]) {
                valley = k;
            } else if (log_p[k] - log_p[valley] > best) {
                best = log_p[k] - log_p[valley];
                *found = (peaks){ step < 0 ? k : top, valley, step < 0 ? top : k };
                is_found = true;
            }
        }
    }
    return is_found;
}

static bool find_barrier(const kr_dos *d, const double *visits, double *raw, double *log_p,
                         kr_barrier *b)
{
    peaks at = { 0 };
    for (int k = 0; k < ITERATIONS; k++) {
        fill_log_p(d, visits, b->beta, raw, log_p);
        if (!find_peaks(log_p, d->n_bins, &at)) {
            return false;
        }
        double off = log_p[at.low] - log_p[at.high];
        b->beta -= off / (d->width * (double)(at.high - at.low));
        if (fabs(off) < PEAKS_AGREE) {
            break;
        }
    }
    if (at.high - at.low < (int64_t)(SEPARATION * (double)d->n_bins)) {
        return false; /* levels of one phase */
    }
    b->height = 0.5 * (log_p[at.low] + log_p[at.high]) - log_p[at.valley];
    b->energy_low = d->e_min + d->width * (double)at.low;
    b->energy_high = d->e_min + d->width * (double)at.high;
    return true;
}

int kr_dos_barrier(const kr_dos *d, double beta, kr_barrier *barrier, kr_error *err)
{
    size_t n = (size_t)d->n_bins;
    double mean[2] = { 0.0 }, square[2] = { 0.0 }, groups = (double)d->n_groups;
    *barrier = (kr_barrier){ .beta = beta };
    double *visits = kr_alloc(3 * (n + 2), sizeof *visits, err);
    if (!visits) {
        return KR_ENOMEM;
    }
    double *raw = visits + n + 2, *log_p = raw + n + 2;
    sum_groups(d, -1, visits);
    bool is_found = d->n_bins >= BINS_MIN && find_barrier(d, visits, raw, log_p, barrier);
    for (int64_t j = 0; j < d->n_groups && is_found; j++) {
        kr_barrier part = { .beta = barrier->beta };
        sum_groups(d, j, visits);
        is_found = find_barrier(d, visits, raw, log_p, &part);
        const double off[2] = { part.beta - barrier->beta, part.height - barrier->height };
        for (int k = 0; k < 2; k++) {
            mean[k] += off[k] / groups;
            square[k] += off[k] * off[k] / groups;
        }
    }
    kr_free(visits);
    if (!is_found) {
        *barrier = (kr_barrier){ NAN, NAN, NAN, NAN, NAN, NAN };
        return KR_OK;
    }
    barrier->beta_error = sqrt((groups - 1.0) * fmax(square[0] - mean[0] * mean[0], 0.0));
    barrier->height_error = sqrt((groups - 1.0) * fmax(square[1] - mean[1] * mean[1], 0.0));
    return KR_OK;
}
