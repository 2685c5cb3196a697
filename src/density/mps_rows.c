/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/mps_rows.c - boundary matrix product states of a square lattice, from the last row
 * up.
 */
#include "density/mps_rows.h"

#include "base/memory.h"
#include "density/svd.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BYTES_MAX 4294967296.0 /* of matrices, or of the work space of a row */
#define WORK_MAX  3e13         /* floating-point operations of prepare: hours */
#define KEEP      0x1p-52      /* singular values below this part of the largest are dropped */
#define COLD      2.0 /* beta times the energy of a bond above which rows are balanced */

/* ---- the lattice --------------------------------------------------------------------------
 */

typedef struct shape {
    int32_t width, height, q;
    bool is_ring, is_tube, is_balanced;
} shape;

/* Sum of the couplings of sites i and j. */
static double coupling(const kr_terms *terms, int32_t i, int32_t j)
{
    double sum = 0.0;
    for (int64_t k = terms->neighbor_begin[i]; k < terms->neighbor_begin[i + 1]; k++) {
        sum += terms->neighbor[k] == j ? terms->J[k] : 0.0;
    }
    return sum;
}

static shape find_shape(const kr_target *target)
{
    const kr_terms *terms = target->terms;
    shape s = { .width = target->lattice->extent[0],
                .height = target->lattice->dim > 1 ? target->lattice->extent[1] : 1,
                .q = terms->q };
    const int32_t W = s.width, last = W * (s.height - 1);
    for (int32_t y = 0; W > 2 && y < s.height; y++) {
        s.is_ring |= coupling(terms, y * W, y * W + W - 1) != 0.0;
    }
    for (int32_t x = 0; s.height > 2 && x < W; x++) {
        s.is_tube |= coupling(terms, x, last + x) != 0.0;
    }
    return s;
}

/* Whether all bonds join neighbors of the box. */
static bool is_square(const kr_target *target)
{
    const kr_terms *terms = target->terms;
    const shape s = find_shape(target);
    for (int32_t i = 0; i < terms->n_sites; i++) {
        for (int64_t k = terms->neighbor_begin[i]; k < terms->neighbor_begin[i + 1]; k++) {
            const int32_t j = terms->neighbor[k];
            const int32_t dx = abs(i % s.width - j % s.width);
            const int32_t dy = abs(i / s.width - j / s.width);
            const bool is_across = dy == 0 && (dx == 1 || dx == s.width - 1);
            const bool is_down = dx == 0 && (dy == 1 || dy == s.height - 1);
            if (!is_across && !is_down) {
                return false;
            }
        }
    }
    return true;
}

static int32_t chain_length(const shape *s)
{
    return s->is_tube ? 2 * s->width : s->width;
}

/* Smaller of limit and q^n. */
static int32_t power_below(int32_t q, int32_t n, int32_t limit)
{
    int32_t p = 1;
    for (int32_t k = 0; k < n && p < limit; k++) {
        p = p > limit / q ? limit : p * q;
    }
    return p < limit ? p : limit;
}

/* Largest matrix bond before chain site k: the last row needs q where it is bound to the first.
 */
static int32_t bond_bound(const shape *s, int32_t chi, int32_t k)
{
    const int32_t n = chain_length(s), limit = s->is_tube && chi < s->q ? s->q : chi;
    return power_below(s->q, k < n - k ? k : n - k, limit);
}

/* What the factors of a row add to the bond before chain site k: the state of the column on its
 * left and, on rings, of column 0. */
static int32_t blow_up(const shape *s, int32_t k)
{
    const int32_t before = s->is_tube ? k / 2 : k;
    if (before == 0 || k == chain_length(s)) {
        return 1;
    }
    return s->q * (s->is_ring ? s->q : 1) * (s->is_balanced ? s->q : 1);
}

/* Sizes of the work space of one row, and what prepare costs. */
typedef struct extent {
    int64_t bond; /* largest bond with the factors of a row */
    double store; /* numbers of all matrices */
    double blown; /* numbers of one chain with the factors of a row */
    double triangles, work;
} extent;

