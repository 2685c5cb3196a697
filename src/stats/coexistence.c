/* SPDX-License-Identifier: GPL-3.0-or-later
 * stats/coexistence.c - two phases in the draws of a finite system. */
#include "stats/coexistence.h"

#include "base/memory.h"
#include "stats/stats.h"

#include <math.h>
#include <string.h>

#define BINS   100
#define LEVELS 1e5 /* more of them count as continuous */
#define STEPS  60
#define CUTS   4
#define SHARE  0.03 /* of the draws, at least, on either side of two peaks */
#define REACH  3.0  /* standard deviations of x that weights may move the draws */

/* Sums over the draws of a block or of all without it, by bins of x. */
typedef struct table {
    int64_t n_bins;
    double low, width;
    double *sum; /* (n_blocks + 1, 3, n_bins + 2): draws, x, order; the last is all; owns */
    int64_t n_blocks;
} table;

static double *row(const table *t, int64_t block, int which)
{
    return t->sum + (size_t)(block * 3 + which) * (size_t)(t->n_bins + 2);
}

static int64_t bin_of(const table *t, double x)
{
    const double k = floor((x - t->low) / t->width + 0.5);
    return k < 0.0 ? 0 : k >= (double)t->n_bins ? t->n_bins + 1 : (int64_t)k + 1;
}

/* Distance of levels, where x has some: the least difference that all others are whole
 * multiples of; 0: none. */
static double level_gap(const double *x, int64_t n, double low, double range)
{
    double gap = INFINITY;
    for (int64_t i = 0; i < n; i++) {
        const double d = x[i] - low;
        gap = d > 1e-9 * range && d < gap ? d : gap;
    }
    for (int64_t i = 0; i < n; i++) { /* Euclid, up to rounding */
        double a = x[i] - low;
        a -= gap * floor(a / gap + 0.5);
        if (fabs(a) > 1e-6 * gap) {
            gap = fabs(a);
            if (range / gap > LEVELS) {
                return 0.0;
            }
        }
    }
    return range / gap > LEVELS ? 0.0 : gap;
}

static int fill(table *t, const kr_coexistence_draws *d, kr_error *err)
{
    const int64_t n = d->n_blocks * d->n_draws;
    double low = INFINITY, high = -INFINITY;
    for (int64_t i = 0; i < n; i++) {
        low = fmin(low, d->x[i]);
        high = fmax(high, d->x[i]);
    }
    const double range = high - low, gap = range > 0.0 ? level_gap(d->x, n, low, range) : 0.0;
    t->low = low;
    t->width = gap > 0.0 ? gap * ceil(range / (gap * BINS)) : range / BINS;
    t->width = t->width > 0.0 ? t->width : 1.0;
    t->n_bins = (int64_t)floor(range / t->width + 0.5) + 1;
    t->n_blocks = d->n_blocks;
    t->sum = kr_alloc((size_t)(3 * (d->n_blocks + 1) * (t->n_bins + 2)), sizeof(double), err);
    if (!t->sum) {
        return KR_ENOMEM;
    }
    for (int64_t b = 0; b < d->n_blocks; b++) {
        for (int64_t i = b * d->n_draws; i < (b + 1) * d->n_draws; i++) {
            const int64_t k = bin_of(t, d->x[i]);
            row(t, b, 0)[k] += 1.0;
            row(t, b, 1)[k] += d->x[i];
            row(t, b, 2)[k] += d->order[i];
        }
    }
    for (int64_t b = 0; b < d->n_blocks; b++) {
        for (int64_t k = 0; k < 3 * (t->n_bins + 2); k++) {
            row(t, t->n_blocks, 0)[k] += row(t, b, 0)[k];
        }
    }
    return KR_OK;
}

/* Weights of either side of a bin at a parameter, and means there. */
typedef struct sides {
    double log_ratio; /* ln W_low/W_high */
    double x[2], order[2], variance;
} sides;

/* out: a block left out, or -1; cut: place in bins, those below are low, one that it parts is
 * shared out; 0: all are high */
