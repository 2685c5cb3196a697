/* SPDX-License-Identifier: GPL-3.0-or-later
 * stats/binning.c - errors of correlated data while they are being made.
 *
 * Source: Flyvbjerg, Petersen, J. Chem. Phys. 91, 461 (1989): errors of the mean from blocks of
 * growing length. Sums of products of two columns are kept, so that errors of functions of
 * their means follow by the gradient. */
#include "stats/binning.h"

#include "base/memory.h"
#include "base/state.h"

#include <math.h>

#define MIN_CHAINS 16   /* that give an error by themselves: to 18 % */
#define MIN_LENGTH 20.0 /* of a chain, in tau_int: R-hat of about 1 + tau_int/n below 1.05 */
#define CHANCE     3.09 /* normal quantile: one false alarm in a thousand */
#define CONSTANT   1e-26

int kr_binning_init(kr_binning *b, int32_t n_columns, int64_t n_chains, int64_t max_draws,
                    kr_error *err)
{
    *b = (kr_binning){ .n_chains = n_chains, .n_columns = n_columns, .n_levels = 1 };
    if (n_columns < 1 || n_columns > KR_BINNING_COLUMNS || n_chains < 1) {
        return kr_fail(err, KR_EINVAL,
                       "binning: %d columns of %lld chains, want 1..%d of at least 1",
                       n_columns, (long long)n_chains, KR_BINNING_COLUMNS);
    }
    while (b->n_levels < KR_BINNING_LEVELS && max_draws >> b->n_levels > 0) {
        b->n_levels++;
    }
    const size_t row = (size_t)n_columns * (size_t)n_chains;
    b->total = kr_alloc(row, sizeof *b->total, err);
    b->open = kr_alloc(row * (size_t)b->n_levels, sizeof *b->open, err);
    return b->total && b->open ? KR_OK : KR_ENOMEM;
}

void kr_binning_clear(kr_binning *b)
{
    kr_free(b->total);
    kr_free(b->open);
    b->total = b->open = NULL;
}

int kr_binning_declare(kr_binning *b, kr_state *table, kr_error *err)
{
    const size_t row = (size_t)b->n_columns * (size_t)b->n_chains;
    KR_TRY(kr_state_add(table, "n", KR_I64, 1, &b->n, err));
    KR_TRY(kr_state_add(table, "shift", KR_F64, KR_BINNING_COLUMNS, b->shift, err));
    KR_TRY(kr_state_add(table, "sum", KR_F64, sizeof b->sum / sizeof(double), b->sum, err));
    KR_TRY(kr_state_add(table, "product", KR_F64, sizeof b->product / sizeof(double),
                        b->product, err));
    KR_TRY(kr_state_add(table, "total", KR_F64, row, b->total, err));
    return kr_state_add(table, "open", KR_F64, row * (size_t)b->n_levels, b->open, err);
}

/* Block sums v of one chain, at a level. */
static void count_block(kr_binning *b, int32_t level, const double *v)
{
    for (int32_t k = 0; k < b->n_columns; k++) {
        b->sum[level][k] += v[k];
        for (int32_t j = 0; j <= k; j++) {
            b->product[level][k][j] += v[k] * v[j];
        }
    }
}

void kr_binning_add(kr_binning *b, const double *x)
{
    const int64_t C = b->n_chains, row = C * b->n_columns;
    for (int32_t k = 0; k < b->n_columns && b->n == 0; k++) {
        b->shift[k] = x[k * C];
    }
    for (int64_t c = 0; c < C; c++) {
        double v[KR_BINNING_COLUMNS];
        for (int32_t k = 0; k < b->n_columns; k++) {
            v[k] = x[k * C + c] - b->shift[k];
            b->total[k * C + c] += v[k];
        }
        for (int32_t l = 0; l < b->n_levels; l++) {
            count_block(b, l, v);
            double *open = b->open + l * row + c;
            const bool is_second = b->n >> l & 1; /* of the two that make a longer block */
            for (int32_t k = 0; k < b->n_columns; k++) {
                v[k] += is_second ? open[k * C] : 0.0;
                open[k * C] = is_second ? 0.0 : v[k];
            }
            if (!is_second) {
                break;
            }
        }
    }
    b->n++;
}

void kr_binning_means(const kr_binning *b, double *mean)
{
    for (int32_t k = 0; k < b->n_columns; k++) {
        mean[k] = b->shift[k] + b->sum[0][k] / ((double)b->n * (double)b->n_chains);
    }
}

