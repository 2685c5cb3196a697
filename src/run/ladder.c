/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/ladder.c - temperatures for replica exchange, found by a pilot before the run.
 *
 * Equal acceptance: the rejection rates of neighbors, summed along the ladder, are a smooth
 * function of beta; the new temperatures cut it into equal parts (Syed, Bouchard-Cote,
 * Deligiannidis, Doucet, J. R. Stat. Soc. B 84, 321 (2022), section 5). Least round-trip time:
 * f(k), the fraction of replicas in slot k that last saw the cold end, falls by as much as
 * replicas find it hard to pass; the best density of temperatures is proportional to the root
 * of the local diffusivity's inverse, that is, each interval gets the weight sqrt(delta f)
 * (Katzgraber, Trebst, Huse, Troyer, J. Stat. Mech. P03018 (2006)). That optimum is derived for
 * replicas which diffuse.
 *
 * A path of actions is a ladder in t, moved to equal acceptance whatever it is for: neighbors
 * of equal overlap serve annealing runs and bridges as well. */
#include "run/ladder.h"

#include "base/memory.h"
#include "io/files.h"
#include "model/path.h"
#include "model/terms.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DRAW_STEPS   50  /* steps between looks at the stop flag */
#define PILOT_CHAINS 64  /* of a path, at most */
#define FLOOR        0.1 /* least weight of an interval, relative to the mean */

typedef struct pilot {
    const kr_spec *spec;
    const kr_run_options *options;
    double begun, cpu_s; /* clock; CPU time of its samplers */
    int64_t n_iterations, n_steps;
    int32_t n;        /* temperatures */
    double *beta;     /* (n) ascending; t of a path */
    kr_terms **terms; /* (n_points) of a path; owns */
    int32_t *slot;    /* (n_points) */
    kr_target *target;
    kr_schedule_entry update[KR_UPDATES_MAX]; /* those without a density */
    kr_sampler_config config;
    double *rejection, *weight; /* (n) of the interval above a slot */
    double *flow, *visits;      /* (n) of a slot */
    double *moved;              /* (n) work */
    int64_t round_trips;
} pilot;

/* ---- the two optima ----------------------------------------------------------------------
 */

void kr_ladder_move(const double *beta, int32_t n, const double *weight, double *moved)
{
    double total = 0.0, below = 0.0;
    for (int32_t k = 0; k + 1 < n; k++) {
        moved[k] = beta[k];
        total += weight[k];
    }
    moved[n - 1] = beta[n - 1];
    int32_t next = 1;
    for (int32_t k = 0; k + 1 < n; k++) {
        for (; next + 1 < n && weight[k] > 0.0; next++) {
            double part = (total * next / (n - 1) - below) / weight[k];
            if (part > 1.0) {
                break;
            }
            moved[next] = beta[k] + fmax(part, 0.0) * (beta[k + 1] - beta[k]);
        }
        below += weight[k];
    }
}

void kr_ladder_raise(double *x, const double *weight, int32_t n)
{
    for (int32_t end = 1; end < n; end++) { /* x[0..end) does not fall */
        double sum = x[end] * weight[end], of = weight[end];
        int32_t begin = end;
        while (begin > 0 && x[begin - 1] > sum / of) {
            begin--;
            sum += x[begin] * weight[begin];
            of += weight[begin];
        }
        for (int32_t k = begin; begin < end && k <= end; k++) {
            x[k] = sum / of;
        }
    }
}

/* ---- the pilot --------------------------------------------------------------------------- */