static sides weigh(const table *t, int64_t out, double cut, double by)
{
    double w[2] = { 0 }, x[2] = { 0 }, order[2] = { 0 }, square = 0.0, top = -INFINITY;
    const double *n = row(t, t->n_blocks, 0), *sx = row(t, t->n_blocks, 1),
                 *so = row(t, t->n_blocks, 2);
    const double *m = out < 0 ? NULL : row(t, out, 0), *mx = out < 0 ? NULL : row(t, out, 1),
                 *mo = out < 0 ? NULL : row(t, out, 2);
    for (int64_t k = 0; k < t->n_bins + 2; k++) {
        top = n[k] > 0.0 ? fmax(top, log(n[k]) - by * sx[k] / n[k]) : top;
    }
    for (int64_t k = 0; k < t->n_bins + 2; k++) {
        const double left = n[k] - (m ? m[k] : 0.0);
        if (!(left > 0.5)) {
            continue;
        }
        const double mean = (sx[k] - (m ? mx[k] : 0.0)) / left;
        const double p = exp(log(left) - by * mean - top);
        const double is_low = fmin(1.0, fmax(0.0, cut - (double)k + 0.5));
        for (int side = 0; side < 2; side++) {
            const double part = side ? p * (1.0 - is_low) : p * is_low;
            w[side] += part;
            x[side] += part * mean;
            order[side] += part * (so[k] - (m ? mo[k] : 0.0)) / left;
        }
        square += p * mean * mean;
    }
    const double all = w[0] + w[1], mean = (x[0] + x[1]) / all;
    return (sides){ .log_ratio = log(w[0] / w[1]),
                    .x = { x[0] / w[0], x[1] / w[1] },
                    .order = { order[0] / w[0], order[1] / w[1] },
                    .variance = square / all - mean * mean };
}

/* Shift of the parameter at which ln W_low/W_high is `want`: it grows with the shift. */
static double balance(const table *t, int64_t out, double cut, double want)
{
    double by = 0.0;
    for (int k = 0; k < STEPS; k++) {
        const sides s = weigh(t, out, cut, by);
        const double step = (want - s.log_ratio) / (s.x[1] - s.x[0]);
        if (!isfinite(step)) {
            return NAN;
        }
        by += step;
        if (fabs(step) < 1e-12 * fabs(by) + 1e-300) {
            break;
        }
    }
    return by;
}

/* Shift of the largest variance of x, by golden section within the width of the draws. */
static double peak(const table *t, int64_t out, double around, double half)
{
    const double golden = 0.5 * (sqrt(5.0) - 1.0);
    double a = around - half, b = around + half;
    double c = b - golden * (b - a), d = a + golden * (b - a);
    double fc = weigh(t, out, 0.0, c).variance, fd = weigh(t, out, 0.0, d).variance;
    for (int k = 0; k < STEPS; k++) {
        if (fc > fd) {
            b = d;
            d = c;
            fd = fc;
            c = b - golden * (b - a);
            fc = weigh(t, out, 0.0, c).variance;
        } else {
            a = c;
            c = d;
            fc = fd;
            d = a + golden * (b - a);
            fd = weigh(t, out, 0.0, d).variance;
        }
    }
    const double found = 0.5 * (a + b);
    return fabs(found - around) < 0.98 * half ? found : NAN; /* at an end: it lies outside */
}

enum { PEAK, WEIGHT, X_LOW, X_HIGH, GAP, ORDER_LOW, ORDER_HIGH, QUANTITIES };

static void measure(const table *t, int64_t out, double cut, double want, double width,
                    double value[QUANTITIES])
{
    value[PEAK] = peak(t, out, 0.0, width);
    for (int k = WEIGHT; k < QUANTITIES; k++) {
        value[k] = NAN;
    }
    if (cut > 0.0) {
        value[WEIGHT] = balance(t, out, cut, want);
        const sides s = weigh(t, out, cut, value[WEIGHT]);
        value[X_LOW] = s.x[0];
        value[X_HIGH] = s.x[1];
        value[GAP] = s.x[1] - s.x[0];
        value[ORDER_LOW] = s.order[0];
        value[ORDER_HIGH] = s.order[1];
    }
}

