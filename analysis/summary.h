/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/summary.h - everything a summary says about one result file, as plain numbers; NaN
 * means "not known". Arrays over points hold item k of point p at [k * n_points + p].
 *
 * The result file is read by these names (variables in groups, attributes of groups):
 *   posterior      NAME (chain, draw[, point]); in_PHASE (0/1); phase_switches since the last
 *                  draw; attributes n_sites, every, derived_NAME =
 *                  "variance|binder|mean COLUMN BETA_POWER SITE_POWER | UNIT | DOC" or, of
 *                  several columns, "connected|effective_mass|correlation_length|stiffness|
 *                  log_odds COLUMN 0 0 FACTOR OTHER... | UNIT | DOC"
 *                  reach = 2 where the schedule is known to reach every state, 0 where it
 *                  has cluster moves only, which then keep something, else 1;
 *                  chains_coupled = 2 where an update couples chains 2k and 2k + 1;
 *                  training_while_measuring = "alternating" with turn_steps
 *   replica_pairs  NAME, derived_NAME likewise; an entry of dim chain is a pair of chains
 *   constant_data  beta, scanned parameters, exact_NAME, exact_log_z; of density D ess_q_D,
 *                  log_z_q_D[_error], max_share_D, n_q_D, mean_log_w_q_D[_error],
 *                  bridge_q_D[_error], inverse_q_D, inverse_square_q_D, tail_index_q_D,
 *                  acceptance_q_D, tau_int_q_D, holding_q_D, NAME_q_D[_error] of column NAME,
 *                  [drawn_]in_PHASE_q_D[_error]; attribute scanned; under replica exchange
 *                  ladder, slot, round_trips, flow_from_cold and the attribute exchange_every
 *   sample_stats   lp = -beta H; attempted_E, accepted_E, changed_E of schedule entry E
 *                  (attribute density of attempted_E names the density it proposes from),
 *                  rejection_run_E, log_w_D; changed_E with cluster_mean = NAME, update = E
 *                  where a mean cluster size is that of NAME; NAME_rb_E with attributes
 *                  rao_blackwell = NAME, update = E; under multicanonical weights log_weight,
 *                  energy, round_trips; in runs of population annealing log_z_ratio,
 *                  n_families, rho_t (draw, point),
 *                  attributes annealing_from, log_states; on a path of actions path_slope and
 *                  the attribute path_log_z, the scanned parameter being t
 *   posterior      with a target error: attributes stop (in words), stop_observable,
 *                  stop_error, stop_wanted, stop_reached
 *   histogram_NAME  center (bin), probability, error (bin[, point]), below, above; attributes
 *                  from, to; posterior has an attribute histograms = names
 *   density_of_states  of a multicanonical run: log_w, block_visits, betas, attributes
 *   cost           sample_cpu_s, train_cpu_s, certificate_cpu_s, pilot_cpu_s, wall_s, threads,
 *                  cpu_s_E
 * Threads: serial only.
 */
#ifndef KR_ANALYSIS_SUMMARY_H
#define KR_ANALYSIS_SUMMARY_H

#include "analysis/blocks.h"
#include "analysis/format.h"
#include "analysis/json.h"
#include "analysis/series.h"
#include "analysis/sheet.h"
#include "stats/stats.h"

#include <stdio.h>

#define KR_SUMMARY_DRAWS    4  /* per chain, below there is nothing to say */
#define KR_SUMMARY_MESSAGES 32 /* at least the number of reasons, or of warnings */

typedef struct kr_quantity {
    char name[KR_SERIES_NAME], unit[32];
    kr_estimate estimate; /* of a derived quantity only mean and error */
    double exact, z;
    bool is_derived, is_bad; /* bad: a value is not finite, or too few draws */
    bool is_same;            /* as another column in every draw: not in tables */
    char note[160];          /* why it is bad */
} kr_quantity;

typedef struct kr_update_row {
    char name[KR_SERIES_NAME], density[KR_SERIES_NAME];
    char engine[24]; /* empty where there is no choice */
    double attempted, accepted, changed, cpu_s;
    double step;                  /* it was tuned to; NaN: none */
    double longest_rejection_run; /* attempts; from draws in which nothing was accepted */
    bool is_lower_bound;          /* several attempts per draw: runs are cut at draws */
    bool is_exchange; /* replica exchange with the next colder slot, no update of chains */
} kr_update_row;