static int compare_reals(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void clear(pilot *p)
{
    kr_free(p->beta);
    kr_free(p->slot);
    kr_free(p->target);
    kr_free(p->rejection);
    kr_free(p->weight);
    kr_free(p->flow);
    kr_free(p->visits);
    kr_free(p->moved);
    for (int32_t k = 0; p->terms && k < p->config.n_points; k++) {
        kr_terms_free(p->terms[k]);
    }
    kr_free(p->terms);
}

static int init(pilot *p, const kr_spec *spec, kr_error *err)
{
    size_t n = (size_t)spec->config.n_points;
    const bool is_path = spec->path != NULL;
    *p = (pilot){ .spec = spec,
                  .config = spec->config,
                  .n_iterations =
                      is_path ? spec->path_params.iterations : spec->tempering.iterations,
                  .n_steps = is_path ? spec->path_params.pilot : spec->tempering.pilot };
    p->config.stop.is_on = false;
    p->beta = kr_alloc(n, sizeof *p->beta, err);
    p->slot = kr_alloc(n, sizeof *p->slot, err);
    p->target = kr_alloc(n, sizeof *p->target, err);
    p->rejection = kr_alloc(n, sizeof *p->rejection, err);
    p->weight = kr_alloc(n, sizeof *p->weight, err);
    p->flow = kr_alloc(n, sizeof *p->flow, err);
    p->visits = kr_alloc(n, sizeof *p->visits, err);
    p->moved = kr_alloc(n, sizeof *p->moved, err);
    p->terms = kr_alloc(n, sizeof *p->terms, err);
    if (!p->terms || !p->beta || !p->slot || !p->target || !p->rejection || !p->weight ||
        !p->flow || !p->visits || !p->moved) {
        return KR_ENOMEM;
    }
    for (size_t k = 0; k < n; k++) {
        p->target[k] = spec->target[k];
        p->beta[k] = kr_target_rung(&spec->target[k]);
    }
    qsort(p->beta, n, sizeof *p->beta, compare_reals);
    for (size_t k = 0; k < n; k++) { /* each system has all of them */
        if (k == 0 || p->beta[k] > p->beta[p->n - 1]) {
            p->beta[p->n++] = p->beta[k];
        }
    }
    for (size_t k = 0; k < n; k++) {
        while (p->beta[p->slot[k]] < kr_target_rung(&spec->target[k])) {
            p->slot[k]++;
        }
    }
    p->config.n_updates = p->config.n_densities = p->config.n_observables = 0;
    for (int32_t u = 0; u < spec->config.n_updates; u++) {
        if (!(spec->update[u].plug->flags & KR_UPDATE_NEEDS_DENSITY)) {
            p->update[p->config.n_updates++] = spec->update[u];
        }
    }
    p->config.update = p->update;
    p->config.target = p->target;
    if (is_path) {
        p->config.exchange_every = 1;
        p->config.is_annealing = false;
        p->config.n_chains =
            p->config.n_chains < PILOT_CHAINS ? p->config.n_chains : PILOT_CHAINS;
    }
    return KR_OK;
}

/* Sums over the ladders of all systems. */
static void read_slots(pilot *p, const kr_sampler *sampler)
{
    double *attempted = p->visits, *from_cold = p->flow;
    p->round_trips = 0;
    memset(p->visits, 0, (size_t)p->n * sizeof *p->visits);
    memset(p->rejection, 0, (size_t)p->n * sizeof *p->rejection);
    for (int32_t k = 0; k < p->config.n_points; k++) {
        kr_slot slot;
        kr_sampler_slot(sampler, k, &slot);
        attempted[p->slot[k]] += (double)slot.attempted;
        p->rejection[p->slot[k]] += (double)(slot.attempted - slot.accepted);
    }
    for (int32_t k = 0; k < p->n; k++) {
        p->rejection[k] /= fmax(attempted[k], 1.0);
        p->visits[k] = p->flow[k] = 0.0;
    }
    for (int32_t k = 0; k < p->config.n_points; k++) {
        kr_slot slot;
        kr_sampler_slot(sampler, k, &slot);
        from_cold[p->slot[k]] += (double)slot.n_from_cold;
        p->visits[p->slot[k]] += (double)(slot.n_from_cold + slot.n_from_hot);
        p->round_trips += slot.slot == 0 ? slot.round_trips : 0;
    }
    for (int32_t k = 0; k < p->n; k++) {
        from_cold[k] /= fmax(p->visits[k], 1.0);
    }
}

static int set_targets(pilot *p, kr_error *err)
{
    for (int32_t k = 0; k < p->config.n_points; k++) {
        kr_target *target = &p->target[k];
        if (!target->path) {
            target->beta = p->beta[p->slot[k]];
            continue;
        }
        target->t = p->beta[p->slot[k]];
        kr_terms_free(p->terms[k]);
        target->terms = p->terms[k] = kr_path_terms(target->path, target->t, err);
        if (!target->terms) {
            return err && err->status ? err->status : KR_ENOMEM;
        }
    }
    return KR_OK;
}

/* One iteration at the present temperatures: half of the steps are discarded. */
static int measure(pilot *p, int64_t iteration, int64_t n_steps, kr_error *err)
{
    kr_sampler_config *c = &p->config;
    c->seed = p->spec->config.seed + UINT64_C(0x9e3779b97f4a7c15) * (uint64_t)(iteration + 1);
    c->every = n_steps / 2 < DRAW_STEPS ? n_steps / 2 : DRAW_STEPS;
    c->thermalize = n_steps / 2;
    c->measure = n_steps - n_steps / 2;
    KR_TRY(set_targets(p, err));
    kr_sampler *sampler = kr_spec_sampler(p->spec, c, err);
    int status = sampler ? KR_OK : err && err->status ? err->status : KR_ENOMEM;
    while (status == KR_OK && kr_sampler_stage(sampler) != KR_STAGE_DONE) {
        status = kr_sampler_advance(sampler, 1, err);
        if (status == KR_OK && kr_run_must_stop(p->options, p->begun)) {
            status = kr_fail(err, KR_EIO,
                             "%s: stopped in the pilot, before the run, and nothing is "
                             "saved; a ladder given as %s needs no pilot",
                             p->spec->path ? "path" : "tempering",
                             p->spec->path ? "path.t" : "beta");
        }
    }
    if (status == KR_OK) {
        kr_cost cost;
        kr_sampler_cost(sampler, &cost);
        p->cpu_s += cost.sample_cpu_s;
        read_slots(p, sampler);
    }
    kr_sampler_free(sampler);
    return status;
}

/* sqrt(delta f) of a flow made monotone; a floor keeps noise from emptying an interval. */
static int weigh_flow(pilot *p, double *weight, int64_t n_steps, kr_error *err)
{
    const kr_node *section = kr_node_get(p->spec->file->root, "tempering");
    if (p->round_trips == 0) {
        return kr_runfile_fail(p->spec->file, section, err, KR_EINVAL,
                               "tempering: no replica made a round trip in %lld steps of the "
                               "pilot, want a larger pilot or more temperatures",
                               (long long)(n_steps - n_steps / 2));
    }
    kr_ladder_raise(p->flow, p->visits, p->n);
    for (int32_t k = 0; k + 1 < p->n; k++) {
        weight[k] = sqrt(fmax(p->flow[k + 1] - p->flow[k], FLOOR / (p->n - 1)));
    }
    return KR_OK;
}

static void tell(const pilot *p, int64_t iteration, int64_t n_steps)
{
    const long long n = (long long)p->n_iterations, steps = (long long)n_steps;
    FILE *out = p->options->messages;
    if (out && p->options->progress == KR_PROGRESS_JSON) {
        fprintf(out,
                "{\"phase\": \"pilot\", \"done\": %lld, \"planned\": %lld, "
                "\"seconds_left\": null}\n",
                (long long)iteration, n);
    } else if (out && p->options->progress == KR_PROGRESS_AUTO) {
        fprintf(out, "pilot      iteration %lld of %lld, %lld steps\n",
                (long long)iteration + 1, n, steps);
    }
}

static int iterate(pilot *p, kr_error *err)
{
    /* the flow is looked at from a ladder on which replicas travel */
    const bool is_flow = !p->spec->path && p->spec->tempering.ladder == KR_LADDER_FLOW;
    int64_t n_equal = is_flow ? p->n_iterations / 2 : p->n_iterations;
    int64_t n_steps = p->n_steps;
    for (int64_t i = 0; i < p->n_iterations; i++) {
        n_steps *= i > n_equal ? 2 : 1;
        tell(p, i, n_steps);
        KR_TRY(measure(p, i, n_steps, err));
        if (i >= n_equal) {
            KR_TRY(weigh_flow(p, p->weight, n_steps, err));
        } else {
            memcpy(p->weight, p->rejection, (size_t)p->n * sizeof *p->weight);
        }
        kr_ladder_move(p->beta, p->n, p->weight, p->moved);
        memcpy(p->beta, p->moved, (size_t)p->n * sizeof *p->beta);
    }
    return KR_OK;
}

/* ---- the new run file -------------------------------------------------------------------- */

/* Six digits are more than the pilot knows, as long as they keep temperatures apart. */
static void round_betas(pilot *p)
{
    for (int32_t k = 1; k + 1 < p->n; k++) {
        double scale = pow(10.0, 5.0 - floor(log10(p->beta[k])));
        double rounded = round(p->beta[k] * scale) / scale;
        if (rounded > p->beta[k - 1] && rounded < p->beta[k + 1]) {
            p->beta[k] = rounded;
        }
    }
}

static int write_betas(const pilot *p, kr_text *text, kr_error *err)
{
    KR_TRY(kr_text_add(text, err, p->spec->path ? "path.t=[" : "beta=["));
    for (int32_t k = 0; k < p->n; k++) {
        char number[KR_NUMBER_MAX];
        KR_TRY(kr_text_add(text, err, "%s%s", k ? ", " : "",
                           kr_number_format(p->beta[k], number)));
    }
    return kr_text_add(text, err, "]");
}

static void write_found(const pilot *p, char *text, size_t size)
{
    const bool is_path = p->spec->path != NULL;
    double low = 1.0, high = 0.0;
    for (int32_t k = 0; k + 1 < p->n; k++) {
        low = fmin(low, 1.0 - p->rejection[k]);
        high = fmax(high, 1.0 - p->rejection[k]);
    }
    snprintf(text, size,
             "%s.found=\"%s, %lld iterations from %lld steps, acceptance %.3f to "
             "%.3f and %lld round trips in the last\"",
             is_path ? "path" : "tempering",
             is_path || p->spec->tempering.ladder == KR_LADDER_AUTO ? "auto" : "flow",
             (long long)p->n_iterations, (long long)p->n_steps, low, high,
             (long long)p->round_trips);
}

static int rewrite(const pilot *p, kr_spec **found, kr_error *err)
{
    kr_text whole = { 0 }, betas = { 0 };
    char note[KR_TEXT_MAX];
    int status = kr_spec_write(p->spec, &whole, err);
    if (status == KR_OK) {
        status = write_betas(p, &betas, err);
    }
    kr_runfile *file =
        status == KR_OK ? kr_runfile_parse("run_file", whole.data, whole.length, err) : NULL;
    write_found(p, note, sizeof note);
    const char *const set[] = { betas.data, note, "tempering.ladder=given" };
    const int n_set = p->spec->path ? 2 : 3;
    status = file ? KR_OK : err && err->status ? err->status : KR_ENOMEM;
    for (int k = 0; k < n_set && status == KR_OK; k++) {
        status = kr_runfile_set(file, set[k], err);
    }
    if (status == KR_OK) {
        *found = kr_spec_alloc(file, err);
        status = *found ? KR_OK : err && err->status ? err->status : KR_ENOMEM;
    } else {
        kr_runfile_free(file);
    }
    kr_text_clear(&whole);
    kr_text_clear(&betas);
    return status;
}

int kr_ladder_find(kr_spec **spec, const kr_run_options *options, double *cpu_s, kr_error *err)
{
    pilot p;
    kr_spec *found = NULL;
    const bool is_given =
        (*spec)->path ? !(*spec)->has_pilot
                      : !(*spec)->has_tempering || (*spec)->tempering.ladder == KR_LADDER_GIVEN;
    if (cpu_s) {
        *cpu_s = 0.0;
    }
    if (is_given) {
        return KR_OK;
    }
    int status = init(&p, *spec, err);
    p.options = options;
    p.begun = kr_files_clock();
    p.config.n_threads =
        options->n_threads > 0 ? options->n_threads : kr_sampler_default_threads();
    if (status == KR_OK) {
        status = iterate(&p, err);
    }
    if (status == KR_OK) {
        round_betas(&p);
        status = rewrite(&p, &found, err);
    }
    if (cpu_s) {
        *cpu_s = p.cpu_s;
    }
    clear(&p);
    if (status == KR_OK) {
        kr_spec_free(*spec);
        *spec = found;
    }
    return status;
}