static void jackknife(const table *t, double cut, double want, double width,
                      kr_estimated out[QUANTITIES])
{
    double all[QUANTITIES], part[QUANTITIES], mean[QUANTITIES] = { 0 },
                                              square[QUANTITIES] = { 0 };
    const double n = (double)t->n_blocks;
    measure(t, -1, cut, want, width, all);
    for (int64_t b = 0; b < t->n_blocks; b++) {
        measure(t, b, cut, want, width, part);
        for (int k = 0; k < QUANTITIES; k++) {
            mean[k] += (part[k] - all[k]) / n;
            square[k] += (part[k] - all[k]) * (part[k] - all[k]) / n;
        }
    }
    for (int k = 0; k < QUANTITIES; k++) {
        const double error = sqrt((n - 1.0) * fmax(square[k] - mean[k] * mean[k], 0.0));
        out[k] = (kr_estimated){ all[k], isnan(square[k]) ? NAN : error };
    }
}

/* ln p of a few bins about k at a shift of the parameter; -INFINITY: none. */
static double log_smooth(const table *t, double by, int64_t from, int64_t k)
{
    const double *n = row(t, t->n_blocks, 0);
    const int64_t h = t->n_bins / 50;
    double p = 0.0;
    for (int64_t m = k - h; m <= k + h; m++) {
        p += m > 0 && m <= t->n_bins ? n[m] * exp(-by * t->width * (double)(m - from)) : 0.0;
    }
    return log(p);
}

/* Bottom of the parabola through ln p of bins a..b, weighted by their draws; NaN: it has none.
 */
static double bottom(const table *t, double by, int64_t from, int64_t a, int64_t b)
{
    const double *n = row(t, t->n_blocks, 0);
    double s[5] = { 0 }, y[3] = { 0 };
    const double center = 0.5 * (double)(a + b);
    for (int64_t k = a; k <= b; k++) {
        const double x = (double)k - center, w = n[k];
        const double v = w > 0.0 ? log(w) - by * t->width * (double)(k - from) : 0.0;
        double power = w;
        for (int i = 0; i < 5; i++) {
            s[i] += power;
            if (i < 3) {
                y[i] += power * v;
            }
            power *= x;
        }
    }
    /* normal equations of v = c0 + c1 x + c2 x^2, by Cramer's rule */
    const double d1 = s[0] * (y[1] * s[4] - s[3] * y[2]) - y[0] * (s[1] * s[4] - s[3] * s[2]) +
                      s[2] * (s[1] * y[2] - y[1] * s[2]);
    const double d2 = s[0] * (s[2] * y[2] - y[1] * s[3]) - s[1] * (s[1] * y[2] - y[1] * s[2]) +
                      y[0] * (s[1] * s[3] - s[2] * s[2]);
    const double det = s[0] * (s[2] * s[4] - s[3] * s[3]) - s[1] * (s[1] * s[4] - s[3] * s[2]) +
                       s[2] * (s[1] * s[3] - s[2] * s[2]);
    const double place = center - 0.5 * d1 / d2;
    return d2 / det > 0.0 && place > (double)a && place < (double)b ? place : NAN;
}

/* Bottom of the valley between the peaks, in bins: of a parabola through its lower half, for
 * which bin of a flat valley is the emptiest is a matter of chance that a jackknife with that
 * cut would not see. */
static double find_cut(const table *t, double by, double low, double high)
{
    const int64_t from = bin_of(t, low), to = bin_of(t, high);
    double least = INFINITY;
    int64_t cut = (from + to) / 2, a, b;
    for (int64_t k = from + 1; k < to; k++) {
        const double p = log_smooth(t, by, from, k);
        if (p < least) {
            least = p;
            cut = k;
        }
    }
    const double top = fmin(log_smooth(t, by, from, from), log_smooth(t, by, from, to));
    const double half = isfinite(least) ? 0.5 * (least + top) : -INFINITY;
    for (a = cut; a > from && log_smooth(t, by, from, a - 1) < half; a--) {
    }
    for (b = cut; b < to && log_smooth(t, by, from, b + 1) < half; b++) {
    }
    const double place = b - a >= 4 ? bottom(t, by, from, a, b) : NAN;
    return isfinite(place) ? place : (double)cut;
}

