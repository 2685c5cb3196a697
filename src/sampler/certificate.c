/* SPDX-License-Identifier: GPL-3.0-or-later
 * sampler/certificate.c - independent samples of a frozen density: ESS_q, log Z, largest
 * weight, and what the weights say about chains that propose from it; estimates of observables
 * without any chain.
 *
 * w = exp(-beta H)/q on samples of q: log Z = log <w> >= <log w>, ESS_q = <w>^2/<w^2>,
 * <x>_p = <w x>/<w>. Small samples flatter (rare configurations with huge weights are not
 * seen), hence the declared number of at least 65 536. Streams are keyed by (epoch, density,
 * point, block), so a restart repeats them. Errors of <x>_p come from the batches of 64
 * samples, which are independent. */
#include "base/memory.h"
#include "base/state.h"
#include "density/density.h"
#include "model/block.h"
#include "model/terms.h"
#include "sampler/private.h"
#include "stats/stats.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#ifdef _OPENMP
#include <omp.h>
#endif

enum { LANES = KR_LANES_MAX, DOUBT_EVERY = 4 };

static int64_t n_sample_blocks(const kr_sampler *sampler)
{
    return (sampler->config.training.certificate + LANES - 1) / LANES;
}

/* ---- what is estimated ------------------------------------------------------------------- */

/* A function of one configuration: no memory of earlier ones, no pairs. */
static bool is_plain(const kr_observable_plug *plug)
{
    return !(plug->flags & KR_OBSERVABLE_PAIRS) && !plug->declare;
}

/* Phases that residence would tell: fewer than two say nothing. */
int32_t kr_sampler_phases(const kr_sampler *sampler)
{
    int32_t n = sampler->config.target[0].terms->n_phases;
    for (int32_t p = 1; p < sampler->config.n_points; p++) {
        n = sampler->config.target[p].terms->n_phases == n ? n : 0;
    }
    return n >= 2 ? n : 0;
}

static int32_t count_derived(const kr_observable_plug *plug)
{
    int32_t n = 0;
    while (plug->derived && plug->derived[n].name) {
        n++;
    }
    return n;
}

/* Estimate e is computed from the column of its name, one of those from `first` on. */
static void name_derived(kr_sampler *s, const kr_derived *derived, int32_t first, int32_t e)
{
    int32_t column = first;
    while (column < e && strcmp(s->estimate[column].name, derived->column) != 0) {
        column++;
    }
    s->estimate[e] = (kr_column){ derived->name, derived->unit, derived->doc };
    s->estimate_from[e] = (kr_estimate_source){ derived, column };
}

static int name_estimates(kr_sampler *s, kr_error *err)
{
    const kr_sampler_config *config = &s->config;
    const kr_terms *terms = config->target[0].terms;
    int32_t n = 2 * kr_sampler_phases(s), e = 0;
    for (int32_t o = 0; o < config->n_observables; o++) {
        const kr_observable_plug *plug = config->observable[o].plug;
        n += is_plain(plug) ? s->observable_columns[o] + count_derived(plug) : 0;
    }
    s->n_estimates = n;
    s->estimate = kr_alloc((size_t)n, sizeof *s->estimate, err);
    s->estimate_from = kr_alloc((size_t)n, sizeof *s->estimate_from, err);
    s->phase_name = kr_alloc(2 * KR_PHASES_MAX, sizeof *s->phase_name, err);
    if (!s->estimate || !s->estimate_from || !s->phase_name) {
        return KR_ENOMEM;
    }
    for (int32_t o = 0; o < config->n_observables; o++) {
        int32_t k = 0, m = s->observable_columns[o], first = e;
        const kr_observable_plug *plug = config->observable[o].plug;
        for (; is_plain(plug) && k < m; k++) {
            s->estimate[e++] = plug->columns(s->point[0].observable[o], &m)[k];
        }
        for (k = 0; is_plain(plug) && k < count_derived(plug); k++) {
            name_derived(s, plug->derived + k, first, e++);
        }
    }
    s->first_drawn = n - kr_sampler_phases(s);
    for (int32_t p = 0; e < n; p++) { /* weights of the phases, then shares of the samples */
        bool is_drawn = e >= s->first_drawn;
        snprintf(s->phase_name[p], sizeof s->phase_name[p], is_drawn ? "drawn_in_%s" : "in_%s",
                 terms->phase[p % kr_sampler_phases(s)].name);
        s->estimate[e++] = (kr_column){ s->phase_name[p], "1",
                                        is_drawn ? "share of the samples in this phase"
                                                 : "weight of this phase" };
    }
    return KR_OK;
}

