/* SPDX-License-Identifier: GPL-3.0-or-later
 * study/bench_sampler.c - rows of the benchmark that need a whole sampler or a whole run: two
 * threads over one, and the time that files take. */
#include "run/run.h"
#include "study/bench_private.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRIES           3
#define WRITING_SECONDS 60.0 /* wall clock of the run that writes */
#define PATH_BYTES      5120
#define WRITING_EVERY   1000 /* sweeps per draw */

typedef struct threads {
    kr_sampler *sampler;
    double spins_per_draw;
    int status;
} threads;

static double advance(void *self, int64_t n)
{
    threads *t = self;
    int64_t done = 0;
    while (done < n && t->status == KR_OK && kr_sampler_stage(t->sampler) != KR_STAGE_DONE) {
        t->status = kr_sampler_advance(t->sampler, n - done, NULL);
        done += kr_sampler_n_new(t->sampler);
    }
    return (double)done * t->spins_per_draw;
}

int kr_bench_race_threads(const kr_bench_row *row, const kr_bench_options *options,
                          kr_bench_result *result, kr_error *err)
{
    static const char *const sets[] = { "phases={thermalize: 100, measure: 1e15, every: 100}" };
    const int32_t n_cpus = kr_sampler_default_threads();
    if (n_cpus < 2) {
        return kr_fail(err, KR_EUNSUP, "threads to be had: %d, want 2", n_cpus);
    }
    const char *update = row->update;
    kr_spec *spec = kr_bench_spec(row, &update, 1, sets, 1, err);
    if (!spec) {
        return KR_EUNSUP;
    }
    threads side[2] = { { 0 }, { 0 } };
    int status = KR_OK;
    for (int k = 0; k < 2 && status == KR_OK; k++) {
        spec->config.n_threads = 2 - k;
        side[k].sampler = kr_sampler_alloc(&spec->config, err);
        side[k].spins_per_draw = (double)spec->config.every * (double)spec->config.n_chains *
                                 (double)spec->target[0].lattice->n_sites;
        status = side[k].sampler ? KR_OK : KR_ENOMEM;
        advance(&side[k], 8);
    }
    if (status == KR_OK) {
        const kr_bench_racer racer[] = { { &side[0], advance, 1 }, { &side[1], advance, 1 } };
        status = kr_bench_race(racer, 1, false, CLOCK_MONOTONIC, options->seconds,
                               options->stop, result, err);
    }
    for (int k = 0; k < 2; k++) {
        status = status == KR_OK && side[k].status != KR_OK
                     ? kr_fail(err, side[k].status, "the sampler failed")
                     : status;
        kr_sampler_free(side[k].sampler);
    }
    kr_spec_free(spec);
    return status;
}

/* Draws that take WRITING_SECONDS on one thread; 0 after an error. */
static int64_t draws_wanted(kr_spec *spec, kr_error *err)
{
    kr_sampler *sampler = kr_sampler_alloc(&spec->config, err);
    struct timespec start, end;
    int64_t n = 0;
    double took = 0.0;
    clock_gettime(CLOCK_MONOTONIC, &start);
    while (sampler && took < 1.0) {
        if (kr_sampler_advance(sampler, n + 1, err) != KR_OK) {
            break;
        }
        n += kr_sampler_n_new(sampler);
        clock_gettime(CLOCK_MONOTONIC, &end);
        took =
            (double)(end.tv_sec - start.tv_sec) + 1e-9 * (double)(end.tv_nsec - start.tv_nsec);
    }
    kr_sampler_free(sampler);
    return took < 1.0 ? 0 : (int64_t)(1.05 * WRITING_SECONDS * (double)n / took) + 1;
}

/* Removes a folder with all files in it; folders within stay, and so does it then. */
static void remove_folder(const char *folder)
{
    DIR *stream = opendir(folder);
    char path[PATH_BYTES];
    for (struct dirent *entry; stream && (entry = readdir(stream));) {
        snprintf(path, sizeof path, "%.4096s/%.255s", folder, entry->d_name);
        unlink(path);
    }
    if (stream) {
        closedir(stream);
    }
    rmdir(folder);
}

