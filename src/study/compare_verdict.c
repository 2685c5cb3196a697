/* SPDX-License-Identifier: GPL-3.0-or-later
 * study/compare_verdict.c - which method for how many samples, in words. */
#include "analysis/format.h"
#include "study/compare_private.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

#define SIGMAS 2.0 /* costs nearer than that are called equal */

/* ---- numbers ---------------------------------------------------------------------------- */

const char *kr_compare_time(char text[KR_COMPARE_TIME], double seconds, double error)
{
    static const struct {
        const char *name;
        double size;
    } unit[] = { { "s", 1.0 }, { "ms", 1e-3 }, { "us", 1e-6 }, { "ns", 1e-9 } };
    char number[KR_COMPARE_TIME - 4];
    size_t k = 0;
    if (!isfinite(seconds)) {
        snprintf(text, KR_COMPARE_TIME, "-");
        return text;
    }
    while (k < 3 && seconds < unit[k].size) {
        k++;
    }
    double x = seconds / unit[k].size;
    if (isfinite(error) && error > 0.0) {
        kr_format_value(x, error / unit[k].size, 1, number, sizeof number);
    } else {
        if (x >= 1e5) {
            snprintf(number, sizeof number, "%.2e", x);
        } else {
            snprintf(number, sizeof number, "%.*f", x >= 100.0 ? 0 : x >= 10.0 ? 1 : 2, x);
        }
    }
    snprintf(text, KR_COMPARE_TIME, "%s %s", number, unit[k].name);
    return text;
}

const char *kr_compare_count(char text[KR_COMPARE_TIME], double n)
{
    if (!isfinite(n)) {
        snprintf(text, KR_COMPARE_TIME, "-");
        return text;
    }
    double power = pow(10.0, fmax(floor(log10(fmax(n, 1.0))) - 1.0, 0.0));
    double rounded = ceil(n / power - 1e-9) * power;
    if (rounded < 1e5) {
        snprintf(text, KR_COMPARE_TIME, "%.0f", rounded);
    } else {
        snprintf(text, KR_COMPARE_TIME, "%.1e", rounded);
    }
    return text;
}

/* ---- ranges ----------------------------------------------------------------------------- */

static double cost_of(const kr_compare_row *row, double n)
{
    return row->set_up_cpu_s + n * row->cost;
}

/* The cheapest at n; of equals the one that is cheaper beyond. */
static int32_t cheapest(const kr_compare *study, double n)
{
    int32_t best = -1;
    for (int32_t r = 0; r < study->n_rows; r++) {
        const kr_compare_row *row = &study->row[r];
        if (row->status == KR_COMPARE_RESOLVED &&
            (best < 0 || cost_of(row, n) < cost_of(&study->row[best], n))) {
            best = r;
        }
    }
    return best;
}

int32_t kr_compare_ranges(const kr_compare *study, kr_compare_range *range)
{
    int32_t n_ranges = 0, now = cheapest(study, 1.0);
    double n = 1.0;
    while (now >= 0 && n_ranges < KR_COMPARE_ROWS) {
        range[n_ranges++] = (kr_compare_range){ now, n };
        const kr_compare_row *from = &study->row[now];
        double nearest = INFINITY;
        now = -1;
        for (int32_t r = 0; r < study->n_rows; r++) {
            const kr_compare_row *row = &study->row[r];
            if (row->status != KR_COMPARE_RESOLVED || !(row->cost < from->cost)) {
                continue;
            }
            double at = (row->set_up_cpu_s - from->set_up_cpu_s) / (from->cost - row->cost);
            if (at < nearest || (at == nearest && row->cost < study->row[now].cost)) {
                nearest = at;
                now = r;
            }
        }
        n = fmax(nearest, n);
    }
    return n_ranges;
}

/* ---- words ------------------------------------------------------------------------------ */

typedef struct writer {
    char *text;
    size_t size, length;
} writer;

static void add(writer *w, const char *format, ...) KR_PRINTF(2, 3);

static void add(writer *w, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    int more = vsnprintf(w->text + w->length, w->size - w->length, format, list);
    va_end(list);
    w->length += more > 0 ? (size_t)more : 0;
    w->length = w->length < w->size ? w->length : w->size - 1;
}

