/* SPDX-License-Identifier: GPL-3.0-or-later
 * study/compare_measure.c - one candidate: set-up, distance of draws, rounds of measuring.
 *
 * Clock values say how long a candidate is measured and how many steps apart its states are
 * looked at; what the chains do follows from the run file alone. Burn-in is discarded and
 * charged to nobody; ladders, weights, tables and training are charged as set-up. */
#include "base/memory.h"
#include "model/path.h"
#include "run/ladder.h"
#include "study/compare_private.h"

#include <math.h>
#include <string.h>

#define STEPS_MAX      (INT64_C(1) << 52)
#define VALUES_MAX     (INT64_C(1) << 20) /* of a column; beyond, every second draw is kept */
#define FIRST_ROUND    128                /* draws */
#define ROUND_GROWTH   1.5
#define PRECISION      0.05 /* relative error of costs at which measuring ends */
#define LEAST_SHARE    0.1  /* of the work, whatever the precision */
#define PILOT_SHARE    0.03 /* of the work, for each distance tried */
#define PILOT_FACTOR   4
#define PILOT_EVERY    16384
#define PILOT_GAIN     0.95
#define SETTLING_DRAWS 20
#define TUNING_DRAWS   200 /* where updates are tuned meanwhile */
#define CHUNK_SECONDS  0.02

typedef struct measurement {
    kr_compare *study;
    const kr_compare_task *task;
    kr_sampler_config config;
    kr_sampler *sampler;
    kr_compare_series series;
    kr_compare_value value[KR_COMPARE_COLUMNS];
    kr_compare_value kept[KR_COMPARE_COLUMNS]; /* resolved before draws were thinned out */
    double cpu_s, attempted, accepted;
    int64_t n_seen, chunk;
    kr_error why; /* of the sampler */
} measurement;

static void close_measurement(measurement *m)
{
    kr_compare_series_clear(&m->series);
    kr_sampler_free(m->sampler);
    m->sampler = NULL;
}

static int32_t coldest(const kr_sampler_config *config)
{
    int32_t best = 0;
    for (int32_t p = 1; p < config->n_points; p++) {
        best = kr_target_rung(&config->target[p]) > kr_target_rung(&config->target[best])
                   ? p
                   : best;
    }
    return best;
}

/* Returns false with m->why set when the sampler refuses. */
static bool open_measurement(measurement *m, kr_compare *study, const kr_compare_task *task,
                             int64_t every, kr_error *err)
{
    const int64_t settling =
        task->spec->target[0].terms->action ? TUNING_DRAWS : SETTLING_DRAWS;
    *m = (measurement){ .study = study, .task = task, .chunk = 1 };
    m->config = task->spec->config;
    m->config.measure = STEPS_MAX;
    m->config.every = every;
    m->config.thermalize = m->config.is_annealing ? task->thermalize
                           : task->thermalize > 0 ? task->thermalize
                                                  : settling * every;
    m->config.n_threads = study->options->n_threads;
    m->sampler = kr_spec_sampler(task->spec, &m->config, &m->why);
    return m->sampler && kr_compare_series_init(&m->series, study, m->sampler, &m->config,
                                                coldest(&m->config), task->group, err) == KR_OK;
}

/* Proposals of densities at the point. */
static void count_proposals(measurement *m)
{
    const kr_sampler_config *c = &m->config;
    int64_t n_points = c->n_points;
    for (int32_t u = 0; u < c->n_updates; u++) {
        if (!(c->update[u].plug->flags & KR_UPDATE_NEEDS_DENSITY)) {
            continue;
        }
        int32_t column = kr_sampler_first_count(m->sampler) + 3 * u;
        for (int64_t d = 0; d < kr_sampler_n_new(m->sampler); d++) {
            const double *attempted = kr_sampler_slab(m->sampler, d, column);
            const double *accepted = kr_sampler_slab(m->sampler, d, column + 1);
            for (int64_t k = m->series.point; k < n_points * c->n_chains; k += n_points) {
                m->attempted += attempted[k];
                m->accepted += accepted[k];
            }
        }
    }
}

