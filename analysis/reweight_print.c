/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/reweight_print.c - reweighted means as a table and as JSON. */
#include "analysis/reweight.h"

#include "analysis/format.h"
#include "analysis/json.h"
#include "base/memory.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define SHOWN 5

/* What a table has room for, in this order. */
static const char *const shown[] = { "energy_per_site",
                                     "specific_heat",
                                     "abs_magnetization_per_site",
                                     "susceptibility_abs",
                                     "binder",
                                     "phi_squared",
                                     "order_parameter",
                                     "magnetization_per_site" };

static int choose(const kr_reweighting *r, const kr_curve *curve[SHOWN])
{
    int n = 0;
    for (size_t k = 0; k < sizeof shown / sizeof *shown && n < SHOWN; k++) {
        for (int c = 0; c < r->n_curves && n < SHOWN; c++) {
            if (strcmp(r->curve[c].name, shown[k]) == 0) {
                curve[n++] = &r->curve[c];
            }
        }
    }
    return n;
}

/* "5 points, beta = 0.36 .. 0.52", the files, what log Z and F are counted from. */
static void print_points(const kr_reweighting *r, FILE *out)
{
    char top[32];
    double low = INFINITY, high = -INFINITY;
    const int64_t n = r->n_points - r->n_flat;
    for (int64_t p = 0; p < n; p++) {
        low = fmin(low, r->point[p]);
        high = fmax(high, r->point[p]);
    }
    snprintf(top, sizeof top, "%.6g", high);
    if (n > 0) {
        fprintf(out, "%lld point%s, %s = %.6g%s%s, ", (long long)n, n == 1 ? "" : "s",
                r->parameter, low, high > low ? " .. " : "", high > low ? top : "");
    }
    if (r->n_flat > 0) {
        fprintf(out, "%d multicanonical run%s, ", r->n_flat, r->n_flat == 1 ? "" : "s");
    }
    if (r->n_files > 1) {
        fprintf(out, "%d files, ", r->n_files);
    }
}

static void print_anchors(const kr_reweighting *r, FILE *out)
{
    if (r->n_anchors == 0) {
        fprintf(out, "\nlog Z and F = -log Z/(beta N) are counted from %s", r->reference);
        if (r->n_refused > 0) {
            fprintf(out, "; %d estimate%s by densities do%s not carry log Z", r->n_refused,
                    r->n_refused == 1 ? "" : "s", r->n_refused == 1 ? "es" : "");
        }
        return;
    }
    fprintf(out, "\nlog Z and F = -log Z/(beta N) are absolute, by the %s at %s",
            r->anchor[0].what, r->anchor[0].where);
    if (r->n_anchors > 1) {
        fprintf(out, " and %d more", r->n_anchors - 1);
    }
}

static void print_head(const kr_reweighting *r, FILE *out)
{
    double least = INFINITY;
    for (int64_t p = 0; p < r->n_points; p++) {
        least = fmin(least, r->n_eff[p]);
    }
    if (r->title[0]) {
        fprintf(out, "%s\n", r->title);
    }
    print_points(r, out);
    fprintf(out,
            "%lld chain%s of %lld draws%s, %.0f independent draws or more each;\nerrors by "
            "leaving out each of %lld parts",
            (long long)r->n_chains, r->n_chains == 1 ? "" : "s", (long long)r->n_draws,
            r->n_files > 1 ? " or more" : "", least, (long long)r->n_blocks);
    if (r->n_points > 1) {
        fprintf(out, "; least overlap of neighbors %.2f", r->least_overlap);
    }
    print_anchors(r, out);
    if (r->kind == KR_REWEIGHT_PAIR) {
        fprintf(out, "\nat %s = %.6g", r->other, r->fixed);
    }
    fputs("\n\n", out);
}

static int width_of(const kr_curve *curve)
{
    const int n = (int)strlen(curve->name);
    return n > 14 ? n : 14;
}

static void print_row(const kr_reweighting *r, const kr_curve *const *curve, int n, int64_t t,
                      FILE *out)
{
    char text[64];
    fprintf(out, "%-10.6g", r->at[t]);
    const bool is_absolute = r->n_anchors > 0;
    kr_format_value(is_absolute ? r->log_z[t] : r->ratio[t],
                    is_absolute ? r->log_z_error[t] : r->ratio_error[t], 2, text, sizeof text);
    fprintf(out, " %16s", text);
    if (isfinite(r->free[t])) {
        kr_format_value(r->free[t], r->free_error[t], 2, text, sizeof text);
    } else {
        snprintf(text, sizeof text, "-"); /* at beta = 0 */
    }
    fprintf(out, " %16s", text);
    for (int k = 0; k < n; k++) {
        kr_format_value(curve[k]->value[t], curve[k]->error[t], 2, text, sizeof text);
        fprintf(out, " %*s", width_of(curve[k]), text);
    }
    fprintf(out, " %8.3g%s\n", r->ess[t], kr_reweighting_holds(r, t) ? "" : " *");
}

