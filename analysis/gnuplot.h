/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/gnuplot.h - a gnuplot script with its data file, and running it. Both stay beside
 * the figure so that it can be edited and drawn again. Threads: serial only. */
#ifndef KR_ANALYSIS_GNUPLOT_H
#define KR_ANALYSIS_GNUPLOT_H

#include "kramers_plug.h"

#include <stdio.h>

#define KR_PATH_MAX 4096

typedef struct kr_gnuplot {
    char prefix[KR_PATH_MAX]; /* figure without its ending */
    const char *name;         /* last part of prefix */
    FILE *script, *data;      /* owns */
    int n_blocks;             /* data blocks begun: gnuplot's index + 1 */
} kr_gnuplot;

/* Colors told apart by all kinds of color vision: Okabe and Ito,
 * https://jfly.uni-koeln.de/color (2008). */
#define KR_COLORS 7
const char *kr_gnuplot_color(int k);

/* A palette of even steps of lightness (matplotlib, CC0). */
#define KR_VIRIDIS                                                                             \
    "0 '#440154', 1 '#472c7a', 2 '#3b518b', 3 '#2c718e', 4 '#21908d', 5 '#27ad81', "           \
    "6 '#5cc863', 7 '#aadc32', 8 '#fde725'"

/* A program of that name is on PATH. */
bool kr_gnuplot_exists(void);
/* Opens PREFIX.gp and PREFIX.dat and writes terminal, output and defaults; in the script the
 * variable data names the data file. Errors: KR_EUNSUP ending; KR_EIO. */
int kr_gnuplot_open(kr_gnuplot *g, const char *figure, int width, int height, kr_error *err);
/* Starts the next block of the data file; returns its index. */
int kr_gnuplot_block(kr_gnuplot *g, const char *comment);
/* Writes text as a quoted string that gnuplot takes as it is: no substitution, no control
 * characters; at most max bytes. */
void kr_gnuplot_text(kr_gnuplot *g, const char *text, size_t max);
/* Distance 1, 2 or 5 times a power of ten of at most n_max tics over a range. */
double kr_gnuplot_step(double range, int n_max);
/* Closes both files and runs gnuplot. Errors: KR_EIO with gnuplot's first line. */
int kr_gnuplot_draw(kr_gnuplot *g, kr_error *err);
void kr_gnuplot_close(kr_gnuplot *g);
/* Removes script and data of a figure that could not be described. */
void kr_gnuplot_discard(const kr_gnuplot *g);

#endif
