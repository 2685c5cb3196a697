/* SPDX-License-Identifier: GPL-3.0-or-later
 * sampler/stop.c - measuring until the error of an observable is small enough.
 *
 * Errors are those of binning, of all points; decisions fall at fixed numbers of draws, 100 and
 * then whenever they have grown by a tenth, and at the last one planned, so that a run ends
 * after the same draw whatever the chunks, the threads and the restarts are. The target is
 * reached when the error plus its own uncertainty is not above it: else runs would end when
 * their error happens to come out low. Threads: serial, after the draws were made. */
#include "base/memory.h"
#include "base/state.h"
#include "sampler/private.h"
#include "stats/binning.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define FIRST_DRAW   100
#define SHORTEST_RUN 20.0 /* in tau_int, as binning wants it */

struct kr_stop {
    int32_t column;
    const kr_derived *derived; /* of that column, or NULL: its mean */
    int64_t n_series;          /* rows of the column that move independently */
    int64_t rows_in_series;    /* that move together: their mean is one value */
    int64_t next;              /* draws at the next decision */
    int32_t is_reached;        /* for good: more draws are those that were asked for */
    kr_binning *binning;       /* (n_points); owns */
    double *value;             /* (2, n_series) of a draw: the column, its square; owns */
};

/* ---- what to watch ---------------------------------------------------------------------- */

static bool is_taken(const kr_derived *d)
{
    return d->kind == KR_DERIVED_VARIANCE || d->kind == KR_DERIVED_BINDER ||
           d->kind == KR_DERIVED_MEAN;
}

static bool has_name(const char *name, const char *wanted, char *list, size_t size)
{
    const size_t used = strlen(list);
    snprintf(list + used, size - used, "%s%s", used ? ", " : "", name);
    return strcmp(name, wanted) == 0;
}

static int32_t column_named(const kr_sampler *s, const char *name)
{
    const kr_column *c;
    for (int32_t k = 0; (c = kr_sampler_observable_column(s, k)) != NULL; k++) {
        if (strcmp(c->name, name) == 0) {
            return k;
        }
    }
    return -1;
}

/* Columns of observables, what follows from one of them, then means that updates give.
 * KR_EINVAL: none of that name, with those there are. */
static int find(const kr_sampler *s, struct kr_stop *stop, kr_error *err)
{
    const char *wanted = s->config.stop.observable;
    const kr_column *c;
    char list[2048] = "";
    for (stop->column = 0; (c = kr_sampler_observable_column(s, stop->column)) != NULL;
         stop->column++) {
        if (has_name(c->name, wanted, list, sizeof list)) {
            return KR_OK;
        }
    }
    for (int32_t o = 0; o < s->config.n_observables; o++) {
        const kr_derived *of[] = { s->config.observable[o].plug->derived,
                                   kr_sampler_more_derived(s, o) };
        for (int k = 0; k < 2; k++) {
            for (const kr_derived *d = of[k]; d && d->name; d++) {
                if (is_taken(d) && has_name(d->name, wanted, list, sizeof list)) {
                    stop->derived = d;
                    stop->column = column_named(s, d->column);
                    return KR_OK;
                }
            }
        }
    }
    char quantity[KR_SAMPLER_QUANTITY], name[2 * KR_NAME_MAX];
    kr_column mean;
    stop->column = s->first_mean;
    for (int32_t u = 0; u < s->config.n_updates; u++) {
        for (int32_t k = 0; kr_sampler_mean_column(s, u, k, quantity, &mean); k++) {
            snprintf(name, sizeof name, "%s_rb_%s", mean.name, s->config.update[u].name);
            if (has_name(name, wanted, list, sizeof list)) {
                return KR_OK;
            }
            stop->column++;
        }
    }
    return kr_fail(err, KR_EINVAL,
                   "stop.observable: \"%s\" is not measured, or is no function of one column; "
                   "want one of: %s",
                   wanted, list);
}

/* Points whose errors count: of a path of actions the model itself. */
static bool is_wanted(const kr_sampler *s, int32_t p)
{
    return !s->config.target[p].path || s->config.target[p].t == 1.0;
}

int kr_stop_init(kr_sampler *s, kr_error *err)
{
    const kr_sampler_config *config = &s->config;
    if (!config->stop.is_on) {
        return KR_OK;
    }
    if (config->is_annealing || config->flat.is_on) {
        return kr_fail(err, KR_EUNSUP,
                       "stop: errors of draws that have weights are not known while they are "
                       "made, want no section stop beside %s",
                       config->is_annealing ? "population_annealing" : "multicanonical");
    }
    struct kr_stop *stop = s->stop = kr_alloc(1, sizeof *stop, err);
    if (!stop) {
        return KR_ENOMEM;
    }
    KR_TRY(find(s, stop, err));
    const bool is_pair =
        stop->column < s->first_lp && kr_sampler_column_is_pair(s, stop->column);
    stop->n_series = is_pair ? config->n_chains / 2 : config->n_chains;
    stop->rows_in_series = 1;
    for (int32_t u = 0; u < config->n_updates && !is_pair; u++) {
        if (config->update[u].plug->flags & KR_UPDATE_COUPLES_CHAINS) {
            stop->rows_in_series = 2;
            stop->n_series = config->n_chains / 2;
        }
    }
    stop->next = FIRST_DRAW;
    const size_t row = (size_t)(stop->n_series * stop->rows_in_series);
    stop->value = kr_alloc(2 * row, sizeof *stop->value, err);
    stop->binning = kr_alloc((size_t)config->n_points, sizeof *stop->binning, err);
    int status = stop->value && stop->binning ? KR_OK : KR_ENOMEM;
    for (int32_t p = 0; p < config->n_points && status == KR_OK; p++) {
        status = kr_binning_init(&stop->binning[p], stop->derived ? 2 : 1, stop->n_series,
                                 config->measure / config->every, err);
    }
    return status;
}

