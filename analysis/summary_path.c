/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/summary_path.c - absolute log Z along a path of actions, from the slope D = dS/dt.
 *
 * Points t_k in ascending order, at t = 0 with log Z known. Bridges: the ratio of Z of
 * neighbors by Bennett's acceptance ratio (J. Comput. Phys. 22, 245 (1976)), which has no
 * quadrature error. Integral: log Z = log Z_0 - int <D> dt (Kirkwood, J. Chem. Phys. 3, 300
 * (1935)) by the trapezoid rule with its end correction in each interval, h/2 (D_0 + D_1) +
 * h^2/12 (V_1 - V_0), for d<D>/dt = -V, the variance of D; an error of order h^4, taken as a
 * third of the distance from the same rule on every other point, as if it were of order h^2.
 * Errors: what each draw adds to the linear
 * part of the estimate is a series of its own, along which points that exchange chains are seen
 * together; the Gamma method does the rest. */
#include "analysis/summary.h"

#include "base/memory.h"

#include <math.h>

#define NEWTON_MOST 200
#define PRECISION   1e-13

typedef struct walk { /* work: slopes D [k] (n), in ascending order of t */
    int64_t n_points, n;
    int64_t *order;
    double *t, *mean, *variance;
    double *slope, *bridge, *integral; /* (n_points, n), (n), (n) */
} walk;

/* 1/(1 + exp(x)) */
static double fermi(double x)
{
    return x > 0.0 ? exp(-x) / (1.0 + exp(-x)) : 1.0 / (1.0 + exp(x));
}

/* <fermi(h D - c)> at the near point less <fermi(c - h D)> at the far one, and its slope in c.
 */
static double balance(const double *near, const double *far, int64_t n, double h, double c,
                      double *slope, double *share)
{
    double value = 0.0;
    *slope = *share = 0.0;
    for (int64_t i = 0; i < n; i++) {
        const double a = fermi(h * near[i] - c), b = fermi(c - h * far[i]);
        value += (a - b) / (double)n;
        *slope += (a * (1.0 - a) + b * (1.0 - b)) / (double)n;
        *share += 2.0 * a / (double)n;
    }
    return value;
}

/* c = log Z(near) - log Z(far): where both sides balance. */
static double bridge_of(const double *near, const double *far, int64_t n, double h,
                        double *slope, double *share)
{
    double low = INFINITY, high = -INFINITY, c = 0.0;
    for (int64_t i = 0; i < n; i++) {
        low = fmin(low, h * fmin(near[i], far[i]));
        high = fmax(high, h * fmax(near[i], far[i]));
        c += 0.5 * h * (near[i] + far[i]) / (double)n;
    }
    low -= 1.0;
    high += 1.0;
    for (int k = 0; k < NEWTON_MOST; k++) {
        const double value = balance(near, far, n, h, c, slope, share);
        if (value > 0.0) {
            high = c;
        } else {
            low = c;
        }
        double next = c - value / *slope;
        next = next > low && next < high ? next : 0.5 * (low + high);
        if (fabs(next - c) <= PRECISION * (1.0 + fabs(c))) {
            break;
        }
        c = next;
    }
    return c;
}

/* The rule for one interval; with the draws (n) that make the means, what each of them adds. */
static double interval(const walk *w, int64_t a, int64_t b, double *series)
{
    const double h = w->t[b] - w->t[a];
    for (int64_t i = 0; series && i < w->n; i++) {
        const double x = w->slope[a * w->n + i] - w->mean[a];
        const double y = w->slope[b * w->n + i] - w->mean[b];
        series[i] -= 0.5 * h * (x + y) +
                     h * h / 12.0 * (y * y - w->variance[b] - x * x + w->variance[a]);
    }
    return -0.5 * h * (w->mean[a] + w->mean[b]) -
           h * h / 12.0 * (w->variance[b] - w->variance[a]);
}

static void fill_moments(walk *w)
{
    for (int64_t k = 0; k < w->n_points; k++) {
        const double *x = w->slope + k * w->n;
        double sum = 0.0, square = 0.0;
        for (int64_t i = 0; i < w->n; i++) {
            sum += x[i];
        }
        w->mean[k] = sum / (double)w->n;
        for (int64_t i = 0; i < w->n; i++) {
            square += (x[i] - w->mean[k]) * (x[i] - w->mean[k]);
        }
        w->variance[k] = square / (double)w->n;
    }
}

/* From the integral over every other point, the last one included. */
static double quadrature(const walk *w)
{
    double fine = 0.0, coarse = 0.0;
    for (int64_t k = 0; k + 1 < w->n_points; k++) {
        fine += interval(w, k, k + 1, NULL);
    }
    for (int64_t k = 0; k + 1 < w->n_points; k += 2) {
        coarse += interval(w, k, k + 2 < w->n_points ? k + 2 : k + 1, NULL);
    }
    return w->n_points > 2 ? fabs(fine - coarse) / 3.0 : NAN;
}

static double error_of(const kr_summary *s, const double *series)
{
    kr_estimate e;
    return kr_gamma_estimate(series, s->n_chains, s->n_draws, &e, NULL) == KR_OK ? e.error
                                                                                 : NAN;
}

static void set(kr_quantity *q, double value, double error, double exact)
{
    q->is_derived = true;
    q->estimate.mean = value;
    q->estimate.error = error;
    q->exact = exact;
    q->z = error > 0.0 ? (value - exact) / error : NAN;
}

