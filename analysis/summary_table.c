/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/summary_table.c - the summary for people: at most 100 columns wide. One point gives
 * a row per observable, a scan gives
 * a row per point, or (is_full) a block per observable with a row per point. */
#include "analysis/summary.h"

#include <math.h>
#include <string.h>

/* "-" for what is not known. */
static const char *plain(double x, const char *format, char *out, size_t size)
{
    if (isnan(x)) {
        snprintf(out, size, "-");
    } else if (isinf(x)) {
        snprintf(out, size, x > 0.0 ? "inf" : "-inf");
    } else {
        snprintf(out, size, format, x); /* NOLINT: formats are literals of this file */
    }
    return out;
}

static const char *count(double x, char *out, size_t size)
{
    return plain(x, fabs(x) < 1e7 ? "%.0f" : "%.2e", out, size);
}

/* three digits, no exponent up to ten million */
static const char *rate(double x, char *out, size_t size)
{
    return plain(x, fabs(x) >= 100.0 && fabs(x) < 1e7 ? "%.0f" : "%.3g", out, size);
}

static void print_exchange(const kr_summary *s, FILE *out)
{
    char label[256], steps[48] = "unknown steps", trips[64] = "unknown";
    if (!s->exchange) {
        return;
    }
    if (isfinite(s->exchange_every)) {
        snprintf(steps, sizeof steps, "%.0f step%s", s->exchange_every,
                 s->exchange_every == 1.0 ? "" : "s");
    }
    const double per_step = kr_summary_trips_rate(s, s->round_trips, (double)s->n_ladders);
    if (isfinite(s->round_trips)) {
        snprintf(trips, sizeof trips,
                 isfinite(per_step) ? "%.0f (%.3g per 1000 steps and chain)" : "%.0f",
                 s->round_trips, per_step);
    }
    snprintf(label, sizeof label,
             "replica exchange every %s: %lld ladder%s of %lld temperatures, round trips: %s",
             steps, (long long)s->n_ladders, s->n_ladders == 1 ? "" : "s",
             (long long)s->n_slots, trips);
    kr_format_wrapped(out, "", label);
}

static void print_head(const kr_summary *s, FILE *out)
{
    char label[256], sites[32] = "", every[48] = "";
    kr_format_wrapped(out, "", s->title[0] ? s->title : s->path);
    if (isfinite(s->n_sites)) {
        snprintf(sites, sizeof sites, ", %.0f site%s", s->n_sites,
                 s->n_sites == 1.0 ? "" : "s");
    }
    if (isfinite(s->every)) {
        snprintf(every, sizeof every, ", a draw every %.0f step%s", s->every,
                 s->every == 1.0 ? "" : "s");
    }
    fprintf(out, "%lld chain%s x %lld draw%s%s%s", (long long)s->n_chains,
            s->n_chains == 1 ? "" : "s", (long long)s->n_draws, s->n_draws == 1 ? "" : "s",
            every, sites);
    if (s->n_points > 1) {
        fprintf(out, ", %lld points", (long long)s->n_points);
    } else {
        kr_points_label(&s->points, 0, label, sizeof label);
        fprintf(out, "%s%s", label[0] ? ", " : "", label);
    }
    fputc('\n', out);
    print_exchange(s, out);
    if (s->annealing) {
        snprintf(label, sizeof label,
                 "population annealing: a draw is a run from %s = %g on, its chains are the "
                 "%lld members",
                 s->has_path ? "t" : "beta", s->annealing->beta_from, (long long)s->n_chains);
        kr_format_wrapped(out, "", label);
    }
    if (s->chains_coupled > 1) {
        fprintf(out,
                "an update couples chains in pairs: errors, ESS and R-hat are those of pair "
                "means\n");
    }
    if (s->while_measuring[0]) {
        snprintf(label, sizeof label,
                 "training while measuring: %s, %.0f step%s before each turn of half of the "
                 "chains; log q, ESS and log Z are those of the frozen weights",
                 s->while_measuring, s->turn_steps, s->turn_steps == 1.0 ? "" : "s");
        kr_format_wrapped(out, "", label);
    }
    if (s->stop[0]) {
        kr_format_wrapped(out, "", s->stop);
    }
    if (s->run_id[0]) {
        fprintf(out, "run %s\n", s->run_id);
    }
    if (s->version[0]) {
        fprintf(out, "kramers %s\n", s->version);
    }
}

