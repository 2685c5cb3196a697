/* SPDX-License-Identifier: GPL-3.0-or-later
 * study/bench.c - runs the rows of the benchmark: builds each system, its subject on every
 * instruction set asked for and its rival, races them, checks that the chains are sound. */
#include "base/isa.h"
#include "run/plugs.h"
#include "study/bench_private.h"
#include "update/local.h"

#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define WARM_UP_SWEEPS 50
#define CLUSTERS_MIN   32 /* Wolff clusters of a slice: their sizes differ widely */

enum { SUBJECT, AUTO, RIVAL, N_LISTED }; /* places in the schedule of a row's spec */

bool kr_bench_is_cost(const kr_bench_row *row)
{
    return row->rival == KR_BENCH_UNMEASURED || row->rival == KR_BENCH_WRITING;
}

const char *kr_bench_rival_name(const kr_bench_row *row)
{
    static const char *const names[] = { "ref",      "textbook", "unmeasured", "one thread",
                                         "sampling", "VAN",      "VAN" };
    return names[row->rival];
}

double kr_bench_scaled(const kr_bench_result *result)
{
    return result->per_second * KR_BENCH_PEAK_GFLOPS / result->peak_gflops;
}

static kr_bench_verdict judge(double value, double want, double aim)
{
    return want == 0.0     ? KR_BENCH_NO_LIMIT
           : value >= aim  ? KR_BENCH_AIM
           : value >= want ? KR_BENCH_MINIMUM
                           : KR_BENCH_MISSED;
}

kr_bench_verdict kr_bench_judge(const kr_bench_row *row, const kr_bench_result *result)
{
    const double sign = kr_bench_is_cost(row) ? -1.0 : 1.0;
    const kr_bench_verdict ratio =
                               judge(sign * result->value, sign * row->want, sign * row->aim),
                           speed = judge(row->per_second > 0.0 ? kr_bench_scaled(result) : 0.0,
                                         row->per_second, row->per_second_aim);
    return ratio == KR_BENCH_NO_LIMIT                    ? speed
           : speed == KR_BENCH_NO_LIMIT || ratio < speed ? ratio
                                                         : speed;
}

kr_spec *kr_bench_spec(const kr_bench_row *row, const char *const *updates, int32_t n_updates,
                       const char *const *sets, int32_t n_sets, kr_error *err)
{
    kr_text text = { 0 };
    int status = kr_text_add(&text, err,
                             "%sphases: {thermalize: 1, measure: 1, every: 1}\n"
                             "observables: [energy, magnetization]\nupdates:\n",
                             row->system);
    for (int32_t k = 0; k < n_updates && status == KR_OK; k++) {
        status = kr_text_add(&text, err, "  - %s\n", updates[k]);
    }
    kr_runfile *file =
        status == KR_OK ? kr_runfile_parse(row->name, text.data, text.length, err) : NULL;
    kr_text_clear(&text);
    for (int32_t k = 0; file && k < n_sets; k++) {
        if (kr_runfile_set(file, sets[k], err) != KR_OK) {
            kr_runfile_free(file);
            return NULL;
        }
    }
    return file ? kr_spec_alloc(file, err) : NULL;
}

static bool is_local(const kr_bench_row *row)
{
    return strcmp(row->engine, "cluster") != 0;
}

/* Subject, what a run file without `engine` would take, and the rival or the update that warms
 * up. */
static kr_spec *row_spec(const kr_bench_row *row, kr_error *err)
{
    char text[N_LISTED][128];
    const char *updates[N_LISTED] = { text[SUBJECT], text[AUTO], text[RIVAL] };
    if (is_local(row)) {
        const char *const engine[N_LISTED] = { row->engine, "auto", "ref" };
        for (int k = 0; k < N_LISTED; k++) {
            snprintf(text[k], sizeof text[k], "{name: %s, engine: %s}", row->update, engine[k]);
        }
    } else {
        snprintf(text[SUBJECT], sizeof text[SUBJECT], "{name: %s}", row->update);
        snprintf(text[AUTO], sizeof text[AUTO], "{name: swendsen_wang}");
        snprintf(text[RIVAL], sizeof text[RIVAL], "{name: swendsen_wang}");
    }
    return kr_bench_spec(row, updates, N_LISTED, NULL, 0, err);
}

