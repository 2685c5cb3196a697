/* SPDX-License-Identifier: GPL-3.0-or-later
 * study/phase_data.c - measurements of a study of classifiers, and their draws as features and
 * states. */
#include "base/memory.h"
#include "io/results.h"
#include "study/phase_private.h"

#include <math.h>
#include <string.h>

#define PILOT_CHAINS 8
#define PILOT_STEPS  256
#define PILOT_MOST   65536
#define PILOT_TAUS   20.0 /* length of a pilot's chains, in tau_int */
#define SETTLE_TAUS  20.0
#define SETTLE_LEAST 100
#define STATES_MOST  4e9 /* bytes of configurations of a size */

/* ---- the plan -----------------------------------------------------------------------------
 */

/* Points within a part of the range at either end. */
static void set_window(kr_phase_study *study, int32_t w, double low, double high)
{
    const double last = study->n_points - 1;
    study->window[w][0] = 0;
    study->window[w][1] = study->n_points - 1;
    for (int32_t p = 1; p + 1 < study->n_points; p++) {
        if (p / last <= low + 1e-9) {
            study->window[w][0] = p;
        }
        if (p / last >= 1.0 - high - 1e-9 && p < study->window[w][1]) {
            study->window[w][1] = p;
        }
    }
}

int kr_phase_prepare(kr_phase_study *study, kr_error *err)
{
    const kr_study *base = &study->base;
    const double share = study->params.share;
    const kr_node *range =
        kr_node_find(base->spec->file->root, base->parameter, strlen(base->parameter));
    study->n_points = base->n_scan;
    for (int32_t p = 0; p < study->n_points; p++) {
        study->at[p] = base->low + (base->high - base->low) * p / (study->n_points - 1);
    }
    set_window(study, 0, share, share);
    set_window(study, 1, 0.5 * share, share);
    set_window(study, 2, share, 0.5 * share);
    if (study->window[1][0] == study->window[0][0] ||
        study->window[2][1] == study->window[0][1]) {
        return kr_runfile_fail(base->spec->file, range, err, KR_ERANGE,
                               "phase: %d points, of which half of a share %g at one end are "
                               "as many as all of it; "
                               "want more points, count: %d or more",
                               study->n_points, share, (int)ceil(1.0 / share) + 1);
    }
    study->n_features = base->has_ratio ? KR_PHASE_FEATURES : KR_PHASE_LEAST;
    if (study->params.filters == 0) {
        snprintf(study->note, sizeof study->note, "phase.filters is 0");
        return KR_OK;
    }
    kr_phase_net net;
    kr_error why = { 0 };
    const kr_target *target = &base->spec->target[0];
    const int status =
        kr_phase_net_init(&net, target->lattice, target->terms->q, 1, 0, 1, NULL, &why);
    study->has_net = status == KR_OK;
    snprintf(study->note, sizeof study->note, "%.250s", why.text);
    kr_phase_net_clear(&net);
    return status == KR_ENOMEM ? kr_fail(err, KR_ENOMEM, "%s", why.text) : KR_OK;
}

const char *kr_phase_feature(const kr_phase_study *study, int32_t k)
{
    static const char *const name[] = { "abs_magnetization_per_site", "magnetization_squared",
                                        "", "structure_min" };
    return k == KR_PHASE_CONJUGATE ? study->base.conjugate : name[k];
}

/* ---- measuring ----------------------------------------------------------------------------
 */

/* The largest tau_int of all points, in steps. */
static int find_tau(kr_phase_study *study, const kr_study_task *task, double *tau,
                    kr_error *err)
{
    *tau = 0.5 * (double)task->every;
    for (int32_t p = 0; p < study->n_points; p++) {
        kr_critical_draws draws;
        double slowest, fastest;
        KR_TRY(kr_critical_draws_load(&study->base, task->output, task->side, p, study->at[p],
                                      &draws, err));
        const int status = kr_critical_tau(&draws, &slowest, &fastest, err);
        kr_critical_draws_clear(&draws);
        KR_TRY(status);
        *tau = isfinite(slowest) ? fmax(*tau, slowest * (double)task->every) : *tau;
    }
    return KR_OK;
}

