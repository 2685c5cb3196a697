/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/run.c - the loop of a run: advance, collect, checkpoint, assemble; and its resumption. */
#include "run/run.h"

#include "base/memory.h"
#include "base/state.h"
#include "io/files.h"
#include "run/density_files.h"
#include "run/ladder.h"
#include "run/progress.h"
#include "run/schema.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK_SECONDS 0.1 /* aim for one call of advance; does not touch samples */
#define STEPS_MAX     (INT64_C(1) << 53)
#define PART_BYTES    67108864 /* close a part when so much is buffered */

typedef struct run {
    const kr_run_options *options;
    kr_spec *spec;
    kr_sampler *sampler;
    kr_schema schema;
    kr_state *table;
    char *run_file;            /* resolved text, a row of the restart file */
    int64_t n_parts, has_base; /* has_base: NAME.h5 holds the draws before the parts */
    double wall_before, begun; /* begun: clock of this call, pilot included */
    uint64_t digest;
    int64_t run_file_length, measure;
    kr_files files;
    double started;
} run;

static int declare(run *r, kr_error *err)
{
    kr_state *t = r->table;
    KR_TRY(kr_state_add(t, "run_file", KR_U8, (size_t)r->run_file_length, r->run_file, err));
    KR_TRY(kr_state_add(t, "digest", KR_U64, 1, &r->digest, err));
    KR_TRY(kr_state_add(t, "measure", KR_I64, 1, &r->measure, err));
    KR_TRY(kr_state_add(t, "n_parts", KR_I64, 1, &r->n_parts, err));
    KR_TRY(kr_state_add(t, "has_base", KR_I64, 1, &r->has_base, err));
    KR_TRY(kr_state_add(t, "wall_s", KR_F64, 1, &r->wall_before, err));
    KR_TRY(kr_state_add(t, "pilot_cpu_s", KR_F64, 1, &r->schema.pilot_cpu_s, err));
    KR_TRY(kr_state_add(t, "counts", KR_I64, sizeof(kr_counts) / sizeof(int64_t),
                        &r->schema.counts, err));
    KR_TRY(kr_state_push(t, "sampler", err));
    KR_TRY(kr_sampler_declare(r->sampler, t, err));
    kr_state_pop(t);
    return KR_OK;
}

/* A schedule of blocks is known to reach every state where they cover the lattice together. */
void kr_run_settle_reach(kr_spec *spec, const kr_sampler *sampler)
{
    if (kr_sampler_reach(sampler, -1) == spec->lattice->n_sites) {
        spec->reach = 2;
    }
}

/* What the user should know of blocks before they move anything. */
void kr_run_warn_reach(const kr_spec *spec, const kr_sampler *sampler, FILE *messages)
{
    const int32_t N = spec->lattice->n_sites;
    for (int32_t u = 0; messages && u < spec->config.n_updates; u++) {
        const int32_t n = kr_sampler_reach(sampler, u);
        if (n < N) {
            fprintf(messages,
                    "kramers: warning: update %s changes %d of %d sites (%.3g %%), those that "
                    "its block and the images of it cover; the others are left to the rest of "
                    "the schedule\n",
                    spec->update[u].name, n, N, 100.0 * n / N);
        }
    }
    if (messages && spec->reach < 2 && kr_sampler_reach(sampler, -1) > 0) {
        fprintf(messages, "kramers: warning: %s", KR_SPEC_UNKNOWN_REACH);
    }
}

/* Everything from the spec: sampler, schema, state table. */
static int open_run(run *r, kr_error *err)
{
    int32_t n = r->options->n_threads;
    r->started = kr_files_clock();
    r->spec->config.n_threads = n > 0 ? n : kr_sampler_default_threads();
    r->measure = r->spec->config.measure;
    kr_text text = { 0 };
    KR_TRY(kr_spec_write(r->spec, &text, err));
    r->run_file = text.data;
    r->run_file_length = (int64_t)text.length;
    r->digest = kr_spec_digest(r->spec);
    r->sampler = kr_spec_sampler(r->spec, &r->spec->config, err);
    r->table = r->sampler ? kr_state_alloc(err) : NULL;
    if (!r->table) {
        return err && err->status ? err->status : KR_ENOMEM;
    }
    kr_run_settle_reach(r->spec, r->sampler);
    KR_TRY(kr_sampler_check_tuning(r->sampler, &r->spec->config, err));
    KR_TRY(kr_schema_init(&r->schema, r->spec, r->sampler, err));
    return declare(r, err);
}

