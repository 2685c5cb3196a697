/* SPDX-License-Identifier: GPL-3.0-or-later
 * sampler/flat_learn.c - the entropy S(E) from histograms of energies, for weights exp(-S).
 *
 * Accumulative multicanonical recursion (Berg, J. Stat. Phys. 82, 323 (1996)) with histograms
 * merged over chains (Zierenberg, Marenz, Janke, Comput. Phys. Commun. 184, 1155 (2013)): a
 * slice of steps under frozen weights tells S(E') - S(E) of neighboring energies by the ratio
 * of their visits, and estimates of all slices are averaged with the weight H H'/(H + H').
 * Ratios of neighbors are right long before the whole histogram is, which is what makes it work
 * across a first-order barrier. Energies visited for the first time start from the straight
 * line the weights had there. Beyond the ends of the table the weights go on with the slope
 * they have there, as far as that leaves enough visits for all temperatures wanted. */
#include "model/flat.h"
#include "sampler/private.h"

#include <math.h>

#define PRIOR     1e-3 /* weight of an interval nothing is known of */
#define END_SHARE 0.02 /* of the table: energies that fix the slope at its ends */

static int32_t next_known(const kr_flat *f, int32_t k)
{
    do {
        k++;
    } while (k < f->weights.n_bins && !f->is_known[k]);
    return k;
}

static void set_prior(kr_flat *f, int32_t from, int32_t to)
{
    f->slope_weight[from] = PRIOR;
    f->slope_sum[from] = PRIOR * (f->weights.log_w[from] - f->weights.log_w[to]);
}

/* Returns how many energies were seen for the first time. */
static int64_t add_known(kr_flat *f, const int64_t *visits)
{
    int64_t n_new = 0;
    int32_t last = -1;
    for (int32_t k = 0; k < f->weights.n_bins; k++) {
        if (visits[k] > 0 && !f->is_known[k]) {
            int32_t next = next_known(f, k);
            f->is_known[k] = 1;
            n_new++;
            if (last >= 0) {
                set_prior(f, last, k);
            }
            if (next < f->weights.n_bins) {
                set_prior(f, k, next);
            }
        }
        last = f->is_known[k] ? k : last;
    }
    return n_new;
}

/* An energy never seen in this slice counts as half a visit, so that weights far too low there
 * are found out. */
static void add_slopes(kr_flat *f, const int64_t *visits)
{
    int32_t k = next_known(f, -1), n = f->weights.n_bins;
    for (int32_t next = next_known(f, k); next < n; k = next, next = next_known(f, k)) {
        if (visits[k] + visits[next] == 0) {
            continue;
        }
        double a = visits[k] > 0 ? (double)visits[k] : 0.5;
        double b = visits[next] > 0 ? (double)visits[next] : 0.5;
        double g = a * b / (a + b);
        f->slope_sum[k] += g * (log(b / a) + f->weights.log_w[k] - f->weights.log_w[next]);
        f->slope_weight[k] += g;
    }
}

/* S linear from bin a to b, where it is known at both. log_w holds S meanwhile. */
static void fill_between(double *s, int32_t a, int32_t b)
{
    for (int32_t k = a + 1; k < b; k++) {
        s[k] = s[a] + (s[b] - s[a]) * (k - a) / (b - a);
    }
}

/* Known bin nearest to k from the side of `step`, as far away as fixes a slope. */
static int32_t slope_partner(const kr_flat *f, int32_t k, int32_t step)
{
    double least = fmax(2.0, END_SHARE * f->weights.n_bins);
    int32_t best = k;
    for (int32_t m = k + step; m >= 0 && m < f->weights.n_bins; m += step) {
        if (f->is_known[m]) {
            best = m;
            if (fabs((double)m - k) >= least) {
                break;
            }
        }
    }
    return best;
}

static void rebuild(kr_flat *f)
{
    kr_flat_weights *w = &f->weights;
    double *s = w->log_w;
    int32_t first = next_known(f, -1), last = first, n = w->n_bins;
    s[first] = 0.0;
    for (int32_t next = next_known(f, first); next < n; next = next_known(f, next)) {
        s[next] = s[last] + f->slope_sum[last] / f->slope_weight[last];
        fill_between(s, last, next);
        last = next;
    }
    if (first < last) {
        int32_t low = slope_partner(f, first, 1), high = slope_partner(f, last, -1);
        w->beta_low = (s[low] - s[first]) / (w->width * (low - first));
        w->beta_high = (s[last] - s[high]) / (w->width * (last - high));
    }
    /* where few levels are far apart these slopes are anything */
    w->beta_low = fmax(w->beta_low, f->beta_most);
    w->beta_high = fmax(fmin(w->beta_high, f->beta_least), 0.0);
    for (int32_t k = first - 1; k >= 0; k--) {
        s[k] = s[first] - w->beta_low * w->width * (first - k);
    }
    for (int32_t k = last + 1; k < n; k++) {
        s[k] = s[last] + w->beta_high * w->width * (k - last);
    }
    for (int32_t k = 0; k < n; k++) {
        s[k] = -s[k];
    }
    kr_flat_refresh(w);
}

static double find_flatness(const kr_flat *f, const int64_t *visits)
{
    double least = INFINITY, sum = 0.0, n = 0.0;
    for (int32_t k = next_known(f, -1); k < f->weights.n_bins; k = next_known(f, k)) {
        least = fmin(least, (double)visits[k]);
        sum += (double)visits[k];
        n += 1.0;
    }
    return sum > 0.0 ? least * n / sum : 0.0;
}

int64_t kr_flat_learn(kr_flat *f, const int64_t *visits)
{
    int64_t n_new = add_known(f, visits);
    f->flatness = find_flatness(f, visits);
    if (next_known(f, -1) < f->weights.n_bins) {
        add_slopes(f, visits);
        rebuild(f);
    }
    return n_new;
}

bool kr_flat_ends(const kr_flat *f, int32_t *low, int32_t *high)
{
    int32_t k = next_known(f, -1), n = f->weights.n_bins;
    *low = k < n ? k : 0;
    *high = n - 1;
    for (; k < n; k = next_known(f, k)) {
        *high = k;
    }
    return f->is_known[*low];
}
