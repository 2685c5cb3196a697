/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/summary_histograms.c - the histograms of a result file, read and printed. */
#include "analysis/summary.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

#define ROWS_MAX 100 /* bins of a printed table */
#define BAR      40

static int read_array(kr_reader *reader, const char *group, const char *name, int64_t size,
                      double **out, kr_error *err)
{
    int n_dims;
    int64_t shape[KR_DIMS_MAX], n = 1;
    *out = kr_reader_read(reader, group, name, &n_dims, shape, NULL, err);
    if (!*out) {
        return err ? err->status : KR_EIO;
    }
    for (int k = 0; k < n_dims; k++) {
        n *= shape[k];
    }
    return size < 0 || n == size ? KR_OK
                                 : kr_fail(err, KR_EUNSUP, "%s/%s: %lld numbers, want %lld",
                                           group, name, (long long)n, (long long)size);
}

static int read_one(kr_reader *reader, const kr_summary *s, kr_histogram *h, kr_error *err)
{
    char group[2 * KR_SERIES_NAME];
    snprintf(group, sizeof group, "histogram_%s", h->name);
    h->from = h->to = NAN;
    kr_reader_attr_real(reader, group, "", "from", &h->from);
    kr_reader_attr_real(reader, group, "", "to", &h->to);
    int n_dims;
    int64_t shape[KR_DIMS_MAX];
    h->center = kr_reader_read(reader, group, "center", &n_dims, shape, NULL, err);
    if (!h->center) {
        return err ? err->status : KR_EIO;
    }
    if (n_dims != 1) {
        return kr_fail(err, KR_EUNSUP, "%s/center: %d dims, want one", group, n_dims);
    }
    h->n_bins = shape[0];
    KR_TRY(read_array(reader, group, "probability", h->n_bins * s->n_points, &h->probability,
                      err));
    KR_TRY(read_array(reader, group, "error", h->n_bins * s->n_points, &h->error, err));
    KR_TRY(read_array(reader, group, "below", s->n_points, &h->below, err));
    return read_array(reader, group, "above", s->n_points, &h->above, err);
}

int kr_summary_histograms(kr_reader *reader, kr_summary *s, kr_error *err)
{
    const char *list = NULL;
    if (!kr_reader_attr_text(reader, "posterior", "", "histograms", &list)) {
        return KR_OK;
    }
    int n = 0;
    for (const char *at = list; *at; at += strspn(at, " ")) {
        at += strcspn(at, " ");
        n++;
    }
    s->histogram = kr_alloc((size_t)n, sizeof *s->histogram, err);
    if (!s->histogram) {
        return KR_ENOMEM;
    }
    for (const char *at = list; *at; at += strspn(at, " ")) {
        const size_t length = strcspn(at, " ");
        kr_histogram *h = &s->histogram[s->n_histograms++];
        snprintf(h->name, sizeof h->name, "%.*s", (int)length, at);
        KR_TRY(read_one(reader, s, h, err));
        at += length;
    }
    return KR_OK;
}

void kr_summary_clear_histograms(kr_summary *s)
{
    for (int k = 0; k < s->n_histograms; k++) {
        kr_free(s->histogram[k].center);
        kr_free(s->histogram[k].probability);
        kr_free(s->histogram[k].error);
        kr_free(s->histogram[k].below);
        kr_free(s->histogram[k].above);
    }
    kr_free(s->histogram);
}

static void print_bins(const kr_histogram *h, const char *title, kr_sheet *t)
{
    static const kr_heading column[] = { { NULL, 12, 0 },
                                         { NULL, 16, 0 },
                                         { NULL, -1, KR_HEADING_BAR } };
    double most = 0.0;
    for (int64_t b = 0; b < h->n_bins; b++) {
        most = fmax(most, h->probability[b]);
    }
    kr_sheet_table(t, title, column, 3);
    for (int64_t b = 0; b < h->n_bins; b++) {
        char text[48], bar[BAR + 2] = " ";
        const int n = most > 0.0 ? (int)lround(BAR * h->probability[b] / most) : 0;
        memset(bar + 1, '#', (size_t)n);
        bar[n + 1] = '\0';
        snprintf(text, sizeof text, "%.5g", h->center[b]);
        kr_sheet_cell(t, text);
        kr_format_value(h->probability[b], h->error[b], 2, text, sizeof text);
        kr_sheet_cell(t, text);
        if (n > 0) {
            kr_sheet_cell(t, bar + (t->is_html ? 1 : 0));
        }
        kr_sheet_row(t);
    }
    kr_sheet_end(t);
}

void kr_summary_print_histograms(const kr_summary *s, kr_sheet *t)
{
    for (int k = 0; k < s->n_histograms; k++) {
        const kr_histogram *h = &s->histogram[k];
        char title[3 * KR_SERIES_NAME];
        double outside = 0.0;
        for (int64_t p = 0; p < s->n_points; p++) {
            outside = fmax(outside, h->below[p] + h->above[p]);
        }
        int n = snprintf(title, sizeof title, "histogram of %s: %lld bins %.5g .. %.5g",
                         h->name, (long long)h->n_bins, h->from, h->to);
        if (outside > 0.0) {
            n += snprintf(title + n, sizeof title - (size_t)n,
                          "; outside %s%.2g %% of the draws", s->n_points > 1 ? "up to " : "",
                          100.0 * outside);
        }
        if (s->n_points == 1 && h->n_bins <= ROWS_MAX) {
            print_bins(h, title, t);
        } else {
            snprintf(title + n, sizeof title - (size_t)n, "; --json prints it");
            kr_sheet_gap(t);
            kr_sheet_note(t, title);
        }
    }
}
