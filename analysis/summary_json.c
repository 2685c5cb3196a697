/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/summary_json.c - the summary as one JSON object (analysis/README.md lists it). With
 * several points an entry is a list of objects that also hold the scanned parameters. */
#include "analysis/json.h"
#include "analysis/summary.h"

#include <math.h>
#include <string.h>

/* Opens the object of one point; a scan names its parameters first. */
static void open_point(kr_json *j, const kr_summary *s, int64_t p)
{
    kr_json_open(j, '{');
    for (int k = 0; s->n_points > 1 && k < s->points.n_params; k++) {
        kr_json_field(j, s->points.name[k], s->points.value[k * s->n_points + p]);
    }
}

/* key: {one point} or [{point}, ...]; item(j, s, k, p) writes the fields. */
static void write_points(kr_json *j, const kr_summary *s, const char *key, int k,
                         void (*item)(kr_json *, const kr_summary *, int, int64_t))
{
    kr_json_key(j, key);
    if (s->n_points > 1) {
        kr_json_open(j, '[');
    }
    for (int64_t p = 0; p < s->n_points; p++) {
        open_point(j, s, p);
        item(j, s, k, p);
        kr_json_close(j, '}');
    }
    if (s->n_points > 1) {
        kr_json_close(j, ']');
    }
}

/* R-hat, or why there is none. */
static void write_ranks(kr_json *j, const kr_quantity *q)
{
    const kr_estimate *e = &q->estimate;
    const char *why = q->is_derived     ? NULL
                      : isinf(e->r_hat) ? "stuck"
                      : e->is_constant  ? "constant"
                      : isnan(e->r_hat) ? "too few draws"
                                        : NULL;
    kr_json_field(j, "ess_bulk", e->ess_bulk);
    kr_json_field(j, "ess_tail", e->ess_tail);
    kr_json_field(j, "r_hat", e->r_hat);
    kr_json_key(j, "r_hat_note");
    if (why) {
        kr_json_text(j, why);
    } else {
        kr_json_number(j, NAN);
    }
}

static void write_quantity(kr_json *j, const kr_summary *s, int k, int64_t p)
{
    const kr_quantity *q = &s->quantity[k * s->n_points + p];
    kr_json_key(j, "unit");
    kr_json_text(j, q->unit);
    kr_json_field(j, "mean", q->estimate.mean);
    kr_json_field(j, "error", q->estimate.error);
    kr_json_field(j, "tau_int", q->estimate.tau_int);
    kr_json_field(j, "tau_int_error", q->estimate.tau_int_error);
    kr_json_field(j, "ess", q->estimate.is_constant ? NAN : q->estimate.ess);
    write_ranks(j, q);
    kr_json_field(j, "exact", q->exact);
    kr_json_field(j, "z", q->z);
    kr_json_key(j, "is_derived");
    kr_json_bool(j, q->is_derived);
    kr_json_key(j, "is_constant");
    kr_json_bool(j, q->estimate.is_constant);
}

static void write_mean(kr_json *j, const kr_mean_row *row)
{
    const kr_estimate *e = &row->quantity.estimate;
    kr_json_key(j, row->quantity.name);
    kr_json_open(j, '{');
    kr_json_field(j, row->is_phase ? "probability" : "mean", e->mean);
    kr_json_field(j, "error", e->error);
    kr_json_field(j, "tau_int", e->tau_int);
    kr_json_field(j, "tau_int_error", e->tau_int_error);
    kr_json_field(j, "ess", e->is_constant ? NAN : e->ess);
    kr_json_field(j, "r_hat", e->r_hat);
    kr_json_field(j, "exact", row->quantity.exact);
    kr_json_field(j, "z", row->quantity.z);
    if (!row->is_phase) {
        kr_json_field(j, "gain", row->gain);
    }
    kr_json_close(j, '}');
}

/* What an update gave beside the states; null: nothing. */
static void write_means(kr_json *j, const kr_summary *s, const char *update, int64_t p)
{
    bool has_any = false;
    for (int k = 0; k < s->n_means; k++) {
        has_any = has_any || strcmp(s->mean[k * s->n_points].update, update) == 0;
    }
    kr_json_key(j, "rao_blackwell");
    if (!has_any) {
        kr_json_number(j, NAN);
        return;
    }
    kr_json_open(j, '{');
    for (int is_phase = 0; is_phase < 2; is_phase++) {
        kr_json_key(j, is_phase ? "phases" : "observables");
        kr_json_open(j, '{');
        for (int k = 0; k < s->n_means; k++) {
            const kr_mean_row *row = &s->mean[k * s->n_points + p];
            if (row->is_phase == (is_phase == 1) && strcmp(row->update, update) == 0) {
                write_mean(j, row);
            }
        }
        kr_json_close(j, '}');
    }
    kr_json_close(j, '}');
}