int kr_certificate_init(kr_sampler *s, kr_error *err)
{
    const kr_sampler_config *config = &s->config;
    KR_TRY(name_estimates(s, err));
    size_t n = (size_t)s->n_estimates;
    s->certificate_sum = kr_alloc((size_t)n_sample_blocks(s) * n, sizeof(double), err);
    s->certificate_doubt = kr_alloc((size_t)n_sample_blocks(s) * LANES, sizeof(double), err);
    s->certificate_block = kr_alloc((size_t)config->n_threads, sizeof(kr_block *), err);
    if (!s->certificate_sum || !s->certificate_doubt || !s->certificate_block) {
        return KR_ENOMEM;
    }
    for (int32_t t = 0; t < config->n_threads; t++) {
        s->certificate_block[t] = kr_block_alloc(config->target[0].terms, LANES, 0, 0, err);
        if (!s->certificate_block[t]) {
            return KR_ENOMEM;
        }
    }
    for (int32_t p = 0; p < config->n_points; p++) {
        size_t size = 2 * n * (size_t)config->n_densities;
        s->point[p].estimate = kr_alloc(size, sizeof(double), err);
        if (!s->point[p].estimate) {
            return KR_ENOMEM;
        }
        for (size_t k = 0; k < size; k++) {
            s->point[p].estimate[k] = NAN;
        }
    }
    return KR_OK;
}

void kr_certificate_clear(kr_sampler *s)
{
    for (int32_t t = 0; s->certificate_block && t < s->config.n_threads; t++) {
        kr_block_free(s->certificate_block[t]);
    }
    kr_free(s->certificate_block);
    kr_free(s->certificate_doubt);
    kr_free(s->certificate_sum);
    kr_free(s->estimate);
    kr_free(s->estimate_from);
    kr_free(s->phase_name);
}

int kr_certificate_declare(kr_sampler *s, kr_state *table, kr_error *err)
{
    KR_TRY(kr_state_add(table, "certificate_doubt", KR_F64, (size_t)n_sample_blocks(s) * LANES,
                        s->certificate_doubt, err));
    return kr_state_add(table, "certificate_sum", KR_F64,
                        (size_t)n_sample_blocks(s) * (size_t)s->n_estimates, s->certificate_sum,
                        err);
}

/* ---- a batch of samples ------------------------------------------------------------------ */

/* sum[e] += w x_e of all lanes, of derived quantities w x^2 of their column; out: room for the
 * columns of an observable. */
static void add_observables(const kr_sampler *sampler, const kr_point *point, kr_block *block,
                            const double *w, double *sum, double *out)
{
    const kr_terms *terms = point->target->terms;
    int32_t e = 0;
    kr_block_count(block);
    for (int32_t o = 0; o < sampler->config.n_observables; o++) {
        const kr_observable_plug *plug = sampler->config.observable[o].plug;
        int32_t n = sampler->observable_columns[o];
        if (!is_plain(plug)) {
            continue;
        }
        if (!(plug->layouts & (unsigned)block->layout)) {
            kr_block_convert(block, KR_LAYOUT_CHAIN);
        }
        plug->measure(point->observable[o], block, out);
        for (int32_t l = 0; l < LANES; l++) {
            if (w[l] == 0.0) { /* its energy may be no number */
                continue;
            }
            for (int32_t k = 0; k < n; k++) {
                sum[e + k] += w[l] * out[l * n + k];
            }
            for (int32_t k = e + n; k < e + n + count_derived(plug); k++) {
                const double x = out[l * n + sampler->estimate_from[k].column - e];
                sum[k] += w[l] * x * x;
            }
        }
        e += n + count_derived(plug);
    }
    double order[LANES];
    if (e < sampler->first_drawn) {
        kr_block_order(block, terms, order);
    }
    for (int32_t l = 0; e < sampler->first_drawn && l < LANES; l++) {
        int32_t phase = kr_terms_phase(terms, order[l]);
        if (phase >= 0) {
            sum[e + phase] += w[l];
            sum[sampler->first_drawn + phase] += 1.0;
        }
    }
}