static int write_run(const kr_bench_row *row, const kr_bench_options *options, int64_t n_draws,
                     kr_run_cost *cost, kr_error *err)
{
    char folder[PATH_BYTES - 512], output[PATH_BYTES - 256], parts[PATH_BYTES], phases[128];
    const char *sets[] = { phases }, *update = row->update;
    bool is_finished = false;
    if (snprintf(folder, sizeof folder, "%s/bench-%ld", options->folder, (long)getpid()) >=
            (int)sizeof folder ||
        mkdir(folder, 0700) != 0) {
        return kr_fail(err, KR_EIO, "cannot write in folder %s", options->folder);
    }
    snprintf(output, sizeof output, "%s/run.h5", folder);
    snprintf(parts, sizeof parts, "%s.parts", output);
    snprintf(phases, sizeof phases, "phases={thermalize: %d, measure: %lld, every: %d}",
             WRITING_EVERY, (long long)n_draws * WRITING_EVERY, WRITING_EVERY);
    kr_spec *spec = kr_bench_spec(row, &update, 1, sets, 1, err);
    int status = KR_EUNSUP;
    if (spec) {
        const kr_run_options run = { .output = output,
                                     .n_threads = 1,
                                     .progress = KR_PROGRESS_NEVER,
                                     .stop = options->stop,
                                     .cost = cost };
        status = kr_run_start(spec, &run, &is_finished, err);
    }
    remove_folder(parts);
    remove_folder(folder);
    if (status == KR_OK && !is_finished) {
        status = kr_fail(err, KR_EUNSUP, "stopped by a signal");
    }
    return status;
}

int kr_bench_weigh_writing(const kr_bench_row *row, const kr_bench_options *options,
                           kr_bench_result *result, kr_error *err)
{
    char phases[128];
    const char *sets[] = { phases }, *update = row->update;
    kr_run_cost cost = { 0 };
    snprintf(phases, sizeof phases, "phases={thermalize: 0, measure: 1e15, every: %d}",
             WRITING_EVERY);
    kr_spec *spec = kr_bench_spec(row, &update, 1, sets, 1, err);
    if (!spec) {
        return KR_EUNSUP;
    }
    const double sweeps_per_draw = WRITING_EVERY * (double)spec->config.n_chains *
                                   (double)spec->target[0].lattice->n_sites;
    int64_t n_draws = draws_wanted(spec, err);
    kr_spec_free(spec);
    if (n_draws == 0) {
        return KR_ENOMEM;
    }
    for (int k = 0; k < TRIES && cost.wall_s < WRITING_SECONDS; k++) { /* a first guess errs */
        n_draws = cost.wall_s > 0.0
                      ? (int64_t)(1.1 * WRITING_SECONDS / cost.wall_s * (double)n_draws) + 1
                      : n_draws;
        cost = (kr_run_cost){ 0 };
        KR_TRY(write_run(row, options, n_draws, &cost, err));
    }
    if (cost.wall_s < WRITING_SECONDS) {
        return kr_fail(err, KR_ESANITY, "the run took %.0f s, want at least %.0f", cost.wall_s,
                       WRITING_SECONDS);
    }
    result->n_pairs = 1;
    result->value = 100.0 * (cost.wall_s - cost.advance_wall_s) / cost.advance_wall_s;
    result->low = result->high = NAN;
    result->ns = 1e9 * cost.wall_s / (sweeps_per_draw * (double)(n_draws + 1));
    result->rival_ns = 1e9 * cost.advance_wall_s / (sweeps_per_draw * (double)(n_draws + 1));
    snprintf(result->note, sizeof result->note, "%lld draws in %.0f s", (long long)n_draws,
             cost.wall_s);
    return KR_OK;
}