static void write_update(kr_json *j, const kr_summary *s, int k, int64_t p)
{
    const kr_update_row *u = &s->update[k * s->n_points + p];
    kr_json_key(j, "engine");
    if (u->engine[0]) {
        kr_json_text(j, u->engine);
    } else {
        kr_json_number(j, NAN);
    }
    kr_json_field(j, "acceptance", u->accepted / u->attempted);
    kr_json_field(j, "attempted", u->attempted);
    kr_json_field(j, "accepted", u->accepted);
    kr_json_field(j, "changed", u->changed);
    kr_json_field(j, "step", u->step);
    kr_json_field(j, "cpu_s", s->n_points > 1 ? NAN : u->cpu_s);
    write_means(j, s, u->name, p);
}

/* Means or phases of density d from its samples alone. */
static void write_importance(kr_json *j, const kr_summary *s, int d, int64_t p, bool is_phase)
{
    kr_json_key(j, is_phase ? "phases" : "observables");
    kr_json_open(j, '{');
    for (int k = 0; k < s->n_importance; k++) {
        const kr_importance *i = &s->importance[k * s->n_points + p];
        if (i->density == d && i->is_phase == is_phase) {
            kr_json_key(j, i->name);
            kr_json_open(j, '{');
            kr_json_field(j, is_phase ? "probability" : "mean", i->mean);
            kr_json_field(j, "error", i->error);
            kr_json_field(j, "z", i->z);
            if (is_phase) {
                kr_json_field(j, "drawn", i->drawn);
            }
            kr_json_close(j, '}');
        }
    }
    kr_json_close(j, '}');
}

static void write_density(kr_json *j, const kr_summary *s, int k, int64_t p)
{
    const kr_density_row *d = &s->density[k * s->n_points + p];
    kr_json_field(j, "ess_q", d->ess_q);
    kr_json_field(j, "ess_p", d->ess_p);
    kr_json_field(j, "log_z", d->log_z_q);
    kr_json_field(j, "log_z_error", d->log_z_q_error);
    kr_json_field(j, "log_z_p", d->log_z_p);
    kr_json_field(j, "log_z_p_error", d->log_z_p_error);
    kr_json_key(j, "log_z_p_is_bound");
    kr_json_bool(j, d->is_bound);
    kr_json_field(j, "log_z_gap", d->gap);
    kr_json_field(j, "exact_log_z", d->exact_log_z);
    kr_json_field(j, "z", d->z);
    kr_json_field(j, "max_weight", d->max_share);
    kr_json_field(j, "n_q", d->n_q);
    kr_json_field(j, "longest_rejection_run", d->longest_rejection_run);
    kr_json_key(j, "longest_rejection_run_is_lower_bound");
    kr_json_bool(j, d->is_lower_bound);
    kr_json_field(j, "log_z_lower", d->lower);
    kr_json_field(j, "log_z_lower_error", d->lower_error);
    kr_json_field(j, "log_z_upper", d->upper);
    kr_json_field(j, "log_z_upper_error", d->upper_error);
    kr_json_field(j, "tail_index", d->tail_index);
    kr_json_field(j, "acceptance", d->acceptance);
    kr_json_field(j, "acceptance_predicted", d->acceptance_q);
    kr_json_field(j, "tau_int_predicted", d->tau_int_q);
    kr_json_field(j, "holding_predicted", d->holding_q);
    kr_json_field(j, "block_sites", d->block_sites);
    kr_json_field(j, "divergence", d->divergence);
    kr_json_field(j, "divergence_error", d->divergence_error);
    kr_json_field(j, "steps", d->steps);
    kr_json_field(j, "doubt_mean", d->doubt_mean);
    kr_json_field(j, "doubt_sd", d->doubt_sd);
    kr_json_field(j, "doubt_max", d->doubt_max);
    kr_json_field(j, "doubt_log_z", d->doubt_log_z);
    kr_json_field(j, "doubt_ess", d->doubt_ess);
    write_importance(j, s, k, p, false);
    write_importance(j, s, k, p, true);
}

