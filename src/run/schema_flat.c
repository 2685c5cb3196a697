/* SPDX-License-Identifier: GPL-3.0-or-later
 * run/schema_flat.c - the group density_of_states of a multicanonical run. */
#include "run/schema.h"

#include "base/memory.h"
#include "model/flat.h"
#include "stats/stats.h"

#include <math.h>

static const char group[] = "density_of_states";

enum { LOG_G, LOG_G_ERROR, LOG_W, VISITS, BLOCK_VISITS, N };

static double mean_energy(const kr_schema *s) /* per site, at beta = 0 */
{
    const kr_terms *terms = s->spec->target[0].terms;
    kr_flat_span span;
    kr_flat_measure(terms, &span);
    return span.mean / terms->n_sites;
}

/* log of the number of states when the table holds the mean energy at beta = 0, else NaN: the
 * sum over the table then says nothing of all states. */
static double log_states(const kr_schema *s)
{
    const kr_terms *terms = s->spec->target[0].terms;
    const kr_flat_params *flat = &s->spec->config.flat;
    double mean = mean_energy(s), slack = 1e-9 * (flat->to - flat->from);
    bool is_in = mean >= flat->from - slack && mean <= flat->to + slack;
    return is_in ? terms->n_sites * log((double)terms->q) : NAN;
}

int kr_schema_add_flat(kr_schema *s, kr_error *err)
{
    static const struct {
        const char *name, *dims, *unit, *doc;
    } row[N] = {
        { "log_g", "energy", "1", "log of the number of states at this energy" },
        { "log_g_error", "energy", "1", "standard error, jackknife over blocks" },
        { "log_w", "energy", "1", "log of the weight that was sampled" },
        { "visits", "energy", "1", "steps at this energy; in a bin: sum of w(bin)/w(H)" },
        { "block_visits", "block entry", "1",
          "visits in independent parts of the run; first and last entry: outside the "
          "energies" },
    };
    kr_flat_report r;
    if (!kr_sampler_flat(s->sampler, &r)) {
        return KR_OK;
    }
    const kr_flat_weights *w = r.weights;
    double *energy = kr_alloc((size_t)w->n_bins, sizeof *energy, err);
    if (!energy) {
        return KR_ENOMEM;
    }
    for (int32_t k = 0; k < w->n_bins; k++) {
        energy[k] = w->e_min + w->width * k;
    }
    int status = kr_results_dim(s->results, group, "energy", w->n_bins, energy, err);
    kr_free(energy);
    KR_TRY(status);
    KR_TRY(kr_results_dim(s->results, group, "block", r.n_groups, NULL, err));
    KR_TRY(kr_results_dim(s->results, group, "entry", w->n_bins + 2, NULL, err));
    if (s->spec->n_betas > 0) {
        KR_TRY(
            kr_results_dim(s->results, group, "betas", s->spec->n_betas, s->spec->betas, err));
    }
    for (int k = 0; k < N; k++) {
        KR_TRY(kr_results_variable(s->results, group, row[k].name, KR_F64, row[k].dims,
                                   row[k].unit, row[k].doc, &s->flat[k], err));
        s->group_of[s->flat[k]] = 0;
        s->n_variables++;
    }
    return KR_OK;
}

static int put_attributes(kr_schema *s, const kr_flat_report *r, kr_error *err)
{
    const kr_flat_weights *w = r->weights;
    const struct {
        const char *name;
        double value;
    } row[] = {
        { "log_states", log_states(s) },
        { "mean_energy", mean_energy(s) },
        { "e_min", w->e_min },
        { "width", w->width },
        { "is_level", w->is_level }, /* else log w is linear between entries */
        { "beta_low", w->beta_low }, /* log w goes on as -beta_low H below the table */
        { "beta_high", w->beta_high },
        { "energy_low", w->e_min + w->width * r->low },
        { "energy_high", w->e_min + w->width * r->high },
        { "learning_slices", (double)r->n_slices },
        { "learning_flatness", r->flatness },
        { "learning_round_trips", (double)r->slice_trips },
        { "learning_is_flat", r->is_flat },
    };
    for (size_t k = 0; k < sizeof row / sizeof *row; k++) {
        KR_TRY(kr_results_attr_real(s->results, group, "", row[k].name, row[k].value, err));
    }
    return KR_OK;
}

int kr_schema_put_flat(kr_schema *s, kr_error *err)
{
    kr_flat_report r;
    if (!kr_sampler_flat(s->sampler, &r)) {
        return KR_OK;
    }
    const kr_flat_weights *w = r.weights;
    size_t n = (size_t)w->n_bins;
    const kr_dos dos = { .n_groups = r.n_groups,
                         .n_bins = w->n_bins,
                         .e_min = w->e_min,
                         .width = w->width,
                         .log_w = w->log_w,
                         .visits = r.mass,
                         .log_states = log_states(s) };
    double *values = kr_alloc(3 * n, sizeof *values, err);
    if (!values) {
        return KR_ENOMEM;
    }
    double *error = values + n, *visits = error + n;
    int status = kr_dos_estimate(&dos, values, error, err);
    for (size_t j = 0; j < (size_t)r.n_groups; j++) {
        for (size_t k = 0; k < n; k++) {
            visits[k] += r.mass[j * (n + 2) + k + 1];
        }
    }
    const double *const data[N] = { values, error, w->log_w, visits, r.mass };
    for (int k = 0; k < N && status == KR_OK; k++) {
        status = kr_results_put(s->results, s->flat[k], data[k], err);
    }
    kr_free(values);
    return status == KR_OK ? put_attributes(s, &r, err) : status;
}