static void integrate(kr_reader *reader, kr_summary *s, walk *w, kr_quantity *by_bridge,
                      kr_quantity *by_integral)
{
    kr_path_summary *out = s->path_of;
    double log_z = out->log_z_0, log_z_integral = out->log_z_0;
    out->quadrature = quadrature(w);
    out->least_share = 1.0;
    for (int64_t k = 0; k < w->n_points; k++) {
        const int64_t p = w->order[k];
        const double exact = kr_series_constant(reader, "constant_data", "exact_log_z", p);
        double error = 0.0, error_integral = 0.0, slope, share;
        if (k > 0) {
            const double *near = w->slope + (k - 1) * w->n, *far = w->slope + k * w->n;
            const double h = w->t[k] - w->t[k - 1];
            const double c = bridge_of(near, far, w->n, h, &slope, &share);
            for (int64_t i = 0; i < w->n; i++) {
                w->bridge[i] += (fermi(h * near[i] - c) - fermi(c - h * far[i])) / slope;
            }
            log_z -= c;
            log_z_integral += interval(w, k - 1, k, w->integral);
            out->least_share = fmin(out->least_share, share);
            error = error_of(s, w->bridge);
            error_integral = hypot(error_of(s, w->integral), out->quadrature);
        }
        set(&by_bridge[p], log_z, error, exact);
        set(&by_integral[p], log_z_integral, error_integral, exact);
        out->last = p;
    }
}

static void clear(walk *w)
{
    kr_free(w->order);
    kr_free(w->t);
    kr_free(w->slope);
    kr_free(w->bridge);
}

static int init(const kr_summary *s, const kr_series *series, walk *w, kr_error *err)
{
    const int64_t n = s->n_chains * s->n_draws, points = s->n_points;
    *w = (walk){ .n_points = points, .n = n };
    w->order = kr_alloc((size_t)points, sizeof *w->order, err);
    w->t = kr_alloc(3 * (size_t)points, sizeof *w->t, err);
    w->slope = kr_alloc((size_t)(points * n), sizeof *w->slope, err);
    w->bridge = kr_alloc(2 * (size_t)n, sizeof *w->bridge, err);
    if (!w->order || !w->t || !w->slope || !w->bridge) {
        return KR_ENOMEM;
    }
    w->mean = w->t + points;
    w->variance = w->mean + points;
    w->integral = w->bridge + n;
    for (int64_t p = 0; p < points; p++) {
        int64_t k = p;
        for (; k > 0 && s->points.value[w->order[k - 1]] > s->points.value[p]; k--) {
            w->order[k] = w->order[k - 1];
        }
        w->order[k] = p;
    }
    for (int64_t k = 0; k < points; k++) {
        w->t[k] = s->points.value[w->order[k]];
        kr_series_point(series, w->order[k], w->slope + k * n);
    }
    fill_moments(w);
    return KR_OK;
}

static int fill(kr_reader *reader, kr_summary *s, const kr_series *series, kr_error *err)
{
    walk w;
    int status = init(s, series, &w, err);
    kr_quantity *q =
        status == KR_OK ? kr_summary_add_quantity(s, "log_z", "1", false, err) : NULL;
    q = q ? kr_summary_add_quantity(s, "log_z_integral", "1", false, err) : NULL;
    if (q) {
        integrate(reader, s, &w, q - s->n_points, q);
        s->path_of->log_z = *(q - s->n_points + s->path_of->last);
        s->path_of->integral = q[s->path_of->last];
    }
    clear(&w);
    return q ? KR_OK : KR_ENOMEM;
}

int kr_summary_path(kr_reader *reader, kr_summary *s, kr_error *err)
{
    double log_z_0;
    kr_series series;
    if (!s->has_path ||
        !kr_reader_attr_real(reader, "sample_stats", "", "path_log_z", &log_z_0)) {
        return KR_OK;
    }
    s->path_of = kr_alloc(1, sizeof *s->path_of, err);
    if (!s->path_of) {
        return KR_ENOMEM;
    }
    *s->path_of =
        (kr_path_summary){ .log_z_0 = log_z_0, .quadrature = NAN, .least_share = NAN };
    if (s->annealing) { /* members of a population are kin */
        return KR_OK;
    }
    int status = kr_summary_load(reader, s, "path_slope", &series, err);
    status = status == KR_OK ? fill(reader, s, &series, err) : status;
    kr_series_clear(&series);
    return status;
}

void kr_summary_print_path(const kr_summary *s, kr_sheet *t)
{
    const kr_path_summary *path = s->path_of;
    char bridge[64], integral[64], note[512];
    if (!path || s->annealing) {
        return;
    }
    kr_format_value(path->log_z.estimate.mean, path->log_z.estimate.error, 2, bridge,
                    sizeof bridge);
    kr_format_value(path->integral.estimate.mean, path->integral.estimate.error, 2, integral,
                    sizeof integral);
    if (isnan(path->quadrature)) {
        snprintf(
            note, sizeof note,
            "log Z of the model, absolute: %s by bridges between neighbors; no integral of "
            "dS/dt\nfrom two points, want three or more; exact start %.9g; overlap %.2g",
            bridge, path->log_z_0, path->least_share);
    } else {
        snprintf(note, sizeof note,
                 "log Z of the model, absolute: %s by bridges between neighbors, %s by the "
                 "integral of\ndS/dt, its quadrature known to %.1g; exact start %.9g; least "
                 "overlap of neighbors %.2g",
                 bridge, integral, path->quadrature, path->log_z_0, path->least_share);
    }
    kr_sheet_gap(t);
    kr_sheet_note(t, note);
}