/* Says so when a run file that leaves `engine` open would get another one. */
static void compare_auto(const kr_bench_row *row, const kr_spec *spec,
                         const kr_bench_side *side, kr_bench_result *result)
{
    const kr_schedule_entry *entry = &spec->update[AUTO];
    const kr_update_setting setting = { .target = &spec->target[0],
                                        .n_lanes = side->block[0]->n_lanes };
    if (!is_local(row) || strcmp(row->engine, "ref") == 0) {
        return;
    }
    void *self = entry->plug->alloc(&setting, entry->params, NULL);
    if (self && strcmp(kr_local_engine(self), row->engine) != 0) {
        snprintf(result->note, sizeof result->note, "engine auto takes %s here",
                 kr_local_engine(self));
    }
    if (self) {
        entry->plug->free(self);
    }
}

static int init_rival(const kr_bench_row *row, const kr_spec *spec, kr_isa isa,
                      kr_bench_side *rival, kr_error *err)
{
    switch (row->rival) {
    case KR_BENCH_LOOP:
        return kr_bench_side_init_loop(rival, spec, SUBJECT, 1, err);
    case KR_BENCH_UNMEASURED:
        return kr_bench_side_init(rival, spec, SUBJECT, isa, false, 1, err);
    case KR_BENCH_REF:
    case KR_BENCH_ONE_THREAD:
    case KR_BENCH_WRITING:
    case KR_BENCH_DRAWING:
    case KR_BENCH_TRAINING:
        break;
    }
    return kr_bench_side_init(rival, spec, RIVAL, isa, false, 1, err);
}

/* Warms the subject up (clusters: by Swendsen-Wang, whatever the subject) and hands its states
 * to the rival, so that both race on the same states. */
static int warm_up(const kr_bench_row *row, const kr_spec *spec, kr_bench_side *subject,
                   kr_bench_side *rival, kr_error *err)
{
    if (is_local(row)) {
        kr_bench_side_run(subject, WARM_UP_SWEEPS);
    } else {
        kr_bench_side warm;
        int status = kr_bench_side_init(&warm, spec, RIVAL, KR_ISA_BEST, false, 2, err);
        if (status == KR_OK) {
            kr_bench_side_run(&warm, WARM_UP_SWEEPS);
            kr_bench_side_copy(&warm, subject);
        }
        kr_bench_side_clear(&warm);
        KR_TRY(status);
    }
    kr_bench_side_copy(subject, rival);
    return KR_OK;
}

/* From ratios to extra time in %: quartiles change places. */
static void turn_to_cost(kr_bench_result *result)
{
    const double low = 100.0 * (1.0 / result->high - 1.0);
    result->high = 100.0 * (1.0 / result->low - 1.0);
    result->value = 100.0 * (1.0 / result->value - 1.0);
    result->low = low;
}

static int race_sides(const kr_bench_row *row, const kr_bench_options *options,
                      kr_bench_side *side, int32_t n_subjects, kr_bench_result *result,
                      kr_error *err)
{
    kr_bench_racer racer[KR_BENCH_ISAS + 1];
    for (int32_t k = 0; k <= n_subjects; k++) {
        racer[k] = (kr_bench_racer){ &side[k], kr_bench_side_run,
                                     side[k].is_by_changed ? CLUSTERS_MIN : 1 };
    }
    KR_TRY(kr_bench_race(racer, n_subjects, false, CLOCK_THREAD_CPUTIME_ID, options->seconds,
                         options->stop, result, err));
    double energy, changed;
    KR_TRY(kr_bench_side_check(&side[n_subjects], &energy, &changed, err));
    for (int32_t k = 0; k < n_subjects; k++) {
        result[k].rival_energy = energy;
        KR_TRY(kr_bench_side_check(&side[k], &result[k].energy, &result[k].changed, err));
        if (kr_bench_is_cost(row)) {
            turn_to_cost(&result[k]);
        } else if (row->rival == KR_BENCH_LOOP && is_local(row) && !*result[k].note) {
            snprintf(result[k].note, sizeof result[k].note,
                     "%.3g flips/ns, textbook loop %.3g flips/ns", 1.0 / result[k].ns,
                     1.0 / result[k].rival_ns);
        }
    }
    return KR_OK;
}