static void write_slot(kr_json *j, const kr_summary *s, int unused, int64_t p)
{
    (void)unused;
    const kr_exchange_row *row = &s->exchange[p];
    kr_json_field(j, "ladder", row->ladder);
    kr_json_field(j, "slot", row->slot);
    kr_json_field(j, "acceptance", row->acceptance);
    kr_json_field(j, "from_cold", row->from_cold);
    kr_json_field(j, "round_trips", row->round_trips);
    kr_json_field(j, "round_trips_per_1000_steps",
                  kr_summary_trips_rate(s, row->round_trips, 1.0));
}

static void write_tempering(kr_json *j, const kr_summary *s)
{
    kr_json_key(j, "tempering");
    if (!s->exchange) {
        kr_json_number(j, NAN); /* null: no replica exchange */
        return;
    }
    kr_json_open(j, '{');
    kr_json_field(j, "every", s->exchange_every);
    kr_json_field(j, "ladders", (double)s->n_ladders);
    kr_json_field(j, "round_trips", s->round_trips);
    kr_json_field(j, "round_trips_per_1000_steps",
                  kr_summary_trips_rate(s, s->round_trips, (double)s->n_ladders));
    write_points(j, s, "slots", 0, write_slot);
    kr_json_close(j, '}');
}

/* One CPU total for all points: a rate is known for a single point only. */
static void write_residence(kr_json *j, const kr_summary *s, int unused, int64_t p)
{
    (void)unused;
    const kr_residence *r = &s->residence[p];
    kr_json_key(j, "phases");
    kr_json_open(j, '{');
    for (int k = 0; k < s->n_phases; k++) {
        const kr_quantity *q = &s->phase[k * s->n_points + p];
        kr_json_key(j, q->name);
        kr_json_open(j, '{');
        kr_json_field(j, "probability", q->estimate.mean);
        kr_json_field(j, "error", q->estimate.error);
        kr_json_field(j, "tau_int", q->estimate.tau_int);
        kr_json_field(j, "ess", q->estimate.ess);
        kr_json_field(j, "r_hat", q->estimate.r_hat);
        double error, free_energy = kr_residence_free_energy(s, k, p, &error);
        kr_json_field(j, "beta_free_energy", free_energy);
        kr_json_field(j, "beta_free_energy_error", error);
        kr_json_close(j, '}');
    }
    kr_json_close(j, '}');
    kr_json_field(j, "switches", r->n_switches);
    kr_json_field(j, "switches_per_cpu_s",
                  s->n_points > 1 ? NAN : r->n_switches / s->cost.sample_cpu_s);
    kr_json_field(j, "mean_dwell_steps", r->mean_dwell_steps);
    kr_json_field(j, "chains_visiting_all", (double)r->n_visiting_all);
}

static void write_reweighted(kr_json *j, const kr_summary *s, const kr_reweighted *r)
{
    kr_json_open(j, '{');
    kr_json_field(j, "beta", r->beta);
    kr_json_field(j, "log_z", r->log_z);
    kr_json_field(j, "log_z_error", r->log_z_error);
    kr_json_field(j, "energy_per_site", r->energy);
    kr_json_field(j, "energy_per_site_error", r->energy_error);
    kr_json_field(j, "specific_heat", r->heat);
    kr_json_field(j, "specific_heat_error", r->heat_error);
    kr_json_field(j, "ess_w", r->ess);
    kr_json_field(j, "max_weight", r->max_share);
    kr_json_key(j, "phases");
    kr_json_open(j, '{');
    for (int k = 0; k < s->n_phases && k < KR_PHASES_MAX; k++) {
        kr_json_key(j, s->phase[k].name);
        kr_json_open(j, '{');
        kr_json_field(j, "probability", r->phase[k]);
        kr_json_field(j, "error", r->phase_error[k]);
        kr_json_close(j, '}');
    }
    kr_json_close(j, '}');
    kr_json_close(j, '}');
}

static void write_bins(kr_json *j, const char *key, const double *x, int64_t n, int64_t stride)
{
    kr_json_key(j, key);
    kr_json_open(j, '[');
    for (int64_t b = 0; b < n; b++) {
        kr_json_number(j, x[b * stride]);
    }
    kr_json_close(j, ']');
}

static void write_histogram(kr_json *j, const kr_summary *s, int k, int64_t p)
{
    const kr_histogram *h = &s->histogram[k];
    kr_json_field(j, "from", h->from);
    kr_json_field(j, "to", h->to);
    kr_json_field(j, "below", h->below[p]);
    kr_json_field(j, "above", h->above[p]);
    write_bins(j, "center", h->center, h->n_bins, 1);
    write_bins(j, "probability", h->probability + p, h->n_bins, s->n_points);
    write_bins(j, "error", h->error + p, h->n_bins, s->n_points);
}

