/* SPDX-License-Identifier: GPL-3.0-or-later
 * study/bench_print.c - machine facts and rows of the benchmark, as a table or as JSON. */
#include "base/isa.h"
#include "study/bench_private.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

/* ---- the machine ------------------------------------------------------------------------ */

typedef struct machine {
    char cpu[128];
    long n_threads, l1d, l2, l3; /* bytes; 0 = unknown */
} machine;

static long cache_bytes(int name)
{
    const long bytes = sysconf(name);
    return bytes > 0 ? bytes : 0;
}

/* First "model name" of the system's list, "unknown" where there is none. */
static machine look_at_machine(void)
{
    machine m = { .cpu = "unknown", .n_threads = kr_sampler_default_threads() };
#ifdef _SC_LEVEL1_DCACHE_SIZE
    m.l1d = cache_bytes(_SC_LEVEL1_DCACHE_SIZE);
    m.l2 = cache_bytes(_SC_LEVEL2_CACHE_SIZE);
    m.l3 = cache_bytes(_SC_LEVEL3_CACHE_SIZE);
#endif
    FILE *file = fopen("/proc/cpuinfo", "r");
    char line[256];
    while (file && fgets(line, sizeof line, file)) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) == 0 && colon) {
            snprintf(m.cpu, sizeof m.cpu, "%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
            break;
        }
    }
    if (file) {
        fclose(file);
    }
    kr_text_tame(m.cpu, false);
    return m;
}

static const char *compiler(void)
{
#if defined(__clang__)
    return __VERSION__;
#elif defined(__GNUC__)
    return "GCC " __VERSION__;
#else
    return "unknown";
#endif
}

static bool is_optimized(void)
{
#ifdef __OPTIMIZE__
    return true;
#else
    return false;
#endif
}

/* ---- numbers ---------------------------------------------------------------------------- */

#define NUMBER_MAX 24

/* Three significant digits, below 1e7 without exponent; "-" for what does not apply. */
static const char *three_digits(char text[NUMBER_MAX], double x)
{
    const double size = fabs(x);
    const int digits = size >= 100.0 ? 0 : size >= 10.0 ? 1 : size >= 1.0 ? 2 : 3;
    if (isfinite(x) && size >= 1e7) {
        snprintf(text, NUMBER_MAX, "%.2e", x);
    } else if (isfinite(x)) {
        snprintf(text, NUMBER_MAX, "%.*f", size < 0.1 ? 4 : digits, x);
    } else {
        snprintf(text, NUMBER_MAX, "-");
    }
    return text;
}

static const char *limit(char text[NUMBER_MAX], const kr_bench_row *row, double x)
{
    if (x == 0.0) {
        snprintf(text, NUMBER_MAX, "-");
    } else {
        snprintf(text, NUMBER_MAX, "%g%s", x, kr_bench_is_cost(row) ? "%" : "");
    }
    return text;
}

static const char *ratio(char text[NUMBER_MAX], const kr_bench_row *row,
                         const kr_bench_result *result)
{
    if (result->status != KR_BENCH_DONE) {
        snprintf(text, NUMBER_MAX, "-");
    } else if (kr_bench_is_cost(row)) {
        snprintf(text, NUMBER_MAX, "%+.1f%%", result->value);
    } else {
        three_digits(text, result->value);
    }
    return text;
}

static const char *quartiles(char text[2 * NUMBER_MAX + 2], const kr_bench_row *row,
                             const kr_bench_result *result)
{
    char low[NUMBER_MAX], high[NUMBER_MAX];
    if (!isfinite(result->low)) {
        snprintf(text, 2 * NUMBER_MAX + 2, "-");
    } else if (kr_bench_is_cost(row)) {
        snprintf(text, 2 * NUMBER_MAX + 2, "%+.1f..%+.1f", result->low, result->high);
    } else {
        snprintf(text, 2 * NUMBER_MAX + 2, "%s..%s", three_digits(low, result->low),
                 three_digits(high, result->high));
    }
    return text;
}

#define NOTE_WIDTH 48 /* of 100 columns, behind name and engine */

/* ---- table ------------------------------------------------------------------------------ */

static void head_of_columns(const kr_bench_page *page)
{
    if (page->n_isas == 1) {
        fprintf(page->out, "\n%-33s %-7s %8s %8s %7s  %-12s %5s %5s\n", "", "engine", "ns",
                "rival ns", "ratio", "quartiles", "want", "aim");
        return;
    }
    fprintf(page->out, "\n%-33s %-7s %8s", "ratio to the rival on", "engine", "rival ns");
    for (int32_t k = 0; k < page->n_isas; k++) {
        fprintf(page->out, " %8s", kr_isa_text(page->isa[k]));
    }
    fprintf(page->out, " %5s %5s\n", "want", "aim");
}

