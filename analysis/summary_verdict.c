/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/summary_verdict.c - may these numbers be believed?
 *
 * A run is converged when none of the rules marked as reasons below holds at any point; the
 * others warn. Why these limits: at R-hat 1.01 chains agree as well as a run of 100 tau_int per
 * half chain allows, from 1.05 on they do not; an ESS of 400 gives the error itself to 5 %; a
 * density that misses a phase shows as a gap between its log Z and that of the chain; and the
 * bound on |z| grows with the number of comparisons (kr_z_limit). */
#include "analysis/summary.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

#define R_HAT_WARN   1.01
#define R_HAT_LIMIT  1.05
#define ESS_LIMIT    400.0
#define GAP_LIMIT    4.0
#define SHARE_LIMIT  0.10
#define RUN_WARN     0.10
#define TRIPS_LIMIT  10
#define MEAN_LIMIT   4.5
#define DOUBT_FACTOR 10.0 /* error of log q over its change when steps double: test_cnf.c */
#define FEW_RUNS     20
#define KIN_WARN     0.10 /* rho_t over members */
#define ITEMS_SHOWN  4
#define TAIL_LIMIT   0.7  /* Vehtari et al., J. Mach. Learn. Res. 25, 72 (2024) */
#define LOST         0.1  /* of the weight on the other side: a phase is lacking */
#define FAR_BELOW    0.01 /* ESS of the chain's states over that of the samples */
#define BLOCK_LIMIT  0.02 /* acceptance of a block drawn anew */
#define RUN_CHANCE   1e-3 /* of a run of rejections that the weights allow */
#define HELD_SHARE                                                                             \
    0.05 /* of the moves of a chain, refused in a row: tests/test_summary_verdict.c */
#define FEW_STATES                                                                             \
    2.0 /* independent states that weights are worth, of one with half of them                 \
         */

enum {
    RULE_UNUSABLE,
    RULE_STUCK,
    RULE_FROZEN,
    RULE_HELD,
    RULE_CONSTANT_OFF,
    RULE_R_HAT,
    RULE_ESS,
    RULE_GAP,
    RULE_COLLAPSE,
    RULE_STEPS,
    RULE_UNSEEN,
    RULE_DISAGREE,
    RULE_SHARE,
    RULE_Z,
    RULE_REACH,
    RULE_TRIPS,
    RULE_MEAN,
    WARN_PARTS,
    WARN_REACH,
    WARN_ALONE,
    WARN_R_HAT,
    WARN_ESS_TAIL,
    WARN_WINDOW,
    WARN_CONSTANT,
    WARN_PHASES,
    WARN_REJECTED,
    WARN_HELD,
    WARN_TAIL,
    WARN_FEW,
    WARN_LOST_STATES,
    WARN_DISAGREE,
    WARN_BLOCK,
    WARN_TRIPS,
    WARN_NOT_FLAT,
    WARN_KIN,
    WARN_FEW_RUNS,
    WARN_STOP,
    N_RULES
};

_Static_assert(WARN_PARTS <= KR_SUMMARY_MESSAGES, "room for all reasons");
_Static_assert(N_RULES - WARN_PARTS <= KR_SUMMARY_MESSAGES, "room for all warnings");

typedef struct kr_rule {
    const char *head;
    bool is_reason;
} kr_rule;