typedef struct kr_exchange_row { /* a temperature slot */
    double ladder, slot, beta;   /* slot 0 = hottest */
    double acceptance;           /* with the next colder slot; NaN for the coldest */
    double from_cold;            /* fraction of the replicas here that last saw the cold end */
    double round_trips;          /* of all replicas of the ladder */
} kr_exchange_row;

typedef struct kr_density_row {
    char name[KR_SERIES_NAME];
    double ess_q, ess_p, log_z_q, log_z_q_error, log_z_p, log_z_p_error, exact_log_z, z;
    double max_share, n_q, longest_rejection_run;
    bool is_lower_bound;
    double lower, lower_error, upper, upper_error; /* <log w> of density and chain: bounds */
    double gap;    /* distance of the bridges of both sides in errors; NaN unknown */
    bool is_bound; /* <1/w> of the chain misses heavy states: log_z_p is an upper bound */
    double bridge, bridge_error; /* <w/(w + Z)> by the density, error of its distance from */
    double bridge_p, bridge_p_error;           /* <Z/(w + Z)> by the chain */
    double bridge_p_ess;                       /* independent draws it is worth */
    double inverse, inverse_square;            /* <Z/w>, <(Z/w)^2> by the density */
    double tail_index;                         /* Pareto k of the weights */
    double acceptance, n_proposals;            /* of the chains */
    double acceptance_q, tau_int_q, holding_q; /* predicted by the weights */
    /* Of a density for a block given all other sites, which has no ESS and no log Z: its sites,
     * else NaN, and KL(q|p) + KL(p|q) per block in nats; acceptance_q as its draws tell. */
    double block_sites, divergence, divergence_error;
    /* Of a density that is exact for many steps only, else NaN: its steps, and what changes
     * with twice as many: log w, log Z, ESS_q. */
    double steps, doubt_mean, doubt_sd, doubt_max, doubt_log_z, doubt_ess;
} kr_density_row;

/* A mean from the weighted samples of a density alone, beside that of the chain. */
typedef struct kr_importance {
    char name[KR_SERIES_NAME]; /* of the column or phase */
    int density;
    bool is_phase;
    double mean, error, chain_mean, chain_error;
    double drawn;    /* phases: share of the samples, not weighted */
    double collapse; /* by how many errors the chain has more of it */
    double z; /* phases: how far the chain is outside of what the samples allow, see README */
} kr_importance;

/* Means that an update gave beside the states, of one quantity. */
typedef struct kr_mean_row {
    char update[KR_SERIES_NAME];
    kr_quantity quantity; /* named as the row of the states */
    bool is_phase;        /* its interval, without memory of the phase entered last */
    bool is_clusters;     /* from sizes of clusters */
    double
        gain; /* squared error of the row of the states over that of this; NaN: no such row */
} kr_mean_row;

/* A multicanonical run at one beta: reweighted means. */
typedef struct kr_reweighted {
    double beta, log_z, log_z_error, energy, energy_error, heat, heat_error; /* per site */
    double ess, max_share; /* of the weights: fraction of the draws, share of the largest */
    double phase[KR_PHASES_MAX], phase_error[KR_PHASES_MAX];
} kr_reweighted;

typedef struct kr_flat_summary {    /* of a multicanonical run */
    double energy_low, energy_high; /* ends of the energies, per site */
    int64_t n_trips, least_trips, most_trips, n_chains_with_trip; /* round trips of chains */
    double learning_slices, learning_flatness, learning_trips;
    bool is_flat;
    double log_states;  /* N log q where log Z is absolute, else NaN */
    double mean_z;      /* then, of the mean energy at beta = 0, which is known; else NaN */
    kr_barrier barrier; /* NaN without two phases; energies per site */
    int n_betas;
    kr_reweighted *at; /* (n_betas) the sampled beta first; owns */
} kr_flat_summary;

typedef struct kr_annealing_row {                    /* a temperature of the annealing runs */
    double beta, log_z, log_z_error, exact_log_z, z; /* ratio unless log_states is known */
    double variance;                                 /* of log Z between runs */
    double ess, max_share;           /* of the runs: effective number, share of the heaviest */
    double families, families_least; /* mean and least over runs */
    double rho_t, rho_t_most;        /* mean square size of families: mean, largest */
} kr_annealing_row;