/* One race of the subjects of all ISAs and the rival. A system that one ISA refuses is refused
 * by all: their kernels differ in speed only. */
static int race_row(const kr_bench_row *row, const kr_bench_page *page, kr_bench_result *result,
                    kr_error *err)
{
    kr_bench_side side[KR_BENCH_ISAS + 1] = { { 0 } };
    const int32_t n = page->n_isas;
    kr_spec *spec = row_spec(row, err);
    int status = spec ? KR_OK : KR_EUNSUP;
    for (int32_t k = 0; k < n && status == KR_OK; k++) {
        const bool is_measured = row->rival == KR_BENCH_UNMEASURED;
        status = kr_bench_side_init(&side[k], spec, SUBJECT, page->isa[k], is_measured, 0, err);
    }
    if (status == KR_OK) {
        status = init_rival(row, spec, page->isa[0], &side[n], err);
    }
    for (int32_t k = 0; k < n && status == KR_OK; k++) {
        status = warm_up(row, spec, &side[k], &side[n], err);
        compare_auto(row, spec, &side[k], &result[k]);
    }
    if (status == KR_OK) {
        status = race_sides(row, page->options, side, n, result, err);
    }
    for (int32_t k = 0; k <= n; k++) {
        kr_bench_side_clear(&side[k]);
    }
    kr_spec_free(spec);
    return status;
}

/* The sampler takes the best ISA and no other. */
static int measure_row(const kr_bench_row *row, const kr_bench_page *page,
                       kr_bench_result *result, kr_error *err)
{
    const kr_bench_options *options = page->options;
    if (row->rival == KR_BENCH_UNMEASURED) { /* each ISA against itself */
        for (int32_t k = 0; k < page->n_isas; k++) {
            const kr_bench_page one = { .options = options,
                                        .n_isas = 1,
                                        .isa = { page->isa[k] } };
            KR_TRY(race_row(row, &one, &result[k], err));
        }
        return KR_OK;
    }
    if (row->rival == KR_BENCH_DRAWING) {
        return kr_bench_race_density(row, options, page->n_isas, page->isa, result, err);
    }
    if (row->rival < KR_BENCH_ONE_THREAD) {
        return race_row(row, page, result, err);
    }
    for (int32_t k = 1; k < page->n_isas; k++) {
        result[k].status = KR_BENCH_LEFT_OUT;
    }
    if (row->rival == KR_BENCH_WRITING && !options->folder) {
        result[0].status = KR_BENCH_LEFT_OUT;
        snprintf(result[0].note, sizeof result[0].note,
                 "takes over a minute: give --io FOLDER");
        return KR_OK;
    }
    if (kr_isa_resolve(page->isa[0]) != kr_isa_resolve(KR_ISA_BEST)) {
        return kr_fail(err, KR_EUNSUP, "a whole run takes the best kernels, want no --isa");
    }
    return row->rival == KR_BENCH_WRITING ? kr_bench_weigh_writing(row, options, result, err)
           : row->rival == KR_BENCH_TRAINING
               ? kr_bench_race_density(row, options, 1, page->isa, result, err)
               : kr_bench_race_threads(row, options, result, err);
}

