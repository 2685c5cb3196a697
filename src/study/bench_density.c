/* SPDX-License-Identifier: GPL-3.0-or-later
 * study/bench_density.c - rows of the benchmark about densities: samples with their log q, and
 * whole training steps, against the textbook sampler of study/van.h, beside the most that a
 * core can do. The three run by turns. */
#include "base/isa.h"
#include "base/memory.h"
#include "base/rng.h"
#include "run/spec.h"
#include "study/bench_private.h"
#include "study/van.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LANES = KR_LANES_MAX };

#define VAN_WIDTH 4 /* as published */
#define TRAINING_PASSES                                                                        \
    4.0 /* draw, score again, two ways back: each reads all weights once                       \
         */

/* A density that draws batches. */
typedef struct drawer {
    const kr_density_plug *plug;
    void *self; /* owns */
    int32_t n_sites;
    uint8_t *state; /* (n_sites, LANES) the last batch; owns */
    double log_q[LANES];
    kr_rng rng;
    void *scratch; /* owns */
} drawer;

static int drawer_init(drawer *d, const kr_spec *spec, kr_isa isa, kr_error *err)
{
    const kr_density_entry *entry = &spec->config.density[0];
    *d = (drawer){ .plug = entry->plug, .n_sites = spec->target[0].terms->n_sites };
    d->self = d->plug->alloc(&spec->target[0], entry->params, err);
    if (!d->self) {
        return KR_EUNSUP;
    }
    if (d->plug->use) {
        d->plug->use(d->self, isa);
    }
    d->state = kr_alloc((size_t)d->n_sites, LANES, err);
    d->scratch = kr_alloc(d->plug->scratch_bytes(d->self, LANES), 1, err);
    kr_rng_seed(&d->rng, spec->config.seed, 0, KR_PURPOSE_WEIGHTS);
    d->plug->init(d->self, &d->rng);
    return d->state && d->scratch ? KR_OK : KR_ENOMEM;
}

static void drawer_clear(drawer *d)
{
    if (d->self) {
        d->plug->free(d->self);
    }
    kr_free(d->state);
    kr_free(d->scratch);
}

static double draw(void *self, int64_t n)
{
    drawer *d = self;
    for (int64_t k = 0; k < n; k++) {
        d->plug->sample_tail(d->self, 0, LANES, d->state, d->log_q, &d->rng, d->scratch);
    }
    return (double)n * LANES;
}

/* The last batch: states that differ, scored once more with the same bits. */
static int drawer_check(drawer *d, kr_error *err)
{
    double again[LANES];
    bool has_all = true;
    d->plug->log_q_tail(d->self, 0, LANES, d->state, again, d->scratch);
    for (int32_t l = 1; l < LANES; l++) {
        has_all &= isfinite(d->log_q[l]) && d->log_q[l] <= 0.0;
    }
    if (!has_all || memcmp(again, d->log_q, sizeof again) != 0) {
        return kr_fail(err, KR_ESANITY, "log q at the draw and of the states drawn differ");
    }
    for (int32_t l = 1; l < LANES; l++) {
        if (d->log_q[l] != d->log_q[0]) {
            return KR_OK;
        }
    }
    return kr_fail(err, KR_ESANITY, "all samples have one log q, want different ones");
}

/* Floating-point operations of a sample: as the density counts them, or every weight that is
 * not padding is used once. */
static double count_flop(const kr_bench_row *row, const drawer *d)
{
    const float *w = d->plug->weights(d->self);
    double n = d->plug->n_visits ? d->plug->n_visits(d->self) : 0.0;
    for (size_t k = 0; !d->plug->n_visits && k < d->plug->n_weights(d->self); k++) {
        n += w[k] != 0.0f;
    }
    return row->flop != 0.0                  ? row->flop
           : row->rival == KR_BENCH_TRAINING ? 2.0 * TRAINING_PASSES * n
                                             : 2.0 * n;
}

typedef struct textbook {
    kr_van van;
    kr_rng rng;
} textbook;

/* n passes of the textbook; as many as there are sites draw a batch. */
static double pass(void *self, int64_t n)
{
    textbook *t = self;
    for (int64_t k = 0; k < n; k++) {
        kr_van_pass(&t->van, &t->rng);
    }
    return (double)n * t->van.n_lanes / t->van.n_sites;
}

typedef struct yardstick {
    const kr_lanes *lanes;
    float start;
} yardstick;

static double multiply_add(void *self, int64_t n)
{
    const yardstick *y = self;
    return y->lanes->multiply_adds(n * 10000, y->start);
}

typedef struct trainer {
    kr_sampler *sampler;
    double batch;
    int status;
} trainer;

static double train(void *self, int64_t n)
{
    trainer *t = self;
    int64_t done = 0;
    while (done < n && t->status == KR_OK) {
        t->status = kr_sampler_advance(t->sampler, 1, NULL);
        done++;
    }
    return (double)done * t->batch;
}

static int trainer_init(trainer *t, kr_spec *spec, kr_error *err)
{
    spec->config.n_threads = 1;
    t->batch = (double)spec->config.training.batch;
    t->sampler = kr_sampler_alloc(&spec->config, err);
    if (!t->sampler) {
        return KR_ENOMEM;
    }
    while (kr_sampler_stage(t->sampler) < KR_STAGE_ADAPT) {
        KR_TRY(kr_sampler_advance(t->sampler, 1, err));
    }
    return KR_OK;
}