typedef struct kr_annealing_summary { /* population annealing: a draw is a run */
    double beta_from, log_states;     /* N log q where log Z is absolute, else NaN */
    kr_annealing_row *row;            /* (n_points); owns */
    double *weight; /* (n_points, n_draws) Z of the runs over the largest; owns */
} kr_annealing_summary;

typedef struct kr_histogram { /* shares of the draws in bins of a column */
    char name[KR_SERIES_NAME];
    int64_t n_bins;
    double from, to;
    double *center;              /* (n_bins); owns */
    double *probability, *error; /* (n_bins, n_points); own */
    double *below, *above;       /* (n_points) outside; own */
} kr_histogram;

typedef struct kr_path_summary { /* a path of actions */
    double log_z_0;              /* of the free field at t = 0 */
    /* of chains, not of annealing runs: */
    int64_t last;                /* point t = 1 */
    kr_quantity log_z, integral; /* there, by bridges and by the integral of dS/dt */
    double quadrature;           /* uncertainty of the integral beside its statistical error */
    double least_share;          /* overlap of neighbors, 0..1, the least */
} kr_path_summary;

typedef struct kr_residence {
    double n_switches, mean_dwell_steps; /* NaN when switches were not recorded */
    int64_t n_visiting_all;
} kr_residence;

typedef struct kr_cost {
    double sample_cpu_s, train_cpu_s, certificate_cpu_s, pilot_cpu_s, wall_s, threads;
} kr_cost;

typedef struct kr_chain_row { /* how a chain moved while it was measured */
    bool has_changed;         /* an update changed a site */
    bool accepts_all;         /* every attempt of an update of single sites was accepted */
    int n_values;             /* most values that a column took, 3 standing for more */
    double n_moves;           /* draws whose energy differs from the one before; NaN unknown */
    double lp;                /* -beta H of the first draw */
} kr_chain_row;

typedef struct kr_messages {
    int n;
    char text[KR_SUMMARY_MESSAGES][600];
} kr_messages;

typedef struct kr_sample_mean { /* over samples of disorder */
    double mean, error;         /* from their spread */
    double thermal;             /* what their own errors make of it */
    int64_t n;
} kr_sample_mean;

typedef struct kr_samples_summary {
    int64_t n_groups;     /* systems that differ in more than seeds of disorder */
    int64_t *group;       /* (n_points); owns */
    kr_sample_mean *mean; /* (n_quantities, n_groups); owns */
} kr_samples_summary;

typedef struct kr_summary {
    const char *path; /* borrowed */
    char title[256], run_id[128], version[64];
    int64_t n_chains, n_draws, n_points;
    double every, n_sites;
    kr_points points;
    int n_quantities, n_phases, n_updates, n_densities;
    kr_quantity *quantity;   /* (n_quantities, n_points); owns */
    kr_quantity *phase;      /* (n_phases, n_points) probabilities; owns */
    kr_residence *residence; /* (n_points); owns */
    kr_update_row *update;   /* (n_updates, n_points); owns */
    kr_density_row *density; /* (n_densities, n_points); owns */
    int n_histograms;
    kr_histogram *histogram; /* owns */
    int n_importance;
    kr_importance *importance; /* (n_importance, n_points); owns */
    int n_means;
    kr_mean_row *mean;         /* (n_means, n_points); owns */
    int64_t *n_changed_chains; /* (n_points) chains in which an update changed something, -1
                                  unknown; owns */
    kr_chain_row *chain;       /* (n_points, n_chains) point-major; owns */
    kr_exchange_row *exchange; /* (n_points) or NULL: no replica exchange; owns */
    double exchange_every, round_trips; /* steps; round trips of all ladders */
    int64_t n_ladders, n_slots;         /* slots of the longest */
    int64_t
        chains_coupled; /* chains whose mean is one independent series; 1 = each by itself */
    double *weight;     /* (n_chains, n_draws) of the draws in means; NULL: all equal; owns */
    kr_samples_summary *samples;     /* NULL unless seeds of disorder were scanned; owns */
    kr_flat_summary *flat;           /* NULL unless multicanonical; owns */
    kr_annealing_summary *annealing; /* NULL unless population annealing; owns */
    bool has_path;                   /* points are those of a path of actions, t in points */
    kr_path_summary *path_of;        /* NULL without a path of actions; owns */
    char while_measuring[32];        /* how densities learned meanwhile; empty: not at all */
    double turn_steps;               /* before each turn of a group of chains */
    bool is_full;                    /* the table of a scan: all columns */
    bool has_parts;                  /* beside a file that is put together already */
    char stop[256]; /* why measuring ended, where an error was to be reached; else empty */
    char stop_observable[KR_SERIES_NAME];
    double stop_error, stop_wanted, stop_reached; /* 1: it was */
    double reach; /* of the schedule, as in the file; NaN: not told */
    kr_cost cost;
    bool is_converged;
    kr_messages reasons, warnings;
} kr_summary;

