/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/plot.h - what the kinds of figures share. */
#ifndef KR_ANALYSIS_PLOT_H
#define KR_ANALYSIS_PLOT_H

#include "analysis/gnuplot.h"
#include "analysis/series.h"

/* One result file to be drawn. */
typedef struct kr_source {
    kr_reader *reader; /* borrowed */
    const char *path;  /* borrowed */
    char title[256];
    double every; /* steps per draw; NaN when unknown */
} kr_source;

/* The kinds, one file each; plot.c lists them. */
int kr_trace_draw(kr_gnuplot *g, const kr_source *source, int n_sources, kr_error *err);
int kr_histogram_draw(kr_gnuplot *g, const kr_source *source, int n_sources, kr_error *err);
int kr_residence_draw(kr_gnuplot *g, const kr_source *source, int n_sources, kr_error *err);
int kr_reweight_draw(kr_gnuplot *g, const kr_source *source, int n_sources, kr_error *err);
int kr_snapshot_draw(kr_gnuplot *g, const kr_source *source, int n_sources, kr_error *err);
int kr_tau_draw(kr_gnuplot *g, const kr_source *source, int n_sources, kr_error *err);
int kr_binder_draw(kr_gnuplot *g, const kr_source *source, int n_sources, kr_error *err);
int kr_correlation_draw(kr_gnuplot *g, const kr_source *source, int n_sources, kr_error *err);
int kr_acceptance_draw(kr_gnuplot *g, const kr_source *source, int n_sources, kr_error *err);
int kr_barrier_draw(kr_gnuplot *g, const kr_source *source, int n_sources, kr_error *err);
int kr_joint_draw(kr_gnuplot *g, const kr_source *source, int n_sources, kr_error *err);
int kr_files_compare_draw(kr_gnuplot *g, const kr_source *source, int n_sources, kr_error *err);
int kr_training_draw(kr_gnuplot *g, const kr_source *source, int n_sources, kr_error *err);

#define KR_PLOT_FILES 8 /* most files of a figure */

typedef struct kr_plot_kind {
    const char *name;
    int (*draw)(kr_gnuplot *g, const kr_source *source, int n_sources, kr_error *err);
    int most_files, height;
    const char *caption; /* what it shows and how to read it */
} kr_plot_kind;
extern const kr_plot_kind kr_plot_kinds[]; /* ends with name == NULL */

/* The caller closes source->reader, also after an error. */
int kr_plot_open(kr_source *source, const char *path, kr_error *err);
/* One figure with its script and data; errors as kr_plot_write. */
int kr_plot_draw(const kr_plot_kind *kind, const kr_source *source, int n_sources,
                 const char *figure, kr_error *err);

/* The one parameter of a scan as an axis; of several parameters, the number of the point. */
typedef struct kr_plot_axis {
    double *value; /* (n_points); kr_free */
    char label[KR_SERIES_NAME + 16];
} kr_plot_axis;
int kr_plot_axis_load(const kr_source *source, int64_t n_points, kr_plot_axis *axis,
                      kr_error *err);
/* Sides of the lattice, coordinate 0 first; returns how many, 0: unknown or more than four. */
int kr_plot_extent(const kr_source *source, int64_t extent[4]);
/* Names of the energy and the order parameter in the file, in this order; returns how many. */
int kr_plot_columns(kr_reader *reader, char name[2][KR_SERIES_NAME]);
/* "energy per site [J]" */
void kr_plot_label(kr_reader *reader, const char *column, char *out, size_t size);
/* "draw (every 10 steps)" */
void kr_plot_draw_label(const kr_source *source, char *out, size_t size);
/* The point where the least probable phase is most probable, else the middle one. */
int kr_plot_point(kr_reader *reader, int64_t n_points, int64_t *point, kr_error *err);
/* title, and the point of a scan */
int kr_plot_title(const kr_source *source, int64_t point, int64_t n_points, char *out,
                  size_t size, kr_error *err);
/* Values that differ by rounding only are one: no axis and no bin can tell them apart. */
bool kr_plot_is_constant(double low, double high);
/* Loads a series with at least one draw, all its values finite. Of a column of more than
 * KR_PLOT_VALUES only so many, its first draws, but at least KR_PLOT_DRAWS of each chain:
 * n_draws is theirs. */
#define KR_PLOT_VALUES ((int64_t)1 << 22)
#define KR_PLOT_DRAWS  1000
int kr_plot_load(const kr_source *source, const char *name, kr_series *series, kr_error *err);
/* The columns that kr_plot_columns names, of one shape; series [n] is cleared by the caller. */
int kr_plot_load_columns(const kr_source *source, char name[2][KR_SERIES_NAME], int n,
                         kr_series *series, kr_error *err);
/* Adds ", first 65536 of 1562500 draws" to a title where the series is cut. */
void kr_plot_tell_cut(const kr_series *series, char *title, size_t size);

#endif