static void run_row(kr_bench_page *page, const char *section, const kr_bench_row *row,
                    kr_bench_outcome *outcome)
{
    kr_bench_result result[KR_BENCH_ISAS];
    kr_error err = { 0 };
    for (int32_t k = 0; k < page->n_isas; k++) {
        result[k] = (kr_bench_result){ .status = KR_BENCH_DONE,
                                       .changed = NAN,
                                       .energy = NAN,
                                       .rival_energy = NAN,
                                       .gflops = NAN,
                                       .peak_gflops = NAN,
                                       .peak_fraction = NAN };
    }
    if (measure_row(row, page, result, &err) != KR_OK) {
        for (int32_t k = 0; k < page->n_isas; k++) {
            result[k].status = KR_BENCH_NOT_RUN;
            snprintf(result[k].note, sizeof result[k].note, "%.200s",
                     *err.text ? err.text : "out of memory");
        }
    }
    outcome->n_rows++;
    outcome->n_not_run += result[0].status == KR_BENCH_NOT_RUN;
    outcome->n_missed +=
        result[0].status == KR_BENCH_DONE && kr_bench_judge(row, &result[0]) == KR_BENCH_MISSED;
    kr_bench_print_row(page, section, row, result);
}

/* ---- choice of rows --------------------------------------------------------------------- */

static bool is_exact_name(const char *pattern)
{
    for (const kr_bench_row *row = kr_bench_rows; row->name; row++) {
        if (strcmp(row->name, pattern) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_chosen(const kr_bench_row *row, const kr_bench_options *options)
{
    if (options->engine && strcmp(options->engine, row->engine) != 0) {
        return false;
    }
    if (!options->only || is_exact_name(options->only)) {
        return !options->only || strcmp(row->name, options->only) == 0;
    }
    char pattern[512];
    snprintf(pattern, sizeof pattern, "*%.500s*", options->only);
    return fnmatch(pattern, row->name, 0) == 0;
}

static int choose_isas(const kr_bench_options *options, kr_bench_page *page, kr_error *err)
{
    static const kr_isa widest[] = { KR_ISA_AVX512, KR_ISA_AVX2, KR_ISA_PORTABLE };
    if (!options->is_all_isa) {
        page->isa[page->n_isas++] = kr_isa_resolve(options->isa);
        return kr_isa_runs(options->isa)
                   ? KR_OK
                   : kr_fail(err, KR_EPARSE, "--isa: this CPU has no %s, want one of its own",
                             kr_isa_text(options->isa));
    }
    for (int k = 0; k < KR_BENCH_ISAS; k++) {
        if (kr_isa_runs(widest[k])) {
            page->isa[page->n_isas++] = widest[k];
        }
    }
    return KR_OK;
}

int kr_bench_run(const kr_bench_options *options, FILE *out, kr_bench_outcome *outcome,
                 kr_error *err)
{
    kr_bench_page page = { .out = out, .options = options };
    const char *section = NULL;
    int32_t n_chosen = 0;
    *outcome = (kr_bench_outcome){ 0 };
    KR_TRY(choose_isas(options, &page, err));
    for (const kr_bench_row *row = kr_bench_rows; row->name; row++) {
        n_chosen += is_chosen(row, options);
    }
    if (n_chosen == 0) {
        return kr_fail(err, KR_EPARSE, "bench: no row fits %s%s%s, see kramers bench --list",
                       options->engine ? options->engine : "",
                       options->engine && options->only ? " and " : "",
                       options->only ? options->only : "");
    }
    if (!options->is_list) {
        kr_bench_print_head(&page);
    }
    for (const kr_bench_row *row = kr_bench_rows; row->name; row++) {
        section = row->section ? row->section : section;
        if (!is_chosen(row, options) || (options->stop && *options->stop)) {
            continue;
        }
        if (options->is_list) {
            fprintf(out, "%-8s %s\n", row->engine, row->name);
        } else {
            run_row(&page, section, row, outcome);
        }
    }
    if (!options->is_list) {
        kr_bench_print_foot(&page, outcome);
    }
    return KR_OK;
}
