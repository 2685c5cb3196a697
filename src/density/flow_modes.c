/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/flow_modes.c - modes of a quartic action, and the best Gaussian of one mass.
 *
 * Whether a transform makes the quadratic form Q diagonal is seen, not assumed: if it does, the
 * eigenvalues are lambda = V^T Q V 1, and V^T Q V r = lambda r for random r as well. */
#include "density/flow_modes.h"

#include "base/isa.h"
#include "base/memory.h"
#include "base/rng.h"
#include "density/cholesky.h"

#include <math.h>
#include <string.h>

#define L         KR_LANES_PAD
#define PI        3.14159265358979323846
#define ROOT_TWO  1.41421356237309504880
#define DENSE_MAX 1024 /* sites of a form without a transform */

enum { PLAIN, SHIFTED }; /* the two transforms of a direction */

void kr_flow_modes_clear(kr_flow_modes *m)
{
    for (int32_t a = 0; a < m->n_axes; a++) {
        if (m->axis[a].W != m->axis[a].V) {
            kr_free(m->axis[a].W);
        }
        kr_free(m->axis[a].V);
    }
    kr_free(m->site);
    kr_free(m->mode);
    kr_free(m->partner);
    kr_free(m->lambda);
    kr_free(m->orbit);
    kr_free(m->momentum);
    kr_free(m->sigma);
    kr_free(m->off);
    *m = (kr_flow_modes){ .n_sites = 0 };
}

static void apply_axes(const kr_flow_modes *m, const kr_flow_kernels *kernels, kr_flow_way way,
                       double *x, double *scratch)
{
    const bool is_transposed = way == KR_FLOW_V_T || way == KR_FLOW_V_INVERSE;
    for (int32_t a = 0; a < m->n_axes; a++) {
        const kr_flow_axis *axis = &m->axis[a];
        const double *M = way == KR_FLOW_V || way == KR_FLOW_V_T ? axis->V : axis->W;
        const size_t side = (size_t)axis->side;
        kernels->apply(axis->side, axis->side, M, is_transposed ? 1 : side,
                       is_transposed ? side : 1, NULL, axis->outer, axis->inner, x, scratch);
        memcpy(x, scratch, (size_t)m->n_sites * L * sizeof *x);
    }
}

/* Row k of x times sqrt 2 becomes row to[k] of all sites; the others are zero. */
static void spread_half(const kr_flow_modes *m, const int32_t *to, const double *x, double *all)
{
    memset(all, 0, (size_t)m->n_sites * L * sizeof *all);
    for (int32_t k = 0; k < m->n_modes; k++) {
        for (size_t l = 0; l < L; l++) {
            all[(size_t)to[k] * L + l] = ROOT_TWO * x[(size_t)k * L + l];
        }
    }
}

void kr_flow_modes_apply(const kr_flow_modes *m, const kr_flow_kernels *kernels,
                         kr_flow_way way, double *x, double *scratch)
{
    if (!m->site) {
        apply_axes(m, kernels, way, x, scratch);
        return;
    }
    const bool is_back = way == KR_FLOW_V_T || way == KR_FLOW_V_INVERSE; /* V^-1 is V^T */
    const int32_t *from = is_back ? m->site : m->mode, *to = is_back ? m->mode : m->site;
    spread_half(m, from, x, scratch);
    apply_axes(m, kernels, way, scratch, scratch + (size_t)m->n_sites * L);
    for (int32_t k = 0; k < m->n_modes; k++) {
        memcpy(x + (size_t)k * L, scratch + (size_t)to[k] * L, L * sizeof *x);
    }
}

/* ---- transforms ---------------------------------------------------------------------------
 */

/* Entry of site a and mode b of a direction of n sites. */
static double transform(bool is_periodic, int kind, int32_t n, int32_t a, int32_t b)
{
    if (is_periodic) {
        const double momentum = kind == PLAIN ? b : b + 0.5;
        const double x = 2.0 * PI * fmod(a * momentum, n) / n;
        return (cos(x) + sin(x)) / sqrt(n);
    }
    if (kind == PLAIN) {
        return sqrt((b == 0 ? 1.0 : 2.0) / n) * cos(PI * (a + 0.5) * b / n);
    }
    return sqrt(2.0 / (n + 1)) * sin(PI * (a + 1.0) * (b + 1.0) / (n + 1));
}