static extent measure(const shape *s, int32_t chi)
{
    extent e = { 0 };
    const int32_t n = chain_length(s);
    const double q = s->q;
    double rank = 1.0;
    for (int32_t k = n - 1; k >= 0; k--) {
        const double left = bond_bound(s, chi, k), right = bond_bound(s, chi, k + 1);
        const int64_t from = (int64_t)left * blow_up(s, k);
        const int64_t to = (int64_t)right * blow_up(s, k + 1);
        e.bond = from > e.bond ? from : e.bond;
        e.bond = to > e.bond ? to : e.bond;
        e.store += left * q * right;
        e.blown += (double)from * q * ((double)to + KR_SVD_PAD);
        e.work += 2.0 * (double)from * q * (double)to * rank;
        const double columns = q * (rank + KR_SVD_PAD);
        rank = fmin((double)from, columns);
        e.work += 2.0 * (double)from * rank * columns + 60.0 * pow(left * q, 3.0);
        e.triangles += (double)from * (rank + KR_SVD_PAD);
    }
    e.store *= s->height;
    e.work *= s->height;
    return e;
}

static bool fits(const shape *s, int64_t chi, int32_t n_stages, kr_error *why)
{
    const extent e = measure(s, (int32_t)chi);
    const double bytes = 8.0 * (e.store + 2.0 * e.blown + 2.0 * e.triangles);
    const double work = e.work * (1.0 + n_stages);
    if (bytes > BYTES_MAX || work > WORK_MAX) {
        kr_fail(
            why, KR_EUNSUP,
            "mps: chi = %d with q = %d takes %.2g bytes and %.2g operations before the first "
            "sample, want at most %.2g and %.2g: a smaller chi%s",
            (int)chi, s->q, bytes, work, BYTES_MAX, WORK_MAX,
            s->is_ring || s->is_tube ? ", or an open boundary" : "");
        return false;
    }
    return true;
}

/* Root mean square over the bonds of the largest difference of their energies. */
static double energy_scale(const kr_terms *terms)
{
    double least = INFINITY, most = -INFINITY, sum = 0.0;
    for (int32_t c = 0; c < terms->q * terms->q; c++) {
        least = fmin(least, terms->V[c]);
        most = fmax(most, terms->V[c]);
    }
    const int64_t n = terms->neighbor_begin[terms->n_sites];
    for (int64_t k = 0; k < n; k++) {
        sum += terms->J[k] * terms->J[k];
    }
    return n > 0 ? (most - least) * sqrt(sum / (double)n) : 0.0;
}

int32_t kr_mps_rows_stages(const kr_terms *terms, double beta)
{
    const double cold = fabs(beta) * energy_scale(terms) / COLD;
    return cold > 1.0 ? 1 + (int32_t)(log(cold) / log(KR_MPS_STAGE)) : 0;
}

bool kr_mps_rows_supports(const kr_target *target, int64_t chi, kr_error *why)
{
    if (!target->lattice || strcmp(target->lattice->name, "hypercubic") ||
        target->lattice->dim > 2) {
        kr_fail(why, KR_EUNSUP, "mps: lattice %s of %d dimensions, want hypercubic of 1 or 2",
                target->lattice ? target->lattice->name : "none",
                target->lattice ? (int)target->lattice->dim : 0);
        return false;
    }
    if (!is_square(target)) {
        kr_fail(why, KR_EUNSUP, "mps: a bond beyond nearest neighbors, want none");
        return false;
    }
    shape s = find_shape(target);
    const int32_t n_stages = s.width > 1 ? kr_mps_rows_stages(target->terms, target->beta) : 0;
    s.is_balanced = n_stages > 0;
    return fits(&s, chi, n_stages, why);
}

int kr_mps_rows_init(kr_mps_rows *rows, const kr_target *target, int64_t chi, kr_error *err)
{
    const shape s = find_shape(target);
    const extent e = measure(&s, (int32_t)chi);
    const size_t N = (size_t)target->terms->n_sites, q = (size_t)s.q;
    *rows = (kr_mps_rows){ .terms = target->terms,
                           .width = s.width,
                           .height = s.height,
                           .q = s.q,
                           .chi = (int32_t)chi,
                           .is_ring = s.is_ring,
                           .is_tube = s.is_tube,
                           .n_chain = chain_length(&s) };
    rows->site = kr_alloc((size_t)s.height * (size_t)rows->n_chain, sizeof *rows->site, err);
    rows->store = kr_alloc((size_t)e.store, sizeof *rows->store, err);
    rows->own = kr_alloc(N * q, sizeof *rows->own, err);
    rows->across = kr_alloc(N * q * q, sizeof *rows->across, err);
    rows->down = kr_alloc(N * q * q, sizeof *rows->down, err);
    const size_t W = (size_t)s.width;
    rows->site_log = kr_alloc(N * q, sizeof *rows->site_log, err);
    rows->pair_log = kr_alloc(N * q * q, sizeof *rows->pair_log, err);
    rows->first_site = kr_alloc(W * q, sizeof *rows->first_site, err);
    rows->first_pair = kr_alloc(W * q * q, sizeof *rows->first_pair, err);
    if (!rows->site || !rows->store || !rows->own || !rows->across || !rows->down ||
        !rows->site_log || !rows->pair_log || !rows->first_site || !rows->first_pair) {
        kr_mps_rows_clear(rows);
        return KR_ENOMEM;
    }
    double *next = rows->store;
    for (int32_t x = 0; x < s.height * rows->n_chain; x++) {
        const int32_t k = x % rows->n_chain;
        rows->site[x].A = next;
        const int32_t left = bond_bound(&s, rows->chi, k);
        next += (size_t)left * q * (size_t)bond_bound(&s, rows->chi, k + 1);
        rows->chi_most = left > rows->chi_most ? left : rows->chi_most;
    }
    rows->n_store = (size_t)e.store;
    return KR_OK;
}