/* Of the draws themselves. */
static double share_below(const table *t, double cut)
{
    const double *n = row(t, t->n_blocks, 0);
    double below = 0.0, all = 0.0;
    for (int64_t k = 0; k < t->n_bins + 2; k++) {
        below += (double)k <= cut ? n[k] : 0.0;
        all += n[k];
    }
    return below / all;
}

static int64_t count_crossings(const kr_coexistence_draws *d, double low, double high)
{
    int64_t n = 0;
    for (int64_t b = 0; b < d->n_blocks; b++) {
        int side = 0;
        for (int64_t i = b * d->n_draws; i < (b + 1) * d->n_draws; i++) {
            const int now = d->x[i] <= low ? -1 : d->x[i] >= high ? 1 : side;
            n += side != 0 && now != side;
            side = now;
        }
    }
    return n;
}

static int find_peaks(const table *t, double at, kr_barrier *barrier, kr_error *err)
{
    const size_t n = (size_t)t->n_bins, stride = n + 2;
    double *visits = kr_alloc((size_t)t->n_blocks * stride + n, sizeof *visits, err);
    if (!visits) {
        return KR_ENOMEM;
    }
    double *log_w = visits + (size_t)t->n_blocks * stride;
    for (size_t k = 0; k < n; k++) {
        log_w[k] = -at * t->width * (double)k;
    }
    for (int64_t b = 0; b < t->n_blocks; b++) {
        memcpy(visits + (size_t)b * stride, row(t, b, 0), stride * sizeof *visits);
    }
    const kr_dos dos = { .n_groups = t->n_blocks,
                         .n_bins = t->n_bins,
                         .e_min = t->low,
                         .width = t->width,
                         .log_w = log_w,
                         .visits = visits,
                         .log_states = NAN };
    const int status = kr_dos_barrier(&dos, at, barrier, err);
    kr_free(visits);
    return status;
}

int kr_coexistence_find(const kr_coexistence_draws *draws, kr_coexistence *out, kr_error *err)
{
    table t = { 0 };
    kr_barrier b;
    kr_estimated all[QUANTITIES];
    if (draws->n_blocks < 8) {
        return kr_fail(err, KR_EINVAL, "coexistence: %lld blocks, want at least 8",
                       (long long)draws->n_blocks);
    }
    int status = fill(&t, draws, err);
    status = status == KR_OK ? find_peaks(&t, draws->at, &b, err) : status;
    if (status != KR_OK) {
        kr_free(t.sum);
        return status;
    }
    const double deviation = sqrt(weigh(&t, -1, 0.0, 0.0).variance);
    bool has_peaks = isfinite(b.beta) && fabs(b.beta - draws->at) * deviation < REACH;
    double cut = 0.0, want = 0.0;
    if (has_peaks) { /* and none that a handful of draws made */
        cut = find_cut(&t, b.beta - draws->at, b.energy_low, b.energy_high);
        const sides s = weigh(&t, -1, cut, b.beta - draws->at);
        want = (s.order[0] > s.order[1] ? 1.0 : -1.0) * log(draws->n_ordered);
        for (int k = 0; k < CUTS; k++) { /* in balance: the valley leans to the lighter side */
            const double by = balance(&t, -1, cut, want);
            cut = fabs(by) * deviation < REACH ? find_cut(&t, by, b.energy_low, b.energy_high)
                                               : cut;
        }
        has_peaks = share_below(&t, cut) > SHARE && share_below(&t, cut) < 1.0 - SHARE;
        cut = has_peaks ? cut : 0.0;
    }
    if (has_peaks && !(fabs(balance(&t, -1, cut, want)) * deviation < REACH)) {
        has_peaks = false; /* in balance beyond the reach of these draws only */
        cut = 0.0;
    }
    jackknife(&t, cut, want, deviation > 0.0 ? 1.0 / deviation : 1.0, all);
    *out = (kr_coexistence){
        .has_peaks = has_peaks,
        .at_peak = { draws->at + all[PEAK].value, all[PEAK].error },
        .at_height = { has_peaks ? b.beta : NAN, has_peaks ? b.beta_error : NAN },
        .barrier = { has_peaks ? b.height : NAN, has_peaks ? b.height_error : NAN },
        .at_weight = { draws->at + all[WEIGHT].value, all[WEIGHT].error },
        .x_low = all[X_LOW],
        .x_high = all[X_HIGH],
        .gap = all[GAP],
        .order_low = all[ORDER_LOW],
        .order_high = all[ORDER_HIGH],
        .n_crossings = has_peaks ? count_crossings(draws, b.energy_low, b.energy_high) : 0,
    };
    kr_free(t.sum);
    return KR_OK;
}