/* value, tau_int, ESS, R-hat and, unless it is a phase, exact and z */
static void print_estimate(const kr_quantity *q, bool is_phase, FILE *out)
{
    const kr_estimate *e = &q->estimate;
    char value[64], tau[64], ess[32], r_hat[32], exact[32], z[32];
    if (q->is_bad) {
        fprintf(out, "%18s\n", q->note[0] ? "not usable" : "-");
        return;
    }
    kr_format_value(e->mean, e->error, 2, value, sizeof value);
    if (e->is_window_closed || isnan(e->tau_int)) {
        kr_format_value(e->tau_int, e->tau_int_error, 1, tau, sizeof tau);
    } else { /* correlated over half a chain */
        plain(e->tau_int, e->tau_int < 100.0 ? "> %.3g" : "> %.0f", tau, sizeof tau);
    }
    plain(e->ess, e->ess < 1e6 ? "%.0f" : "%.2e", ess, sizeof ess);
    plain(e->r_hat, e->r_hat < 10.0 ? "%.3f" : "%.3g", r_hat, sizeof r_hat);
    plain(q->exact, "%.8g", exact, sizeof exact);
    plain(q->z, "%+.2f", z, sizeof z);
    if (e->is_constant && !q->is_derived) {
        snprintf(tau, sizeof tau, "constant");
        snprintf(ess, sizeof ess, "-");
    }
    fprintf(out, "%18s %11s %8s %6s", value, tau, ess, r_hat);
    if (is_phase) {
        fputc('\n', out);
    } else {
        fprintf(out, " %12s %6s\n", exact, z);
    }
}

static void print_columns(const char *first, int width, bool is_phase, FILE *out)
{
    fprintf(out, "%-*s %18s %11s %8s %6s", width, first, is_phase ? "probability" : "value",
            "tau_int", "ESS", "R-hat");
    if (is_phase) {
        fputc('\n', out);
    } else {
        fprintf(out, " %12s %6s\n", "exact", "z");
    }
}

/* "energy_per_site [J]" */
static void label(const kr_quantity *q, char *out, size_t size)
{
    bool has_unit = q->unit[0] && strcmp(q->unit, "1") != 0;
    snprintf(out, size, has_unit ? "%s [%s]" : "%s", q->name, q->unit);
}

static void print_name(const kr_quantity *q, int width, FILE *out)
{
    char name[KR_SERIES_NAME + 40];
    label(q, name, sizeof name);
    fprintf(out, "%-*s", width, name);
    if (strlen(name) > (size_t)width) { /* too long a name gets a line of its own */
        fprintf(out, "\n%*s", width, "");
    }
    fputc(' ', out);
}

static void print_scan(const kr_summary *s, const kr_quantity *list, int n, bool is_phase,
                       FILE *out)
{
    const kr_points *points = &s->points;
    int shown = points->n_params < 3 ? points->n_params : 3;
    for (int k = 0; k < n; k++) {
        const kr_quantity *q = &list[k * s->n_points];
        char head[64] = "";
        for (int m = 0; m < shown; m++) {
            const char *last = strrchr(points->name[m], '.');
            size_t used = strlen(head);
            snprintf(head + used, sizeof head - used, "%10.10s",
                     last ? last + 1 : points->name[m]);
        }
        char name[KR_SERIES_NAME + 40];
        label(q, name, sizeof name);
        fprintf(out, "\n%s%s\n", is_phase ? "phase " : "", name);
        print_columns(head, 10 * shown, is_phase, out);
        for (int64_t p = 0; p < s->n_points; p++) {
            for (int m = 0; m < shown; m++) {
                fprintf(out, "%10.6g", points->value[m * points->n + p]);
            }
            fputc(' ', out);
            print_estimate(&q[p], is_phase, out);
        }
    }
}

static void print_parameters(const kr_summary *s, int64_t p, FILE *out)
{
    const kr_points *points = &s->points;
    for (int m = 0; m < points->n_params && m < 3; m++) {
        const char *last = strrchr(points->name[m], '.');
        if (p < 0) {
            fprintf(out, "%10.10s", last ? last + 1 : points->name[m]);
        } else {
            fprintf(out, "%10.6g", points->value[m * points->n + p]);
        }
    }
}