static int trainer_check(const trainer *t, kr_error *err)
{
    kr_training_row row;
    if (t->status != KR_OK || kr_sampler_stage(t->sampler) != KR_STAGE_ADAPT ||
        !kr_sampler_training_row(t->sampler, 0, 0, &row) || !isfinite(row.loss)) {
        return kr_fail(err, KR_ESANITY, "the training ended, want one that goes on");
    }
    return KR_OK;
}

/* All that races in one row. */
typedef struct contest {
    kr_spec *spec;
    int32_t n_subjects;
    drawer drawer[KR_BENCH_ISAS];
    trainer trainer;
    textbook rival;
    yardstick peak[KR_BENCH_ISAS];
    double flop; /* of a sample */
} contest;

static int contest_init(contest *c, const kr_bench_row *row, int32_t n_isas, const kr_isa *isa,
                        kr_error *err)
{
    const char *updates[] = { "{name: heat_bath}", "{name: independence, density: net}" };
    const char *sets[] = { "phases={thermalize: 1, adapt: 1e9, measure: 1, every: 1}" };
    c->spec = kr_bench_spec(row, updates, 2, sets, 1, err);
    if (!c->spec) {
        return KR_EUNSUP;
    }
    c->n_subjects = n_isas;
    for (int32_t k = 0; k < n_isas; k++) {
        KR_TRY(drawer_init(&c->drawer[k], c->spec, isa[k], err));
        c->peak[k] = (yardstick){ kr_lanes_best(kr_isa_text(isa[k])), 1.0f };
    }
    if (row->rival == KR_BENCH_TRAINING) {
        KR_TRY(trainer_init(&c->trainer, c->spec, err));
    }
    const kr_terms *terms = c->spec->target[0].terms;
    c->flop = count_flop(row, &c->drawer[0]);
    kr_rng_seed(&c->rival.rng, c->spec->config.seed, 1, KR_PURPOSE_WEIGHTS);
    return kr_van_init(&c->rival.van, c->peak[0].lanes, terms->n_sites, terms->q, VAN_WIDTH,
                       LANES, &c->rival.rng, err);
}

static void contest_clear(contest *c)
{
    for (int32_t k = 0; k < c->n_subjects; k++) {
        drawer_clear(&c->drawer[k]);
    }
    kr_sampler_free(c->trainer.sampler);
    kr_van_clear(&c->rival.van);
    kr_spec_free(c->spec);
}

static int contest_race(contest *c, const kr_bench_row *row, const kr_bench_options *options,
                        kr_bench_result *result, kr_error *err)
{
    kr_bench_racer racer[2 * KR_BENCH_ISAS + 1];
    const int32_t n = c->n_subjects;
    const bool is_training = row->rival == KR_BENCH_TRAINING;
    for (int32_t k = 0; k < n; k++) {
        racer[k] = is_training ? (kr_bench_racer){ &c->trainer, train, 1 }
                               : (kr_bench_racer){ &c->drawer[k], draw, 1 };
        racer[n + 1 + k] = (kr_bench_racer){ &c->peak[k], multiply_add, 1 };
    }
    racer[n] = (kr_bench_racer){ &c->rival, pass, 1 };
    KR_TRY(kr_bench_race(racer, n, true, CLOCK_THREAD_CPUTIME_ID, options->seconds,
                         options->stop, result, err));
    if (is_training) {
        KR_TRY(trainer_check(&c->trainer, err));
    }
    for (int32_t k = 0; k < n && !is_training; k++) {
        KR_TRY(drawer_check(&c->drawer[k], err));
    }
    return KR_OK;
}

/* What was measured beside the ratio, in the row's terms. */
static void tell(const kr_bench_row *row, double flop, kr_bench_result *result)
{
    char reached[96] = "";
    result->per_second = 1e9 / result->ns;
    result->peak_fraction *= flop;
    result->gflops = flop / result->ns;
    if (isfinite(flop)) {
        snprintf(reached, sizeof reached, ", %.0f %% of %.1f GFLOP/s of fused multiply-adds",
                 100.0 * result->peak_fraction, result->peak_gflops);
    }
    int n =
        snprintf(result->note, sizeof result->note, "%.0f/s%s", result->per_second, reached);
    if (row->per_second > 0.0 && n > 0 && n < (int)sizeof result->note) {
        snprintf(result->note + n, sizeof result->note - (size_t)n,
                 "; at %.1f GFLOP/s %.0f/s, want %.0f, aim %.0f", KR_BENCH_PEAK_GFLOPS,
                 kr_bench_scaled(result), row->per_second, row->per_second_aim);
    }
}

int kr_bench_race_density(const kr_bench_row *row, const kr_bench_options *options,
                          int32_t n_isas, const kr_isa *isa, kr_bench_result *result,
                          kr_error *err)
{
    contest *c = kr_alloc(1, sizeof *c, err);
    if (!c) {
        return KR_ENOMEM;
    }
    int status = contest_init(c, row, n_isas, isa, err);
    if (status == KR_OK) {
        status = contest_race(c, row, options, result, err);
    }
    for (int32_t k = 0; k < n_isas && status == KR_OK; k++) {
        tell(row, c->flop, &result[k]);
    }
    contest_clear(c);
    kr_free(c);
    return status;
}