void kr_reweighting_print(const kr_reweighting *r, FILE *out)
{
    const kr_curve *curve[SHOWN];
    const int n = choose(r, curve);
    bool holds = true;
    print_head(r, out);
    fprintf(out, "%-10.10s %16s %16s", r->parameter, r->n_anchors ? "log Z" : "log Z ratio",
            "F per site");
    for (int k = 0; k < n; k++) {
        fprintf(out, " %*s", width_of(curve[k]), curve[k]->name);
    }
    fprintf(out, " %8s\n", "ESS");
    for (int64_t t = 0; t < r->n_targets; t++) {
        print_row(r, curve, n, t, out);
        holds = holds && kr_reweighting_holds(r, t);
    }
    if (!holds) {
        fprintf(
            out,
            "* beyond what was drawn: fewer than %.0f independent draws, or more than %.0f %% "
            "of the weight at the ends of the sampled %s\n",
            KR_REWEIGHT_ESS, 100.0 * KR_REWEIGHT_EDGE,
            r->is_beta ? "energies" : "values of its conjugate");
    }
    for (int k = 0; k < r->n_extrema; k++) {
        char beta[64], value[64];
        const kr_extremum *e = &r->extremum[k];
        kr_format_value(e->at, e->at_error, 2, beta, sizeof beta);
        kr_format_value(e->value, e->value_error, 2, value, sizeof value);
        fprintf(out, "%slargest %s: %s at %s = %s\n", k == 0 ? "\n" : "", e->name, value,
                r->parameter, beta);
    }
    if (r->n_curves > n) {
        fprintf(out, "%s(--json has all %d columns and derived quantities)\n",
                r->n_extrema ? "" : "\n", r->n_curves);
    }
}

static void write_list(kr_json *j, const char *key, const double *value, int64_t n)
{
    kr_json_key(j, key);
    kr_json_open(j, '[');
    for (int64_t k = 0; k < n; k++) {
        kr_json_number(j, value[k]);
    }
    kr_json_close(j, ']');
}

static void write_extrema(kr_json *j, const kr_reweighting *r)
{
    kr_json_key(j, "largest");
    kr_json_open(j, '{');
    for (int k = 0; k < r->n_extrema; k++) {
        const kr_extremum *e = &r->extremum[k];
        kr_json_key(j, e->name);
        kr_json_open(j, '{');
        char error[KR_SERIES_NAME + 8];
        snprintf(error, sizeof error, "%s_error", r->parameter);
        kr_json_field(j, r->parameter, e->at);
        kr_json_field(j, error, e->at_error);
        kr_json_field(j, "value", e->value);
        kr_json_field(j, "value_error", e->value_error);
        kr_json_close(j, '}');
    }
    kr_json_close(j, '}');
}

static void write_matrix(kr_json *j, const char *key, const double *value, int64_t n)
{
    kr_json_key(j, key);
    kr_json_open(j, '[');
    for (int64_t i = 0; i < n; i++) {
        kr_json_open(j, '[');
        for (int64_t k = 0; k < n; k++) {
            kr_json_number(j, value[i * n + k]);
        }
        kr_json_close(j, ']');
    }
    kr_json_close(j, ']');
}

/* The points, ln Z of them with its covariance, and what makes it absolute. */
static void write_points(kr_json *j, const kr_reweighting *r)
{
    kr_json_field(j, "files", r->n_files);
    kr_json_field(j, "multicanonical_files", r->n_flat);
    kr_json_key(j, "other_parameter");
    kr_json_open(j, '{');
    if (r->kind == KR_REWEIGHT_PAIR) {
        kr_json_field(j, r->other, r->fixed);
        write_list(j, "points", r->other_point, r->n_points);
    }
    kr_json_close(j, '}');
    kr_json_key(j, "points");
    kr_json_open(j, '[');
    for (int64_t p = 0; p < r->n_points; p++) { /* weights have no temperature */
        kr_json_number(j, r->is_beta && p >= r->n_points - r->n_flat ? NAN : r->point[p]);
    }
    kr_json_close(j, ']');
    write_list(j, "independent_draws", r->n_eff, r->n_points);
    write_list(j, "point_log_z_ratio", r->point_log_z, r->n_points);
    write_matrix(j, "log_z_covariance", r->covariance, r->n_points);
    write_matrix(j, "log_z_covariance_asymptotic", r->asymptotic, r->n_points);
    kr_json_key(j, "reference");
    kr_json_text(j, r->n_anchors ? "absolute" : r->reference);
    kr_json_key(j, "anchors");
    kr_json_open(j, '[');
    for (int k = 0; k < r->n_anchors; k++) {
        kr_json_open(j, '{');
        kr_json_key(j, "by");
        kr_json_text(j, r->anchor[k].what);
        kr_json_key(j, "at");
        kr_json_text(j, r->anchor[k].where);
        kr_json_field(j, "log_z", r->anchor[k].log_z);
        kr_json_field(j, "log_z_error", r->anchor[k].error);
        kr_json_close(j, '}');
    }
    kr_json_close(j, ']');
    kr_json_field(j, "anchors_refused", r->n_refused);
}

