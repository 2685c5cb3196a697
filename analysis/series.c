/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/series.c - series, scalars and scanned parameters as a result file holds them. */
#include "analysis/series.h"

#include "base/memory.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

int kr_series_open(kr_reader *reader, const char *group, const char *name, kr_series *series,
                   kr_error *err)
{
    *series = (kr_series){ 0 };
    kr_pieces *pieces = &series->pieces;
    KR_TRY(kr_pieces_open(reader, group, name, 1, pieces, err));
    bool has_points = strcmp(pieces->dims, "chain draw point") == 0;
    if ((!has_points && strcmp(pieces->dims, "chain draw") != 0) || pieces->axis != 1) {
        return kr_fail(err, KR_EUNSUP,
                       "%s/%s: dims \"%s\", want \"chain draw\" or \"chain draw point\"", group,
                       name, pieces->dims);
    }
    series->n_chains = pieces->shape[0];
    series->n_draws = pieces->shape[1];
    series->n_points = has_points ? pieces->shape[2] : 1;
    const size_t row = (size_t)(series->n_chains * series->n_points) * sizeof(double);
    const int64_t fit = row > 0 ? (int64_t)(KR_SERIES_PIECE / row) : series->n_draws;
    const int64_t chunk = pieces->chunk;
    series->length = fit > chunk ? fit / chunk * chunk : fit > 0 ? fit : 1;
    return KR_OK;
}

int kr_series_next(kr_series *series, kr_error *err)
{
    const size_t row = (size_t)(series->n_chains * series->n_points);
    const int64_t left = series->n_draws - series->begin - series->n;
    series->begin += series->n;
    series->n = left < series->length ? left : series->length;
    if (!series->value) { /* the first piece is the longest */
        series->value = kr_alloc(row * (size_t)series->n, sizeof(double), err);
    }
    return series->value
               ? kr_pieces_read(&series->pieces, series->begin, series->n, series->value, err)
               : KR_ENOMEM;
}

int kr_series_load(kr_reader *reader, const char *group, const char *name, kr_series *series,
                   kr_error *err)
{
    int status = kr_series_open(reader, group, name, series, err);
    series->length = series->n_draws;
    status = status == KR_OK ? kr_series_next(series, err) : status;
    if (status != KR_OK) {
        kr_series_clear(series);
    }
    return status;
}

void kr_series_clear(kr_series *series)
{
    kr_pieces_close(&series->pieces);
    kr_free(series->value);
    *series = (kr_series){ 0 };
}

void kr_series_point(const kr_series *series, int64_t point, double *out)
{
    int64_t n = series->n_chains * series->n_draws;
    for (int64_t k = 0; k < n; k++) {
        out[k] = series->value[k * series->n_points + point];
    }
}

int kr_series_judge(const kr_reader *reader, const char *path, int status, kr_error *err)
{
    if (kr_reader_damage(reader)) { /* which explains whatever came of it */
        if (err) {
            err->status = KR_OK;
        }
        return kr_fail(err, KR_EIO, "%s", kr_reader_damage(reader));
    }
    if (status != KR_OK && err && !strstr(err->text, path)) {
        char text[sizeof err->text];
        snprintf(text, sizeof text, "%s", err->text);
        err->status = KR_OK;
        return kr_fail(err, status, "%s: %s", path, text);
    }
    return status;
}

bool kr_series_exists(kr_reader *reader, const char *group, const char *name)
{
    const char *const *names = kr_reader_variables(reader, group);
    for (; names && *names; names++) {
        if (strcmp(*names, name) == 0) {
            return true;
        }
    }
    return false;
}

