/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/summary_samples.c - means over samples of quenched disorder.
 *
 * Points that differ in seeds of disorder only are samples of one system. The mean over them is
 * the estimate of the mean over the disorder; its error is the spread of the samples over
 * n^(1/2), which holds both what differs between samples and the thermal errors of each. The
 * part of the latter is told beside it: where it is most of the error longer runs help, else
 * more samples. Derived quantities are means of those of each sample. */
#include "analysis/summary.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

static bool is_seed(const char *name)
{
    const char *dot = strrchr(name, '.');
    return strcmp(dot ? dot + 1 : name, "seed") == 0;
}

static double parameter(const kr_summary *s, int k, int64_t p)
{
    return s->points.value[k * s->n_points + p];
}

/* Whether two points differ in seeds only. */
static bool is_same_system(const kr_summary *s, int64_t a, int64_t b)
{
    for (int k = 0; k < s->points.n_params; k++) {
        if (!is_seed(s->points.name[k]) && parameter(s, k, a) != parameter(s, k, b)) {
            return false;
        }
    }
    return true;
}

static kr_sample_mean mean_of(const kr_summary *s, int quantity, int64_t group)
{
    kr_sample_mean m = { .mean = 0.0 };
    double square = 0.0, thermal = 0.0;
    for (int64_t p = 0; p < s->n_points; p++) {
        const kr_quantity *q = &s->quantity[quantity * s->n_points + p];
        if (s->samples->group[p] != group || q->is_bad || !isfinite(q->estimate.mean)) {
            continue;
        }
        const double off = q->estimate.mean - m.mean;
        m.n++;
        m.mean += off / (double)m.n; /* Welford */
        square += off * (q->estimate.mean - m.mean);
        thermal += q->estimate.error * q->estimate.error;
    }
    const double n = (double)m.n;
    m.error = m.n > 1 ? sqrt(square / (n * (n - 1.0))) : NAN;
    m.thermal = m.n > 0 ? sqrt(thermal) / n : NAN;
    m.mean = m.n > 0 ? m.mean : NAN;
    return m;
}

int kr_summary_samples(kr_summary *s, kr_error *err)
{
    bool has_seed = false;
    for (int k = 0; k < s->points.n_params && s->n_points > 1; k++) {
        for (int64_t p = 1; p < s->n_points && is_seed(s->points.name[k]); p++) {
            has_seed = has_seed || parameter(s, k, p) != parameter(s, k, 0);
        }
    }
    if (!has_seed) {
        return KR_OK;
    }
    kr_samples_summary *samples = s->samples = kr_alloc(1, sizeof *samples, err);
    int64_t *group = samples ? kr_alloc((size_t)s->n_points, sizeof *group, err) : NULL;
    if (!group) {
        return KR_ENOMEM;
    }
    samples->group = group;
    for (int64_t p = 0; p < s->n_points; p++) {
        int64_t same = 0;
        while (same < p && !is_same_system(s, same, p)) {
            same++;
        }
        group[p] = same < p ? group[same] : samples->n_groups++;
    }
    const size_t n = (size_t)s->n_quantities * (size_t)samples->n_groups;
    samples->mean = kr_alloc(n > 0 ? n : 1, sizeof *samples->mean, err);
    if (!samples->mean) {
        return KR_ENOMEM;
    }
    for (int k = 0; k < s->n_quantities; k++) {
        for (int64_t g = 0; g < samples->n_groups; g++) {
            samples->mean[k * samples->n_groups + g] = mean_of(s, k, g);
        }
    }
    return KR_OK;
}

void kr_summary_clear_samples(kr_summary *s)
{
    if (s->samples) {
        kr_free(s->samples->group);
        kr_free(s->samples->mean);
        kr_free(s->samples);
        s->samples = NULL;
    }
}

static int64_t first_of(const kr_summary *s, int64_t group)
{
    int64_t p = 0;
    while (s->samples->group[p] != group) {
        p++;
    }
    return p;
}

/* "beta = 0.5, field = 0.1" without the seeds. */
static void label_of(const kr_summary *s, int64_t group, char *out, size_t size)
{
    const int64_t p = first_of(s, group);
    out[0] = '\0';
    for (int k = 0; k < s->points.n_params; k++) {
        const char *dot = strrchr(s->points.name[k], '.');
        const size_t used = strlen(out);
        if (!is_seed(s->points.name[k])) {
            snprintf(out + used, size - used, "%s%.60s = %.10g", used ? ", " : "",
                     dot ? dot + 1 : s->points.name[k], parameter(s, k, p));
        }
    }
}

void kr_summary_print_samples(const kr_summary *s, kr_sheet *t)
{
    const kr_samples_summary *samples = s->samples;
    const kr_heading column[] = { { "mean over samples", -30, KR_HEADING_BREAK },
                                  { "value", 20, 0 },
                                  { "thermal error", 14, 0 },
                                  { "samples", 8, 0 } };
    for (int64_t g = 0; samples && g < samples->n_groups; g++) {
        char text[256];
        label_of(s, g, text, sizeof text);
        kr_sheet_table(t, text[0] ? text : NULL, column, 4);
        for (int k = 0; k < s->n_quantities; k++) {
            const kr_sample_mean *m = &samples->mean[k * samples->n_groups + g];
            const kr_quantity *q = &s->quantity[k * s->n_points];
            if (q->is_same || m->n == 0) {
                continue;
            }
            snprintf(text, sizeof text, q->unit[0] && strcmp(q->unit, "1") ? "%s [%s]" : "%s",
                     q->name, q->unit);
            kr_sheet_cell(t, text);
            kr_format_value(m->mean, m->error, 2, text, sizeof text);
            kr_sheet_cell(t, text);
            snprintf(text, sizeof text, "%.2g", m->thermal);
            kr_sheet_cell(t, text);
            snprintf(text, sizeof text, "%lld", (long long)m->n);
            kr_sheet_cell(t, text);
            kr_sheet_row(t);
        }
        kr_sheet_end(t);
    }
    if (samples) {
        kr_sheet_note(t,
                      "errors: from the spread of the samples; thermal error: the part of it "
                      "that longer runs\nwould reduce");
    }
}

void kr_summary_samples_json(const kr_summary *s, kr_json *j)
{
    const kr_samples_summary *samples = s->samples;
    kr_json_key(j, "samples");
    if (!samples) {
        kr_json_number(j, NAN);
        return;
    }
    kr_json_open(j, '[');
    for (int64_t g = 0; g < samples->n_groups; g++) {
        const int64_t p = first_of(s, g);
        kr_json_open(j, '{');
        for (int k = 0; k < s->points.n_params; k++) {
            if (!is_seed(s->points.name[k])) {
                kr_json_field(j, s->points.name[k], parameter(s, k, p));
            }
        }
        kr_json_key(j, "observables");
        kr_json_open(j, '{');
        for (int k = 0; k < s->n_quantities; k++) {
            const kr_sample_mean *m = &samples->mean[k * samples->n_groups + g];
            kr_json_key(j, s->quantity[k * s->n_points].name);
            kr_json_open(j, '{');
            kr_json_field(j, "mean", m->mean);
            kr_json_field(j, "error", m->error);
            kr_json_field(j, "thermal_error", m->thermal);
            kr_json_field(j, "samples", (double)m->n);
            kr_json_close(j, '}');
        }
        kr_json_close(j, '}');
        kr_json_close(j, '}');
    }
    kr_json_close(j, ']');
}