static void label_of(const kr_summary *s, int k, const kr_quantity *q, char *out, size_t size)
{
    const size_t n = k < s->n_quantities ? 0 : (size_t)snprintf(out, size, "in ");
    label(q, out + n, size - n);
}

static int width_of(const kr_summary *s, int k, const kr_quantity *q)
{
    char name[KR_SERIES_NAME + 40];
    label_of(s, k, q, name, sizeof name);
    return 2 + (strlen(name) > 16 ? (int)strlen(name) : 16);
}

/* Quantity k of the table of points: columns and derived quantities, then phases. */
static const kr_quantity *shown(const kr_summary *s, int k)
{
    const kr_quantity *q = k < s->n_quantities ? &s->quantity[k * s->n_points]
                                               : &s->phase[(k - s->n_quantities) * s->n_points];
    return q->is_same ? NULL : q;
}

static void print_values(const kr_summary *s, int first, int last, FILE *out)
{
    for (int64_t p = -1; p < s->n_points; p++) {
        fputs(p < 0 ? "\n" : "", out);
        print_parameters(s, p, out);
        for (int k = first; k < last; k++) {
            const kr_quantity *q = shown(s, k);
            char text[KR_SERIES_NAME + 40] = "-";
            if (q && p < 0) {
                label_of(s, k, q, text, sizeof text);
            } else if (q && !q[p].is_bad) {
                kr_format_value(q[p].estimate.mean, q[p].estimate.error, 2, text, sizeof text);
            }
            if (q) {
                fprintf(out, "%*s", width_of(s, k, q), text);
            }
        }
        fputc('\n', out);
    }
}

/* How far the numbers of each point can be trusted. */
static void print_trust(const kr_summary *s, FILE *out)
{
    fputc('\n', out);
    print_parameters(s, -1, out);
    fprintf(out, "%12s %12s %12s\n", "least ESS", "worst R-hat", "largest |z|");
    for (int64_t p = 0; p < s->n_points; p++) {
        char ess[32], r_hat[32], z[32];
        double least = NAN, most = NAN, far = NAN;
        for (int k = 0; k < s->n_quantities + s->n_phases; k++) {
            const kr_quantity *q = shown(s, k);
            if (q && !q[p].is_bad && !q[p].estimate.is_constant) {
                least = q[p].is_derived ? least : fmin(least, q[p].estimate.ess);
                most = fmax(most, q[p].estimate.r_hat);
                far = fmax(far, fabs(q[p].z));
            }
        }
        plain(least, least < 1e6 ? "%.0f" : "%.2e", ess, sizeof ess);
        plain(most, most < 10.0 ? "%.3f" : "%.3g", r_hat, sizeof r_hat);
        plain(far, "%.2f", z, sizeof z);
        print_parameters(s, p, out);
        fprintf(out, "%12s %12s %12s\n", ess, r_hat, z);
    }
    fputs("tau_int, ESS, R-hat, exact and z of every quantity: summary --full or --json\n",
          out);
}

static void print_points(const kr_summary *s, FILE *out)
{
    const int n = s->n_quantities + s->n_phases,
              head = 10 * (s->points.n_params < 3 ? s->points.n_params : 3);
    for (int first = 0, last; first < n; first = last) {
        int used = head;
        for (last = first; last < n; last++) {
            const kr_quantity *q = shown(s, last);
            if (q && used + width_of(s, last, q) > KR_FORMAT_WIDTH && used > head) {
                break;
            }
            used += q ? width_of(s, last, q) : 0;
        }
        print_values(s, first, last, out);
    }
    print_trust(s, out);
}

