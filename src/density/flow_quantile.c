/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/flow_quantile.c - the table of quantiles of a quartic law in a field.
 *
 * A row is made by quadrature from the left end of the law, up to its median; its right half is
 * the left one at -eta, mirrored, so that both tails have their relative precision. With F the
 * distribution function and p = F_t the implicit derivatives are T_z = Phi'(z)/p,
 * T_eta = -F_eta/p, F_eta = int^t p (s - <t>) ds, and those of them. */
#include "density/flow_quantile.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

#define ROOT_TWO_PI 2.50662827463100050242
#define DEPTH       55.0 /* ln of the density at the ends, below its top */
#define TOLERANCE   5e-5
#define WORST       2e-2 /* of the largest table */
#define NODES_MAX   (1 << 17)
#define CHECK_REACH 5.0 /* |z| where the error counts */

enum { PANELS = 256, SCAN = 1024, POINTS = 8 };

/* Gauss-Legendre on (-1, 1), half of the points. */
static const double abscissa[POINTS / 2] = { 0.1834346424956498, 0.5255324099163290,
                                             0.7966664774136267, 0.9602898564975363 };
static const double weight[POINTS / 2] = { 0.3626837833783620, 0.3137066458778873,
                                           0.2223810344533745, 0.1012285362903763 };

typedef struct law {
    double alpha, eta, top, begin, width;        /* of the first panel, of each */
    double below[PANELS + 1], first[PANELS + 1]; /* int exp(L - top), times t, to each panel */
    double mean;
} law;

static double exponent(double alpha, double eta, double t)
{
    return t * (eta - t * (alpha + t * t));
}

/* int exp(L - top) (1, t) from a to b */
static void integrate(const law *w, double a, double b, double out[2])
{
    const double half = 0.5 * (b - a), middle = 0.5 * (a + b);
    out[0] = out[1] = 0.0;
    for (int k = 0; k < POINTS; k++) {
        const double t = middle + (k % 2 ? half : -half) * abscissa[k / 2];
        const double p = half * weight[k / 2] * exp(exponent(w->alpha, w->eta, t) - w->top);
        out[0] += p;
        out[1] += p * t;
    }
}

static void make_law(law *w, double alpha, double eta)
{
    double reach = 1.0, low, high;
    while (exponent(alpha, fabs(eta), reach) > -DEPTH || alpha * reach < -2.0 * reach * reach) {
        reach *= 1.1;
    }
    *w = (law){ .alpha = alpha, .eta = eta };
    for (int k = 0; k <= SCAN; k++) {
        w->top = fmax(w->top, exponent(alpha, eta, reach * (2.0 * k / SCAN - 1.0)));
    }
    low = high = 0.0;
    for (int k = 0, has_begun = 0; k <= SCAN; k++) {
        const double t = reach * (2.0 * k / SCAN - 1.0);
        if (exponent(alpha, eta, t) > w->top - DEPTH) {
            low = has_begun ? low : t;
            high = t;
            has_begun = 1;
        }
    }
    w->begin = low - 2.0 * reach / SCAN;
    w->width = (high - low + 4.0 * reach / SCAN) / PANELS;
    for (int k = 0; k < PANELS; k++) {
        double part[2];
        integrate(w, w->begin + k * w->width, w->begin + (k + 1) * w->width, part);
        w->below[k + 1] = w->below[k] + part[0];
        w->first[k + 1] = w->first[k] + part[1];
    }
    w->mean = w->first[PANELS] / w->below[PANELS];
}

/* t with this much of the integral below it, and the integrals up to t. */
static double find_quantile(const law *w, double target, double part[2])
{
    int low = 0, high = PANELS;
    while (high - low > 1) {
        const int middle = (low + high) / 2;
        *(w->below[middle] <= target ? &low : &high) = middle;
    }
    const double begin = w->begin + low * w->width;
    double a = begin, b = begin + w->width, t = 0.5 * (a + b);
    for (int k = 0; k < 100; k++) {
        integrate(w, begin, t, part);
        const double over = w->below[low] + part[0] - target;
        *(over > 0.0 ? &b : &a) = t;
        const double step = over / exp(exponent(w->alpha, w->eta, t) - w->top);
        const double next = t - step > a && t - step < b ? t - step : 0.5 * (a + b);
        const bool ends = fabs(next - t) <= 1e-15 * (fabs(t) + w->width);
        t = next;
        if (ends) {
            break;
        }
    }
    integrate(w, begin, t, part);
    part[0] += w->below[low];
    part[1] += w->first[low];
    return t;
}

/* T and its derivatives at z <= 0. */
static void fill_node(const law *w, double z, double out[6])
{
    double part[2];
    const double all = w->below[PANELS];
    const double t = find_quantile(w, 0.5 * erfc(-z * M_SQRT1_2) * all, part);
    const double p = exp(exponent(w->alpha, w->eta, t) - w->top) / all;
    const double force = w->eta - t * (2.0 * w->alpha + 4.0 * t * t);
    const double rate = exp(-0.5 * z * z) / (ROOT_TWO_PI * p), turn = -z - force * rate;
    const double by_eta = -(part[1] - w->mean * part[0]) / (all * p);
    const double rate_eta = -rate * (force * by_eta + t - w->mean);
    const double force_eta = 1.0 - (2.0 * w->alpha + 12.0 * t * t) * by_eta;
    out[0] = t;
    out[1] = rate;
    out[2] = rate * turn;
    out[3] = by_eta;
    out[4] = rate_eta;
    out[5] = rate_eta * turn - rate * (force_eta * rate + force * rate_eta);
}

static double *node_at(const kr_quantile *q, int32_t row, int32_t column)
{
    return q->node + ((size_t)row * (size_t)q->n_z + (size_t)column) * KR_QUANTILE_NODE;
}