static void close_run(run *r)
{
    kr_files_unlock(&r->files);
    kr_schema_clear(&r->schema);
    kr_state_free(r->table);
    kr_sampler_free(r->sampler);
    free(r->run_file);
    kr_spec_free(r->spec);
    kr_files_clear(&r->files);
}

/* What the end of the run, or its present state, says. */
static int put_final(run *r, kr_error *err)
{
    KR_TRY(
        kr_schema_put_final(&r->schema, r->wall_before + (kr_files_clock() - r->started), err));
    return kr_schema_put_stop(&r->schema, err);
}

/* Part first, restart second: a crash between them leaves a part that no restart counts. */
static int checkpoint(run *r, kr_error *err)
{
    KR_TRY(put_final(r, err));
    if (kr_results_buffered_bytes(r->schema.results) > 0) {
        char *path = kr_files_part(&r->files, r->n_parts + 1, err);
        int status = path ? kr_results_write_part(r->schema.results, path, err) : KR_ENOMEM;
        kr_free(path);
        KR_TRY(status);
        r->n_parts++;
    }
    double wall = r->wall_before, now = kr_files_clock();
    r->wall_before += now - r->started;
    int status = kr_state_save(r->table, r->files.restart, r->files.previous, err);
    if (status != KR_OK) {
        r->wall_before = wall;
        return status;
    }
    r->started = now;
    return KR_OK;
}

/* File k of those that make the result: the base, then the parts. NULL without memory. */
static char *part_path(const run *r, int64_t k, kr_error *err)
{
    return r->has_base && k == 0 ? kr_files_copy(r->files.output, err)
                                 : kr_files_part(&r->files, k + (r->has_base == 0), err);
}

/* Draws that cannot be read are told before more are made. */
static int check_parts(const run *r, kr_error *err)
{
    for (int64_t k = 0; k < r->n_parts + (r->has_base != 0); k++) {
        char *path = part_path(r, k, err);
        kr_reader *reader = path ? kr_reader_open(path, err) : NULL;
        kr_free(path);
        if (!reader) {
            return err && err->status ? err->status : KR_ENOMEM;
        }
        kr_reader_close(reader);
    }
    return KR_OK;
}

static int assemble(run *r, const char *path, kr_error *err)
{
    int64_t n = r->n_parts + (r->has_base != 0);
    char **parts = kr_alloc((size_t)n + 1, sizeof *parts, err);
    int64_t *limit = kr_schema_limits(&r->schema, err);
    int status = parts && limit ? KR_OK : KR_ENOMEM;
    for (int64_t k = 0; k < n && status == KR_OK; k++) {
        parts[k] = part_path(r, k, err);
        status = parts[k] ? KR_OK : KR_ENOMEM;
    }
    if (status == KR_OK) {
        status = put_final(r, err);
    }
    if (status == KR_OK) {
        status = kr_results_assemble(r->schema.results, (const char *const *)parts, (int)n,
                                     limit, path, err);
    }
    for (int64_t k = 0; parts && k < n; k++) {
        kr_free(parts[k]);
    }
    kr_free(parts);
    kr_free(limit);
    return status;
}

/* All parts into NAME.h5, which is the base of what follows. */
static int close_parts(run *r, kr_error *err)
{
    KR_TRY(assemble(r, r->files.output, err));
    r->has_base = 1;
    r->n_parts = 0;
    return checkpoint(r, err);
}

/* Draws that may be made before the next stored configuration. */
static int64_t draws_to_configuration(const run *r)
{
    int64_t every = r->spec->output.configurations.every;
    if (every == 0 || kr_sampler_stage(r->sampler) != KR_STAGE_MEASURE) {
        return INT64_MAX;
    }
    return every - kr_sampler_draws(r->sampler) % every;
}

