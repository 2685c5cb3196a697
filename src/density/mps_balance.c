/* SPDX-License-Identifier: GPL-3.0-or-later
 * density/mps_balance.c - weights that make typical rows large in what is approximated. */
#include "density/mps_balance.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

#define POWER 0.25 /* of the ratio of probabilities; 1/2 would meet them at once */

/* out (left, left) = sum_s A[s] R A[s]^T, or the term of state `only` if >= 0. */
static void pull(const kr_mps_site *site, int32_t q, int32_t only, const double *R,
                 double *work, double *out)
{
    const size_t l = (size_t)site->left, r = (size_t)site->right;
    memset(out, 0, l * l * sizeof *out);
    for (size_t s = 0; s < (size_t)q; s++) {
        const double *A = site->A + s * l * r;
        if (only >= 0 && s != (size_t)only) {
            continue;
        }
        memset(work, 0, l * r * sizeof *work);
        for (size_t i = 0; i < l; i++) {
            for (size_t j = 0; j < r; j++) {
                for (size_t k = 0; k < r; k++) {
                    work[i * r + k] += A[i * r + j] * R[j * r + k];
                }
            }
        }
        for (size_t i = 0; i < l; i++) {
            for (size_t j = 0; j < l; j++) {
                double sum = 0.0;
                for (size_t k = 0; k < r; k++) {
                    sum += work[i * r + k] * A[j * r + k];
                }
                out[i * l + j] += sum;
            }
        }
    }
}

static double trace(int32_t n, const double *A)
{
    double sum = 0.0;
    for (int32_t i = 0; i < n; i++) {
        sum += A[i * n + i];
    }
    return sum;
}

int kr_mps_balance_pairs(const kr_mps_rows *rows, int32_t y, bool of_first, double *pair,
                         kr_error *err)
{
    const int32_t n = rows->n_chain, q = rows->q, step = rows->is_tube ? 2 : 1;
    const kr_mps_site *site = rows->site + y * n;
    const size_t square = (size_t)rows->chi_most * (size_t)rows->chi_most;
    double *memory = kr_alloc((size_t)(n + 1 + 3) * square, sizeof *memory, err);
    if (!memory) {
        return KR_ENOMEM;
    }
    double *work = memory + (size_t)(n + 1) * square, *a = work + square, *b = a + square;
    memory[(size_t)n * square] = 1.0;
    for (int32_t k = n - 1; k >= 0; k--) {
        double *R = memory + (size_t)k * square;
        pull(&site[k], q, -1, R + square, work, R);
        const double scale = 1.0 / trace(site[k].left, R);
        for (int32_t i = 0; i < site[k].left * site[k].left; i++) {
            R[i] *= scale;
        }
    }
    const int32_t offset = rows->is_tube && !of_first;
    for (int32_t x = 0; x + 1 < rows->width; x++) {
        const int32_t k = step * x + offset;
        double sum = 0.0, *to = pair + (size_t)(x * q * q);
        for (int32_t t = 0; t < q; t++) {
            pull(&site[k + step], q, t, memory + (size_t)(k + step + 1) * square, work, a);
            if (step == 2) {
                pull(&site[k + 1], q, -1, a, work, b);
                memcpy(a, b, square * sizeof *a);
            }
            for (int32_t s = 0; s < q; s++) {
                pull(&site[k], q, s, a, work, b);
                to[s * q + t] = trace(site[k].left, b);
                sum += to[s * q + t];
            }
        }
        for (int32_t c = 0; c < q * q; c++) {
            to[c] /= sum;
        }
    }
    kr_free(memory);
    return KR_OK;
}

/* Probability of state s on the left of a pair. */
static double marginal(int32_t q, const double *pair, int32_t s)
{
    double sum = 0.0;
    for (int32_t t = 0; t < q; t++) {
        sum += pair[s * q + t];
    }
    return sum;
}

void kr_mps_balance_move(int32_t width, int32_t q, const double *want, const double *have,
                         double floor, double *site, double *pair)
{
    const size_t q2 = (size_t)(q * q);
    for (int32_t x = 0; x + 1 < width; x++) {
        const double *p = want + (size_t)x * q2, *m = have + (size_t)x * q2;
        for (size_t c = 0; c < q2; c++) {
            pair[(size_t)x * q2 + c] += POWER * log((p[c] + floor) / (m[c] + floor));
        }
        for (int32_t s = 0; s < q && x > 0; s++) { /* pairs count inner sites twice */
            const double to = marginal(q, p, s), from = marginal(q, m, s);
            site[x * q + s] -= POWER * log((to + floor * q) / (from + floor * q));
        }
    }
}