static void fill_axes(kr_flow_modes *m, const kr_lattice *lattice, const int *kind)
{
    int32_t inner = 1;
    for (int32_t d = 0; d < lattice->dim; d++) {
        const int32_t side = lattice->extent[d];
        kr_flow_axis *axis = &m->axis[d];
        axis->side = side;
        axis->inner = inner;
        inner *= side;
        axis->outer = m->n_sites / inner;
        for (int32_t a = 0; a < side; a++) {
            for (int32_t b = 0; b < side; b++) {
                axis->V[(size_t)a * (size_t)side + (size_t)b] =
                    transform(lattice->is_periodic[d], kind[d], side, a, b);
            }
        }
    }
}

/* y = Q x of one lane, S = phi^T Q phi + ... */
static void form(const kr_quartic *q, const double *x, int32_t lane, double *y)
{
    for (int32_t i = 0; i < q->n_sites; i++) {
        double sum = q->square[i] * x[(size_t)i * L + (size_t)lane];
        for (int64_t k = q->neighbor_begin[i]; k < q->neighbor_begin[i + 1]; k++) {
            sum -= 0.5 * q->coupling[k] * x[(size_t)q->neighbor[k] * L + (size_t)lane];
        }
        y[(size_t)i * L + (size_t)lane] = sum;
    }
}

/* Fills lambda and says whether the form is diagonal; x, y (n_sites, L). */
static bool is_diagonal(kr_flow_modes *m, double *x, double *y)
{
    const kr_quartic *q = m->action->quartic;
    const kr_flow_kernels *kernels = kr_flow_kernels_of(KR_ISA_BEST);
    const size_t n = (size_t)m->n_sites;
    double largest = 0.0, error = 0.0;
    for (size_t i = 0; i < n * L; i++) { /* lane 0: ones; others differ from site to site */
        x[i] = i % L == 0 ? 1.0 : cos(1.0 + (double)(i / L) * (1.0 + (double)(i % L) / 3.0));
    }
    apply_axes(m, kernels, KR_FLOW_V, x, y);
    for (int32_t l = 0; l < L; l++) {
        form(q, x, l, y);
    }
    memcpy(x, y, n * L * sizeof *x);
    apply_axes(m, kernels, KR_FLOW_V_T, x, y);
    for (size_t i = 0; i < n; i++) {
        m->lambda[i] = x[i * L];
        largest = fmax(largest, fabs(m->lambda[i]));
    }
    for (size_t i = 0; i < n * L; i++) {
        const double r =
            i % L == 0 ? 1.0 : cos(1.0 + (double)(i / L) * (1.0 + (double)(i % L) / 3.0));
        error = fmax(error, fabs(x[i] - m->lambda[i / L] * r));
    }
    return error <= 1e-10 * largest;
}

/* Tries the transforms of all directions; leaves n_axes = 0 where none fits. */
static int find_transform(kr_flow_modes *m, const kr_lattice *lattice, int *kind, kr_error *err)
{
    const size_t n = (size_t)m->n_sites;
    double *x = kr_alloc(2 * n * L, sizeof *x, err);
    int status = x ? KR_OK : KR_ENOMEM;
    m->n_axes = lattice->dim;
    for (int32_t d = 0; status == KR_OK && d < lattice->dim; d++) {
        const size_t side = (size_t)lattice->extent[d];
        m->axis[d].V = m->axis[d].W = kr_alloc(side * side, sizeof(double), err);
        status = m->axis[d].V ? KR_OK : KR_ENOMEM;
    }
    for (int choice = 0; status == KR_OK && choice < 1 << lattice->dim && !m->is_separable;
         choice++) {
        for (int32_t d = 0; d < lattice->dim; d++) {
            kind[d] = choice >> d & 1;
        }
        fill_axes(m, lattice, kind);
        m->is_separable = is_diagonal(m, x, x + n * L);
    }
    for (int32_t d = 0; !m->is_separable && d < lattice->dim; d++) {
        kr_free(m->axis[d].V);
        m->axis[d] = (kr_flow_axis){ .side = 0 };
    }
    m->n_axes = m->is_separable ? lattice->dim : 0;
    kr_free(x);
    return status;
}

/* ---- orbits of modes -----------------------------------------------------------------------
 */