void kr_mps_rows_clear(kr_mps_rows *rows)
{
    kr_free(rows->first_pair);
    kr_free(rows->first_site);
    kr_free(rows->pair_log);
    kr_free(rows->site_log);
    kr_free(rows->down);
    kr_free(rows->across);
    kr_free(rows->own);
    kr_free(rows->store);
    kr_free(rows->site);
    *rows = (kr_mps_rows){ .n_chain = 0 };
}

void kr_mps_rows_reset(kr_mps_rows *rows)
{
    const size_t W = (size_t)rows->width, q = (size_t)rows->q, N = W * (size_t)rows->height;
    memset(rows->site_log, 0, N * q * sizeof *rows->site_log);
    memset(rows->pair_log, 0, N * q * q * sizeof *rows->pair_log);
    memset(rows->first_site, 0, W * q * sizeof *rows->first_site);
    memset(rows->first_pair, 0, W * q * q * sizeof *rows->first_pair);
    rows->is_balanced = false;
}

/* ---- Boltzmann factors --------------------------------------------------------------------
 */

/* n factors exp(-beta scale e - balance - first), the largest 1; NULL: 0. */
static void fill_factors(size_t n, double beta, double scale, const double *e,
                         const double *balance, const double *first, double *factor)
{
    double most = -INFINITY;
    for (size_t a = 0; a < n; a++) {
        factor[a] =
            -beta * (scale * e[a]) - (balance ? balance[a] : 0.0) - (first ? first[a] : 0.0);
        most = fmax(most, factor[a]);
    }
    for (size_t a = 0; a < n; a++) {
        factor[a] = exp(factor[a] - most);
    }
}

static void fill_all_factors(kr_mps_rows *rows, double beta)
{
    const kr_terms *terms = rows->terms;
    const int32_t W = rows->width, H = rows->height;
    const size_t q = (size_t)rows->q;
    for (int32_t i = 0; i < W * H; i++) {
        const int32_t x = i % W, y = i / W;
        const int32_t right = y * W + (x + 1) % W, below = (y + 1) % H * W + x;
        const bool has_right = x + 1 < W || rows->is_ring;
        const bool has_below = y + 1 < H || rows->is_tube;
        const bool has_balance = rows->is_balanced && y + 1 < H;
        const bool has_first = rows->is_balanced && rows->is_tube && y == 0;
        const size_t at = (size_t)i * q;
        fill_factors(q, beta, 1.0, terms->local + at, has_balance ? rows->site_log + at : NULL,
                     has_first ? rows->first_site + at : NULL, rows->own + at);
        fill_factors(q * q, beta, has_right ? coupling(terms, i, right) : 0.0, terms->V,
                     has_balance && x + 1 < W ? rows->pair_log + at * q : NULL,
                     has_first && x + 1 < W ? rows->first_pair + at * q : NULL,
                     rows->across + at * q);
        fill_factors(q * q, beta, has_below ? coupling(terms, i, below) : 0.0, terms->V, NULL,
                     NULL, rows->down + at * q);
    }
}

/* ---- one row ------------------------------------------------------------------------------
 */

/* A chain with the factors of a row, C (left, q, right), and the sweeps' work space. */
typedef struct blown {
    int32_t *left;  /* (n_chain + 1) bonds */
    double **C;     /* (n_chain) (left q, stride of right); rows of memory */
    double **L;     /* (n_chain + 1) (left, stride of rank) triangles from the right */
    int32_t *rank;  /* (n_chain + 1) */
    double *memory; /* of C and L */
    double *M, *triangle, *U, *s; /* of one site */
    double *F, *Y;                /* (chi, bond), (chi q, bond) */
} blown;