static void write_flat(kr_json *j, const kr_summary *s)
{
    const kr_flat_summary *f = s->flat;
    kr_json_key(j, "multicanonical");
    if (!f) {
        kr_json_number(j, NAN); /* null: canonical */
        return;
    }
    kr_json_open(j, '{');
    kr_json_field(j, "energy_low", f->energy_low);
    kr_json_field(j, "energy_high", f->energy_high);
    kr_json_field(j, "round_trips", (double)f->n_trips);
    kr_json_field(j, "round_trips_least", (double)f->least_trips);
    kr_json_field(j, "round_trips_most", (double)f->most_trips);
    kr_json_field(j, "chains_with_round_trip", (double)f->n_chains_with_trip);
    kr_json_field(j, "learning_slices", f->learning_slices);
    kr_json_field(j, "learning_flatness", f->learning_flatness);
    kr_json_key(j, "learning_is_flat");
    kr_json_bool(j, f->is_flat);
    kr_json_field(j, "barrier", f->barrier.height);
    kr_json_field(j, "barrier_error", f->barrier.height_error);
    kr_json_field(j, "barrier_beta", f->barrier.beta);
    kr_json_field(j, "barrier_beta_error", f->barrier.beta_error);
    kr_json_key(j, "reweighted");
    kr_json_open(j, '[');
    for (int k = 0; k < f->n_betas; k++) {
        write_reweighted(j, s, &f->at[k]);
    }
    kr_json_close(j, ']');
    kr_json_close(j, '}');
}

static void write_annealing_row(kr_json *j, const kr_summary *s, int unused, int64_t p)
{
    (void)unused;
    const kr_annealing_row *row = &s->annealing->row[p];
    kr_json_field(j, "log_z", row->log_z);
    kr_json_field(j, "log_z_error", row->log_z_error);
    kr_json_field(j, "exact_log_z", row->exact_log_z);
    kr_json_field(j, "z", row->z);
    kr_json_field(j, "log_z_variance", row->variance);
    kr_json_field(j, "ess_runs", row->ess);
    kr_json_field(j, "max_weight", row->max_share);
    kr_json_field(j, "families", row->families);
    kr_json_field(j, "families_least", row->families_least);
    kr_json_field(j, "rho_t", row->rho_t);
    kr_json_field(j, "rho_t_most", row->rho_t_most);
}

static void write_annealing(kr_json *j, const kr_summary *s)
{
    kr_json_key(j, "population_annealing");
    if (!s->annealing) {
        kr_json_number(j, NAN); /* null: off */
        return;
    }
    kr_json_open(j, '{');
    kr_json_field(j, "runs", (double)s->n_draws);
    kr_json_field(j, "population", (double)s->n_chains);
    kr_json_field(j, "beta_from", s->annealing->beta_from);
    kr_json_key(j, "log_z_is_absolute");
    kr_json_bool(j, !isnan(s->annealing->log_states));
    write_points(j, s, "temperatures", 0, write_annealing_row);
    kr_json_close(j, '}');
}

/* log Z of the model by all means that the run has. */
static void write_path(kr_json *j, const kr_summary *s)
{
    const kr_path_summary *path = s->path_of;
    kr_json_key(j, "path");
    if (!path) {
        kr_json_number(j, NAN); /* null: off */
        return;
    }
    const kr_annealing_row *row = s->annealing ? s->annealing->row : NULL;
    for (int64_t p = 1; row && p < s->n_points; p++) {
        row = s->annealing->row[p].beta > row->beta ? &s->annealing->row[p] : row;
    }
    kr_json_open(j, '{');
    kr_json_field(j, "log_z", row ? row->log_z : path->log_z.estimate.mean);
    kr_json_field(j, "log_z_error", row ? row->log_z_error : path->log_z.estimate.error);
    kr_json_field(j, "log_z_integral", row ? NAN : path->integral.estimate.mean);
    kr_json_field(j, "log_z_integral_error", row ? NAN : path->integral.estimate.error);
    kr_json_field(j, "quadrature_error", path->quadrature);
    kr_json_field(j, "exact_log_z", row ? row->exact_log_z : path->log_z.exact);
    kr_json_field(j, "log_z_start", path->log_z_0);
    kr_json_field(j, "least_overlap", path->least_share);
    kr_json_close(j, '}');
}

