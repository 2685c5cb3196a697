/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/dry.c - a run that is only described: resolved file, engines, memory, file size, time. */
#include "density/scan.h"
#include "io/files.h"
#include "run/run.h"

#include <math.h>

#define TIMED_DRAWS 4096
#define DRY_UPDATES 1e8 /* updates of sites in a draw that a dry run waits for */

/* Engine of each update that has several, and why it is the slow one. */
static void print_engines(const kr_sampler *sampler, const kr_sampler_config *c, FILE *out)
{
    for (int32_t u = 0; u < c->n_updates; u++) {
        const char *engine = kr_sampler_engine(sampler, u);
        const char *reason = kr_sampler_engine_reason(sampler, u);
        if (engine) {
            fprintf(out, "# update %s: engine %s%s%s\n", c->update[u].name, engine,
                    reason ? "; not " : "", reason ? reason : "");
        }
    }
}

/* What the model has to say of its parameters at the first point. */
static void print_description(const kr_spec *spec, FILE *out)
{
    char text[KR_TEXT_MAX] = "";
    if (spec->model->describe) {
        spec->model->describe(spec->model_params[0], spec->lattice, spec->target[0].beta, text);
    }
    if (*text) {
        fprintf(out, "# model: %s\n", text);
    }
}

/* Densities that move no chain: the user may have forgotten the update, or want the samples. */
static void print_unused(const kr_sampler_config *c, FILE *out)
{
    for (int32_t d = 0; d < c->n_densities; d++) {
        bool is_used = false;
        for (int32_t u = 0; u < c->n_updates; u++) {
            is_used = is_used || c->update[u].density == d;
        }
        if (!is_used) {
            const bool learns =
                c->adapt > 0 && c->density[d].plug->flags & KR_DENSITY_TRAINABLE;
            fprintf(out, "# density %s: no update uses it, %scertified only\n",
                    c->density[d].name, learns ? "trained and " : "");
        }
    }
}

/* Densities whose weights are polynomials in what is scanned. */
static void print_conditional(const kr_sampler *sampler, const kr_sampler_config *c, FILE *out)
{
    for (int32_t d = 0; d < c->n_densities; d++) {
        const char *names[KR_AXES_MAX];
        const kr_scan *scan = kr_sampler_scan(sampler, d, names);
        kr_learned learned;
        if (!scan || !kr_sampler_learned(sampler, d, 0, &learned)) {
            continue;
        }
        fprintf(out, "# density %s: one set of weights for %d points, polynomials of degree %d",
                c->density[d].name, c->n_points, scan->degree);
        for (int32_t a = 0; a < scan->n_axes; a++) {
            fprintf(out, "%s %s", a ? "," : " in", names[a]);
        }
        fprintf(out, ": %d x %zu numbers\n", scan->n_terms, learned.n_weights);
    }
}

/* A draw that may take long becomes one of fewer steps, then of fewer sweeps; entry: room for
 * the schedule. */
static void lighten(const kr_sampler_config *c, kr_schedule_entry *entry,
                    kr_sampler_config *light)
{
    double sweeps = 0.0;
    for (int32_t u = 0; u < c->n_updates; u++) {
        sweeps += (double)c->update[u].sweeps;
    }
    double factor = fmax(1.0, sweeps * (double)c->every * c->target[0].terms->n_sites *
                                  (double)c->n_chains * c->n_points / DRY_UPDATES);
    *light = *c;
    light->update = entry;
    light->every = (int64_t)ceil((double)c->every / factor);
    if (!c->is_annealing) { /* also where the run has no warm-up */
        light->thermalize = TIMED_DRAWS * light->every;
    }
    factor *= (double)light->every / (double)c->every;
    for (int32_t u = 0; u < c->n_updates; u++) {
        entry[u] = c->update[u];
        entry[u].sweeps = (int64_t)ceil((double)entry[u].sweeps / factor);
    }
}

/* Seconds of a draw by a few lighter ones of the warm-up (of runs of annealing, which may have
 * none, the first ones), thrown away. */
