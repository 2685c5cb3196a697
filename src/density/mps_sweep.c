/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/mps_sweep.c - the sums of one row for all lanes. */
#include "density/mps_sweep.h"

#include "density/categorical.h"
#include "density/lanes.h"

#include <math.h>
#include <string.h>

/* Where the matrices of chain site k of row y begin. */
static const float *matrix_of(const kr_mps *m, int32_t y, int32_t k)
{
    const kr_mps_site *site = &m->rows.site[y * m->rows.n_chain + k];
    return m->matrix + (site->A - m->rows.store);
}

static size_t stride(int32_t n_lanes)
{
    return kr_lanes_pad((size_t)n_lanes);
}

size_t kr_mps_place(const kr_mps *m, kr_mps_pass *now, int32_t n_lanes, void *scratch)
{
    const size_t L = stride(n_lanes), q = (size_t)m->q, W = (size_t)m->rows.width;
    const size_t block = (size_t)m->chi * L, floats = sizeof(float);
    unsigned char *base = scratch;
    size_t at = 0;
    *now = (kr_mps_pass){ .m = m, .n_lanes = n_lanes, .L = L };
#define TAKE(member, count, size)                                                              \
    (now->member = (void *)(base ? base + at : NULL), at += ((count) * (size) + 63) / 64 * 64)
    TAKE(ratio, L, sizeof(double));
    TAKE(total, L, sizeof(uint64_t));
    TAKE(integer, (size_t)m->n_logits * L, sizeof(uint32_t));
    TAKE(first, W * L, 1);
    TAKE(above, W * L, 1);
    TAKE(row, W * L, 1);
    TAKE(flip, L, 1);
    TAKE(G, W * q * block, floats);
    TAKE(R, q * block, floats);
    TAKE(X, q * block, floats);
    TAKE(v, block, floats);
    TAKE(masked, block, floats);
    TAKE(weight, q * L, floats);
    TAKE(sum, q * L, floats);
    TAKE(most, L, floats);
    TAKE(power, L, sizeof(int32_t));
    TAKE(save, q * L, floats);
    TAKE(save_power, q * L, sizeof(int32_t));
#undef TAKE
    return at;
}

/* ---- products -----------------------------------------------------------------------------
 */

/* out (rows, L) = A (rows, columns) x (columns, L), added to out unless it is to be cleared */
static void multiply(const kr_mps_pass *now, int32_t rows, int32_t columns, const float *A,
                     const float *x, float *out)
{
    now->m->lanes->gemm(rows, columns, A, (size_t)columns, NULL, x, NULL, out, (int32_t)now->L);
}

/* out (columns, L) += A^T x */
static void multiply_transposed(const kr_mps_pass *now, int32_t rows, int32_t columns,
                                const float *A, const float *x, float *out)
{
    now->m->lanes->gemm_transposed(rows, columns, A, (size_t)columns, x, out, (int32_t)now->L);
}

/* out = x where state is a, else 0 */
static void mask(const kr_mps_pass *now, int32_t rows, const uint8_t *state, int32_t a,
                 const float *x, float *out)
{
    for (int32_t i = 0; i < rows; i++) {
        for (size_t l = 0; l < now->L; l++) {
            const size_t at = (size_t)i * now->L + l;
            out[at] = state[l] == a ? x[at] : 0.0f;
        }
    }
}

void kr_mps_step_right(kr_mps_pass *now, int32_t y, int32_t k, const uint8_t *state)
{
    const kr_mps *m = now->m;
    const kr_mps_site *site = &m->rows.site[y * m->rows.n_chain + k];
    const float *A = matrix_of(m, y, k);
    const size_t size = (size_t)site->left * (size_t)site->right;
    memset(now->X, 0, (size_t)site->right * now->L * sizeof *now->X);
    for (int32_t a = 0; a < m->q; a++) {
        mask(now, site->left, state, a, now->v, now->masked);
        multiply_transposed(now, site->left, site->right, A + (size_t)a * size, now->masked,
                            now->X);
    }
    memcpy(now->v, now->X, (size_t)site->right * now->L * sizeof *now->X);
}