static const kr_rule rule[N_RULES] = {
    [RULE_UNUSABLE] = { "unusable", true },
    [RULE_STUCK] = { "stuck chains, no update changed a site", true },
    [RULE_FROZEN] = { "frozen", true },
    [RULE_HELD] = { "a chain was refused every move for a twentieth of the run", true },
    [RULE_CONSTANT_OFF] = { "constant, off the exact value", true },
    [RULE_R_HAT] = { "R-hat not below 1.05", true },
    [RULE_ESS] = { "ESS below 400", true },
    [RULE_GAP] = { "log Z of density and chain 4 sigma or more apart", true },
    [RULE_COLLAPSE] = { "mode collapse, a density lacks a phase that chains are in", true },
    [RULE_STEPS] = { "log Z is not to be trusted: the ODE has too few steps", true },
    [RULE_UNSEEN] = { "chains lack a phase that a density has", true },
    [RULE_DISAGREE] = { "chain and samples of the density disagree", true },
    [RULE_SHARE] = { "one sample holds 10 % of the weight or more", true },
    [RULE_Z] = { "too far from the exact value", true },
    [RULE_TRIPS] = { "fewer than 10 round trips between the ends of the energies", true },
    [RULE_MEAN] = { "the mean energy at beta = 0, which is known, is missed", true },
    [RULE_REACH] = { "cluster and symmetry moves alone do not reach every state of this model",
                     true },
    [WARN_PARTS] = { "there are later draws than those of this file", false },
    [WARN_REACH] = { "no update is known to reach every state by itself", false },
    [WARN_ALONE] = { "nothing shows whether the run has seen everything", false },
    [WARN_R_HAT] = { "R-hat not below 1.01", false },
    [WARN_ESS_TAIL] = { "ESS of the lower or upper 5 % below 400, moments and quantiles are "
                        "rough",
                        false },
    [WARN_WINDOW] = { "correlated over half a chain, the error is a lower bound", false },
    [WARN_CONSTANT] = { "constant, no error can be given", false },
    [WARN_PHASES] = { "not every chain has seen every phase", false },
    [WARN_REJECTED] = { "long runs of rejected proposals", false },
    [WARN_HELD] = { "more proposals rejected in a row than the weights of the density explain",
                    false },
    [WARN_TAIL] = { "weights with a heavy tail, trust nothing that rests on samples of the "
                    "density alone",
                    false },
    [WARN_LOST_STATES] = { "chains are in states that a density hardly ever draws", false },
    [WARN_FEW] = { "one state has more than half of the weights, ESS and log Z of that side "
                   "mean nothing",
                   false },
    [WARN_DISAGREE] = { "chain and samples of a density with such a tail disagree", false },
    [WARN_BLOCK] = { "blocks hardly ever accepted, train longer or draw smaller ones", false },
    [WARN_TRIPS] = { "no replica made a round trip between the ends of its ladder", false },
    [WARN_NOT_FLAT] = { "learning of the weights ended before its rule held, raise "
                        "phases.adapt",
                        false },
    [WARN_KIN] = { "families as large as a tenth of the population, raise chains or every",
                   false },
    [WARN_FEW_RUNS] = { "fewer than 20 annealing runs, errors are rough, raise measure",
                        false },
    [WARN_STOP] = { "the target error was not reached", false },
};

typedef struct kr_findings {
    int n[N_RULES];
    char items[N_RULES][480];
} kr_findings;

/* Adds an item to a rule; the first few are listed, the others counted. p < 0: no point. */
static void find(kr_findings *f, int which, const kr_summary *s, int64_t p, const char *format,
                 ...) KR_PRINTF(5, 6);