static double time_draw(kr_sampler *sampler, const kr_sampler_config *c,
                        const kr_sampler_config *light)
{
    double before = kr_files_clock(), elapsed = 0.0, n = 0.0, cost = 0.0, full = 0.0;
    const kr_stage last = c->is_annealing ? KR_STAGE_MEASURE : KR_STAGE_THERMALIZE;
    while (elapsed < 0.5 && kr_sampler_stage(sampler) <= last &&
           kr_sampler_advance(sampler, 1, NULL) == KR_OK) {
        n += (double)kr_sampler_n_new(sampler);
        elapsed = kr_files_clock() - before;
    }
    for (int32_t u = 0; u < c->n_updates; u++) {
        const double spent = kr_sampler_update_cost(sampler, u);
        cost += spent;
        full += spent * (double)c->update[u].sweeps / (double)light->update[u].sweeps;
    }
    const double times = cost > 0.0 ? full / cost : 1.0;
    return elapsed / n * times * (double)c->every / (double)light->every;
}

/* "40 MB", "1.3 MB", "12 kB" */
static void write_size(double bytes, char *text, size_t size)
{
    const bool is_small = bytes < 999500.0;
    snprintf(text, size, is_small || bytes >= 1e7 ? "%.0f %s" : "%.1f %s",
             bytes / (is_small ? 1e3 : 1e6), is_small ? "kB" : "MB");
}

/* Wall time, for training is shared out among the threads; per_draw is of all of them. */
static void print_time(const kr_spec *spec, double seconds, FILE *out)
{
    const kr_sampler_config *c = &spec->config;
    const bool has_pilot =
        spec->has_pilot || (spec->has_tempering && spec->tempering.ladder != KR_LADDER_GIVEN);
    fprintf(out, seconds < 10.0 ? "# time: %s %.2g s" : "# time: %s %.0f s",
            c->stop.is_on ? "at most" : "about", seconds);
    fprintf(out, " of wall time on %d thread%s%s%s\n", c->n_threads,
            c->n_threads == 1 ? "" : "s", c->n_densities ? ", training at its full budget" : "",
            has_pilot ? ", the pilot not counted" : "");
}

int kr_run_dry(kr_spec *spec, const kr_run_options *options, FILE *out, kr_error *err)
{
    kr_text text = { 0 };
    kr_sampler_config *c = &spec->config;
    c->n_threads = options->n_threads > 0 ? options->n_threads : kr_sampler_default_threads();
    int status = kr_spec_write(spec, &text, err);
    kr_schedule_entry entry[KR_UPDATES_MAX];
    kr_sampler_config light;
    lighten(c, entry, &light);
    kr_sampler *sampler = status == KR_OK ? kr_spec_sampler(spec, &light, err) : NULL;
    if (!sampler) {
        kr_text_clear(&text);
        return err && err->status ? err->status : KR_ENOMEM;
    }
    status = kr_sampler_check_tuning(sampler, c, err);
    if (status != KR_OK) {
        kr_sampler_free(sampler);
        kr_text_clear(&text);
        return status;
    }
    kr_run_settle_reach(spec, sampler);
    kr_run_warn_reach(spec, sampler, options->messages);
    const int64_t columns = kr_sampler_columns(sampler);
    const double per_draw = time_draw(sampler, c, &light);
    double draws = (double)(c->measure / c->every);
    double warm = ceil((double)c->thermalize / (double)c->every) * (c->n_densities ? 2.0 : 1.0);
    fputs(text.data, out);
    fprintf(out, "# points: %d, chains: %lld, draws per chain: %s%.0f\n", c->n_points,
            (long long)c->n_chains, c->stop.is_on ? "at most " : "", draws);
    print_engines(sampler, c, out);
    print_description(spec, out);
    print_unused(c, out);
    print_conditional(sampler, c, out);
    if (spec->has_tempering && spec->tempering.ladder != KR_LADDER_GIVEN) {
        fprintf(
            out,
            "# ladder: a pilot will move the inner betas, %lld iterations from %lld steps\n",
            (long long)spec->tempering.iterations, (long long)spec->tempering.pilot);
    }
    if (spec->has_pilot) {
        fprintf(out, "# path: a pilot will move the inner t, %lld iterations of %lld steps\n",
                (long long)spec->path_params.iterations, (long long)spec->path_params.pilot);
    }
    char memory[32], file[32];
    write_size(kr_spec_memory(spec), memory, sizeof memory);
    write_size(8.0 * (double)columns * (double)c->n_chains * c->n_points * (draws + warm), file,
               sizeof file);
    fprintf(out, "# memory: about %s; file: at most %s\n", memory, file);
    if (per_draw >= 0.0) {
        print_time(spec,
                   per_draw * (draws + warm) +
                       (c->n_densities ? c->training.max_work / c->n_threads : 0.0),
                   out);
    }
    kr_sampler_free(sampler);
    kr_text_clear(&text);
    return status;
}
