/* SPDX-License-Identifier: GPL-3.0-or-later
 * sampler/certificate.c - independent samples of a frozen density: ESS_q, log Z, largest
 * weight.
 *
 * w = exp(-beta H)/q on samples of q: log Z = log <w>, ESS_q = <w>^2/<w^2>. Small samples
 * flatter (rare configurations with huge weights are not seen), hence the declared number of at
 * least 65 536. Streams are keyed by (epoch, density, point, block), so a restart repeats them.
 */
#include "model/terms.h"
#include "sampler/private.h"
#include "stats/stats.h"

#include <math.h>
#ifdef _OPENMP
#include <omp.h>
#endif

enum { LANES = KR_LANES_MAX };

static int64_t n_sample_blocks(const kr_sampler *sampler)
{
    return (sampler->config.training.certificate + LANES - 1) / LANES;
}

static void sample_block(const kr_sampler *sampler, int32_t p, int32_t d, int64_t b,
                         void *scratch)
{
    const kr_point *point = &sampler->point[p];
    const kr_density *density = &point->density[d];
    const kr_terms *terms = point->target->terms;
    uint8_t *state = scratch;
    size_t state_bytes = (size_t)LANES * (size_t)terms->n_sites;
    double log_q[LANES];
    kr_rng rng;
    uint64_t key =
        ((uint64_t)sampler->epoch * (uint64_t)sampler->config.n_densities + (uint64_t)d) *
            (uint64_t)sampler->config.n_points +
        (uint64_t)p;
    kr_rng_seed(&rng, sampler->config.seed, key << 32 | (uint64_t)b, KR_PURPOSE_CERTIFICATE);
    density->plug->sample_tail(density->self, 0, LANES, state, log_q, &rng,
                               (char *)scratch + state_bytes);
    for (int32_t l = 0; l < LANES; l++) {
        sampler->certificate_log_w[b * LANES + l] =
            -point->target->beta * kr_terms_energy(terms, state + l, LANES) - log_q[l];
    }
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
#pragma omp parallel num_threads(config->n_threads) reduction(+ : cpu)
    {
#ifdef _OPENMP
        void *scratch = sampler->scratch[omp_get_thread_num()];
#else
        void *scratch = sampler->scratch[0];
#endif
#pragma omp for schedule(dynamic, 1)
        for (int64_t b = first; b < first + n; b++) {
            double start = kr_clock_thread();
            sample_block(sampler, p, d, b, scratch);
            cpu += kr_clock_thread() - start;
        }
    }
    sampler->cpu_certificate += cpu;
    sampler->stage_step += n;
    if (first + n == n_blocks) {
        kr_weights_summary summary;
        kr_weights_summarize(sampler->certificate_log_w, n_blocks * LANES, &summary);
        if (!isfinite(summary.log_mean)) {
            return kr_fail(err, KR_ESANITY,
                           "density %s: log Z of the certificate is %g, want a finite number",
                           config->density[d].name, summary.log_mean);
        }
        sampler->point[p].certificate[d] =
            (kr_certificate){ summary.ess, summary.log_mean, summary.log_mean_error,
                              summary.max_share, (double)summary.n };
    }
    *is_done = sampler->stage_step == n_blocks * config->n_points * config->n_densities;
    return KR_OK;
}