static void print_observables(const kr_summary *s, FILE *out)
{
    if (s->n_points > 1 && !s->is_full) {
        print_points(s, out);
    } else if (s->n_points > 1) {
        print_scan(s, s->quantity, s->n_quantities, false, out);
        print_scan(s, s->phase, s->n_phases, true, out);
    } else {
        fputc('\n', out);
        print_columns("observable", 30, false, out);
        for (int k = 0; k < s->n_quantities; k++) {
            if (!s->quantity[k].is_same) {
                print_name(&s->quantity[k], 30, out);
                print_estimate(&s->quantity[k], false, out);
            }
        }
    }
    if (s->annealing) {
        fprintf(out, "means of runs weighted with their Z, errors: jackknife over runs; ESS: "
                     "independent draws\nwith the same error; tau_int and R-hat are not "
                     "defined, for members are kin and runs independent\n");
        return;
    }
    fprintf(out, "errors: Gamma method, blocked jackknife for derived quantities; tau_int in "
                 "draws\n");
    if (s->weight) {
        fprintf(out, "weighted means at beta; ESS: independent canonical draws with the same "
                     "error\n");
    }
}

/* "0.31" or "0.31 .. 0.52" over the points of one update */
static void acceptance_range(const kr_summary *s, int k, char *out, size_t size)
{
    char low_text[24], high_text[24];
    double low = NAN, high = NAN;
    for (int64_t p = 0; p < s->n_points; p++) {
        const kr_update_row *u = &s->update[k * s->n_points + p];
        low = fmin(low, u->accepted / u->attempted);
        high = fmax(high, u->accepted / u->attempted);
    }
    kr_format_percent(low, low_text, sizeof low_text);
    kr_format_percent(high, high_text, sizeof high_text);
    if (s->n_points > 1 && strcmp(low_text, high_text) != 0) {
        snprintf(out, size, "%s .. %s", low_text, high_text);
    } else {
        snprintf(out, size, "%s", low_text);
    }
}

static void print_updates(const kr_summary *s, FILE *out)
{
    if (s->n_updates == 0) {
        return;
    }
    fprintf(out, "\n%-30s %18s %11s %15s %11s %9s\n", "update", "accepted", "attempts",
            "changed/attempt", "CPU s", "CPU share");
    double cpu_s = 0.0; /* from samples of the time: in a short run it can exceed the whole */
    for (int k = 0; k < s->n_updates; k++) {
        cpu_s += s->update[k * s->n_points].cpu_s;
    }
    double whole = fmax(s->cost.sample_cpu_s, cpu_s);
    for (int k = 0; k < s->n_updates; k++) {
        const kr_update_row *u = &s->update[k * s->n_points];
        char accepted[56], attempts[32], changed[32], cpu[32], share[32];
        double n_attempted = 0.0, n_changed = 0.0;
        for (int64_t p = 0; p < s->n_points; p++) {
            n_attempted += u[p].attempted;
            n_changed += u[p].changed;
        }
        acceptance_range(s, k, accepted, sizeof accepted);
        count(n_attempted, attempts, sizeof attempts);
        plain(n_changed / n_attempted, "%.3g", changed, sizeof changed);
        plain(u->cpu_s, "%.3g", cpu, sizeof cpu);
        kr_format_percent(u->cpu_s / whole, share, sizeof share);
        char label[KR_SERIES_NAME + 32];
        if (isfinite(u->step)) {
            snprintf(label, sizeof label, s->n_points > 1 ? "%s, tuned" : "%s, step %.3g",
                     u->name, u->step);
        } else {
            snprintf(label, sizeof label, u->engine[0] ? "%s, engine %s" : "%s", u->name,
                     u->engine);
        }
        fprintf(out, "%-30s %18s %11s %15s %11s %9s\n", label, accepted, attempts, changed, cpu,
                share);
    }
}

static void print_density(const kr_density_row *d, const char *label, FILE *out)
{
    char ess_q[24], ess_p[24], log_z[48], log_z_p[48], gap[24], exact[32], z[24], share[24],
        run[40];
    kr_format_percent(d->ess_q, ess_q, sizeof ess_q);
    kr_format_percent(d->ess_p, ess_p, sizeof ess_p);
    kr_format_percent(d->max_share, share, sizeof share);
    kr_format_value(d->log_z_q, d->log_z_q_error, 2, log_z, sizeof log_z);
    kr_format_value(d->log_z_p, d->log_z_p_error, 2, log_z_p + 1, sizeof log_z_p - 1);
    log_z_p[0] = '<';
    plain(d->gap, "%.1f", gap, sizeof gap);
    plain(d->exact_log_z, "%.8g", exact, sizeof exact);
    plain(d->z, "%+.2f", z, sizeof z);
    count(d->longest_rejection_run, run + 2, sizeof run - 2);
    memcpy(run, d->is_lower_bound ? ">=" : "  ", 2);
    fprintf(out, "%-13.13s %7s %7s %14s %14s %5s %11s %5s %7s %8s\n", label, ess_q, ess_p,
            log_z, d->is_bound ? log_z_p : log_z_p + 1, gap, exact, z, share,
            d->is_lower_bound ? run : run + 2);
}