static int32_t min_of(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

/* |momentum| of mode b of direction d in units of pi/(2 side). */
static int32_t momentum_of(const kr_lattice *lattice, const int *kind, int32_t d, int32_t b)
{
    const int32_t n = lattice->extent[d];
    if (!lattice->is_periodic[d]) {
        return 2 * b + (kind[d] == SHIFTED ? 1 : 0);
    }
    return kind[d] == PLAIN ? 4 * min_of(b, n - b) : 4 * min_of(b, n - 1 - b) + 2;
}

static bool is_isotropic(const kr_lattice *lattice, const int *kind)
{
    bool is_same = true;
    for (int32_t d = 1; d < lattice->dim; d++) {
        is_same = is_same && lattice->extent[d] == lattice->extent[0] && kind[d] == kind[0] &&
                  lattice->is_periodic[d] == lattice->is_periodic[0];
    }
    return is_same;
}

static void sort_ascending(int32_t n, int32_t *x)
{
    for (int32_t i = 1; i < n; i++) {
        for (int32_t j = i; j > 0 && x[j - 1] > x[j]; j--) {
            const int32_t swap = x[j];
            x[j] = x[j - 1];
            x[j - 1] = swap;
        }
    }
}

/* Modes with the same folded momenta, in any order of the directions if is_sorted, get one
 * orbit; false when their eigenvalues differ. A table over all momenta finds them. */
static bool number_orbits(kr_flow_modes *m, const kr_lattice *lattice, const int *kind,
                          bool is_sorted, int32_t *table)
{
    double largest = 0.0;
    memset(table, -1, (size_t)m->n_sites * sizeof *table);
    m->n_orbits = 0;
    for (int32_t k = 0; k < m->n_sites; k++) {
        largest = fmax(largest, fabs(m->lambda[k]));
    }
    for (int32_t k = 0; k < m->n_sites; k++) {
        int32_t p[KR_DIM_MAX] = { 0 }, folded[KR_DIM_MAX], rest = k, place = 0;
        for (int32_t d = 0; d < lattice->dim; d++) {
            const int32_t n = lattice->extent[d], b = rest % n;
            rest /= n;
            p[d] = momentum_of(lattice, kind, d, b);
            folded[d] = !lattice->is_periodic[d] ? b
                        : kind[d] == PLAIN       ? min_of(b, n - b)
                                                 : min_of(b, n - 1 - b);
        }
        if (is_sorted) {
            sort_ascending(lattice->dim, folded);
            sort_ascending(lattice->dim, p);
        }
        for (int32_t d = lattice->dim - 1; d >= 0; d--) {
            place = place * lattice->extent[d] + folded[d];
        }
        if (table[place] < 0) {
            table[place] = k;
            memcpy(m->momentum + (size_t)m->n_orbits * KR_DIM_MAX, p, sizeof p);
            m->orbit[k] = m->n_orbits++;
        } else {
            m->orbit[k] = m->orbit[table[place]];
            if (fabs(m->lambda[k] - m->lambda[table[place]]) > 1e-9 * largest) {
                return false;
            }
        }
    }
    return true;
}

static int find_orbits(kr_flow_modes *m, const kr_lattice *lattice, const int *kind,
                       kr_error *err)
{
    const size_t n = (size_t)m->n_sites;
    m->momentum = kr_alloc(n * KR_DIM_MAX, sizeof *m->momentum, err);
    int32_t *table = kr_alloc(n, sizeof *table, err);
    if (!m->momentum || !table) {
        kr_free(table);
        return KR_ENOMEM;
    }
    if (!is_isotropic(lattice, kind) || !number_orbits(m, lattice, kind, true, table)) {
        number_orbits(m, lattice, kind, false, table);
    }
    kr_free(table);
    return KR_OK;
}

/* ---- the best Gaussian ----------------------------------------------------------------------
 */

/* 2 scale (Q + delta) into A (n_sites, n_sites). */
static void fill_form(const kr_flow_modes *m, double scale, double delta, double *A)
{
    const kr_quartic *q = m->action->quartic;
    const size_t n = (size_t)m->n_sites;
    memset(A, 0, n * n * sizeof *A);
    for (size_t i = 0; i < n; i++) {
        A[i * n + i] = 2.0 * scale * (q->square[i] + delta);
        for (int64_t k = q->neighbor_begin[i]; k < q->neighbor_begin[i + 1]; k++) {
            A[i * n + (size_t)q->neighbor[k]] -= scale * q->coupling[k];
        }
    }
}

/* Mean square of a site about the mean; infinite where the form is not positive. */
static double mean_square(const kr_flow_modes *m, double beta, double delta)
{
    double sum = 0.0;
    if (!m->is_separable) {
        sum = kr_cholesky_trace(m->n_sites, m->lambda, m->off, delta, m->sigma);
    }
    for (int32_t k = 0; m->is_separable && k < m->n_sites; k++) {
        const double a = m->lambda[k] + delta;
        sum += a > 0.0 ? 1.0 / a : INFINITY;
    }
    return 0.5 * sum / (beta * m->n_sites);
}

/* The mean of a site at a given mean square about it, on the side of the field: the root of
 * 2 a m + 4 quartic (m^3 + 3 m g) = h with the sign of h. */
static double mean_in_field(double a, double quartic, double g, double h)
{
    const double sign = h < 0.0 ? -1.0 : 1.0, size = fabs(h);
    double low = 0.0, high = 1.0;
    for (int k = 0; k < 400; k++) {
        const double x = k < 200 ? high : 0.5 * (low + high);
        const bool is_above = 2.0 * a * x + 4.0 * quartic * (x * x * x + 3.0 * x * g) > size;
        if (k < 200 && is_above) {
            k = 199;
        } else if (k < 200) {
            high *= 2.0;
        } else if (is_above) {
            high = x;
        } else {
            low = x;
        }
    }
    return sign * high;
}

/* delta at a given mean: the root of 6 quartic (g(delta) + mean^2) = delta, whose left side
 * falls. */
static double find_delta(const kr_flow_modes *m, double beta, double mean, double *g)
{
    const double quartic = m->action->quartic->quartic;
    double low = 0.0, high = 1.0;
    if (quartic == 0.0) {
        *g = mean_square(m, beta, 0.0);
        return 0.0;
    }
    while (!(6.0 * quartic * (mean_square(m, beta, high) + mean * mean) < high) &&
           high < 1e300) {
        low = high;
        high *= 2.0;
    }
    for (int k = 0; k < 100; k++) {
        const double x = 0.5 * (low + high);
        if (6.0 * quartic * (mean_square(m, beta, x) + mean * mean) < x) {
            high = x;
        } else {
            low = x;
        }
    }
    *g = mean_square(m, beta, high);
    return high;
}

/* W = C of 2 beta (Q + delta) = C C^T and V = C^-T. */
static bool factor(kr_flow_modes *m, double beta, double delta)
{
    const size_t n = (size_t)m->n_sites;
    double *V = m->axis[0].V, *C = m->axis[0].W;
    fill_form(m, beta, delta, C);
    if (!kr_cholesky_factor(m->n_sites, C)) {
        return false;
    }
    kr_cholesky_invert(m->n_sites, C, V);
    m->log_det = 0.0;
    for (size_t i = 0; i < n; i++) {
        m->log_det -= log(C[i * n + i]);
        for (size_t j = 0; j < i; j++) {
            V[j * n + i] = V[i * n + j];
            V[i * n + j] = 0.0;
        }
    }
    return true;
}

static double variance_of(const kr_flow_modes *m, double beta, double delta, int32_t mode)
{
    return 0.5 / (beta * (m->lambda[mode] + delta));
}

static int solve(kr_flow_modes *m, double beta, kr_error *err)
{
    const kr_quartic *q = m->action->quartic;
    const size_t n = (size_t)m->n_sites;
    double field = 0.0, a = 0.0, g = 0.0, delta;
    for (size_t i = 0; i < n; i++) {
        field += q->linear[i] / (double)n;
        a += q->square[i] / (double)n;
        for (int64_t k = q->neighbor_begin[i]; k < q->neighbor_begin[i + 1]; k++) {
            a -= 0.5 * q->coupling[k] / (double)n;
        }
    }
    m->mean = 0.0;
    delta = find_delta(m, beta, 0.0, &g);
    for (int k = 0; field != 0.0 && k < 60; k++) {
        m->mean = 0.5 * (m->mean + mean_in_field(a, q->quartic, g, field));
        delta = find_delta(m, beta, m->mean, &g);
    }
    m->spread = sqrt(g);
    m->delta = delta;
    if (!isfinite(g)) {
        return kr_fail(err, KR_ESANITY, "flow: no Gaussian of positive mass found, delta %g",
                       delta);
    }
    for (int32_t k = 0; k < m->n_modes; k++) {
        double square = m->is_separable ? variance_of(m, beta, delta, k) : 1.0;
        if (m->site) {
            square = 0.5 * (variance_of(m, beta, delta, m->mode[k]) +
                            variance_of(m, beta, delta, m->partner[k]));
        }
        m->sigma[k] = sqrt(square);
    }
    return m->is_separable || factor(m, beta, delta)
               ? KR_OK
               : kr_fail(err, KR_ESANITY, "flow: the quadratic form at mass %g has no factor",
                         delta);
}

int kr_flow_modes_prepare(kr_flow_modes *m, double beta, kr_error *err)
{
    if (beta == m->beta) {
        return KR_OK;
    }
    m->beta = beta;
    if (m->n_axes > 0) {
        return solve(m, beta, err);
    }
    for (int32_t k = 0; k < m->n_sites; k++) {
        m->sigma[k] = m->action->start_width;
    }
    m->spread = m->action->start_width;
    return KR_OK;
}

/* ---- life cycle -----------------------------------------------------------------------------
 */

static int init_modes(kr_flow_modes *m, const kr_lattice *lattice, kr_error *err)
{
    const kr_quartic *q = m->action->quartic;
    const size_t n = (size_t)m->n_sites;
    int kind[KR_DIM_MAX] = { PLAIN };
    m->is_even = m->is_uniform = true;
    for (size_t i = 0; i < n; i++) {
        m->is_even = m->is_even && q->linear[i] == 0.0;
        m->is_uniform = m->is_uniform && q->linear[i] == q->linear[0];
    }
    if (strcmp(lattice->name, "hypercubic") == 0) {
        KR_TRY(find_transform(m, lattice, kind, err));
    }
    if (m->is_separable) {
        for (int32_t d = 0; d < lattice->dim; d++) {
            m->is_uniform = m->is_uniform && lattice->is_periodic[d] && kind[d] == PLAIN;
        }
        return find_orbits(m, lattice, kind, err);
    }
    m->is_uniform = false;
    if (m->n_sites <= DENSE_MAX) {
        m->axis[0] = (kr_flow_axis){ .side = m->n_sites, .outer = 1, .inner = 1 };
        m->axis[0].V = kr_alloc(n * n, sizeof(double), err);
        m->axis[0].W = kr_alloc(n * n, sizeof(double), err);
        m->off = kr_alloc(3 * n, sizeof *m->off, err);
        m->n_axes = 1;
        if (!m->axis[0].V || !m->axis[0].W || !m->off) {
            return KR_ENOMEM;
        }
        fill_form(m, 0.5, 0.0, m->axis[0].V);
        kr_cholesky_tridiagonal(m->n_sites, m->axis[0].V, m->lambda, m->off, m->off + n);
    }
    return KR_OK;
}

int kr_flow_modes_init(kr_flow_modes *m, const kr_target *target, kr_error *err)
{
    const size_t n = (size_t)target->terms->n_sites;
    *m = (kr_flow_modes){ .n_sites = target->terms->n_sites,
                          .n_modes = target->terms->n_sites,
                          .n_orbits = target->terms->n_sites,
                          .action = target->terms->action,
                          .beta = NAN };
    m->lambda = kr_alloc(n, sizeof *m->lambda, err);
    m->orbit = kr_alloc(n, sizeof *m->orbit, err);
    m->sigma = kr_alloc(n, sizeof *m->sigma, err);
    int status = m->lambda && m->orbit && m->sigma ? KR_OK : KR_ENOMEM;
    for (size_t k = 0; status == KR_OK && k < n; k++) {
        m->orbit[k] = (int32_t)k;
    }
    if (status == KR_OK && m->action->quartic) {
        status = init_modes(m, target->lattice, err);
    }
    status = status == KR_OK ? kr_flow_modes_prepare(m, target->beta, err) : status;
    if (status != KR_OK) {
        kr_flow_modes_clear(m);
    }
    return status;
}