/* One call of the sampler; draws of `measure` are kept and paid for. */
static bool advance(measurement *m, int64_t most, kr_error *err)
{
    kr_cost before, after;
    int64_t n = m->chunk < most ? m->chunk : most;
    kr_sampler_cost(m->sampler, &before);
    if (kr_sampler_advance(m->sampler, n, &m->why) != KR_OK) {
        return false;
    }
    kr_sampler_cost(m->sampler, &after);
    double cpu = after.sample_cpu_s - before.sample_cpu_s;
    int64_t n_new = kr_sampler_n_new(m->sampler);
    if (n_new > 0) {
        double aim = CHUNK_SECONDS * (double)n_new / fmax(cpu, 1e-9);
        m->chunk = aim < 1.0 ? 1 : aim > 4096.0 ? 4096 : (int64_t)aim;
    }
    if (n_new == 0 || kr_sampler_new_is_warmup(m->sampler)) {
        return true;
    }
    m->cpu_s += cpu;
    m->series.cpu_s = m->cpu_s;
    m->n_seen += n_new;
    count_proposals(m);
    return kr_compare_series_add(&m->series, m->sampler, err) == KR_OK;
}

static bool is_over(const measurement *m, double work)
{
    return m->cpu_s >= work || kr_compare_must_stop(m->study) ||
           kr_sampler_stage(m->sampler) == KR_STAGE_DONE;
}

/* All that can be resolved is, and precisely. */
static bool is_precise(const measurement *m)
{
    for (int32_t k = 0; k < m->study->n_columns; k++) {
        const kr_compare_value *v = &m->value[k];
        if (v->is_measured && (!v->is_resolved || !(v->cost_error <= PRECISION * v->cost))) {
            return false;
        }
    }
    return true;
}

static bool estimate(measurement *m, kr_error *err)
{
    if (m->series.n_draws == 0) {
        return true;
    }
    if (kr_compare_series_estimate(&m->series, m->value, err) != KR_OK) {
        return false;
    }
    for (int32_t k = 0; k < m->study->n_columns; k++) {
        m->value[k] = m->kept[k].is_resolved ? m->kept[k] : m->value[k];
    }
    return true;
}

/* Draws fewer and further apart would make what is fast look dear: that is kept as it is. */
static void thin(measurement *m)
{
    memcpy(m->kept, m->value, sizeof m->kept);
    kr_compare_series_thin(&m->series);
}

/* Rounds of growing length until the work is spent or the costs are known. */
static bool measure_rounds(measurement *m, double work, kr_error *err)
{
    bool can_thin = !m->config.is_annealing;
    int64_t next = m->config.is_annealing ? FIRST_ROUND / 4 : FIRST_ROUND;
    while (true) {
        while (m->n_seen < next && !is_over(m, work)) {
            if (!advance(m, next - m->n_seen, err)) {
                return false;
            }
        }
        if (!estimate(m, err)) {
            return false;
        }
        bool is_full = m->series.n_draws * m->config.n_chains >= VALUES_MAX;
        if (is_over(m, work) || (is_full && !can_thin) ||
            (m->cpu_s >= LEAST_SHARE * work && is_precise(m))) {
            return true;
        }
        if (is_full) {
            thin(m);
        }
        next = (int64_t)(ROUND_GROWTH * (double)m->n_seen) + 1;
    }
}

/* ---- distance of draws ------------------------------------------------------------------ */

/* What an independent sample costs, or a step as long as that is not known. */
static double objective(const measurement *m, bool *is_known)
{
    double most = 0.0;
    *is_known = true;
    for (int32_t k = 0; k < m->study->n_columns; k++) {
        const kr_compare_value *v = &m->value[k];
        if (v->is_measured && !v->is_constant) {
            *is_known = *is_known && v->is_resolved;
            most = fmax(most, v->cost);
        }
    }
    *is_known = *is_known && most > 0.0;
    return *is_known ? most : m->cpu_s / (double)(m->n_seen * m->config.every);
}

/* Draws of all states cost more than cheap steps; too few waste steps. Goes up as long as that
 * pays. Returns 0 with an error or a refusal in *why. */