/* Of the first density that has a table. */
static double samples_of(const kr_summary *s)
{
    int k = 0;
    while (s->density[k * s->n_points].block_sites > 0.0) {
        k++;
    }
    return s->density[k * s->n_points].n_q;
}

/* Of densities that are exact for many steps only. */
static void print_steps(const kr_summary *s, FILE *out)
{
    for (int64_t k = 0; k < s->n_densities * s->n_points; k++) {
        const kr_density_row *d = &s->density[k];
        if (d->steps > 0.0) {
            char label[128] = "";
            if (s->n_points > 1) {
                kr_points_label(&s->points, k % s->n_points, label, sizeof label);
            }
            fprintf(
                out,
                "%s%s%s, %.0f steps; with twice as many ln w moves by %.2g, sd %.2g, at most "
                "%.2g, log Z by %.2g,\nESS_q by %.2g: chains that propose from it are "
                "biased by as much\n",
                d->name, label[0] ? " at " : "", label, d->steps, d->doubt_mean, d->doubt_sd,
                d->doubt_max, d->doubt_log_z, d->doubt_ess);
        }
    }
}

static void print_densities(const kr_summary *s, FILE *out)
{
    int n = 0;
    for (int k = 0; k < s->n_densities; k++) {
        const kr_density_row *d = &s->density[k * s->n_points];
        if (d->block_sites > 0.0) {
            continue; /* kr_summary_print_blocks */
        }
        if (n++ == 0 || s->n_points > 1) {
            fprintf(out, "\n%-13.13s %7s %7s %14s %14s %5s %11s %5s %7s %8s\n",
                    s->n_points > 1 ? d->name : "density", "ESS_q", "ESS_p", "log Z (q)",
                    "log Z (p)", "apart", "exact", "z", "max w", "rejected");
        }
        for (int64_t p = 0; p < s->n_points; p++) {
            char label[128];
            snprintf(label, sizeof label, "%s", d->name);
            if (s->n_points > 1) {
                kr_points_row(&s->points, p, label, sizeof label);
            }
            print_density(&d[p], label, out);
        }
    }
    if (n > 0) {
        char samples[24];
        fprintf(
            out,
            "q: from %s samples of the density, p: from the chain (<: a bound, the chain meets "
            "too few states\nwith small w); apart: errors between both sides by bounded "
            "means; max w: largest share of one\nsample; rejected: longest run of rejected "
            "proposals\n",
            count(samples_of(s), samples, sizeof samples));
        print_steps(s, out);
    }
}

static void print_switches(const kr_summary *s, int64_t p, const char *what, FILE *out)
{
    const kr_residence *r = &s->residence[p];
    char switches[24], per_s[24], dwell[24];
    count(r->n_switches, switches, sizeof switches);
    rate(s->n_points > 1 ? NAN : r->n_switches / s->cost.sample_cpu_s, per_s, sizeof per_s);
    rate(r->mean_dwell_steps, dwell, sizeof dwell);
    fprintf(out, "%-30s %18s %14s %16s %11lld of %lld\n", what, switches, per_s, dwell,
            (long long)r->n_visiting_all, (long long)s->n_chains);
}

static void print_free_energy(const kr_summary *s, int k, FILE *out)
{
    char name[2 * KR_SERIES_NAME + 32], value[48];
    double error, free_energy = kr_residence_free_energy(s, k, 0, &error);
    if (isfinite(free_energy)) {
        snprintf(name, sizeof name, "beta (F_%s - F_%s)", s->phase[k].name, s->phase[0].name);
        kr_format_value(free_energy, error, 2, value, sizeof value);
        fprintf(out, "%-30s %18s\n", name, value);
    }
}