static kr_rng stream(const kr_sampler *sampler, int32_t p, int32_t d, int64_t b)
{
    kr_rng rng;
    uint64_t key =
        ((uint64_t)sampler->epoch * (uint64_t)sampler->config.n_densities + (uint64_t)d) *
            (uint64_t)sampler->config.n_points +
        (uint64_t)p;
    kr_rng_seed(&rng, sampler->config.seed, key << 32 | (uint64_t)b, KR_PURPOSE_CERTIFICATE);
    return rng;
}

/* By how much log w of the samples changes when a density takes twice the steps. */
static void doubt_batch(const kr_sampler *sampler, const kr_density *density, int64_t b,
                        const kr_block *block, void *scratch)
{
    double *doubt = sampler->certificate_doubt + b * LANES;
    if (density->plug->flow && density->plug->flow->doubt && b % DOUBT_EVERY == 0) {
        density->plug->flow->doubt(density->self, LANES, block->phi, doubt, scratch);
        for (int32_t l = 0; l < LANES; l++) {
            doubt[l] = block->log_q[l] - doubt[l];
        }
    }
}

static void sample_whole(const kr_sampler *sampler, int32_t p, int32_t d, int64_t b,
                         kr_block *block, void *scratch)
{
    const kr_point *point = &sampler->point[p];
    const kr_density *density = &point->density[d];
    const kr_terms *terms = point->target->terms;
    double *log_w = sampler->certificate_log_w + b * LANES, w[LANES], top = -INFINITY;
    double *sum = sampler->certificate_sum + b * sampler->n_estimates;
    kr_rng rng = stream(sampler, p, d, b);
    kr_block_touch(block);
    block->layout = terms->action ? KR_LAYOUT_REAL : KR_LAYOUT_LANE;
    kr_density_sample(density, LANES, block->state, block->log_q, &rng, scratch);
    doubt_batch(sampler, density, b, block, scratch);
    kr_terms_score(terms, block->state, LANES, LANES, block->energy);
    for (int32_t l = 0; l < LANES; l++) {
        /* a user's density that is no number there: chains refuse such states as well */
        log_w[l] = isnan(block->energy[l])
                       ? -INFINITY
                       : -point->target->beta * block->energy[l] - block->log_q[l];
        top = fmax(top, log_w[l]);
    }
    for (int32_t l = 0; l < LANES; l++) {
        w[l] = isinf(log_w[l]) ? 0.0 : exp(log_w[l] - top);
    }
    for (int32_t e = 0; e < sampler->n_estimates; e++) {
        sum[e] = 0.0;
    }
    add_observables(sampler, point, block, w, sum, scratch);
}

static void sample_block(const kr_sampler *sampler, int32_t p, int32_t d, int64_t b,
                         kr_block *block, void *scratch)
{
    if (sampler->point[p].trainer[d].tail) {
        kr_rng rng = stream(sampler, p, d, b);
        kr_certificate_block_sample(sampler, p, d, b, &rng, scratch);
    } else {
        sample_whole(sampler, p, d, b, block, scratch);
    }
}

/* ---- the whole --------------------------------------------------------------------------- */

/* Largest of a batch. */
static double top_of(const double *log_w)
{
    double top = -INFINITY;
    for (int32_t l = 0; l < LANES; l++) {
        top = fmax(top, log_w[l]);
    }
    return top;
}