static int64_t find_every(kr_compare *study, const kr_compare_task *task, kr_error *why,
                          kr_error *err)
{
    double best = INFINITY;
    int64_t found = 1;
    bool was_known = false;
    for (int64_t every = 1; every <= PILOT_EVERY; every *= PILOT_FACTOR) {
        measurement m;
        bool is_known = false,
             is_good = open_measurement(&m, study, task, every, err) &&
                       measure_rounds(&m, PILOT_SHARE * study->options->work, err);
        double now = is_good && m.n_seen > 0 ? objective(&m, &is_known) : NAN;
        *why = m.why;
        close_measurement(&m);
        if (!is_good) {
            return 0;
        }
        if (kr_compare_must_stop(study)) {
            return found;
        }
        bool is_better = is_known == was_known ? now < PILOT_GAIN * best : is_known;
        if (every > 1 && !is_better) {
            break;
        }
        best = now;
        was_known = is_known;
        found = every;
    }
    return found;
}

/* ---- the whole -------------------------------------------------------------------------- */

/* First line of a message, without the place. */
static void tell(kr_compare_row *row, const kr_error *why)
{
    const char *text = why->text, *known = strstr(text, "run_file:");
    text = known ? known : text;
    for (int k = 0; k < 3 && known; k++) { /* run_file:LINE:COLUMN: */
        const char *colon = strchr(text, ':');
        text = colon ? colon + 1 : text;
    }
    text += strspn(text, " ");
    row->status = KR_COMPARE_LEFT_OUT;
    snprintf(row->note, sizeof row->note, "%.*s",
             (int)strcspn(text, "\n") < 380 ? (int)strcspn(text, "\n") : 380, text);
}

static void fill_row(const measurement *m, kr_compare_row *row)
{
    const kr_sampler_config *c = &m->config;
    kr_cost cost;
    kr_sampler_cost(m->sampler, &cost);
    row->train_cpu_s = cost.train_cpu_s;
    row->set_up_cpu_s += cost.train_cpu_s;
    row->sample_cpu_s = m->cpu_s;
    row->n_chains = c->n_chains;
    row->n_points = c->n_points;
    row->n_draws = m->n_seen;
    row->every = c->every;
    row->cpu_s_per_step = m->cpu_s / (double)(m->n_seen * c->every * c->n_chains);
    row->acceptance = m->attempted > 0.0 ? m->accepted / m->attempted : NAN;
    for (int32_t d = 0; d < c->n_densities; d++) {
        kr_certificate certificate;
        kr_sampler_certificate(m->sampler, d, m->series.point, &certificate);
        row->ess_q = certificate.ess_q;
    }
    memcpy(row->value, m->value, sizeof row->value);
    row->is_stopped = kr_compare_must_stop(m->study);
    row->status = m->series.n_draws > 8 ? KR_COMPARE_NOT_RESOLVED : KR_COMPARE_NOT_RUN;
}

static int find_ladder(kr_compare *study, kr_compare_task *task, kr_error *why)
{
    const kr_run_options options = { .n_threads = study->options->n_threads,
                                     .progress = KR_PROGRESS_NEVER,
                                     .stop = study->options->stop };
    if (!task->spec->has_tempering && !task->spec->path) {
        return KR_OK;
    }
    double begun = kr_edit_clock();
    int status = kr_ladder_find(&task->spec, &options, NULL, why);
    task->row->set_up_cpu_s += kr_edit_clock() - begun;
    return status;
}

int kr_compare_measure(kr_compare *study, kr_compare_task *task, kr_error *err)
{
    kr_compare_row *row = task->row;
    kr_error why = { 0 }, fatal = { 0 };
    int64_t every = task->every;
    row->acceptance = row->ess_q = NAN;
    if (find_ladder(study, task, &why) != KR_OK) {
        if (!kr_compare_must_stop(study)) {
            tell(row, &why);
        }
        return KR_OK;
    }
    if (every == 0) {
        every = find_every(study, task, &why, &fatal);
    }
    measurement m = { 0 };
    double begun = kr_edit_clock();
    bool is_good = every > 0 && open_measurement(&m, study, task, every, &fatal);
    row->set_up_cpu_s += task->has_set_up ? kr_edit_clock() - begun : 0.0;
    is_good = is_good && measure_rounds(&m, study->options->work, &fatal);
    if (is_good && m.n_seen > 0) {
        fill_row(&m, row);
    } else if (!is_good && fatal.status == KR_OK) {
        tell(row, *m.why.text ? &m.why : &why);
    }
    close_measurement(&m);
    return fatal.status == KR_OK ? KR_OK : kr_fail(err, fatal.status, "%s", fatal.text);
}