static void find(kr_findings *f, int which, const kr_summary *s, int64_t p, const char *format,
                 ...)
{
    if (f->n[which]++ >= ITEMS_SHOWN) {
        return;
    }
    char *text = f->items[which], label[128] = "", item[200];
    size_t used = strlen(text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(item, sizeof item, format, arguments);
    va_end(arguments);
    if (s->n_points > 1 && p >= 0) {
        kr_points_label(&s->points, p, label, sizeof label);
    }
    snprintf(text + used, sizeof f->items[which] - used, "%s%s%s%s", used ? ", " : "", item,
             label[0] ? " at " : "", label);
}

static void judge_column(kr_findings *f, const kr_summary *s, const char *prefix,
                         const kr_quantity *q, int64_t p)
{
    const kr_estimate *e = &q->estimate;
    if (q->is_bad && q->note[0]) {
        find(f, RULE_UNUSABLE, s, p, "%s%s (%s)", prefix, q->name, q->note);
    }
    if (q->is_bad || q->is_derived) {
        return;
    }
    if (e->is_constant) {
        if (fabs(e->mean - q->exact) > 1e-3 * fmax(1e-3, fabs(q->exact))) {
            find(f, RULE_CONSTANT_OFF, s, p, "%s%s %.6g instead of %.6g", prefix, q->name,
                 e->mean, q->exact);
        } else {
            find(f, WARN_CONSTANT, s, p, "%s%s", prefix, q->name);
        }
        return;
    }
    if (e->r_hat >= R_HAT_WARN) {
        find(f, e->r_hat >= R_HAT_LIMIT ? RULE_R_HAT : WARN_R_HAT, s, p, "%s%s %.4g", prefix,
             q->name, e->r_hat);
    }
    if (e->ess_tail < ESS_LIMIT && e->ess >= ESS_LIMIT) {
        find(f, WARN_ESS_TAIL, s, p, "%s%s %.3g", prefix, q->name, e->ess_tail);
    }
    if (!(e->ess >= ESS_LIMIT)) {
        find(f, RULE_ESS, s, p, "%s%s %.3g", prefix, q->name, e->ess);
    }
    if (!e->is_window_closed) {
        find(f, WARN_WINDOW, s, p, "%s%s", prefix, q->name);
    }
}

/* A density for a block has no ESS, no log Z and no phases to lose. */
static void judge_block(kr_findings *f, const kr_summary *s, const kr_density_row *d, int64_t p)
{
    if (d->n_proposals > 0.0 && d->acceptance < BLOCK_LIMIT) {
        find(f, WARN_BLOCK, s, p, "%s %.2g %% of %.0f sites", d->name, 100.0 * d->acceptance,
             d->block_sites);
    }
}

static void judge_density(kr_findings *f, const kr_summary *s, const kr_density_row *d,
                          int64_t p)
{
    if (d->gap >= GAP_LIMIT) {
        char chain[32];
        snprintf(chain, sizeof chain, isnan(d->log_z_p) ? "unknown" : "%.8g", d->log_z_p);
        find(f, RULE_GAP, s, p, "%s %.8g and %s, %.1f sigma by bounded means", d->name,
             d->log_z_q, chain, d->gap);
    }
    if (d->max_share >= SHARE_LIMIT) {
        find(f, RULE_SHARE, s, p, "%s %.0f %%", d->name, 100.0 * d->max_share);
    }
}

/* Longest run of rejections to be expected of n proposals, none staying longer than the
 * heaviest sample: n lambda^run is RUN_CHANCE. */
static double longest_run(const kr_density_row *d)
{
    double lambda = 1.0 - 1.0 / d->holding_q;
    return lambda > 0.0 ? log(RUN_CHANCE / d->n_proposals) / log(lambda) : 1.0;
}

/* Whether an update that gives means proposes from the density: it chooses one of many states,
 * its own among them, and what holds of single proposals says nothing of its runs. */
static bool is_chosen_of_many(const kr_summary *s, const kr_density_row *d)
{
    for (int k = 0; k < s->n_means; k++) {
        for (int u = 0; u < s->n_updates; u++) {
            const kr_update_row *update = &s->update[u * s->n_points];
            if (strcmp(s->mean[k * s->n_points].update, update->name) == 0 &&
                strcmp(update->density, d->name) == 0) {
                return true;
            }
        }
    }
    return false;
}

static void judge_weights(kr_findings *f, const kr_summary *s, const kr_density_row *d,
                          int64_t p)
{
    double run = longest_run(d);
    if (!s->while_measuring[0] && d->holding_q > 0.0 && !is_chosen_of_many(s, d) &&
        d->longest_rejection_run > fmax(run, 1.0)) {
        find(f, WARN_HELD, s, p, "%s %.0f, want at most %.0f", d->name,
             d->longest_rejection_run, run);
    }
    if (d->tail_index >= TAIL_LIMIT) {
        find(f, WARN_TAIL, s, p, "%s k = %.2f, want below %g", d->name, d->tail_index,
             TAIL_LIMIT);
    }
}

/* log Z and ESS_p may rest on one draw while the tail index, which is of the samples of the
 * density, is within its limit. */
static void judge_few(kr_findings *f, const kr_summary *s, const kr_density_row *d, int64_t p)
{
    const double n_p = (double)(s->n_chains * s->n_draws);
    if (d->ess_q * d->n_q < FEW_STATES) {
        find(f, WARN_FEW, s, p, "ESS_q of %s %.2g of %.0f samples", d->name, d->ess_q * d->n_q,
             d->n_q);
    }
    if (d->ess_p < FAR_BELOW * d->ess_q) {
        find(f, WARN_LOST_STATES, s, p, "ESS_p of %s %.2g %%, ESS_q %.2g %%", d->name,
             100.0 * d->ess_p, 100.0 * d->ess_q);
    }
    if (d->ess_p * n_p < FEW_STATES) {
        find(f, WARN_FEW, s, p, "ESS_p of %s %.2g of %.0f draws", d->name, d->ess_p * n_p, n_p);
    }
}

/* A phase that chains are in, of which the density draws next to nothing. Its samples may tell
 * of it with huge weights, or not at all: what they draw is known in any case. */
static int judge_collapse(kr_findings *f, const kr_summary *s, int d, int64_t p, double limit)
{
    int n = 0;
    for (int k = 0; k < s->n_importance; k++) {
        const kr_importance *i = &s->importance[k * s->n_points + p];
        if (i->density == d && i->drawn < LOST * i->chain_mean && i->collapse >= limit) {
            find(f, RULE_COLLAPSE, s, p,
                 "%s, %.2g of the samples of %s, %.2g of the chain, %.1f sigma", i->name,
                 i->drawn, s->density[d * s->n_points].name, i->chain_mean, i->collapse);
            n++;
        }
    }
    return n;
}

/* A density whose log q is off by what its steps miss: log Z has to stand still, within a
 * tenth of its error, when steps are doubled, and <log w>, the negative loss, has to stay below
 * log Z. A loss that is too good to be true is one that training has found in the error of the
 * steps. */
static void judge_steps(kr_findings *f, const kr_summary *s, const kr_density_row *d, int64_t p,
                        double limit)
{
    const double above = (d->lower - d->upper) / hypot(d->lower_error, d->upper_error);
    if (d->steps > 0.0 && !(DOUBT_FACTOR * fabs(d->doubt_log_z) <= d->log_z_q_error)) {
        find(f, RULE_STEPS, s, p,
             "%s with %.0f, log Z moves by %.2g with twice as many, "
             "want at most a tenth of its error %.2g",
             d->name, d->steps, d->doubt_log_z, d->log_z_q_error);
    } else if (d->steps > 0.0 && above >= limit) {
        find(f, RULE_STEPS, s, p,
             "%s with %.0f, <log w> is above that of the chain by %.1f "
             "sigma",
             d->name, d->steps, above);
    }
}

/* The two sides side by side. Weights with a heavy tail make errors of the samples too small:
 * then a distance is a warning, for it may be their fault. */
static void judge_importance(kr_findings *f, const kr_summary *s, int d, int64_t p,
                             double limit)
{
    const kr_density_row *row = &s->density[d * s->n_points + p];
    const bool is_heavy = row->tail_index >= TAIL_LIMIT;
    const int unseen = is_heavy ? WARN_DISAGREE : RULE_UNSEEN;
    const int disagree = is_heavy ? WARN_DISAGREE : RULE_DISAGREE;
    int n_unseen = 0;
    if (judge_collapse(f, s, d, p, limit) > 0 || !(row->ess_q * row->n_q >= ESS_LIMIT)) {
        return;
    }
    for (int k = 0; k < s->n_importance; k++) {
        const kr_importance *i = &s->importance[k * s->n_points + p];
        if (i->density == d && i->is_phase && fabs(i->z) >= limit &&
            i->chain_mean < LOST * i->mean) {
            find(f, unseen, s, p, "%s, weight %.2g by %s, %.2g by the chain, %.1f sigma",
                 i->name, i->mean, row->name, i->chain_mean, fabs(i->z));
            n_unseen++;
        }
    }
    double sigma = hypot(row->lower_error, row->upper_error);
    double crossed = (row->lower - row->upper) / hypot(sigma, kr_summary_rounding(s));
    if (crossed >= limit) {
        find(f, disagree, s, p, "<log w> of %s above that of the chain by %.1f sigma",
             row->name, crossed);
    }
    for (int k = 0; n_unseen == 0 && k < s->n_importance; k++) {
        const kr_importance *i = &s->importance[k * s->n_points + p];
        if (i->density == d && fabs(i->z) >= limit) {
            find(f, disagree, s, p, "%s%s z = %+.1f", i->is_phase ? "phase " : "", i->name,
                 i->z);
        }
    }
}

/* Real variables: whether some chain was refused a twentieth of its moves in a row, and more
 * than chance allows at the acceptance of all. */
static bool is_held(const kr_summary *s, const kr_update_row *u)
{
    const double rate = u->accepted / u->attempted;
    return u->longest_rejection_run >= HELD_SHARE * u->attempted / (double)s->n_chains &&
           u->longest_rejection_run > log(RUN_CHANCE / u->attempted) / log(1.0 - rate);
}

/* A step that fits the bulk of a law may be refused for very long in its tail. Where another
 * update carries the chain on that does no harm; clusters and symmetries, which have no step,
 * leave magnitudes as they are and do not count. Cut at draws, runs are lower bounds. */
static void judge_held(kr_findings *f, const kr_summary *s, int64_t p)
{
    const kr_update_row *worst = NULL;
    bool is_carried = false;
    for (int k = 0; k < s->n_updates; k++) {
        const kr_update_row *u = &s->update[k * s->n_points + p];
        const bool is_mover = isfinite(u->step) || u->density[0];
        if (is_mover && u->attempted > 0.0) {
            is_carried = is_carried || !is_held(s, u);
            worst = isfinite(u->step) && !worst ? u : worst;
        }
    }
    if (worst && !is_carried) {
        find(f, RULE_HELD, s, p,
             "%s %.0f of %.0f attempts, want smaller steps or another update", worst->name,
             worst->longest_rejection_run, worst->attempted / (double)s->n_chains);
    }
}

static void judge_chains(kr_findings *f, const kr_summary *s, int64_t p)
{
    long long n_chains = s->n_chains;
    if (s->annealing) {
        return; /* chains begin anew with each run */
    }
    if (s->n_changed_chains[p] >= 0 && s->n_changed_chains[p] < s->n_chains) {
        find(f, RULE_STUCK, s, p, "%lld of %lld", n_chains - (long long)s->n_changed_chains[p],
             n_chains);
    }
    int64_t n_cycling, n_frozen = kr_summary_frozen(s, p, &n_cycling);
    if (n_frozen > 0) {
        find(f, RULE_FROZEN, s, p,
             "%lld of %lld chains keep one energy while updates change "
             "sites%s",
             (long long)n_frozen, n_chains,
             n_cycling == n_frozen ? " (they go round in a cycle, every move is accepted)"
                                   : "");
    }
    judge_held(f, s, p);
    if (s->n_phases > 0 && s->residence[p].n_visiting_all < s->n_chains) {
        find(f, WARN_PHASES, s, p, "%lld of %lld have",
             (long long)s->residence[p].n_visiting_all, n_chains);
    }
    for (int k = 0; k < s->n_updates; k++) {
        const kr_update_row *u = &s->update[k * s->n_points + p];
        double per_chain = u->attempted / (double)s->n_chains;
        if (u->density[0] && per_chain > 0.0 &&
            u->longest_rejection_run >= RUN_WARN * per_chain) {
            find(f, WARN_REJECTED, s, p, "%s %.0f of %.0f attempts of a chain", u->name,
                 u->longest_rejection_run, per_chain);
        }
    }
}

static void judge_flat(kr_findings *f, const kr_summary *s)
{
    const kr_flat_summary *flat = s->flat;
    if (flat->n_trips < TRIPS_LIMIT) {
        find(f, RULE_TRIPS, s, -1, "%lld by all chains", (long long)flat->n_trips);
    }
    if (fabs(flat->mean_z) >= MEAN_LIMIT) {
        find(f, RULE_MEAN, s, -1, "z = %+.1f, want below %g", flat->mean_z, MEAN_LIMIT);
    }
    if (flat->at[0].max_share >= SHARE_LIMIT) {
        find(f, RULE_SHARE, s, -1, "reweighting to beta = %g %.0f %%", flat->at[0].beta,
             100.0 * flat->at[0].max_share);
    }
    if (!flat->is_flat) {
        find(f, WARN_NOT_FLAT, s, -1, "least / mean visits %.2f, %.0f round trips",
             flat->learning_flatness, flat->learning_trips);
    }
}

/* One run with much of the weight: log Z varies too much between runs for its mean. Of n runs
 * each has 1/n. */
static void judge_annealing(kr_findings *f, const kr_summary *s)
{
    double limit = fmax(SHARE_LIMIT, 3.0 / (double)s->n_draws);
    for (int64_t p = 0; p < s->n_points; p++) {
        const kr_annealing_row *row = &s->annealing->row[p];
        if (row->max_share >= limit) {
            find(f, RULE_SHARE, s, p, "a run %.0f %%", 100.0 * row->max_share);
        }
        if (row->rho_t >= KIN_WARN * (double)s->n_chains) {
            find(f, WARN_KIN, s, p, "rho_t = %.3g of %lld", row->rho_t, (long long)s->n_chains);
        }
    }
    if (s->n_draws < FEW_RUNS) {
        find(f, WARN_FEW_RUNS, s, -1, "%lld", (long long)s->n_draws);
    }
}

static void judge_z(kr_findings *f, const kr_summary *s)
{
    int64_t n = 0, points = s->n_points;
    for (int64_t k = 0; s->annealing && k < points; k++) {
        n += !isnan(s->annealing->row[k].z);
    }
    for (int64_t k = 0; k < s->n_quantities * points; k++) {
        n += !isnan(s->quantity[k].z);
    }
    for (int64_t k = 0; k < s->n_densities * points; k++) {
        n += !isnan(s->density[k].z);
    }
    for (int64_t k = 0; k < s->n_means * points; k++) {
        n += !isnan(s->mean[k].quantity.z);
    }
    double limit = kr_z_limit(n);
    for (int64_t k = 0; s->annealing && k < points; k++) {
        if (fabs(s->annealing->row[k].z) >= limit) {
            find(f, RULE_Z, s, k, "log Z z = %+.1f, want below %.1f", s->annealing->row[k].z,
                 limit);
        }
    }
    for (int64_t k = 0; k < s->n_quantities * points; k++) {
        if (fabs(s->quantity[k].z) >= limit && !s->quantity[k].is_same) {
            find(f, RULE_Z, s, k % points, "%s z = %+.1f, want below %.1f", s->quantity[k].name,
                 s->quantity[k].z, limit);
        }
    }
    for (int64_t k = 0; k < s->n_densities * points; k++) {
        if (fabs(s->density[k].z) >= limit) {
            find(f, RULE_Z, s, k % points, "log Z of %s z = %+.1f, want below %.1f",
                 s->density[k].name, s->density[k].z, limit);
        }
    }
    for (int64_t k = 0; k < s->n_means * points; k++) {
        const kr_quantity *q = &s->mean[k].quantity;
        if (fabs(q->z) >= limit) {
            find(f, RULE_Z, s, k % points, "%s by %s z = %+.1f, want below %.1f", q->name,
                 s->mean[k].update, q->z, limit);
        }
    }
}

static void judge_point(kr_findings *f, const kr_summary *s, int64_t p)
{
    for (int k = 0; k < s->n_quantities; k++) { /* what no table shows has its twin there */
        if (!s->quantity[k * s->n_points + p].is_same) {
            judge_column(f, s, "", &s->quantity[k * s->n_points + p], p);
        }
    }
    for (int k = 0; k < s->n_phases; k++) {
        judge_column(f, s, "phase ", &s->phase[k * s->n_points + p], p);
    }
    for (int k = 0; k < s->n_means; k++) { /* the rows of the states tell how the chain moves */
        const kr_quantity *q = &s->mean[k * s->n_points + p].quantity;
        if (q->is_bad) {
            find(f, RULE_UNUSABLE, s, p, "%s by %s (%s)", q->name,
                 s->mean[k * s->n_points].update, q->note);
        }
    }
    double limit = fmax(GAP_LIMIT, kr_z_limit(s->n_importance * s->n_points));
    for (int k = 0; k < s->n_densities; k++) {
        if (s->density[k * s->n_points + p].block_sites > 0.0) {
            judge_block(f, s, &s->density[k * s->n_points + p], p);
            continue;
        }
        judge_density(f, s, &s->density[k * s->n_points + p], p);
        judge_weights(f, s, &s->density[k * s->n_points + p], p);
        judge_few(f, s, &s->density[k * s->n_points + p], p);
        judge_steps(f, s, &s->density[k * s->n_points + p], p, limit);
        judge_importance(f, s, k, p, limit);
    }
    judge_chains(f, s, p);
}

void kr_summary_judge(kr_summary *s)
{
    kr_findings f = { 0 };
    if (s->has_parts) {
        find(&f, WARN_PARTS, s, -1,
             "the run was resumed and goes on or was stopped; kramers status counts them, "
             "kramers "
             "snapshot makes a file of all");
    }
    if (s->n_draws < KR_SUMMARY_DRAWS) {
        find(&f, RULE_UNUSABLE, s, -1, "%lld draws per chain, want at least %d",
             (long long)s->n_draws, KR_SUMMARY_DRAWS);
    } else {
        if (s->reach < 2.0) {
            find(&f, s->reach < 1.0 ? RULE_REACH : WARN_REACH, s, -1,
                 "add heat_bath, or hmc where variables are real, unless you know better");
        }
        if (s->n_chains == 1) {
            find(&f, WARN_ALONE, s, -1, "a single chain");
        }
        for (int64_t p = 0; p < s->n_points; p++) {
            judge_point(&f, s, p);
        }
        if (s->flat) {
            judge_flat(&f, s);
        }
        if (s->annealing) {
            judge_annealing(&f, s);
        }
        judge_z(&f, s);
        for (int64_t p = 0; s->exchange && p < s->n_points; p++) {
            if (s->exchange[p].slot == 0.0 && !(s->exchange[p].round_trips > 0.0)) {
                find(&f, WARN_TRIPS, s, s->n_ladders > 1 ? p : -1, "%lld steps",
                     (long long)((double)s->n_draws * s->every));
            }
        }
    }
    if (s->stop[0] && s->stop_reached != 1.0) {
        find(&f, WARN_STOP, s, -1, "%s", s->stop);
    }
    for (int k = 0; k < N_RULES; k++) {
        kr_messages *list = rule[k].is_reason ? &s->reasons : &s->warnings;
        if (f.n[k] > 0) {
            char *text = list->text[list->n++], more[32] = "";
            if (f.n[k] > ITEMS_SHOWN) {
                snprintf(more, sizeof more, " and %d more", f.n[k] - ITEMS_SHOWN);
            }
            snprintf(text, sizeof list->text[0], "%s: %s%s", rule[k].head, f.items[k], more);
        }
    }
    s->is_converged = s->reasons.n == 0;
}