double kr_certificate_derived(const kr_derived *d, const kr_target *target,
                              const double mean[2], double slope[2])
{
    slope[0] = 1.0;
    slope[1] = 0.0;
    if (!d) {
        return mean[0];
    }
    const double scale =
        pow(target->beta, d->beta_power) * pow((double)target->terms->n_sites, d->site_power);
    const double ratio = mean[1] / (3.0 * mean[0] * mean[0]);
    switch (d->kind) {
    case KR_DERIVED_VARIANCE:
        slope[0] = -2.0 * scale * mean[0];
        slope[1] = scale;
        return scale * (mean[1] - mean[0] * mean[0]);
    case KR_DERIVED_BINDER:
        slope[0] = 2.0 * ratio / mean[0];
        slope[1] = -ratio / mean[1];
        return 1.0 - ratio;
    default:
        slope[0] = scale;
        return scale * mean[0];
    }
}

/* Estimate e and its error: that of a smooth function of ratios of sums over independent
 * batches. Weighted, unless it is a share of the samples. */
static void estimate(const kr_sampler *s, const kr_target *target, int32_t e, double *result)
{
    const kr_derived *derived = s->estimate_from[e].derived;
    const int32_t slot[2] = { derived ? s->estimate_from[e].column : e, e };
    const int64_t n = n_sample_blocks(s);
    double top = -INFINITY, sum_w = 0.0, sum_x[2] = { 0.0, 0.0 }, mean[2], square = 0.0;
    double value = NAN, slope[2];
    for (int64_t b = 0; b < n; b++) {
        top = fmax(top, top_of(s->certificate_log_w + b * LANES));
    }
    for (int pass = 0; pass < 2; pass++) {
        for (int k = 0; k < 2; k++) {
            mean[k] = sum_x[k] / sum_w;
        }
        value = kr_certificate_derived(derived, target, mean, slope);
        for (int64_t b = 0; b < n; b++) {
            const double *log_w = s->certificate_log_w + b * LANES;
            const double scale = e < s->first_drawn ? exp(top_of(log_w) - top) : 1.0;
            double w = 0.0, influence = 0.0;
            for (int32_t l = 0; l < LANES; l++) {
                w += e < s->first_drawn ? exp(log_w[l] - top) : 1.0;
            }
            for (int k = 0; k < 2; k++) {
                const double x = scale * s->certificate_sum[b * s->n_estimates + slot[k]];
                influence += slope[k] * (x - mean[k] * w);
                sum_x[k] += pass ? 0.0 : x;
            }
            sum_w += pass ? 0.0 : w;
            square += pass ? influence * influence : 0.0;
        }
    }
    result[0] = value;
    result[1] = n > 1 ? sqrt(square * (double)n / (double)(n - 1)) / sum_w : NAN;
}

/* The part of the certificate that is about steps. */
static void conclude_doubt(const kr_sampler *sampler, const kr_density *density,
                           kr_certificate *c)
{
    const kr_flow *flow = density->plug->flow;
    double n = 0.0, sum = 0.0, square = 0.0, most = 0.0, top[2] = { -INFINITY, -INFINITY };
    double w[2] = { 0.0, 0.0 }, w2[2] = { 0.0, 0.0 };
    c->steps = c->doubt_mean = c->doubt_sd = c->doubt_max = c->doubt_log_z = c->doubt_ess = NAN;
    if (!flow || !flow->doubt) {
        return;
    }
    for (int pass = 0; pass < 2; pass++) {
        for (int64_t b = 0; b < n_sample_blocks(sampler); b += DOUBT_EVERY) {
            for (int64_t k = b * LANES; k < (b + 1) * LANES; k++) {
                const double off = sampler->certificate_doubt[k];
                const double mean = sum / n; /* of the first pass */
                for (int j = 0; j < 2; j++) {
                    const double log_w = sampler->certificate_log_w[k] + (j ? off : 0.0);
                    const double x = pass ? exp(log_w - top[j]) : 0.0;
                    top[j] = pass ? top[j] : fmax(top[j], log_w);
                    w[j] += x;
                    w2[j] += x * x;
                }
                square += pass ? (off - mean) * (off - mean) : 0.0;
                sum += pass ? 0.0 : off;
                n += pass ? 0.0 : 1.0;
                most = fabs(off) <= most ? most : fabs(off); /* NaN counts */
            }
        }
    }
    c->steps = flow->n_steps(density->self);
    c->doubt_mean = sum / n;
    c->doubt_sd = sqrt(square / (n - 1.0));
    c->doubt_max = most;
    c->doubt_log_z = top[1] + log(w[1]) - top[0] - log(w[0]);
    c->doubt_ess = (w[1] * w[1] / w2[1] - w[0] * w[0] / w2[0]) / n;
}