static void table_head(const kr_bench_page *page, const machine *m)
{
    FILE *out = page->out;
    fprintf(out, "kramers %s, %s%s\n%s, threads: %ld", KR_VERSION, compiler(),
            is_optimized() ? "" : ", NOT OPTIMIZED", m->cpu, m->n_threads);
    if (m->l1d > 0) {
        fprintf(out, ", L1d %ld KiB, L2 %ld KiB, L3 %ld KiB", m->l1d / 1024, m->l2 / 1024,
                m->l3 / 1024);
    }
    fprintf(out, "\nISA: ");
    for (int32_t k = 0; k < page->n_isas; k++) {
        fprintf(out, "%s%s", k ? ", " : "", kr_isa_text(page->isa[k]));
    }
    fprintf(out,
            "; CPU time of one thread, %g s per side; subject and rival by turns, median of "
            "ratios\n",
            page->options->seconds);
    head_of_columns(page);
}

static void table_row(const kr_bench_page *page, const kr_bench_row *row,
                      const kr_bench_result *result)
{
    static const char *const verdict[] = { "", "  LOW", "  ok", "  aim" };
    char a[NUMBER_MAX], b[NUMBER_MAX], c[NUMBER_MAX], d[2 * NUMBER_MAX + 2];
    FILE *out = page->out;
    fprintf(out, "%-33s %-7s", row->name, row->engine);
    if (result->status != KR_BENCH_DONE) {
        fprintf(out, " %s:%s%s\n", result->status == KR_BENCH_NOT_RUN ? "NOT RUN" : "left out",
                strlen(result->note) > NOTE_WIDTH ? "\n    " : " ", result->note);
        return;
    }
    if (page->n_isas == 1) {
        fprintf(out, " %8s %8s %7s  %-12s", three_digits(a, result->ns),
                three_digits(b, result->rival_ns), ratio(c, row, result),
                quartiles(d, row, result));
    } else {
        fprintf(out, " %8s", three_digits(a, result->rival_ns));
        for (int32_t k = 0; k < page->n_isas; k++) {
            fprintf(out, " %8s", ratio(b, row, &result[k]));
        }
    }
    fprintf(out, " %5s %5s%s\n", limit(a, row, row->want), limit(b, row, row->aim),
            verdict[kr_bench_judge(row, result)]);
    if (*result->note) {
        fprintf(out, "    (%s)\n", result->note);
    }
}

/* ---- JSON ------------------------------------------------------------------------------- */

static void json_text(FILE *out, const char *key, const char *text, const char *after)
{
    fprintf(out, "\"%s\": \"", key);
    for (const char *c = text; *c; c++) {
        if (*c == '"' || *c == '\\') {
            fprintf(out, "\\%c", *c);
        } else if ((unsigned char)*c < 32) {
            fprintf(out, "\\u%04x", (unsigned)(unsigned char)*c);
        } else {
            fprintf(out, "%c", *c);
        }
    }
    fprintf(out, "\"%s", after);
}

static void json_number(FILE *out, const char *key, double x, const char *after)
{
    char text[KR_NUMBER_MAX];
    fprintf(out, "\"%s\": %s%s", key, isfinite(x) ? kr_number_format(x, text) : "null", after);
}

static void json_head(const kr_bench_page *page, const machine *m)
{
    FILE *out = page->out;
    fprintf(out, "{");
    json_text(out, "kramers", KR_VERSION, ",\n \"machine\": {");
    json_text(out, "cpu", m->cpu, ", ");
    json_number(out, "n_threads", (double)m->n_threads, ", ");
    json_text(out, "isa", kr_isa_text(page->isa[0]), ", ");
    json_number(out, "l1d_bytes", m->l1d ? (double)m->l1d : NAN, ", ");
    json_number(out, "l2_bytes", m->l2 ? (double)m->l2 : NAN, ", ");
    json_number(out, "l3_bytes", m->l3 ? (double)m->l3 : NAN, ",\n  ");
    json_text(out, "compiler", compiler(), ", ");
    fprintf(out, "\"is_optimized\": %s},\n ", is_optimized() ? "true" : "false");
    json_number(out, "seconds", page->options->seconds, ",\n \"rows\": [");
}