static void blown_clear(blown *b)
{
    kr_free(b->Y);
    kr_free(b->F);
    kr_free(b->s);
    kr_free(b->U);
    kr_free(b->triangle);
    kr_free(b->M);
    kr_free(b->memory);
    kr_free(b->rank);
    kr_free(b->L);
    kr_free(b->C);
    kr_free(b->left);
}

static int blown_alloc(blown *b, const kr_mps_rows *rows, kr_error *err)
{
    const shape s = { rows->width,   rows->height,  rows->q,
                      rows->is_ring, rows->is_tube, rows->is_balanced };
    const extent e = measure(&s, rows->chi);
    const size_t n = (size_t)rows->n_chain, q = (size_t)rows->q;
    const size_t bond = kr_svd_stride((int32_t)e.bond);
    const size_t chi = (size_t)bond_bound(&s, rows->chi, rows->n_chain / 2) + 1;
    b->left = kr_alloc(n + 1, sizeof *b->left, err);
    b->C = kr_alloc(n, sizeof *b->C, err);
    b->L = kr_alloc(n + 1, sizeof *b->L, err);
    b->rank = kr_alloc(n + 1, sizeof *b->rank, err);
    b->memory = kr_alloc((size_t)e.blown + (size_t)e.triangles + (n + 1) * (bond + 8) * 8,
                         sizeof *b->memory, err);
    b->M = kr_alloc(bond * q * bond, sizeof *b->M, err);
    b->triangle = kr_alloc(chi * q * (chi * q + 8), sizeof *b->triangle, err);
    b->U = kr_alloc(chi * q * (chi * q + 8), sizeof *b->U, err);
    b->s = kr_alloc(chi * q, sizeof *b->s, err);
    b->F = kr_alloc(chi * bond, sizeof *b->F, err);
    b->Y = kr_alloc(chi * q * bond, sizeof *b->Y, err);
    bool has_all = b->left && b->C && b->L && b->rank && b->memory && b->M && b->triangle &&
                   b->U && b->s && b->F && b->Y;
    return has_all ? KR_OK : KR_ENOMEM;
}

/* The weights of state s of column x of row y - 1 with state e on its left. */
static double balance_of(const kr_mps_rows *rows, size_t i, int32_t x, int32_t e, int32_t s)
{
    const size_t q = (size_t)rows->q, up = i - (size_t)rows->width;
    double sum = rows->site_log[up * q + (size_t)s];
    sum += x > 0 ? rows->pair_log[((up - 1) * q + (size_t)e) * q + (size_t)s] : 0.0;
    return exp(sum);
}

/* Multiplies chain site k by the factors of row y. Bonds carry (old bond, state on the left,
 * state of column 0, new state on the left), the last one fastest. */
static void blow_up_site(const kr_mps_rows *rows, int32_t y, int32_t k, blown *b)
{
    const kr_mps_site *from = &rows->site[y * rows->n_chain + k];
    const int32_t q = rows->q, per_column = rows->is_tube ? 2 : 1;
    const int32_t x = k / per_column, Q = rows->is_ring ? q : 1, P = rows->is_balanced ? q : 1;
    const bool is_first = per_column == 2 && k % 2 == 0; /* a site of the first row */
    const bool has_left = x > 0, has_right = k + 1 < rows->n_chain;
    const bool is_closing = !has_right && rows->is_ring;
    const int32_t n_left = has_left ? q * Q * P : 1;
    const size_t i = (size_t)(y * rows->width + x), q2 = (size_t)(q * q);
    const double *own = rows->own + i * (size_t)q;
    const double *up = rows->down + (i - (size_t)rows->width) * q2;
    const double *before = has_left ? rows->across + (i - 1) * q2 : NULL;
    const double *around = rows->across + i * q2;
    const size_t ldc = kr_svd_stride(b->left[k + 1]);
    double *C = b->C[k];
    memset(C, 0, (size_t)b->left[k] * (size_t)q * ldc * sizeof *C);
    for (int32_t p = 0; p < n_left; p++) {
        const int32_t l = p / (Q * P), z = p / P % Q, e = p % P;
        for (int32_t t = 0; t < q && is_first; t++) {
            for (int32_t ab = 0; ab < from->left * from->right; ab++) {
                const int32_t row = ab / from->right * n_left + p;
                C[(size_t)(row * q + t) * ldc + (size_t)(ab % from->right * n_left + p)] =
                    from->A[t * from->left * from->right + ab];
            }
        }
        for (int32_t st = 0; st < q * q && !is_first; st++) {
            const int32_t s = st / q, t = st % q; /* of the new row, of the chain */
            const int32_t zero = has_left ? z : rows->is_ring ? t : 0;
            double w = own[t] * up[st] * (has_left ? before[l * q + t] : 1.0);
            w *= is_closing ? around[t * q + zero] : 1.0;
            w *= rows->is_balanced ? balance_of(rows, i, x, e, s) : 1.0;
            const int32_t to = has_right ? (t * Q + zero) * P + (P > 1 ? s : 0) : 0;
            const int32_t n_right = has_right ? q * Q * P : 1;
            for (int32_t ab = 0; ab < from->left * from->right; ab++) {
                const int32_t row = ab / from->right * n_left + p;
                C[(size_t)(row * q + s) * ldc + (size_t)(ab % from->right * n_right + to)] +=
                    w * from->A[t * from->left * from->right + ab];
            }
        }
    }
}