static int advance(run *r, int64_t *chunk, kr_error *err)
{
    int64_t to_configuration = draws_to_configuration(r);
    int64_t n = *chunk < to_configuration ? *chunk : to_configuration;
    double before = kr_files_clock();
    kr_stage stage = kr_sampler_stage(r->sampler);
    KR_TRY(kr_sampler_advance(r->sampler, n, err));
    if (stage != kr_sampler_stage(r->sampler) &&
        (stage == KR_STAGE_ADAPT || stage == KR_STAGE_CERTIFY)) {
        KR_TRY(kr_density_files_save(r->spec, r->sampler, stage == KR_STAGE_CERTIFY, err));
    }
    if (r->options->cost) {
        r->options->cost->advance_wall_s += kr_files_clock() - before;
    }
    kr_stop_report stop;
    if (kr_sampler_stage(r->sampler) == KR_STAGE_DONE && kr_sampler_stop(r->sampler, &stop) &&
        stop.is_reached) { /* what was planned is done: `resume` has nothing to add by itself */
        r->measure = kr_sampler_draws(r->sampler) * r->spec->config.every;
        kr_sampler_set_measure(r->sampler, r->measure);
    }
    int64_t n_new = kr_sampler_n_new(r->sampler);
    KR_TRY(kr_schema_collect(&r->schema, err));
    if (n_new == to_configuration) {
        KR_TRY(kr_schema_collect_configurations(&r->schema, err));
    }
    double per_draw = n_new ? (kr_files_clock() - before) / (double)n_new : 0.0;
    if (per_draw > 0.0) {
        double aim = CHUNK_SECONDS / per_draw;
        *chunk = aim < 1.0 ? 1 : aim > 4096.0 ? 4096 : (int64_t)aim;
    }
    return KR_OK;
}

bool kr_run_must_stop(const kr_run_options *o, double begun)
{
    return (o->stop && *o->stop) ||
           (o->time_limit > 0.0 && kr_files_clock() - begun >= o->time_limit);
}

static int loop(run *r, bool *is_finished, kr_error *err)
{
    int64_t chunk = 1;
    const double begun = kr_files_clock();
    double saved = begun;
    kr_progress progress;
    kr_progress_init(&progress, r->options->progress, r->options->messages, r->sampler);
    *is_finished = false;
    KR_TRY(checkpoint(r, err));
    while (kr_sampler_stage(r->sampler) != KR_STAGE_DONE) {
        if (kr_run_must_stop(r->options, r->begun)) {
            kr_progress_end(&progress);
            return checkpoint(r, err);
        }
        int status = advance(r, &chunk, err);
        if (status != KR_OK) {
            kr_progress_end(&progress);
            return status;
        }
        kr_progress_show(&progress);
        double now = kr_files_clock();
        if (now - saved >= r->spec->output.checkpoint ||
            kr_results_buffered_bytes(r->schema.results) >= PART_BYTES) {
            KR_TRY(checkpoint(r, err));
            saved = now;
        }
    }
    kr_progress_end(&progress);
    KR_TRY(checkpoint(r, err));
    KR_TRY(close_parts(r, err));
    kr_files_finish(&r->files);
    if (r->options->cost) {
        r->options->cost->wall_s = kr_files_clock() - begun;
    }
    *is_finished = true;
    return KR_OK;
}

int kr_run_start(kr_spec *spec, const kr_run_options *options, bool *is_finished, kr_error *err)
{
    run r = { .options = options, .spec = spec };
    double pilot_cpu_s = 0.0;
    *is_finished = false;
    int status = kr_files_init(&r.files, options->output, err);
    if (status == KR_OK) {
        status = kr_files_check_new(&r.files, options->overwrite, err);
    }
    if (status == KR_OK) {
        status = kr_density_files_check(spec, &r.files, options->overwrite, err);
    }
    if (status == KR_OK) {
        r.begun = kr_files_clock();
        status = kr_ladder_find(&r.spec, options, &pilot_cpu_s, err);
        r.wall_before = kr_files_clock() - r.begun;
    }
    if (status == KR_OK) {
        status = open_run(&r, err);
        r.schema.pilot_cpu_s = pilot_cpu_s;
    }
    if (status == KR_OK) { /* only a run that can begin replaces an older one */
        status = kr_files_claim(&r.files, options->overwrite, err);
    }
    if (status == KR_OK) {
        status = kr_files_remove_old(&r.files, err);
    }
    if (status != KR_OK) {
        kr_files_release(&r.files); /* nothing was written: leave no folder behind */
    } else {
        kr_density_files_tell(r.spec, r.sampler, options->messages);
        kr_run_warn_reach(r.spec, r.sampler, options->messages);
        status = loop(&r, is_finished, err);
    }
    close_run(&r);
    return status;
}