static void json_result(FILE *out, const kr_bench_row *row, const char *isa,
                        const kr_bench_result *r)
{
    static const char *const verdict[] = { "measured", "missed", "minimum", "aim" };
    const bool is_done = r->status == KR_BENCH_DONE, is_cost = kr_bench_is_cost(row);
    fprintf(out, "{");
    json_text(out, "isa", isa, ", ");
    json_text(out, "status",
              is_done                         ? verdict[kr_bench_judge(row, r)]
              : r->status == KR_BENCH_NOT_RUN ? "not_run"
                                              : "left_out",
              ", ");
    if (*r->note) {
        json_text(out, "note", r->note, ",\n     ");
    } else {
        fprintf(out, "\"note\": null,\n     ");
    }
    json_number(out, "ns", is_done ? r->ns : NAN, ", ");
    json_number(out, "rival_ns", is_done ? r->rival_ns : NAN, ", ");
    json_number(out, "ratio", is_done && !is_cost ? r->value : NAN, ", ");
    json_number(out, "extra_percent", is_done && is_cost ? r->value : NAN, ",\n     ");
    if (is_done && isfinite(r->low)) {
        char low[KR_NUMBER_MAX], high[KR_NUMBER_MAX];
        fprintf(out, "\"quartiles\": [%s, %s], ", kr_number_format(r->low, low),
                kr_number_format(r->high, high));
    } else {
        fprintf(out, "\"quartiles\": null, ");
    }
    json_number(out, "n_pairs", is_done ? r->n_pairs : 0.0, ", ");
    json_number(out, "changed", r->changed, ",\n     ");
    json_number(out, "energy_per_site", r->energy, ", ");
    json_number(out, "rival_energy_per_site", r->rival_energy, ",\n     ");
    json_number(out, "per_second", is_done && r->per_second > 0.0 ? r->per_second : NAN, ", ");
    json_number(out, "gflops", is_done ? r->gflops : NAN, ", ");
    json_number(out, "peak_gflops", is_done ? r->peak_gflops : NAN, ", ");
    json_number(out, "peak_fraction", is_done ? r->peak_fraction : NAN, "}");
}

static void json_row(const kr_bench_page *page, const char *section, const kr_bench_row *row,
                     const kr_bench_result *result)
{
    FILE *out = page->out;
    const bool is_cost = kr_bench_is_cost(row);
    fprintf(out, "%s\n  {", page->n_rows ? "," : "");
    json_text(out, "section", section, ",\n   ");
    json_text(out, "task", row->name, ", ");
    json_text(out, "unit", row->unit, ", ");
    json_text(out, "engine", row->engine, ", ");
    json_text(out, "rival", kr_bench_rival_name(row), ",\n   ");
    json_number(out, "at_least", !is_cost && row->want > 0.0 ? row->want : NAN, ", ");
    json_number(out, "at_most", is_cost && row->want > 0.0 ? row->want : NAN, ", ");
    json_number(out, "aim", row->aim > 0.0 ? row->aim : NAN, ", ");
    json_number(out, "per_second_at_least", row->per_second > 0.0 ? row->per_second : NAN,
                ", ");
    json_number(out, "per_second_aim", row->per_second_aim > 0.0 ? row->per_second_aim : NAN,
                ",\n   \"results\": [");
    for (int32_t k = 0; k < page->n_isas; k++) {
        fprintf(out, "%s", k ? ",\n    " : "\n    ");
        json_result(out, row, kr_isa_text(page->isa[k]), &result[k]);
    }
    fprintf(out, "]}");
}

/* ---- the page --------------------------------------------------------------------------- */

void kr_bench_print_head(kr_bench_page *page)
{
    const machine m = look_at_machine();
    if (page->options->is_json) {
        json_head(page, &m);
    } else {
        table_head(page, &m);
    }
    fflush(page->out);
}

void kr_bench_print_row(kr_bench_page *page, const char *section, const kr_bench_row *row,
                        const kr_bench_result *result)
{
    if (page->options->is_json) {
        json_row(page, section, row, result);
    } else {
        if (section != page->section) {
            fprintf(page->out, "\n%s\n", section);
        }
        table_row(page, row, result);
    }
    page->section = section;
    page->n_rows++;
    fflush(page->out);
}

void kr_bench_print_foot(kr_bench_page *page, const kr_bench_outcome *outcome)
{
    FILE *out = page->out;
    if (page->options->is_json) {
        fprintf(out, "],\n \"n_rows\": %d, \"n_missed\": %d, \"n_not_run\": %d}\n",
                outcome->n_rows, outcome->n_missed, outcome->n_not_run);
    } else {
        fprintf(out, "\nrows: %d, below the minimum: %d, not run: %d\n", outcome->n_rows,
                outcome->n_missed, outcome->n_not_run);
    }
}