/* beta (F_phase - F_0) = ln(p_0 / p_phase) of phase k against the first one at point p. The
 * error is that of weights that move against each other, as those of two phases do. NaN where a
 * phase was never seen. Pure. */
double kr_residence_free_energy(const kr_summary *summary, int k, int64_t p, double *error);

/* Reads and computes everything, verdict included. *s is cleared with kr_summary_clear, also
 * after an error. */
int kr_summary_compute(kr_reader *reader, const char *path, kr_summary *s, kr_error *err);
void kr_summary_clear(kr_summary *s);

/* Steps of kr_summary_compute, one file each. */
int kr_summary_weights(kr_reader *reader, kr_summary *s, kr_error *err);
int kr_summary_observables(kr_reader *reader, kr_summary *s, kr_error *err);
int kr_summary_chains(kr_reader *reader, kr_summary *s, kr_error *err);
int kr_summary_means(kr_reader *reader, kr_summary *s, kr_error *err);
/* Rounding of log q: the probabilities of a density are multiples of 2^-32. Pure. */
double kr_summary_rounding(const kr_summary *s);
int kr_summary_updates(kr_reader *reader, kr_summary *s, kr_error *err);
/* summary_updates.c: names of a group with a prefix, how many and what is behind it; opens the
 * series WHAT_ENTRY of sample_stats, n_points = 0 where it is missing. */
int kr_summary_count_names(kr_reader *reader, const char *group, const char *prefix);
const char *kr_summary_name_behind(kr_reader *reader, const char *group, const char *prefix,
                                   int index);
int kr_summary_open_counts(kr_reader *reader, const char *what, const char *entry,
                           kr_series *series, kr_error *err);
int kr_summary_densities(kr_reader *reader, kr_summary *s, kr_error *err);
int kr_summary_importance(kr_reader *reader, kr_summary *s, kr_error *err);
int kr_summary_tempering(kr_reader *reader, kr_summary *s, kr_error *err);
int kr_summary_flat(kr_reader *reader, kr_summary *s, kr_error *err);
/* Histograms of a multicanonical run; owned (kr_free each, also after an error) holds what they
 * borrow. Errors: KR_EIO; KR_EUNSUP shapes that do not fit. */
int kr_summary_dos(kr_reader *reader, kr_dos *dos, double *owned[2], kr_error *err);
int kr_summary_annealing(kr_reader *reader, kr_summary *s, kr_error *err);
int kr_summary_histograms(kr_reader *reader, kr_summary *s, kr_error *err);
void kr_summary_clear_histograms(kr_summary *s);
int kr_summary_path(kr_reader *reader, kr_summary *s, kr_error *err);
/* After the observables. */
int kr_summary_samples(kr_summary *s, kr_error *err);
void kr_summary_clear_samples(kr_summary *s);
void kr_summary_judge(kr_summary *s);
/* Chains of a point that keep one energy though updates change their sites, where that is no
 * property of the model; *n_cycling of them are known to go round in a cycle. */
int64_t kr_summary_frozen(const kr_summary *s, int64_t point, int64_t *n_cycling);
/* Round trips per 1000 steps of one chain of slots. */
double kr_summary_trips_rate(const kr_summary *s, double round_trips, double n_ladders);

/* summary_annealing.c: mean over the runs of population annealing with its error at point p; x
 * (n_chains, n_draws) is overwritten. tau_int and R-hat stay NaN; ESS: independent draws with
 * the same error. */