/* Spec and state from the restart file at path. */
static int load(run *r, const char *path, kr_error *err)
{
    size_t length;
    char *text = kr_state_peek(path, "run_file", KR_U8, &length, err);
    if (!text) {
        return err && err->status ? err->status : KR_EIO;
    }
    kr_runfile *file = kr_runfile_parse("run_file", text, length, err);
    r->spec = file ? kr_spec_alloc_saved(file, err) : NULL;
    kr_free(text);
    if (!r->spec) {
        return err && err->status ? err->status : KR_EPARSE;
    }
    KR_TRY(open_run(r, err));
    uint64_t digest = r->digest;
    KR_TRY(kr_state_load(r->table, path, err));
    if (r->digest != digest) {
        return kr_fail(err, KR_EMISMATCH,
                       "couplings: the disorder file now gives other values than those of the "
                       "run, want the same");
    }
    return kr_schema_continue(&r->schema, err);
}

static void unload(run *r)
{
    kr_schema_clear(&r->schema);
    kr_state_free(r->table);
    kr_sampler_free(r->sampler);
    kr_spec_free(r->spec);
    free(r->run_file);
    r->table = NULL;
    r->sampler = NULL;
    r->spec = NULL;
    r->run_file = NULL;
}

/* The newest restart file that verifies. */
static int load_newest(run *r, kr_error *err)
{
    kr_error first = { 0 };
    if (load(r, r->files.restart, &first) == KR_OK) {
        return KR_OK;
    }
    unload(r);
    if (first.status == KR_EMISMATCH || load(r, r->files.previous, NULL) != KR_OK) {
        unload(r);
        return kr_fail(err, first.status, "%s", first.text);
    }
    if (r->options->messages) {
        fprintf(r->options->messages, "kramers: %s; going on from the previous one\n",
                first.text);
    }
    return KR_OK;
}

static int set_target(run *r, kr_error *err)
{
    const kr_run_options *o = r->options;
    int64_t done = kr_sampler_draws(r->sampler) * r->spec->config.every;
    int64_t wanted =
        o->until > 0 ? o->until
        : o->more > 0
            ? (kr_sampler_stage(r->sampler) == KR_STAGE_DONE ? done : r->measure) + o->more
            : r->measure;
    if (wanted > STEPS_MAX) {
        return kr_fail(err, KR_EPARSE, "resume: %lld steps in total, want at most %lld",
                       (long long)wanted, (long long)STEPS_MAX);
    }
    if (wanted < done) {
        return kr_fail(err, KR_EPARSE,
                       "resume: %lld steps are measured already, want --until above that",
                       (long long)done);
    }
    if ((o->until > 0 || o->more > 0) && (wanted - done) < r->spec->config.every) {
        return kr_fail(
            err, KR_EPARSE,
            "resume: %lld steps after the %lld measured give no draw, want at least %lld",
            (long long)(wanted - done), (long long)done, (long long)r->spec->config.every);
    }
    const int64_t rest = (wanted - done) % r->spec->config.every;
    if (rest > 0 && o->messages) {
        fprintf(o->messages, "kramers: the last %lld steps give no draw\n", (long long)rest);
    }
    if (wanted < r->measure && o->messages) {
        fprintf(o->messages, "kramers: ends after %lld steps, %lld were planned\n",
                (long long)wanted, (long long)r->measure);
    }
    r->measure = wanted;
    kr_sampler_set_measure(r->sampler, wanted);
    return KR_OK;
}