static void blow_up_row(const kr_mps_rows *rows, int32_t y, blown *b)
{
    const shape s = { rows->width,   rows->height,  rows->q,
                      rows->is_ring, rows->is_tube, rows->is_balanced };
    const kr_mps_site *site = rows->site + y * rows->n_chain;
    double *next = b->memory;
    for (int32_t k = 0; k <= rows->n_chain; k++) {
        b->left[k] = (k < rows->n_chain ? site[k].left : 1) * blow_up(&s, k);
    }
    for (int32_t k = 0; k < rows->n_chain; k++) {
        b->C[k] = next;
        next += (size_t)b->left[k] * (size_t)rows->q * kr_svd_stride(b->left[k + 1]);
        blow_up_site(rows, y, k, b);
    }
    b->L[0] = next; /* triangles follow */
}

/* Largest entry becomes about 1, by a power of two. */
static bool rescale(size_t n, double *a)
{
    double most = 0.0;
    for (size_t i = 0; i < n; i++) {
        most = fabs(a[i]) > most || isnan(a[i]) ? fabs(a[i]) : most;
    }
    if (!(most > 0.0) || isinf(most)) {
        return false;
    }
    const int e = ilogb(most);
    for (size_t i = 0; i < n; i++) {
        a[i] = ldexp(a[i], -e);
    }
    return true;
}

/* L[k]: the triangle of everything from site k on. */
static bool sweep_left(const kr_mps_rows *rows, blown *b)
{
    const int32_t n = rows->n_chain, q = rows->q;
    double *next = b->L[0];
    b->L[n] = next;
    next[0] = 1.0;
    memset(next + 1, 0, (KR_SVD_PAD - 1) * sizeof *next);
    next += KR_SVD_PAD;
    b->rank[n] = 1;
    for (int32_t k = n - 1; k > 0; k--) {
        const int32_t left = b->left[k], right = b->left[k + 1];
        const size_t old = kr_svd_stride(b->rank[k + 1]);
        const int32_t columns = q * (int32_t)old;
        kr_svd_multiply(left * q, right, b->rank[k + 1], b->C[k], kr_svd_stride(right),
                        b->L[k + 1], old, b->M, old);
        b->rank[k] = left < columns ? left : columns;
        b->L[k] = next;
        const size_t ldl = kr_svd_stride(b->rank[k]);
        kr_svd_triangle(left, columns, b->M, (size_t)columns, b->L[k], ldl);
        next += (size_t)left * ldl;
        if (!rescale((size_t)left * ldl, b->L[k])) {
            return false;
        }
    }
    return true;
}

/* Fills the chain of row y - 1, bond after bond from the left; F is what the isometries leave
 * of the blown chain. */