static void write_head(kr_json *j, const kr_summary *s)
{
    const char *const key[] = { "file", "title", "run_id", "kramers_version" };
    const char *const text[] = { s->path, s->title, s->run_id, s->version };
    for (int k = 0; k < 4; k++) {
        kr_json_key(j, key[k]);
        if (text[k][0]) {
            kr_json_text(j, text[k]);
        } else {
            kr_json_number(j, NAN); /* null */
        }
    }
    kr_json_field(j, "chains", (double)s->n_chains);
    kr_json_field(j, "draws", (double)s->n_draws);
    kr_json_field(j, "points", (double)s->n_points);
    kr_json_field(j, "steps_per_draw", s->every);
    kr_json_field(j, "n_sites", s->n_sites);
    kr_json_field(j, "chains_coupled", (double)s->chains_coupled);
    kr_json_key(j, "training_while_measuring");
    kr_json_text(j, s->while_measuring[0] ? s->while_measuring : "none");
}

static void write_stop(kr_json *j, const kr_summary *s)
{
    kr_json_key(j, "stop");
    if (!s->stop[0]) {
        kr_json_number(j, NAN); /* null: no target error */
        return;
    }
    kr_json_open(j, '{');
    kr_json_key(j, "reached");
    kr_json_bool(j, s->stop_reached == 1.0);
    kr_json_key(j, "observable");
    kr_json_text(j, s->stop_observable);
    kr_json_field(j, "error", s->stop_error);
    kr_json_field(j, "wanted", s->stop_wanted);
    kr_json_key(j, "text");
    kr_json_text(j, s->stop);
    kr_json_close(j, '}');
}

static void write_cost(kr_json *j, const kr_summary *s)
{
    kr_json_key(j, "cost");
    kr_json_open(j, '{');
    kr_json_field(j, "train_cpu_s", s->cost.train_cpu_s);
    kr_json_field(j, "sample_cpu_s", s->cost.sample_cpu_s);
    kr_json_field(j, "certificate_cpu_s", s->cost.certificate_cpu_s);
    kr_json_field(j, "pilot_cpu_s", s->cost.pilot_cpu_s);
    kr_json_field(j, "wall_s", s->cost.wall_s);
    kr_json_field(j, "threads", s->cost.threads);
    kr_json_key(j, "updates_cpu_s");
    kr_json_open(j, '{');
    for (int k = 0; k < s->n_updates; k++) {
        kr_json_field(j, s->update[k * s->n_points].name, s->update[k * s->n_points].cpu_s);
    }
    kr_json_close(j, '}');
    kr_json_close(j, '}');
}

static void write_messages(kr_json *j, const char *key, const kr_messages *list)
{
    kr_json_key(j, key);
    kr_json_open(j, '[');
    for (int k = 0; k < list->n; k++) {
        kr_json_text(j, list->text[k]);
    }
    kr_json_close(j, ']');
}

void kr_summary_print_json(const kr_summary *s, FILE *out)
{
    kr_json json = { .out = out }, *j = &json;
    kr_json_open(j, '{');
    write_head(j, s);
    write_stop(j, s);
    kr_json_key(j, "observables");
    kr_json_open(j, '{');
    for (int k = 0; k < s->n_quantities; k++) {
        write_points(j, s, s->quantity[k * s->n_points].name, k, write_quantity);
    }
    kr_json_close(j, '}');
    kr_json_key(j, "updates");
    kr_json_open(j, '{');
    for (int k = 0; k < s->n_updates; k++) {
        write_points(j, s, s->update[k * s->n_points].name, k, write_update);
    }
    kr_json_close(j, '}');
    kr_json_key(j, "densities");
    kr_json_open(j, '{');
    for (int k = 0; k < s->n_densities; k++) {
        write_points(j, s, s->density[k * s->n_points].name, k, write_density);
    }
    kr_json_close(j, '}');
    if (s->n_phases > 0) {
        write_points(j, s, "residence", 0, write_residence);
    } else {
        kr_json_key(j, "residence");
        kr_json_number(j, NAN); /* null: no phases known */
    }
    write_tempering(j, s);
    kr_json_key(j, "histograms");
    kr_json_open(j, '{');
    for (int k = 0; k < s->n_histograms; k++) {
        write_points(j, s, s->histogram[k].name, k, write_histogram);
    }
    kr_json_close(j, '}');
    kr_summary_samples_json(s, j);
    write_flat(j, s);
    write_annealing(j, s);
    write_path(j, s);
    write_cost(j, s);
    kr_json_key(j, "verdict");
    kr_json_open(j, '{');
    kr_json_key(j, "converged");
    kr_json_bool(j, s->is_converged);
    write_messages(j, "reasons", &s->reasons);
    write_messages(j, "warnings", &s->warnings);
    kr_json_close(j, '}');
    kr_json_close(j, '}');
}