int kr_run_resume(const kr_run_options *options, bool *is_finished, kr_error *err)
{
    run r = { .options = options, .begun = kr_files_clock() };
    *is_finished = false;
    int status = kr_files_init(&r.files, options->output, err);
    if (status == KR_OK) {
        status = kr_files_reclaim(&r.files, err);
    }
    if (status == KR_OK) {
        status = load_newest(&r, err);
    }
    if (status == KR_OK) {
        status = kr_files_drop_parts(&r.files, r.n_parts, err);
    }
    if (status == KR_OK) {
        status = check_parts(&r, err);
    }
    /* Killed after the last draw: NAME.h5 may hold the parts already. Counted draws come first
     * in it, so putting them together once more is right; new draws may follow only then. */
    if (status == KR_OK && kr_sampler_stage(r.sampler) == KR_STAGE_DONE && r.n_parts > 0) {
        status = close_parts(&r, err);
    }
    if (status == KR_OK) {
        status = set_target(&r, err);
    }
    if (status == KR_OK && kr_sampler_stage(r.sampler) <= KR_STAGE_CERTIFY) {
        status = kr_density_files_check(r.spec, &r.files, true, err);
    }
    if (status != KR_OK) {
        kr_files_release(&r.files);
    } else {
        r.started = kr_files_clock();
        status = loop(&r, is_finished, err);
    }
    close_run(&r);
    return status;
}

int kr_run_snapshot(const char *output, const char *snapshot, kr_error *err)
{
    const kr_run_options options = { .output = output, .n_threads = 1 };
    run r = { .options = &options };
    int status = kr_files_init(&r.files, output, err);
    if (status == KR_OK) {
        status = kr_files_check_restart(&r.files, err);
    }
    if (status == KR_OK) {
        status = load_newest(&r, err);
    }
    if (status == KR_OK) {
        status = assemble(&r, snapshot, err);
    }
    close_run(&r);
    return status;
}

/* Why a summary has other draws: the file is only what was there before a resume; a kill came
 * between a part and the restart file that counts it. */
static void tell_others(const run *r, const char *output, FILE *out)
{
    if (r->has_base && r->n_parts > 0) {
        fprintf(out,
                "note:     %s holds the draws before the parts and is all that a summary of it "
                "shows; kramers snapshot makes a file of all\n",
                output);
    }
    char *next = kr_files_part(&r->files, r->n_parts + 1, NULL);
    if (next && !kr_files_is_locked(&r->files) && access(next, F_OK) == 0) {
        fprintf(
            out,
            "note:     %s was closed after the last restart file: a summary shows its draws, "
            "resume makes them again\n",
            next);
    }
    kr_free(next);
}

int kr_run_status(const char *output, FILE *out, kr_error *err)
{
    const kr_run_options options = { .output = output, .n_threads = 1 };
    run r = { .options = &options };
    int status = kr_files_init(&r.files, output, err);
    if (status == KR_OK) {
        status = kr_files_check_restart(&r.files, err);
    }
    if (status == KR_OK) {
        status = load_newest(&r, err);
    }
    if (status == KR_OK) {
        int64_t done, planned;
        kr_stage stage = kr_sampler_stage(r.sampler);
        kr_sampler_set_measure(r.sampler, r.measure);
        kr_sampler_progress(r.sampler, &done, &planned);
        const char *state = kr_files_is_locked(&r.files) ? "running"
                            : stage != KR_STAGE_DONE     ? "stopped, resume possible"
                            : access(output, F_OK) == 0
                                ? "finished"
                                : "measured, result file not written yet: resume";
        fprintf(out, "file:     %s\nstate:    %s\nphase:    %s, %lld of %lld %s\n", output,
                state, kr_sampler_stage_name(stage), (long long)done, (long long)planned,
                stage == KR_STAGE_ADAPT     ? "training steps"
                : stage == KR_STAGE_CERTIFY ? "samples"
                                            : "steps");
        fprintf(out, "draws:    %lld measured, %lld warm-up\nepoch:    %lld\n",
                (long long)r.schema.counts.measured, (long long)r.schema.counts.warmup,
                (long long)kr_sampler_epoch(r.sampler));
        char stop[4 * KR_TEXT_MAX];
        if (kr_schema_tell_stop(r.sampler, r.spec, stop, sizeof stop)) {
            fprintf(out, "target:   %s\n", stop);
        }
        fprintf(out, "parts:    %lld closed\nwall:     %.1f s\n", (long long)r.n_parts,
                r.wall_before);
        tell_others(&r, output, out);
    }
    close_run(&r);
    return status;
}
