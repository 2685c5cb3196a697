/* SPDX-License-Identifier: GPL-3.0-or-later
 * study/compare_scan.c - local moves from beta = 0 to the target: where they are fast, and how
 * far apart temperatures may stand.
 *
 * Replica exchange has to begin where single chains forget within a few sweeps. Neighbors whose
 * energies are Gaussian with deviation s exchange with probability erfc(d/2), d = s times the
 * difference of beta (Kofke, J. Chem. Phys. 117, 6911 (2002), with equal deviations). */
#include "study/compare_private.h"

#include <math.h>
#include <string.h>

#define SCAN_STEPS      1000
#define SCAN_THERMALIZE 200
#define FAST_SWEEPS     5.0 /* tau_int that counts as fast */
#define CHAINS_MOST     64
#define REAL_FROM       0.1 /* of the target's beta, where a scan of real variables begins */

/* Far from the transition no phase is entered and a chain keeps the one it was put into: the
 * order parameter tells instead. */
static double slowest_tau(const kr_compare *study, const kr_compare_value *value)
{
    double tau = 0.0;
    for (int32_t k = 0; k < study->n_columns; k++) {
        if (value[k].is_measured && !value[k].is_constant && !study->column[k].is_phase) {
            tau = fmax(tau, value[k].is_resolved ? value[k].tau : INFINITY);
        }
    }
    return tau;
}

/* Deviation of H of one chain: independent samples have error^2 n = variance. */
static double deviation_of(const kr_compare *study, const kr_compare_value *v)
{
    return v->error * sqrt(v->n_independent) * study->spec->target[0].terms->n_sites;
}

static kr_spec *scan_spec(const kr_compare *study, kr_error *err)
{
    double beta = study->spec->target[0].beta;
    int64_t chains = study->spec->config.n_chains;
    char number[KR_NUMBER_MAX];
    kr_runfile *file = kr_compare_file(study, true, err);
    if (!file) {
        return NULL;
    }
    const bool is_real = study->spec->target[0].terms->action != NULL;
    char first[KR_NUMBER_MAX];
    if (kr_edit_set(file, err, "beta={from: %s, to: %s, count: %d}",
                    kr_number_format(is_real ? REAL_FROM * beta : 0.0, first),
                    kr_number_format(beta, number), KR_COMPARE_SCAN) != KR_OK ||
        kr_edit_set(file, err, "chains=%lld",
                    (long long)(chains < CHAINS_MOST ? chains : CHAINS_MOST)) != KR_OK ||
        kr_edit_set(file, err, "updates=[%s]",
                    is_real ? "{name: hmc, steps: 10}" : "heat_bath") != KR_OK) {
        kr_runfile_free(file);
        return NULL;
    }
    return kr_spec_alloc(file, err);
}

static int run_scan(kr_compare *study, kr_sampler *sampler, kr_compare_series *series,
                    kr_error *err)
{
    kr_compare_scan *scan = &study->scan;
    while (kr_sampler_stage(sampler) != KR_STAGE_DONE && !kr_compare_must_stop(study)) {
        KR_TRY(kr_sampler_advance(sampler, 16, err));
        if (kr_sampler_n_new(sampler) > 0 && !kr_sampler_new_is_warmup(sampler)) {
            for (int32_t k = 0; k < scan->n; k++) {
                KR_TRY(kr_compare_series_add(&series[k], sampler, err));
            }
        }
    }
    for (int32_t k = 0; k < scan->n && series[k].n_draws > 8; k++) {
        kr_compare_value value[KR_COMPARE_COLUMNS];
        KR_TRY(kr_compare_series_estimate(&series[k], value, err));
        scan->deviation[k] = deviation_of(study, &value[0]);
        scan->tau[k] = slowest_tau(study, value);
    }
    return KR_OK;
}

int kr_compare_scan_run(kr_compare *study, kr_error *err)
{
    kr_compare_series series[KR_COMPARE_SCAN] = { 0 };
    kr_compare_scan *scan = &study->scan;
    double begun = kr_edit_clock();
    kr_spec *spec = scan_spec(study, err);
    if (!spec) {
        return err && err->status ? err->status : KR_ENOMEM;
    }
    kr_sampler_config config = spec->config;
    config.every = 1;
    config.thermalize = SCAN_THERMALIZE;
    config.measure = SCAN_STEPS;
    config.n_threads = study->options->n_threads;
    kr_sampler *sampler = kr_spec_sampler(spec, &config, err);
    int status = sampler ? KR_OK : err && err->status ? err->status : KR_ENOMEM;
    scan->n = config.n_points;
    for (int32_t k = 0; k < scan->n && status == KR_OK; k++) {
        scan->beta[k] = config.target[k].beta;
        scan->tau[k] = INFINITY;
        status = kr_compare_series_init(&series[k], study, sampler, &config, k, 1, err);
    }
    status = status == KR_OK ? run_scan(study, sampler, series, err) : status;
    for (int32_t k = 0; k < scan->n; k++) {
        kr_compare_series_clear(&series[k]);
    }
    kr_sampler_free(sampler);
    kr_spec_free(spec);
    scan->cpu_s = kr_edit_clock() - begun;
    return status;
}

int32_t kr_compare_scan_hot(const kr_compare_scan *scan)
{
    int32_t hot = 0;
    while (hot + 1 < scan->n && scan->tau[hot + 1] <= FAST_SWEEPS) {
        hot++;
    }
    return hot;
}

/* ---- ladders ---------------------------------------------------------------------------- */

/* Integral of the deviation, linear between the points, from the first point to beta. */
static double length_to(const double *at, const double *deviation, int32_t n, double beta)
{
    double sum = 0.0;
    for (int32_t k = 0; k + 1 < n && at[k] < beta; k++) {
        double width = at[k + 1] - at[k], part = fmin((beta - at[k]) / width, 1.0);
        double end = deviation[k] + part * (deviation[k + 1] - deviation[k]);
        sum += 0.5 * (deviation[k] + end) * part * width;
    }
    return sum;
}

int32_t kr_compare_ladder(const double *at, const double *deviation, int32_t n, double from,
                          double to, double step, double *beta, int32_t most)
{
    double begin = length_to(at, deviation, n, from), end = length_to(at, deviation, n, to);
    double steps = ceil((end - begin) / step);
    int32_t count = !(steps > 1.0) ? 2 : steps + 1.0 > most ? most : (int32_t)steps + 1;
    beta[0] = from;
    beta[count - 1] = to;
    for (int32_t k = 1; k + 1 < count; k++) {
        double want = begin + (end - begin) * k / (count - 1), low = from, high = to;
        for (int i = 0; i < 60; i++) {
            double middle = 0.5 * (low + high);
            if (length_to(at, deviation, n, middle) < want) {
                low = middle;
            } else {
                high = middle;
            }
        }
        beta[k] = low;
    }
    return count;
}