/* Pilots, each four times as long as the one before, until one is long enough. */
static int pilot(kr_phase_study *study, int32_t k, bool *is_finished, kr_error *err)
{
    kr_phase_size *s = &study->size[k];
    int64_t steps = PILOT_STEPS;
    for (int round = 0;; round++, steps *= 4) {
        kr_study_task task = { .side = s->side,
                               .value = study->at,
                               .n_values = study->n_points,
                               .updates = study->base.scan_updates,
                               .thermalize = steps / 2,
                               .measure = steps,
                               .every = steps / PILOT_STEPS,
                               .chains = PILOT_CHAINS,
                               .stream = 1000 * (round + 1) + s->side };
        char name[64];
        double cpu_s = 0.0;
        snprintf(name, sizeof name, "scan%d_L%04d.h5", round + 1, s->side);
        kr_study_name(&study->base, name, task.output);
        KR_TRY(kr_study_execute(&study->base, &task, true, is_finished, &cpu_s, err));
        study->pilot_cpu_s += isfinite(cpu_s) ? cpu_s : 0.0;
        if (!*is_finished) {
            return KR_OK;
        }
        KR_TRY(find_tau(study, &task, &s->tau, err));
        if ((double)steps > PILOT_TAUS * s->tau || 4 * steps > PILOT_MOST) {
            break;
        }
    }
    const double settle = ceil(SETTLE_TAUS * s->tau);
    s->thermalize = settle > SETTLE_LEAST ? (int64_t)settle : SETTLE_LEAST;
    s->every = (int64_t)ceil(s->tau);
    return KR_OK;
}

int kr_phase_measure(kr_phase_study *study, int32_t k, bool *is_finished, kr_error *err)
{
    kr_phase_size *s = &study->size[k];
    char name[64];
    double cpu_s = 0.0;
    const double bytes = s->n_sites * study->n_points * (double)study->params.chains *
                         (double)study->params.draws;
    if (study->has_net && bytes > STATES_MOST) {
        return kr_fail(err, KR_ERANGE,
                       "phase: %.3g GB of configurations of size %d, want at most %.3g: fewer "
                       "phase.draws, phase.chains or points, or phase.filters: 0",
                       1e-9 * bytes, s->side, 1e-9 * STATES_MOST);
    }
    KR_TRY(pilot(study, k, is_finished, err));
    if (!*is_finished) {
        return KR_OK;
    }
    kr_study_task task = { .side = s->side,
                           .value = study->at,
                           .n_values = study->n_points,
                           .updates = study->base.scan_updates,
                           .thermalize = s->thermalize,
                           .measure = study->params.draws * s->every,
                           .every = s->every,
                           .chains = study->params.chains,
                           .stream = 100000 + s->side,
                           .keeps_states = study->has_net };
    kr_study_say(&study->base,
                 "phase: size %d: tau_int up to %.3g steps; %lld chains of %lld draws, %lld "
                 "steps apart, at %d points\n",
                 s->side, s->tau, (long long)task.chains, (long long)study->params.draws,
                 (long long)s->every, study->n_points);
    snprintf(name, sizeof name, "L%04d.h5", s->side);
    kr_study_name(&study->base, name, task.output);
    KR_TRY(kr_study_execute(&study->base, &task, true, is_finished, &cpu_s, err));
    study->measure_cpu_s += isfinite(cpu_s) ? cpu_s : 0.0;
    return KR_OK;
}

/* ---- reading ------------------------------------------------------------------------------
 */