double kr_series_constant(kr_reader *reader, const char *group, const char *name, int64_t point)
{
    if (!kr_series_exists(reader, group, name)) {
        return NAN;
    }
    int n_dims = 0;
    int64_t shape[KR_DIMS_MAX] = { 0 };
    const char *dims = "";
    kr_error err = { 0 };
    double *value = kr_reader_read(reader, group, name, &n_dims, shape, &dims, &err);
    double result = NAN;
    if (value && n_dims == 0) {
        result = value[0];
    } else if (value && n_dims == 1 && point < shape[0]) {
        result = value[point];
    }
    kr_free(value);
    return result;
}

void kr_series_text(kr_reader *reader, const char *group, const char *variable,
                    const char *name, char *out, size_t size)
{
    const char *text = "";
    if (!kr_reader_attr_text(reader, group, variable, name, &text)) {
        text = "";
    }
    snprintf(out, size, "%s", text);
}

/* "model.field" is stored under that name, as "model_field" or as its last part. */
static void find_stored(kr_reader *reader, const char *name, char stored[KR_SERIES_NAME])
{
    snprintf(stored, KR_SERIES_NAME, "%s", name);
    for (char *c = stored; *c && !kr_series_exists(reader, "constant_data", stored); c++) {
        *c = *c == '.' ? '_' : *c;
    }
    const char *last = strrchr(name, '.');
    if (last && !kr_series_exists(reader, "constant_data", stored)) {
        snprintf(stored, KR_SERIES_NAME, "%s", last + 1);
    }
}

int kr_points_load(kr_reader *reader, int64_t n_points, kr_points *points, kr_error *err)
{
    char list[KR_SERIES_PARAMS * KR_SERIES_NAME];
    *points = (kr_points){ .n = n_points };
    kr_series_text(reader, "constant_data", "", "scanned", list, sizeof list);
    if (!list[0]) {
        kr_series_text(reader, "", "", "scanned", list, sizeof list);
    }
    if (!list[0]) { /* nothing scanned: beta still names the point */
        snprintf(list, sizeof list, "beta");
    }
    points->value = kr_alloc((size_t)(KR_SERIES_PARAMS * n_points), sizeof(double), err);
    if (!points->value) {
        return KR_ENOMEM;
    }
    char *rest = NULL;
    for (char *name = strtok_r(list, " ", &rest); name && points->n_params < KR_SERIES_PARAMS;
         name = strtok_r(NULL, " ", &rest)) {
        char stored[KR_SERIES_NAME];
        find_stored(reader, name, stored);
        if (!kr_series_exists(reader, "constant_data", stored)) {
            continue;
        }
        snprintf(points->name[points->n_params], KR_SERIES_NAME, "%s", name);
        for (int64_t p = 0; p < n_points; p++) {
            points->value[points->n_params * n_points + p] =
                kr_series_constant(reader, "constant_data", stored, p);
        }
        points->n_params++;
    }
    return KR_OK;
}

void kr_points_clear(kr_points *points)
{
    kr_free(points->value);
    *points = (kr_points){ 0 };
}

void kr_points_label(const kr_points *points, int64_t point, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (int k = 0; k < points->n_params && used < size; k++) {
        const char *dot = strrchr(points->name[k], '.'); /* model.lambda: lambda */
        const double value = points->value[k * points->n + point];
        char text[32];
        snprintf(text, sizeof text, isnan(value) ? "unknown" : "%.6g", value);
        int n = snprintf(out + used, size - used, "%s%s = %s", k ? ", " : "",
                         dot ? dot + 1 : points->name[k], text);
        used += n > 0 ? (size_t)n : 0;
    }
}

void kr_points_row(const kr_points *points, int64_t point, char *out, size_t size)
{
    if (points->n_params < 2) {
        kr_points_label(points, point, out, size);
        return;
    }
    size_t used = 0;
    out[0] = '\0';
    for (int k = 0; k < points->n_params && used < size; k++) {
        const double value = points->value[k * points->n + point];
        int n = snprintf(out + used, size - used, isnan(value) ? "%s-" : "%s%.4g",
                         k ? ", " : "", value);
        used += n > 0 ? (size_t)n : 0;
    }
}