/* ---- the limit of many sizes ---------------------------------------------------------------
 */

typedef struct line {
    double value, variance, chi2;
    int32_t dof, n_parameters;
} line;

static bool is_usable(const kr_estimated *y)
{
    return isfinite(y->value) && y->error > 0.0 && isfinite(y->error);
}

/* Weighted mean, or a weighted line at s = 0, of those with s <= most. */
static bool fit_line(const double *s, const kr_estimated *y, int32_t n, double most,
                     bool has_slope, line *out)
{
    double w = 0.0, sw = 0.0, ssw = 0.0, yw = 0.0, syw = 0.0;
    int32_t used = 0;
    for (int32_t i = 0; i < n; i++) {
        if (s[i] <= most && is_usable(&y[i])) {
            const double weight = 1.0 / (y[i].error * y[i].error);
            w += weight;
            sw += weight * s[i];
            ssw += weight * s[i] * s[i];
            yw += weight * y[i].value;
            syw += weight * s[i] * y[i].value;
            used++;
        }
    }
    const double det = w * ssw - sw * sw;
    const double slope = has_slope ? (w * syw - sw * yw) / det : 0.0;
    *out = (line){ .value = (yw - slope * sw) / w,
                   .variance = has_slope ? ssw / det : 1.0 / w,
                   .dof = used - 1 - has_slope,
                   .n_parameters = 1 + has_slope };
    for (int32_t i = 0; i < n; i++) {
        if (s[i] <= most && is_usable(&y[i])) {
            const double off = (y[i].value - out->value - slope * s[i]) / y[i].error;
            out->chi2 += off * off;
        }
    }
    return out->dof >= 0 && isfinite(out->value) && out->variance > 0.0;
}

kr_estimated kr_extrapolate(const double *s, const kr_estimated *y, int32_t n, bool has_slope,
                            double *p)
{
    double least = INFINITY, total = 0.0, mean = 0.0, square = 0.0, variance = 0.0;
    int32_t n_used = 0;
    for (int32_t i = 0; i < n; i++) {
        n_used += is_usable(&y[i]);
    }
    *p = NAN;
    for (int pass = 0; pass < 2; pass++) { /* the least cost first, then the weights */
        for (int32_t i = 0; i < n; i++) {
            for (int slope = 0; slope < 1 + has_slope; slope++) {
                line l;
                if (!fit_line(s, y, n, s[i], slope, &l) || l.dof < (n_used > 1 + slope)) {
                    continue;
                }
                const int32_t n_cut = n_used - l.dof - l.n_parameters;
                const double cost = l.chi2 + 2.0 * l.n_parameters + 2.0 * n_cut;
                const double w = exp(-0.5 * (cost - least));
                if (pass == 0) {
                    least = fmin(least, cost);
                    continue;
                }
                const double fit_p = l.dof > 0 ? kr_chi2_p(l.chi2, l.dof) : NAN;
                *p = isnan(*p) || fit_p > *p ? fit_p : *p;
                total += w;
                mean += w * l.value;
                square += w * l.value * l.value;
                variance += w * l.variance;
            }
        }
    }
    mean /= total;
    return (kr_estimated){ mean,
                           sqrt(variance / total + fmax(square / total - mean * mean, 0.0)) };
}