static void print_residence(const kr_summary *s, FILE *out)
{
    if (s->n_phases == 0) {
        return;
    }
    if (s->n_points == 1) {
        fputc('\n', out);
        print_columns("residence", 30, true, out);
        for (int k = 0; k < s->n_phases; k++) {
            char name[KR_SERIES_NAME + 8];
            snprintf(name, sizeof name, "in %s", s->phase[k].name);
            fprintf(out, "%-30s ", name);
            print_estimate(&s->phase[k], true, out);
        }
        for (int k = 1; k < s->n_phases; k++) {
            print_free_energy(s, k, out);
        }
    }
    fprintf(out, "\n%-30s %18s %14s %16s %17s\n", s->n_points > 1 ? "residence" : "",
            "switches", "per CPU-second", "mean dwell/steps", "chains seeing all");
    for (int64_t p = 0; p < s->n_points; p++) {
        char label[128] = "between phases";
        if (s->n_points > 1) {
            kr_points_label(&s->points, p, label, sizeof label);
        }
        print_switches(s, p, label, out);
    }
}

/* First column that has an ESS: a constant has none. NULL: there is none. */
static const kr_quantity *first_varying(const kr_summary *s)
{
    for (int k = 0; k < s->n_quantities; k++) {
        const kr_quantity *q = &s->quantity[k * s->n_points];
        if (!q->is_bad && !q->is_derived && !q->estimate.is_constant && q->estimate.ess > 0.0) {
            return q;
        }
    }
    return NULL;
}

static void print_cost(const kr_summary *s, FILE *out)
{
    const kr_cost *c = &s->cost;
    char sample[24], train[24], certificate[24], pilot[40] = "", wall[24], threads[24];
    char per_s[24];
    if (isnan(c->sample_cpu_s)) {
        return;
    }
    plain(c->sample_cpu_s, "%.4g", sample, sizeof sample);
    plain(c->train_cpu_s, "%.4g", train, sizeof train);
    plain(c->certificate_cpu_s, "%.4g", certificate, sizeof certificate);
    if (c->pilot_cpu_s > 0.0) {
        snprintf(pilot, sizeof pilot, ", pilot before the run %.4g", c->pilot_cpu_s);
    }
    plain(c->wall_s, "%.4g", wall, sizeof wall);
    count(c->threads, threads, sizeof threads);
    fprintf(
        out,
        "\ncost [CPU-s]: sampling %s, training %s, certificates %s%s; wall %s s, threads %s\n",
        sample, train, certificate, pilot, wall, threads);
    const kr_quantity *q = s->n_points > 1 ? NULL : first_varying(s);
    if (!q) {
        return;
    }
    double ess = q->estimate.ess;
    rate(ess / c->sample_cpu_s, per_s, sizeof per_s);
    fprintf(out, "ESS of %s per CPU-second: %s", q->name, per_s);
    if (c->train_cpu_s > 0.0) {
        rate(ess / (c->sample_cpu_s + c->train_cpu_s), per_s, sizeof per_s);
        fprintf(out, ", training included: %s", per_s);
    }
    fputc('\n', out);
}

void kr_summary_print(const kr_summary *s, FILE *out)
{
    print_head(s, out);
    if (s->n_draws >= KR_SUMMARY_DRAWS) {
        print_observables(s, out);
        kr_summary_print_means(s, out);
        print_updates(s, out);
        kr_summary_print_slots(s, out);
        print_densities(s, out);
        kr_summary_print_blocks(s, out);
        kr_summary_print_importance(s, out);
        print_residence(s, out);
        kr_summary_print_flat(s, out);
        kr_summary_print_histograms(s, out);
        kr_summary_print_annealing(s, out);
        kr_summary_print_path(s, out);
    }
    print_cost(s, out);
    fprintf(out, "\nverdict: %s\n", s->is_converged ? "converged" : "NOT CONVERGED");
    for (int k = 0; k < s->reasons.n; k++) {
        kr_format_wrapped(out, "  - ", s->reasons.text[k]);
    }
    for (int k = 0; k < s->warnings.n; k++) {
        kr_format_wrapped(out, "  warning: ", s->warnings.text[k]);
    }
}