int kr_summary_estimate_runs(const kr_summary *s, int64_t p, double *x, kr_estimate *e,
                             kr_error *err);
/* The first n_draws of x become weight times the mean over the members of each run. */
void kr_summary_average_members(const kr_summary *s, int64_t p, double *x);

/* summary_observables.c: weighted mean of x (n_chains, n_draws) with its error; x becomes the
 * series whose plain mean and error these are. weight NULL: all equal. */
int kr_summary_estimate(const kr_summary *s, int64_t n_chains, const double *weight, double *x,
                        kr_estimate *e, kr_error *err);
/* How a column of the run is read: draws that have weights one by one, others in blocks. */
kr_blocks_options kr_summary_blocks(const kr_summary *s);
/* Opens a series; KR_EINVAL when its shape is not that of the run with n_chains chains. */
int kr_summary_open(kr_reader *reader, const kr_summary *s, const char *group, const char *name,
                    int64_t n_chains, kr_series *series, kr_error *err);
/* Loads a series of sample_stats as one piece, of the shape of the run: else KR_EUNSUP. */
int kr_summary_load(kr_reader *reader, const kr_summary *s, const char *name, kr_series *series,
                    kr_error *err);
/* The estimate of q from point p of a series, and its distance from the exact value of that
 * name where it is known; work (n_chains, blocks). What is wrong is noted in q. */
void kr_summary_estimate_point(kr_reader *reader, const kr_summary *s, const kr_blocks *blocks,
                               int64_t p, double *work, kr_quantity *q);
void kr_summary_compare_exact(kr_reader *reader, kr_quantity *q, int64_t point);
/* Where an update couples chains in pairs, only the pairs are independent: their means take the
 * place of the chains in x (n_chains, n). Returns the number of rows left. */
int64_t kr_summary_pair_up(const kr_summary *s, int64_t n_chains, int64_t n, double *x);
/* summary_derived.c: what follows from a column (its index in quantity) and others of its
 * group. */
int kr_summary_derive(kr_reader *reader, kr_summary *s, const char *group,
                      const kr_blocks *blocks, int column, kr_error *err);
kr_quantity *kr_summary_add_quantity(kr_summary *s, const char *name, const char *unit,
                                     bool is_phase, kr_error *err);

/* Written as text or HTML; tables as the files of the names hold them. Nothing where there is
 * nothing to say. */
void kr_summary_print_setup(const kr_summary *s, kr_sheet *sheet);
void kr_summary_print_observables(const kr_summary *s, kr_sheet *sheet);
void kr_summary_print_means(const kr_summary *s, kr_sheet *sheet);
void kr_summary_print_samples(const kr_summary *s, kr_sheet *sheet);
void kr_summary_samples_json(const kr_summary *s, kr_json *json);
void kr_summary_print_updates(const kr_summary *s, kr_sheet *sheet);
void kr_summary_print_slots(const kr_summary *s, kr_sheet *sheet);     /* summary_tempering.c */
void kr_summary_print_densities(const kr_summary *s, kr_sheet *sheet); /* summary_densities.c */
/* The densities for a block, where there are any; summary_importance.c, as the next. */
void kr_summary_print_blocks(const kr_summary *s, kr_sheet *sheet);
void kr_summary_print_importance(const kr_summary *s, kr_sheet *sheet);
void kr_summary_print_residence(const kr_summary *s, kr_sheet *sheet);
void kr_summary_print_flat(const kr_summary *s, kr_sheet *sheet);
void kr_summary_print_histograms(const kr_summary *s, kr_sheet *sheet);
void kr_summary_print_annealing(const kr_summary *s, kr_sheet *sheet);
void kr_summary_print_path(const kr_summary *s, kr_sheet *sheet);
void kr_summary_print_cost(const kr_summary *s, kr_sheet *sheet);
/* All from the observables to the path, in sections. */
void kr_summary_print_tables(const kr_summary *s, kr_sheet *sheet);
/* The cells of an estimate, and their columns (filled, at most 6; returns how many). */
void kr_summary_estimate_cells(const kr_quantity *q, bool is_phase, kr_sheet *sheet);
int kr_summary_estimate_headings(bool is_phase, kr_heading *column);

void kr_summary_print(const kr_summary *s, FILE *out);
void kr_summary_print_json(const kr_summary *s, FILE *out);

#endif
