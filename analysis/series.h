/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/series.h - series, scalars and scanned parameters as a result file holds them.
 *
 * A series has dims "chain draw" or "chain draw point" and is read in pieces, for files may be
 * larger than memory; a constant is a scalar or (point).
 * Threads: serial only. */
#ifndef KR_ANALYSIS_SERIES_H
#define KR_ANALYSIS_SERIES_H

#include "io/results.h"

#define KR_SERIES_NAME   96
#define KR_SERIES_PARAMS 8

#define KR_SERIES_PIECE ((size_t)16 << 20) /* bytes of a piece, about */

typedef struct kr_series {
    int64_t n_chains, n_draws, n_points;
    int64_t length;   /* draws of a piece at most */
    int64_t begin, n; /* first draw and number of draws of the piece in memory */
    kr_pieces pieces;
    double *value; /* (n_chains, n, n_points) the piece; owns */
} kr_series;

/* Opens a series to be read in pieces of whole chunks, none yet in memory. Errors: KR_EUNSUP
 * when its dims are not those of a series; KR_EIO. Clear with kr_series_clear, also after an
 * error. */
int kr_series_open(kr_reader *reader, const char *group, const char *name, kr_series *series,
                   kr_error *err);
/* Reads the next piece; behind the last one n = 0. */
int kr_series_next(kr_series *series, kr_error *err);
/* Opens a series and reads it whole, as one piece. */
int kr_series_load(kr_reader *reader, const char *group, const char *name, kr_series *series,
                   kr_error *err);
void kr_series_clear(kr_series *series);
/* Copies one point of a series in memory as a whole into out (n_chains, n_draws). */
void kr_series_point(const kr_series *series, int64_t point, double *out);

/* The status of an analysis of the file: KR_EIO with what of it is damaged, else the status
 * with a message that names the file. */
int kr_series_judge(const kr_reader *reader, const char *path, int status, kr_error *err);

bool kr_series_exists(kr_reader *reader, const char *group, const char *name);
/* A constant at a point; NaN when absent. */
double kr_series_constant(kr_reader *reader, const char *group, const char *name,
                          int64_t point);
/* Copies a text attribute, "" when absent; too long a text is cut. */
void kr_series_text(kr_reader *reader, const char *group, const char *variable,
                    const char *name, char *out, size_t size);

/* The points of a scan: names of the parameters and (n_params, n) values. */
typedef struct kr_points {
    int64_t n;
    int n_params;
    char name[KR_SERIES_PARAMS][KR_SERIES_NAME];
    double *value; /* owns */
} kr_points;
int kr_points_load(kr_reader *reader, int64_t n_points, kr_points *points, kr_error *err);
void kr_points_clear(kr_points *points);
/* "beta = 0.44, field = 0.1", without the sections that parameters belong to; "" for a single
 * point without parameters. */
void kr_points_label(const kr_points *points, int64_t point, char *out, size_t size);
/* The same, short enough for the first column of a table: of several parameters the values. */
void kr_points_row(const kr_points *points, int64_t point, char *out, size_t size);

#endif