void kr_stop_clear(kr_sampler *s)
{
    for (int32_t p = 0; s->stop && s->stop->binning && p < s->config.n_points; p++) {
        kr_binning_clear(&s->stop->binning[p]);
    }
    if (s->stop) {
        kr_free(s->stop->binning);
        kr_free(s->stop->value);
    }
    kr_free(s->stop);
}

int kr_stop_declare(kr_sampler *s, kr_state *table, kr_error *err)
{
    KR_TRY(kr_state_push(table, "stop", err));
    KR_TRY(kr_state_add(table, "next", KR_I64, 1, &s->stop->next, err));
    KR_TRY(kr_state_add(table, "is_reached", KR_I32, 1, &s->stop->is_reached, err));
    for (int32_t p = 0; p < s->config.n_points; p++) {
        char name[32];
        snprintf(name, sizeof name, "binning%d", p);
        KR_TRY(kr_state_push(table, name, err));
        KR_TRY(kr_binning_declare(&s->stop->binning[p], table, err));
        kr_state_pop(table);
    }
    kr_state_pop(table);
    return KR_OK;
}

/* ---- while draws are made --------------------------------------------------------------- */

/* Pairs of chains that move together give their mean, of which also the square is a mean. */
static void read_draw(const kr_sampler *s, struct kr_stop *stop, int64_t draw, int32_t p)
{
    double *x = stop->value, *square = stop->value + stop->n_series;
    for (int64_t k = 0; k < stop->n_series; k++) {
        double sum = 0.0, squares = 0.0;
        for (int64_t r = 0; r < stop->rows_in_series; r++) {
            const double value =
                *kr_sampler_cell(s, draw, stop->column, k * stop->rows_in_series + r, p);
            sum += value;
            squares += value * value;
        }
        x[k] = sum / (double)stop->rows_in_series;
        square[k] = squares / (double)stop->rows_in_series;
    }
}

/* The mean, its error, and the error that is wanted, at a point. */
static void estimate(const kr_sampler *s, int32_t p, kr_stop_report *report)
{
    const kr_binning *binning = &s->stop->binning[p];
    double mean[2], slope[2];
    kr_binning_estimate e;
    kr_binning_means(binning, mean);
    report->mean = kr_certificate_derived(s->stop->derived, &s->config.target[p], mean, slope);
    kr_binning_estimate_error(binning, slope, &e);
    report->point = p;
    report->error = e.error;
    report->uncertainty = e.uncertainty;
    report->wanted = s->config.stop.error > 0.0 ? s->config.stop.error
                                                : s->config.stop.relative * fabs(report->mean);
    report->why = e.state == KR_BINNING_FEW        ? "too few chains and draws to tell"
                  : e.state == KR_BINNING_SHORT    ? "chains shorter than 20 tau_int"
                  : e.state == KR_BINNING_DISAGREE ? "chains disagree"
                  : e.state == KR_BINNING_CONSTANT ? "all values are equal"
                  : e.state == KR_BINNING_UNUSABLE ? "not known"
                                                   : NULL;
    const double ratio = e.error * (1.0 + e.uncertainty) / report->wanted;
    const double n = fmax((double)binning->n * ratio * ratio, SHORTEST_RUN * e.tau_int);
    report->expected =
        (report->wanted > 0.0 && e.error > 0.0 ? ceil(n) : NAN) * (double)s->config.every;
    report->is_reached = !report->why && ratio <= 1.0;
}

/* Of the points the one that takes longest. */
static void find_worst(const kr_sampler *s, kr_stop_report *worst)
{
    *worst = (kr_stop_report){ .point = -1 };
    for (int32_t p = 0; p < s->config.n_points; p++) {
        kr_stop_report here;
        if (!is_wanted(s, p)) {
            continue;
        }
        estimate(s, p, &here);
        /* an unknown time above all */
        const bool is_worse = worst->point < 0 || (worst->is_reached && !here.is_reached) ||
                              (worst->is_reached == here.is_reached &&
                               !(here.expected <= worst->expected) && !isnan(worst->expected));
        if (is_worse) {
            *worst = here;
        }
    }
}

bool kr_sampler_stop(const kr_sampler *s, kr_stop_report *report)
{
    if (!s->stop) {
        return false;
    }
    find_worst(s, report);
    report->is_reached = s->stop->is_reached;
    return true;
}

int64_t kr_stop_draws(const kr_sampler *s)
{
    return s->stop && s->stage == KR_STAGE_MEASURE && !s->stop->is_reached
               ? s->stop->next - s->n_draws
               : INT64_MAX;
}

static void learn(kr_sampler *s)
{
    for (int64_t d = 0; d < s->n_new; d++) {
        for (int32_t p = 0; p < s->config.n_points; p++) {
            read_draw(s, s->stop, d, p);
            kr_binning_add(&s->stop->binning[p], s->stop->value);
        }
    }
}

bool kr_stop_learn(kr_sampler *s, bool is_last)
{
    struct kr_stop *stop = s->stop;
    kr_stop_report report;
    if (!stop) {
        return false;
    }
    learn(s);
    if (stop->is_reached || (s->n_draws < stop->next && !is_last)) {
        return false;
    }
    while (stop->next <= s->n_draws) {
        stop->next += stop->next / 10;
    }
    find_worst(s, &report);
    stop->is_reached = report.is_reached;
    return report.is_reached;
}