void kr_reweighting_print_json(const kr_reweighting *r, FILE *out)
{
    kr_json j = { .out = out };
    kr_json_open(&j, '{');
    kr_json_key(&j, "parameter");
    kr_json_text(&j, r->parameter);
    kr_json_field(&j, "chains", (double)r->n_chains);
    kr_json_field(&j, "draws", (double)r->n_draws);
    kr_json_field(&j, "n_sites", r->n_sites);
    kr_json_field(&j, "parts", (double)r->n_blocks);
    kr_json_field(&j, "least_overlap", r->least_overlap);
    write_points(&j, r);
    write_list(&j, r->parameter, r->at, r->n_targets);
    write_list(&j, "log_z_ratio", r->ratio, r->n_targets);
    write_list(&j, "log_z_ratio_error", r->ratio_error, r->n_targets);
    write_list(&j, "log_z", r->log_z, r->n_targets);
    write_list(&j, "log_z_error", r->log_z_error, r->n_targets);
    write_list(&j, "free_energy_per_site", r->free, r->n_targets);
    write_list(&j, "free_energy_per_site_error", r->free_error, r->n_targets);
    write_list(&j, "ess", r->ess, r->n_targets);
    write_list(&j, "edge_weight", r->edge, r->n_targets);
    kr_json_key(&j, "holds");
    kr_json_open(&j, '[');
    for (int64_t t = 0; t < r->n_targets; t++) {
        kr_json_bool(&j, kr_reweighting_holds(r, t));
    }
    kr_json_close(&j, ']');
    kr_json_key(&j, "observables");
    kr_json_open(&j, '{');
    for (int k = 0; k < r->n_curves; k++) {
        kr_json_key(&j, r->curve[k].name);
        kr_json_open(&j, '{');
        kr_json_key(&j, "unit");
        kr_json_text(&j, r->curve[k].unit);
        kr_json_key(&j, "is_derived");
        kr_json_bool(&j, r->curve[k].is_derived);
        write_list(&j, "value", r->curve[k].value, r->n_targets);
        write_list(&j, "error", r->curve[k].error, r->n_targets);
        kr_json_close(&j, '}');
    }
    kr_json_close(&j, '}');
    write_extrema(&j, r);
    kr_json_close(&j, '}');
    fputc('\n', out);
}

static int write_opened(kr_reader *const *readers, const char *const *paths, int n,
                        const kr_reweight_options *options, FILE *out, kr_error *err)
{
    kr_reweighting r;
    int status = kr_reweighting_compute(readers, paths, n, options, &r, err);
    for (int k = 0; k < n; k++) {
        const bool is_damaged = kr_reader_damage(readers[k]) != NULL;
        if (is_damaged || n == 1) {
            status = kr_series_judge(readers[k], paths[k], status, err);
        }
    }
    if (status == KR_OK) {
        if (options->is_json) {
            kr_reweighting_print_json(&r, out);
        } else {
            kr_reweighting_print(&r, out);
        }
        errno = 0;
        if ((fflush(out) != 0 || ferror(out)) && errno != EPIPE) {
            status = kr_fail(err, KR_EIO, "reweight: %s could not be written", paths[0]);
        }
    }
    kr_reweighting_clear(&r);
    return status;
}

int kr_reweight_write(const char *const *paths, int n, const kr_reweight_options *options,
                      FILE *out, kr_error *err)
{
    kr_reader **readers = kr_alloc((size_t)n, sizeof *readers, err);
    int status = readers ? KR_OK : KR_ENOMEM;
    for (int k = 0; k < n && status == KR_OK; k++) {
        readers[k] = kr_reader_open(paths[k], err);
        status = readers[k] ? KR_OK : err && err->status ? err->status : KR_EIO;
    }
    status = status == KR_OK ? write_opened(readers, paths, n, options, out, err) : status;
    for (int k = 0; readers && k < n; k++) {
        kr_reader_close(readers[k]);
    }
    kr_free(readers);
    return status;
}