static int conclude(kr_sampler *sampler, int32_t p, int32_t d, kr_error *err)
{
    int64_t n = n_sample_blocks(sampler) * LANES;
    kr_point *point = &sampler->point[p];
    if (point->trainer[d].tail) {
        return kr_certificate_block_conclude(sampler, p, d, n / LANES, err);
    }
    kr_weights_summary summary;
    kr_weights_spectrum spectrum;
    kr_weights_summarize(sampler->certificate_log_w, n, &summary);
    if (!isfinite(summary.log_mean)) {
        return kr_fail(err, KR_ESANITY,
                       "density %s: log Z of the certificate is %g, want a finite number",
                       sampler->config.density[d].name, summary.log_mean);
    }
    for (int32_t e = 0; e < sampler->n_estimates; e++) {
        estimate(sampler, point->target, e,
                 point->estimate + 2 * (d * sampler->n_estimates + e));
    }
    kr_weights_analyze(sampler->certificate_log_w, n, &spectrum);
    point->certificate[d] = (kr_certificate){ .ess_q = summary.ess,
                                              .log_z = summary.log_mean,
                                              .log_z_error = summary.log_mean_error,
                                              .max_share = summary.max_share,
                                              .n = (double)summary.n,
                                              .mean_log_w = summary.mean_log,
                                              .mean_log_w_error = summary.mean_log_error,
                                              .bridge = summary.bridge,
                                              .bridge_error = summary.bridge_error,
                                              .tail_index = spectrum.tail_index,
                                              .acceptance = spectrum.acceptance,
                                              .tau_int = spectrum.tau_int,
                                              .holding = spectrum.holding,
                                              .block_sites = NAN,
                                              .divergence = NAN,
                                              .divergence_error = NAN,
                                              .inverse = summary.inverse,
                                              .inverse_square = summary.inverse_square };
    conclude_doubt(sampler, &point->density[d], &point->certificate[d]);
    return KR_OK;
}

int kr_certificate_advance(kr_sampler *sampler, bool *is_done, kr_error *err)
{
    const kr_sampler_config *config = &sampler->config;
    int64_t n_blocks = n_sample_blocks(sampler);
    int64_t job = sampler->stage_step / n_blocks; /* density-major over points */
    int64_t first = sampler->stage_step % n_blocks;
    int64_t n =
        n_blocks - first < KR_CERTIFICATE_SLICE ? n_blocks - first : KR_CERTIFICATE_SLICE;
    int32_t p = (int32_t)(job % config->n_points), d = (int32_t)(job / config->n_points);
    double cpu = 0.0;
    kr_certificate_block_open(sampler, p, d);
#pragma omp parallel num_threads(config->n_threads) reduction(+ : cpu)
    {
#ifdef _OPENMP
        int thread = omp_get_thread_num();
#else
        int thread = 0;
#endif
#pragma omp for schedule(dynamic, 1)
        for (int64_t b = first; b < first + n; b++) {
            double start = kr_clock_thread();
            sample_block(sampler, p, d, b, sampler->certificate_block[thread],
                         sampler->scratch[thread]);
            cpu += kr_clock_thread() - start;
        }
    }
    sampler->cpu_certificate += cpu;
    sampler->stage_step += n;
    if (first + n == n_blocks) {
        KR_TRY(conclude(sampler, p, d, err));
    }
    *is_done = sampler->stage_step == n_blocks * config->n_points * config->n_densities;
    return KR_OK;
}