/* Squared error of the mean from n values of that sum and sum of squares. */
static double square_error(double sum, double squares, double n)
{
    const double spread = squares - sum * sum / n;
    return spread <= CONSTANT * squares ? 0.0 : spread / (n * (n - 1.0));
}

/* Squared error of the mean from the blocks of a level; *n_blocks of all chains. */
static double level_error(const kr_binning *b, int32_t level, const double *gradient,
                          double *n_blocks)
{
    double sum = 0.0, squares = 0.0;
    const double used = (double)(b->n >> level << level);
    for (int32_t k = 0; k < b->n_columns; k++) {
        sum += gradient[k] * b->sum[level][k];
        for (int32_t j = 0; j <= k; j++) {
            squares +=
                (j < k ? 2.0 : 1.0) * gradient[k] * gradient[j] * b->product[level][k][j];
        }
    }
    *n_blocks = (double)(b->n >> level) * (double)b->n_chains;
    /* of the mean of the draws in blocks, which are nearly all */
    return square_error(sum, squares, *n_blocks) / exp2(2.0 * level) * used / (double)b->n;
}

/* The same from the means of whole chains. */
static double chains_error(const kr_binning *b, const double *gradient)
{
    double sum = 0.0, squares = 0.0;
    for (int64_t c = 0; c < b->n_chains; c++) {
        double z = 0.0;
        for (int32_t k = 0; k < b->n_columns; k++) {
            z += gradient[k] * b->total[k * b->n_chains + c];
        }
        sum += z;
        squares += z * z;
    }
    return square_error(sum, squares, (double)b->n_chains) / ((double)b->n * (double)b->n);
}

/* Squared error from blocks of b draws as that from longer ones: it is low by the relative
 * amount (tau^2 - 1/4)/(tau b), exact when correlations fall by the same factor each draw. */
static double lengthen(double square, double tau, double b)
{
    return tau > 0.5 ? square * (1.0 + (tau * tau - 0.25) / (tau * b)) : square;
}

/* Upper quantile of chi^2 over its k degrees of freedom (Wilson, Hilferty, PNAS 17, 684
 * (1931)). */
static double chance_limit(double k)
{
    const double v = 2.0 / (9.0 * k), root = 1.0 - v + CHANCE * sqrt(v);
    return root * root * root;
}

void kr_binning_estimate_error(const kr_binning *b, const double *gradient,
                               kr_binning_estimate *e)
{
    const double N = (double)b->n * (double)b->n_chains, C = (double)b->n_chains;
    double n_blocks, single = b->n > 0 ? level_error(b, 0, gradient, &n_blocks) : NAN;
    double square = NAN;
    *e = (kr_binning_estimate){ NAN, NAN, NAN, -1, KR_BINNING_UNUSABLE };
    if (N < 2.0 || !isfinite(single)) {
        return;
    }
    if (single == 0.0) {
        *e = (kr_binning_estimate){ 0.0, 0.0, 0.5, 0, KR_BINNING_CONSTANT };
        return;
    }
    for (int32_t l = 0; l < b->n_levels && b->n >> l > 0 && e->level < 0; l++) {
        const double here = level_error(b, l, gradient, &n_blocks);
        const double growth = here / single;
        if (n_blocks > 1.0 && exp2(3.0 * l) >= 2.0 * N * growth * growth) {
            square = lengthen(here, 0.5 * growth, exp2(l));
            e->level = l;
            e->uncertainty = sqrt(0.5 / (n_blocks - 1.0));
            e->state = KR_BINNING_GOOD;
        }
    }
    const double between = b->n_chains > 1 ? chains_error(b, gradient) : 0.0;
    if (e->level < 0 || between > chance_limit(C - 1.0) * square) {
        e->state = e->level >= 0               ? KR_BINNING_DISAGREE
                   : b->n_chains >= MIN_CHAINS ? KR_BINNING_GOOD
                                               : KR_BINNING_FEW;
        square = e->level >= 0 || b->n_chains > 1 ? between : single;
        e->level = -1;
        e->uncertainty = b->n_chains > 1 ? sqrt(0.5 / (C - 1.0)) : 1.0;
    }
    e->error = sqrt(square);
    e->tau_int = 0.5 * square / single;
    if (e->state == KR_BINNING_GOOD && !((double)b->n >= MIN_LENGTH * e->tau_int)) {
        e->state = KR_BINNING_SHORT;
    }
}