/* Configurations of all points, read draw by draw. */
static int load_states(kr_phase_study *study, const char *path, kr_phase_data *data,
                       kr_error *err)
{
    kr_pieces pieces = { 0 };
    const int64_t C = data->n_chains, D = data->n_draws, P = study->n_points, N = data->n_sites;
    kr_reader *reader = kr_reader_open(path, err);
    double *value = NULL;
    int status = reader ? kr_pieces_open(reader, "configurations", "state", 1, &pieces, err)
                        : err->status;
    if (status == KR_OK &&
        (pieces.n_dims != 4 || pieces.shape[0] != C || pieces.shape[1] != D ||
         pieces.shape[2] != P || pieces.shape[3] != N)) {
        status =
            kr_fail(err, KR_EUNSUP, "%s: configurations of another shape than the draws", path);
    }
    if (status == KR_OK) {
        data->state = kr_alloc((size_t)(P * C * D * N), 1, err);
        value = kr_alloc((size_t)(C * P * N), sizeof *value, err);
        status = data->state && value ? KR_OK : KR_ENOMEM;
    }
    const int32_t q = study->base.spec->target[0].terms->q;
    for (int64_t d = 0; d < D && status == KR_OK; d++) {
        status = kr_pieces_read(&pieces, d, 1, value, err);
        for (int64_t k = 0; k < C * P * N && status == KR_OK; k++) {
            const int64_t c = k / (P * N), p = k / N % P, i = k % N;
            if (!(value[k] >= 0.0 && value[k] < q)) {
                status =
                    kr_fail(err, KR_EUNSUP, "%s: state %g, want 0..%d", path, value[k], q - 1);
                break;
            }
            data->state[kr_phase_row(data, p, c, d) * N + i] = (uint8_t)value[k];
        }
    }
    kr_free(value);
    kr_pieces_close(&pieces);
    kr_reader_close(reader);
    return status;
}

static int load_point(kr_phase_study *study, kr_phase_size *s, const char *path, int32_t p,
                      kr_phase_data *data, kr_error *err)
{
    kr_critical_draws *d = &s->draws[p];
    kr_scaling_size values;
    double ess;
    kr_critical_draws_clear(d);
    KR_TRY(kr_critical_draws_load(&study->base, path, s->side, p, study->at[p], d, err));
    KR_TRY(kr_critical_evaluate(d, study->at[p], &values, &ess, err));
    s->binder[p] = values.value[KR_SCALING_BINDER];
    s->binder_error[p] = sqrt(values.covariance[KR_SCALING_BINDER][KR_SCALING_BINDER]);
    if (p == 0) {
        const size_t n = (size_t)(d->n_chains * d->n_draws * study->n_points);
        data->n_chains = d->n_chains;
        data->n_draws = d->n_draws;
        data->n_sites = (int64_t)d->n_sites;
        data->feature = kr_alloc(n * (size_t)study->n_features, sizeof *data->feature, err);
    }
    if (!data->feature) {
        return KR_ENOMEM;
    }
    for (int64_t i = 0; i < d->n_chains * d->n_draws; i++) {
        double *x = data->feature + (p * d->n_chains * d->n_draws + i) * study->n_features;
        x[KR_PHASE_ABS] = d->abs[i];
        x[KR_PHASE_SQUARE] = d->square[i];
        x[KR_PHASE_CONJUGATE] = d->x[i] / d->n_sites;
        if (study->base.has_ratio) {
            x[KR_PHASE_LEAST] = d->least[i];
        }
    }
    return KR_OK;
}

int kr_phase_load(kr_phase_study *study, int32_t k, kr_phase_data *data, kr_error *err)
{
    kr_phase_size *s = &study->size[k];
    char path[KR_STUDY_PATH], name[64];
    *data = (kr_phase_data){ 0 };
    snprintf(name, sizeof name, "L%04d.h5", s->side);
    kr_study_name(&study->base, name, path);
    for (int32_t p = 0; p < study->n_points; p++) {
        KR_TRY(load_point(study, s, path, p, data, err));
    }
    s->n_draws = data->n_chains * data->n_draws;
    return study->has_net ? load_states(study, path, data, err) : KR_OK;
}

void kr_phase_data_clear(kr_phase_data *data)
{
    kr_free(data->feature);
    kr_free(data->state);
    *data = (kr_phase_data){ 0 };
}
