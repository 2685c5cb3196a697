/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/plot_law.h - panels of what follows from the distributions of energy and order
 * parameter, up to six points of a scan. */
#ifndef KR_ANALYSIS_PLOT_LAW_H
#define KR_ANALYSIS_PLOT_LAW_H

#include "analysis/plot.h"

typedef struct kr_bins {
    double from, width;
    int n;
} kr_bins;
/* At most `most` bins for all values (n), which are sorted; of a discrete spectrum each holds
 * equally many levels. */
kr_bins kr_bins_choose(double *values, int64_t n, int most);

typedef struct kr_law {
    const char *y_label, *what, *style;   /* what: columns of the data; style of gnuplot */
    int most_bins, most_points, key_rows; /* points of a scan: at most six */
    bool is_weighted; /* draws count with their weights, where they have some */
    /* Rows "x, value, error" of all bins; block[b][h]: what independent block b has in bin h.
     */
    void (*write)(kr_gnuplot *g, const kr_bins *bins, const double *block, int64_t n_blocks);
    /* Curves of a column from elsewhere, which take the place of those from draws; *n tells how
     * many there are. NULL: none. */
    int (*begin)(kr_gnuplot *g, const kr_source *source, const struct kr_law *law,
                 const char *name, int *n, kr_error *err);
} kr_law;

int kr_law_draw(kr_gnuplot *g, const kr_source *source, const kr_law *law, kr_error *err);
/* Curve k (from 0) of a panel, of a block of the data, with its error bars. */
void kr_law_curve(kr_gnuplot *g, const kr_law *law, int block, int k, const char *label);

#endif
