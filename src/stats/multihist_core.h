/* SPDX-License-Identifier: GPL-3.0-or-later
 * stats/multihist_core.h - what the parts of multiple-histogram reweighting share. Private to
 * stats/multihist*.c. */
#ifndef KR_STATS_MULTIHIST_CORE_H
#define KR_STATS_MULTIHIST_CORE_H

#include "stats/multihist.h"

struct kr_multihist {
    int64_t n_points, n_bins, n_bins_y, n_cells, n_blocks, n_columns, n_filled;
    double x_low, x_high, y_low, y_high;
    bool is_weighted; /* some law has a factor w */
    double (*log_w)(const void *context, int64_t point, double x, double y);
    const void *context;
    const char *const *label;
    double *a, *b;   /* (n_points) */
    double *n_drawn; /* (n_blocks + 1, n_points): the last of all blocks together */
    double *sum_x;   /* (2, n_points): of X, of Y */
    double *table;   /* (n_blocks + 1, n_cells, entries): the last of all blocks together */
    double *x, *y;   /* (n_filled) mean X, Y of the cells that have any */
    int64_t *cell;   /* (n_filled) which these are, by ascending X */
    int64_t *by_y;   /* (n_filled) the same by ascending Y, as places in the lists above */
    double *log_law; /* (n_filled, n_points) -a_k X - b_k Y + ln w_k */
    double *f;       /* (n_blocks + 1, n_points) */
    double *log_d;   /* (n_blocks + 1, n_filled) ln sum_j n_j exp(f_j + log_law_j) */
    double least_overlap;
};

/* Entries of a cell: draws, sums of X and Y, then sums of each column and of its square. */
static inline int64_t kr_multihist_entries(const kr_multihist *m)
{
    return 3 + 2 * m->n_columns;
}

/* Entry of a filled cell in a sample: all draws, or all without a block. */
static inline double kr_multihist_entry(const kr_multihist *m, int64_t filled, int64_t k,
                                        int64_t sample)
{
    const int64_t entries = kr_multihist_entries(m), stride = m->n_cells * entries;
    const int64_t at = m->cell[filled] * entries + k;
    const double all = m->table[m->n_blocks * stride + at];
    return sample == 0 ? all : all - m->table[(sample - 1) * stride + at];
}

/* Independent draws of a point in a sample. */
static inline double kr_multihist_drawn(const kr_multihist *m, int64_t point, int64_t sample)
{
    const double all = m->n_drawn[m->n_blocks * m->n_points + point];
    return sample == 0 ? all : all - m->n_drawn[(sample - 1) * m->n_points + point];
}

/* ln sum_j n_j exp(f_j + log_law_j) of a filled cell, with the terms over their sum in share
 * (n_points); log_n (n_points) = ln n_j. */
double kr_multihist_log_sum(const kr_multihist *m, const double *f, int64_t filled,
                            const double *log_n, double *share);
/* Name of a point in messages; text (KR_MULTIHIST_NAME) may be filled. */
#define KR_MULTIHIST_NAME 64
const char *kr_multihist_name(const kr_multihist *m, int64_t point, char *text);

#endif
