/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/summary.c - reads a result file, computes the summary, writes it. */
#include "analysis/summary.h"

#include "analysis/analysis.h"
#include "base/memory.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

static double attribute(kr_reader *reader, const char *name)
{
    double value = NAN;
    return kr_reader_attr_real(reader, "posterior", "", name, &value) ? value : NAN;
}

/* Shape of the run from the first series of a group; *found tells whether it has one. */
static int read_shape_of(kr_reader *reader, const char *group, kr_summary *s, bool *found,
                         kr_error *err)
{
    const char *const *names = kr_reader_variables(reader, group);
    for (; names && *names && !*found; names++) {
        kr_series series;
        kr_error skipped = { 0 };
        int status = kr_series_open(reader, group, *names, &series, &skipped);
        if (status == KR_OK) {
            s->n_chains = series.n_chains;
            s->n_draws = series.n_draws;
            s->n_points = series.n_points;
            *found = true;
        }
        kr_series_clear(&series);
        if (status != KR_OK && status != KR_EUNSUP) {
            return kr_fail(err, status, "%s", skipped.text);
        }
    }
    return KR_OK;
}

/* A run that measured nothing but pairs shows how many chains it has in its statistics. */
static int read_shape(kr_reader *reader, kr_summary *s, kr_error *err)
{
    bool found = false;
    s->n_points = 1;
    KR_TRY(read_shape_of(reader, "posterior", s, &found, err));
    if (!found && kr_reader_variables(reader, "replica_pairs")) {
        KR_TRY(read_shape_of(reader, "sample_stats", s, &found, err));
    }
    return found ? KR_OK
                 : kr_fail(err, KR_EUNSUP,
                           "%s: no series in group posterior, want a result file", s->path);
}

/* A run that was resumed leaves its new draws in parts until it ends. */
static bool has_parts(const char *path)
{
    char part[4096];
    const int n = snprintf(part, sizeof part, "%s.parts/part-000001.h5", path);
    return n > 0 && n < (int)sizeof part && access(path, F_OK) == 0 && access(part, F_OK) == 0;
}

static double cost(kr_reader *reader, const char *name)
{
    return kr_series_constant(reader, "cost", name, 0);
}

int kr_summary_compute(kr_reader *reader, const char *path, kr_summary *s, kr_error *err)
{
    *s = (kr_summary){ .path = path };
    kr_series_text(reader, "", "", "title", s->title, sizeof s->title);
    kr_series_text(reader, "", "", "run_id", s->run_id, sizeof s->run_id);
    kr_series_text(reader, "", "", "kramers_version", s->version, sizeof s->version);
    s->every = attribute(reader, "every");
    s->has_parts = has_parts(path);
    s->n_sites = attribute(reader, "n_sites");
    s->cost = (kr_cost){ cost(reader, "sample_cpu_s"),
                         cost(reader, "train_cpu_s"),
                         cost(reader, "certificate_cpu_s"),
                         cost(reader, "pilot_cpu_s"),
                         cost(reader, "wall_s"),
                         cost(reader, "threads") };
    KR_TRY(read_shape(reader, s, err));
    s->chains_coupled = attribute(reader, "chains_coupled") == 2.0 ? 2 : 1;
    s->reach = attribute(reader, "reach");
    kr_series_text(reader, "posterior", "", "training_while_measuring", s->while_measuring,
                   sizeof s->while_measuring);
    s->turn_steps = attribute(reader, "turn_steps");
    kr_series_text(reader, "posterior", "", "stop", s->stop, sizeof s->stop);
    kr_series_text(reader, "posterior", "", "stop_observable", s->stop_observable,
                   sizeof s->stop_observable);
    s->stop_error = attribute(reader, "stop_error");
    s->stop_wanted = attribute(reader, "stop_wanted");
    s->stop_reached = attribute(reader, "stop_reached");
    KR_TRY(kr_points_load(reader, s->n_points, &s->points, err));
    double start;
    s->has_path = s->points.n_params == 1 &&
                  kr_reader_attr_real(reader, "sample_stats", "", "path_log_z", &start);
    KR_TRY(kr_summary_weights(reader, s, err));
    KR_TRY(kr_summary_chains(reader, s, err));
    KR_TRY(kr_summary_annealing(reader, s, err));
    KR_TRY(kr_summary_histograms(reader, s, err));
    KR_TRY(kr_summary_observables(reader, s, err));
    KR_TRY(kr_summary_samples(s, err));
    KR_TRY(kr_summary_means(reader, s, err));
    KR_TRY(kr_summary_updates(reader, s, err));
    KR_TRY(kr_summary_densities(reader, s, err));
    KR_TRY(kr_summary_importance(reader, s, err));
    KR_TRY(kr_summary_tempering(reader, s, err));
    KR_TRY(kr_summary_flat(reader, s, err));
    KR_TRY(kr_summary_path(reader, s, err));
    kr_summary_judge(s);
    return KR_OK;
}

void kr_summary_clear(kr_summary *s)
{
    kr_points_clear(&s->points);
    kr_free(s->quantity);
    kr_free(s->phase);
    kr_free(s->residence);
    kr_free(s->update);
    kr_free(s->density);
    kr_free(s->importance);
    kr_summary_clear_samples(s);
    kr_summary_clear_histograms(s);
    kr_free(s->mean);
    kr_free(s->n_changed_chains);
    kr_free(s->chain);
    kr_free(s->exchange);
    kr_free(s->weight);
    if (s->flat) {
        kr_free(s->flat->at);
    }
    kr_free(s->flat);
    if (s->annealing) {
        kr_free(s->annealing->row);
        kr_free(s->annealing->weight);
    }
    kr_free(s->annealing);
    kr_free(s->path_of);
    *s = (kr_summary){ 0 };
}

static void join_reasons(const kr_summary *s, char *why, size_t size)
{
    size_t used = 0;
    why[0] = '\0';
    for (int k = 0; k < s->reasons.n && used < size; k++) {
        int n = snprintf(why + used, size - used, "%s%s", k ? "; " : "", s->reasons.text[k]);
        used += n > 0 ? (size_t)n : 0;
    }
}

int kr_summary_write(const char *path, kr_summary_form form, FILE *out, bool *is_converged,
                     char *why, kr_error *err)
{
    kr_reader *reader = kr_reader_open(path, err);
    if (!reader) {
        return err && err->status ? err->status : KR_EIO;
    }
    kr_summary s;
    int status = kr_summary_compute(reader, path, &s, err);
    status = kr_series_judge(reader, path, status, err);
    if (status == KR_OK) {
        s.is_full = form == KR_SUMMARY_FULL;
        if (form == KR_SUMMARY_JSON) {
            kr_summary_print_json(&s, out);
        } else {
            kr_summary_print(&s, out);
        }
        *is_converged = s.is_converged;
        join_reasons(&s, why, KR_SUMMARY_WHY);
        errno = 0;
        bool is_bad = fflush(out) != 0 || ferror(out);
        if (is_bad && errno != EPIPE) { /* whoever closed the pipe has read enough */
            status = kr_fail(err, KR_EIO, "summary of %s: could not be written", path);
        }
    }
    kr_summary_clear(&s);
    kr_reader_close(reader);
    return status;
}