static void store(const kr_quantile *q, const double *value, int sign, double *node)
{
    const double hz = q->z_step, he = q->eta_step;
    const double unit[6] = { 1.0, hz, hz * hz, he, hz * he, hz * hz * he };
    for (int k = 0; k < 6; k++) { /* mirrored: T, T_zz, T_zeta change sign */
        node[k] = (k % 2 == 0 ? sign : 1) * unit[k] * value[k];
    }
}

static void fill_row(const kr_quantile *q, int32_t row)
{
    const int32_t middle = q->n_z / 2;
    const double eta = row * q->eta_step;
    for (int side = 0; side < 2; side++) {
        law w;
        make_law(&w, q->alpha, side ? -eta : eta);
        for (int32_t k = 0; k <= middle - side; k++) {
            double value[6];
            fill_node(&w, k * q->z_step - KR_QUANTILE_REACH, value);
            store(q, value, side ? -1 : 1, node_at(q, row, side ? q->n_z - 1 - k : k));
        }
    }
}

/* T and T_z inside of cell (row, column), at fractions y, x of it. */
static void value_at(const kr_quantile *q, int32_t row, int32_t column, double y, double x,
                     double *t, double *rate)
{
    const double h[4] = { (1.0 - y) * (1.0 - y) * (1.0 + 2.0 * y), y * y * (3.0 - 2.0 * y),
                          y * (1.0 - y) * (1.0 - y), y * y * (y - 1.0) };
    double f[2][3], c[6];
    for (int a = 0; a < 2; a++) {
        const double *low = node_at(q, row, column + a),
                     *high = node_at(q, row + 1, column + a);
        for (int d = 0; d < 3; d++) {
            f[a][d] = h[0] * low[d] + h[1] * high[d] + h[2] * low[3 + d] + h[3] * high[3 + d];
        }
    }
    const double D = f[1][0] - f[0][0] - f[0][1] - 0.5 * f[0][2];
    const double E = f[1][1] - f[0][1] - f[0][2], S = f[1][2] - f[0][2];
    c[0] = f[0][0];
    c[1] = f[0][1];
    c[2] = 0.5 * f[0][2];
    c[3] = 10.0 * D - 4.0 * E + 0.5 * S;
    c[4] = -15.0 * D + 7.0 * E - S;
    c[5] = 6.0 * D - 3.0 * E + 0.5 * S;
    *t = c[5];
    *rate = 0.0;
    for (int k = 4; k >= 0; k--) {
        *rate = *rate * x + *t;
        *t = *t * x + c[k];
    }
    *rate /= q->z_step;
}

/* Largest error of ln p by the table at the middles of cells; infinite where T falls. The
 * logarithm of the density of T(z) at a normal z is -z^2/2 - ln T_z. */
static double find_error(const kr_quantile *q)
{
    double largest = 0.0, t, rate;
    for (int32_t row = 0; row + 1 < q->n_eta; row++) {
        law w;
        make_law(&w, q->alpha, (row + 0.5) * q->eta_step);
        for (int32_t column = 0; column + 1 < q->n_z; column++) {
            for (int k = 0; k <= 32; k++) {
                value_at(q, row, column, 0.25 * (k / 8), 0.125 * (k % 8), &t, &rate);
                if (!(rate > 0.0)) {
                    return INFINITY;
                }
            }
            const double z = (column + 0.5) * q->z_step - KR_QUANTILE_REACH;
            value_at(q, row, column, 0.5, 0.5, &t, &rate);
            const double want = exponent(w.alpha, w.eta, t) - w.top - log(w.below[PANELS]);
            const double is = -0.5 * z * z - log(ROOT_TWO_PI * rate);
            largest = fabs(z) < CHECK_REACH ? fmax(largest, fabs(want - is)) : largest;
        }
    }
    return largest;
}

static int make_table(kr_quantile *q, double eta_reach, kr_error *err)
{
    q->n_z = 2 * (int32_t)lround(KR_QUANTILE_REACH / q->z_step) + 1;
    q->n_eta = 2 + (int32_t)ceil(eta_reach / q->eta_step);
    const size_t n = (size_t)q->n_z * (size_t)q->n_eta * KR_QUANTILE_NODE;
    q->node = kr_alloc(n, sizeof *q->node, err);
    if (!q->node) {
        return KR_ENOMEM;
    }
    for (int32_t row = 0; row < q->n_eta; row++) {
        fill_row(q, row);
    }
    q->error = find_error(q);
    return KR_OK;
}

/* The error is that of eta, mostly, so that this step is halved twice as often. */
int kr_quantile_init(kr_quantile *q, double alpha, double eta_reach, kr_error *err)
{
    double z_step = 0.25, eta_step = 0.25;
    for (int level = 0;; level++) {
        *q = (kr_quantile){ .alpha = alpha, .z_step = z_step, .eta_step = eta_step };
        KR_TRY(make_table(q, eta_reach, err));
        z_step *= level % 2 ? 0.5 : 1.0;
        eta_step *= 0.5;
        const bool is_last =
            2 * q->z_step / z_step * (double)q->n_z * (double)q->n_eta > NODES_MAX;
        if (q->error <= TOLERANCE || (is_last && q->error <= WORST)) {
            return KR_OK;
        }
        kr_quantile_clear(q);
        if (is_last) {
            return kr_fail(err, KR_EUNSUP,
                           "heat_bath: a site between known neighbors has two peaks too far "
                           "apart for a table of %d nodes (square term %.3g in units of the "
                           "quartic one), want heat_bath: false",
                           NODES_MAX, alpha);
        }
    }
}

void kr_quantile_clear(kr_quantile *q)
{
    kr_free(q->node);
    *q = (kr_quantile){ .node = NULL };
}