static void say_ranges(const kr_compare *study, writer *w)
{
    kr_compare_range range[KR_COMPARE_ROWS];
    int32_t n = kr_compare_ranges(study, range);
    char time[KR_COMPARE_TIME], count[KR_COMPARE_TIME];
    if (n == 0) {
        add(w, "No candidate is resolved: no recommendation; give more --work.");
        return;
    }
    const kr_compare_row *first = &study->row[range[0].row];
    if (n == 1) {
        add(w,
            "Use %s for any number of samples: %s of CPU per independent sample, and no "
            "other candidate that is resolved costs less.",
            first->name, kr_compare_time(time, first->cost, first->cost_error));
        return;
    }
    add(w, "Use %s for fewer than %s independent samples", first->name,
        kr_compare_count(count, range[1].from_n));
    for (int32_t k = 1; k < n; k++) {
        const char *name = study->row[range[k].row].name;
        if (k + 1 < n) {
            add(w, ", %s from there to %s", name, kr_compare_count(count, range[k + 1].from_n));
        } else {
            add(w, ", %s above.", name);
        }
    }
}

/* The classical row with the least cost per sample, bounds included; -1 without one. */
static int32_t cheapest_rival(const kr_compare *study)
{
    int32_t best = -1;
    for (int32_t r = 0; r < study->n_rows; r++) {
        const kr_compare_row *row = &study->row[r];
        if (kr_compare_has_cost(row) && !kr_compare_is_learned(row) &&
            (best < 0 || row->cost < study->row[best].cost)) {
            best = r;
        }
    }
    return best;
}

static bool are_equal(const kr_compare_row *a, const kr_compare_row *b)
{
    return fabs(a->cost - b->cost) < SIGMAS * hypot(a->cost_error, b->cost_error);
}

static void say_learned(const kr_compare *study, const kr_compare_row *row, writer *w)
{
    char count[KR_COMPARE_TIME];
    int32_t r = cheapest_rival(study);
    const kr_compare_row *rival = r >= 0 ? &study->row[r] : NULL;
    const kr_compare_row *even = row->even_rival >= 0 ? &study->row[row->even_rival] : NULL;
    bool is_bound = rival && rival->status == KR_COMPARE_NOT_RESOLVED;
    if (row->status != KR_COMPARE_RESOLVED) {
        add(w, " No claim for the learned move (%s): %s.", row->name,
            *row->note ? row->note : "it was not measured");
        return;
    }
    switch (row->even) {
    case KR_EVEN_ALWAYS:
    case KR_EVEN_FROM:
    case KR_EVEN_AT_MOST:
        add(w,
            " The learned move (%s) pays from %sn* = %s independent samples on; per sample it "
            "is %s%.3g times cheaper than %s.",
            row->name, row->even == KR_EVEN_AT_MOST ? "at most " : "",
            kr_compare_count(count, row->n_star), is_bound ? "at least " : "",
            rival->cost / row->cost, rival->name);
        return;
    case KR_EVEN_NEVER:
        add(w,
            " The learned move (%s) never pays: per sample it costs %.3g times as much as "
            "%s%s, "
            "after %.3g CPU-seconds of training.",
            row->name, row->cost / even->cost, even->name,
            are_equal(row, even) ? " (equal within errors)" : "", row->train_cpu_s);
        return;
    case KR_EVEN_UNDECIDED:
        add(w,
            " Whether the learned move (%s) pays is not decided: %s is not resolved and may "
            "cost "
            "less; give more --work.",
            row->name, even->name);
        return;
    case KR_EVEN_NONE:
        add(w, " The learned move (%s) has no rival here.", row->name);
        return;
    }
}

/* Rows that more work might put first. */
static void say_unresolved(const kr_compare *study, writer *w)
{
    kr_compare_range range[KR_COMPARE_ROWS];
    int32_t n = kr_compare_ranges(study, range);
    for (int32_t r = 0; n > 0 && r < study->n_rows; r++) {
        const kr_compare_row *row = &study->row[r];
        if (row->status == KR_COMPARE_NOT_RESOLVED && !kr_compare_is_learned(row) &&
            row->cost < study->row[range[n - 1].row].cost) {
            add(w, " %s is not resolved and may cost less.", row->name);
        }
    }
    for (int32_t r = 0; r < study->n_rows; r++) {
        if (study->row[r].status == KR_COMPARE_DISAGREES) {
            add(w, " %s is out, wrong or stuck: %s.", study->row[r].name, study->row[r].note);
        }
    }
}

void kr_compare_sentence(const kr_compare *study, char *text, size_t size)
{
    writer w = { .text = text, .size = size };
    *text = '\0';
    say_ranges(study, &w);
    for (int32_t r = 0; r < study->n_rows; r++) {
        const kr_compare_row *row = &study->row[r];
        if (kr_compare_is_learned(row) && row->status != KR_COMPARE_NOT_RUN) {
            say_learned(study, row, &w);
        }
    }
    say_unresolved(study, &w);
}