/* R(t) = A'[first row] X(t) for all t */
static void apply_first(kr_mps_pass *now, int32_t y, int32_t x)
{
    const kr_mps *m = now->m;
    const kr_mps_site *site = &m->rows.site[y * m->rows.n_chain + 2 * x];
    const float *A = matrix_of(m, y, 2 * x);
    const size_t size = (size_t)site->left * (size_t)site->right;
    const size_t block = (size_t)m->chi * now->L;
    for (int32_t t = 0; t < m->q; t++) {
        float *to = now->R + (size_t)t * block;
        memset(to, 0, (size_t)site->left * now->L * sizeof *to);
        for (int32_t b = 0; b < m->q; b++) {
            mask(now, site->right, now->first + (size_t)x * now->L, b,
                 now->X + (size_t)t * block, now->masked);
            multiply(now, site->left, site->right, A + (size_t)b * size, now->masked, to);
        }
    }
}

/* The weights u_x(s) of site x of row y, lane by lane. */
static void add_above(const kr_mps_pass *now, int32_t y, int32_t x, float *u)
{
    const kr_mps *m = now->m;
    const int32_t q = m->q, i = y * m->rows.width + x;
    const float *own = m->own + (size_t)i * (size_t)q;
    const float *down = m->down + (size_t)(y ? i - m->rows.width : 0) * (size_t)(q * q);
    const uint8_t *above = now->above + (size_t)x * now->L;
    for (int32_t s = 0; s < q; s++) {
        for (size_t l = 0; l < now->L; l++) {
            u[(size_t)s * now->L + l] = y ? own[s] * down[above[l] * q + s] : own[s];
        }
    }
}

/* Scales each lane of R (q, n, L) by a power of two that brings its largest number to [1, 2),
 * and counts the powers. */
static void normalize(const kr_mps_pass *now, int32_t n, float *R)
{
    const size_t L = now->L, block = (size_t)now->m->chi * L;
    memset(now->most, 0, L * sizeof *now->most);
    for (int32_t t = 0; t < now->m->q; t++) {
        for (int32_t i = 0; i < n; i++) {
            const float *from = R + (size_t)t * block + (size_t)i * L;
            for (size_t l = 0; l < L; l++) {
                const float a = from[l] < 0 ? -from[l] : from[l];
                now->most[l] = a > now->most[l] ? a : now->most[l];
            }
        }
    }
    for (size_t l = 0; l < L; l++) {
        uint32_t bits;
        memcpy(&bits, &now->most[l], sizeof bits);
        int32_t power = (int32_t)(bits >> 23) - 127;
        power = power < -126 ? 0 : power > 126 ? 126 : power;
        now->power[l] += power;
        bits = (uint32_t)(127 - power) << 23;
        memcpy(&now->most[l], &bits, sizeof bits);
    }
    for (int32_t t = 0; t < now->m->q; t++) {
        for (int32_t i = 0; i < n; i++) {
            float *to = R + (size_t)t * block + (size_t)i * L;
            for (size_t l = 0; l < L; l++) {
                to[l] *= now->most[l];
            }
        }
    }
}

/* out(t) = sum_s h(t, s) u_x(s) G_x(s), h of the bond to the left of column x. */
static void sum_states(kr_mps_pass *now, int32_t y, int32_t x, int32_t n, float *out)
{
    const kr_mps *m = now->m;
    const int32_t q = m->q;
    const size_t L = now->L, block = (size_t)m->chi * L;
    const float *G = now->G + (size_t)x * (size_t)q * block;
    const float *across = m->across + (size_t)(y * m->rows.width + x - 1) * (size_t)(q * q);
    add_above(now, y, x, now->sum);
    for (int32_t t = 0; t < q; t++) {
        float *to = out + (size_t)t * block;
        memset(to, 0, (size_t)n * L * sizeof *to);
        for (int32_t s = 0; s < q; s++) {
            const float h = across[t * q + s], *from = G + (size_t)s * block;
            const float *u = now->sum + (size_t)s * L;
            for (int32_t i = 0; i < n; i++) {
                for (size_t l = 0; l < L; l++) {
                    to[(size_t)i * L + l] += h * u[l] * from[(size_t)i * L + l];
                }
            }
        }
    }
}

/* R beyond the last column: 1, or on a ring the factors of its bond to column 0. */
static void start_from_right(kr_mps_pass *now, int32_t y)
{
    const kr_mps *m = now->m;
    const int32_t q = m->q, W = m->rows.width;
    const size_t L = now->L, block = (size_t)m->chi * L;
    const float *around = m->across + (size_t)(y * W + W - 1) * (size_t)(q * q);
    for (int32_t t = 0; t < q; t++) {
        for (size_t l = 0; l < L; l++) {
            now->R[(size_t)t * block + l] = m->rows.is_ring ? around[t * q + now->row[l]] : 1;
        }
    }
    memset(now->power, 0, L * sizeof *now->power);
}