static bool sweep_right(const kr_mps_rows *rows, int32_t y, blown *b)
{
    const int32_t n = rows->n_chain, q = rows->q;
    kr_mps_site *to = rows->site + (y - 1) * n;
    int32_t keep = 1;
    b->F[0] = 1.0;
    for (int32_t k = 0; k < n; k++) {
        const int32_t right = b->left[k + 1], m = keep * q;
        const size_t ldy = kr_svd_stride(right), ldf = k ? kr_svd_stride(b->left[k]) : 1;
        kr_svd_multiply(keep, b->left[k], q * (int32_t)ldy, b->F, ldf, b->C[k], (size_t)q * ldy,
                        b->Y, (size_t)q * ldy);
        if (!rescale((size_t)m * ldy, b->Y)) {
            return false;
        }
        to[k].left = keep;
        if (k == n - 1) {
            to[k].right = 1;
            for (int32_t x = 0; x < m; x++) {
                to[k].A[x % q * keep + x / q] = b->Y[(size_t)x * ldy];
            }
            return true;
        }
        const int32_t rank = b->rank[k + 1], most = m < rank ? m : rank;
        const size_t ldr = kr_svd_stride(rank), ldt = kr_svd_stride(most);
        kr_svd_multiply(m, right, rank, b->Y, ldy, b->L[k + 1], ldr, b->M, ldr);
        kr_svd_triangle(m, rank, b->M, ldr, b->triangle, ldt);
        if (!kr_svd_jacobi(m, most, b->triangle, ldt, b->U, b->s)) {
            return false;
        }
        const int32_t limit = most < rows->chi ? most : rows->chi, left = keep;
        for (keep = 1; keep < limit && b->s[keep] > KEEP * b->s[0];) {
            keep++;
        }
        to[k].right = keep;
        const size_t ldu = kr_svd_stride(m);
        for (int32_t x = 0; x < m; x++) {
            for (int32_t be = 0; be < keep; be++) {
                to[k].A[(x % q * left + x / q) * keep + be] =
                    b->U[(size_t)be * ldu + (size_t)x];
            }
        }
        kr_svd_multiply(keep, m, right, b->U, ldu, b->Y, ldy, b->F, ldy);
    }
    return true;
}

/* The chain of the last row where it is bound to the first: bonds carry the state of the first
 * row on the left. */
static void fill_last_of_tube(kr_mps_rows *rows)
{
    const int32_t q = rows->q, W = rows->width, last = (rows->height - 1) * W;
    for (int32_t k = 0; k < 2 * W; k++) {
        kr_mps_site *site = &rows->site[(rows->height - 1) * rows->n_chain + k];
        const int32_t x = k / 2;
        const double *down = rows->down + (last + x) * q * q;
        site->left = k ? q : 1;
        site->right = k + 1 < 2 * W ? q : 1;
        memset(site->A, 0, (size_t)(site->left * q * site->right) * sizeof *site->A);
        for (int32_t s = 0; s < q; s++) { /* state of the site */
            for (int32_t e = 0; e < site->left; e++) {
                double *A = site->A + (s * site->left + e) * site->right;
                if (k % 2) {
                    A[site->right > 1 ? e : 0] = down[s * q + e];
                    continue;
                }
                double sum = rows->is_balanced ? rows->first_site[x * q + s] : 0.0;
                sum +=
                    rows->is_balanced && k ? rows->first_pair[((x - 1) * q + e) * q + s] : 0.0;
                A[s] = exp(sum);
            }
        }
    }
}

/* The chain of the last row where there is nothing below. */
static void fill_last(kr_mps_rows *rows)
{
    kr_mps_site *site = rows->site + (rows->height - 1) * rows->n_chain;
    for (int32_t k = 0; k < rows->n_chain; k++) {
        site[k].left = site[k].right = 1;
        for (int32_t s = 0; s < rows->q; s++) {
            site[k].A[s] = 1.0;
        }
    }
}

int kr_mps_rows_prepare(kr_mps_rows *rows, double beta, kr_error *err)
{
    if (!isfinite(beta)) {
        return kr_fail(err, KR_EINVAL, "mps: beta = %g, want a finite number", beta);
    }
    const shape s = { rows->width,   rows->height,  rows->q,
                      rows->is_ring, rows->is_tube, rows->is_balanced };
    if (!fits(&s, rows->chi, 0, err)) {
        return KR_EUNSUP;
    }
    blown b = { 0 };
    int status = blown_alloc(&b, rows, err);
    if (status == KR_OK) {
        fill_all_factors(rows, beta);
        if (rows->is_tube) {
            fill_last_of_tube(rows);
        } else {
            fill_last(rows);
        }
    }
    for (int32_t y = rows->height - 1; y > 0 && status == KR_OK; y--) {
        blow_up_row(rows, y, &b);
        if (!sweep_left(rows, &b) || !sweep_right(rows, y, &b)) {
            status =
                kr_fail(err, KR_ESANITY,
                        "mps: the matrices below row %d are not finite at beta = %g, want a "
                        "smaller beta",
                        y - 1, beta);
        }
    }
    blown_clear(&b);
    return status;
}