void kr_mps_sweep_left(kr_mps_pass *now, int32_t y, int32_t begin)
{
    const kr_mps *m = now->m;
    const kr_mps_rows *rows = &m->rows;
    const int32_t q = m->q, W = rows->width, per_column = rows->is_tube ? 2 : 1;
    const size_t L = now->L, block = (size_t)m->chi * L;
    start_from_right(now, y);
    for (int32_t x = W - 1; x >= begin; x--) {
        const int32_t k = per_column * x + per_column - 1;
        const kr_mps_site *site = &rows->site[y * rows->n_chain + k];
        const size_t size = (size_t)site->left * (size_t)site->right;
        const float *A = matrix_of(m, y, k);
        float *G = now->G + (size_t)x * (size_t)q * block;
        int32_t left = site->left;
        for (int32_t s = 0; s < q; s++) {
            memset(G + (size_t)s * block, 0, (size_t)left * L * sizeof *G);
            multiply(now, left, site->right, A + (size_t)s * size, now->R + (size_t)s * block,
                     G + (size_t)s * block);
        }
        if (rows->is_tube && y == 0) {
            const kr_mps_site *other = site - 1;
            const size_t other_size = (size_t)other->left * (size_t)other->right;
            for (int32_t s = 0; s < q; s++) {
                memset(now->X, 0, (size_t)other->left * L * sizeof *G);
                multiply(now, other->left, other->right,
                         matrix_of(m, y, k - 1) + (size_t)s * other_size, G + (size_t)s * block,
                         now->X);
                memcpy(G + (size_t)s * block, now->X, (size_t)other->left * L * sizeof *G);
            }
            left = other->left;
        }
        if (x == begin) {
            break;
        }
        float *to = rows->is_tube && y > 0 ? now->X : now->R;
        sum_states(now, y, x, left, to);
        if (to == now->X) {
            apply_first(now, y, x);
            left = site[-1].left;
        }
        normalize(now, left, now->R);
    }
}

void kr_mps_weigh(kr_mps_pass *now, int32_t y, int32_t x)
{
    const kr_mps *m = now->m;
    const int32_t q = m->q, W = m->rows.width;
    const size_t L = now->L, block = (size_t)m->chi * L;
    const bool has_first = m->rows.is_tube && y > 0;
    const int32_t k = (m->rows.is_tube ? 2 : 1) * x + has_first;
    const int32_t n = m->rows.site[y * m->rows.n_chain + k].left;
    const float *across = m->across + (size_t)(x ? y * W + x - 1 : 0) * (size_t)(q * q);
    const uint8_t *before = now->row + (size_t)(x ? x - 1 : 0) * L;
    add_above(now, y, x, now->weight);
    for (int32_t s = 0; s < q; s++) {
        float *w = now->weight + (size_t)s * L, *sum = now->sum;
        const float *G = now->G + ((size_t)x * (size_t)q + (size_t)s) * block;
        memset(sum, 0, L * sizeof *sum);
        for (int32_t i = 0; i < n; i++) {
            for (size_t l = 0; l < L; l++) {
                sum[l] += now->v[(size_t)i * L + l] * G[(size_t)i * L + l];
            }
        }
        for (size_t l = 0; l < L; l++) {
            w[l] *= sum[l] * (x ? across[before[l] * q + s] : 1);
        }
    }
}

void kr_mps_weigh_first(kr_mps_pass *now, int32_t y)
{
    const size_t L = now->L, q = (size_t)now->m->q;
    for (size_t a = 0; a < q; a++) {
        memset(now->row, (int)a, L);
        kr_mps_sweep_left(now, y, 0);
        kr_mps_weigh(now, y, 0);
        memcpy(now->save + a * L, now->weight + a * L, L * sizeof *now->save);
        memcpy(now->save_power + a * L, now->power, L * sizeof *now->power);
    }
    for (size_t l = 0; l < L; l++) {
        int32_t most = now->save_power[l];
        for (size_t a = 1; a < q; a++) {
            most = now->save_power[a * L + l] > most ? now->save_power[a * L + l] : most;
        }
        for (size_t a = 0; a < q; a++) {
            const int32_t power = now->save_power[a * L + l] - most;
            now->weight[a * L + l] = now->save[a * L + l] * (float)ldexp(1.0, power);
        }
    }
}
