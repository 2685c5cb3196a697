/* SPDX-License-Identifier: GPL-3.0-or-later
 * sampler/sampler.h - blocks of chains driven through the declared phases of a run.
 *
 * A sampler holds, for every point (a target: one set of model parameters and one beta), a
 * group of chains cut into blocks, the instances of the schedule's updates, of the densities
 * with their trainers, and of the observables. It walks through the stages
 *
 *     thermalize -> adapt -> settle -> certify -> measure -> done
 *                     ^                              |
 *                     +------- retraining -----------+
 *
 * adapt, settle and certify exist only when a trainable density is scheduled. Weights change in
 * adapt only; settle thermalizes again under the frozen weights and is discarded; certify draws
 * independent samples for ESS and log Z. Nothing but counted steps, draws and acceptances
 * decides a transition, so the samples are the same for any number of threads and across a
 * restart. Adaptive proposals: Gabrie, Rotskoff, Vanden-Eijnden, PNAS 119 (2022),
 * arXiv:2105.12603.
 *
 * With training.while_measuring the chains of measure move in two groups by turns, under
 * weights learned anew from the states of the resting group (alternating.c).
 *
 * With exchange_every > 0, points of the same terms (one pointer) form a ladder of temperature
 * slots, sorted by beta: chain c of all its slots is one ladder of replicas, which exchange
 * their places every exchange_every steps (tempering.c).
 *
 * Targets with a path are points of it: they are ladders and annealing runs along t in the
 * place of beta, and at t = 0 every pass of the schedule begins with independent samples
 * (path.c).
 *
 * With is_annealing the points are the temperatures of annealing runs, one per draw, and chains
 * the members of a population (annealing.c).
 *
 * Threads: calls are serial; inside, OpenMP runs over blocks. */
#ifndef KR_SAMPLER_SAMPLER_H
#define KR_SAMPLER_SAMPLER_H

#include "kramers_plug.h"

#define KR_NAME_MAX    64
#define KR_UPDATES_MAX 16    /* rows of a schedule */
#define KR_BATCH_MAX   16384 /* states of a training step */
#define KR_AXES_MAX    8     /* scanned parameters */

typedef enum kr_stage {
    KR_STAGE_THERMALIZE,
    KR_STAGE_ADAPT,
    KR_STAGE_SETTLE,
    KR_STAGE_CERTIFY,
    KR_STAGE_MEASURE,
    KR_STAGE_DONE,
} kr_stage;

enum { KR_START_MIXED = -3, KR_START_ORDERED = KR_START_ANY_ORDERED };

typedef struct kr_schedule_entry { /* one row of `updates` */
    const kr_update_plug *plug;
    const void *params; /* borrowed */
    char name[KR_NAME_MAX];
    int64_t sweeps;
    int32_t density; /* index, or -1 */
} kr_schedule_entry;

typedef struct kr_density_entry { /* one row of `densities` */
    const kr_density_plug *plug;
    const void *params; /* borrowed */
    char name[KR_NAME_MAX];
    const struct kr_stored *const *start; /* (n_points) weights to start from, NULL: fresh ones;
                                             read by kr_sampler_alloc only; borrowed */
} kr_density_entry;

typedef struct kr_observable_entry {
    const kr_observable_plug *plug;
    const void *params; /* borrowed */
} kr_observable_entry;

/* Whether densities learn while measuring: not at all, or so that nothing is biased
 * (alternating.c). */
enum { KR_TRAINING_NONE, KR_TRAINING_ALTERNATING };

typedef struct kr_training_params {
    double target_ess;     /* stop when the running ESS fraction reaches it */
    int64_t samples;       /* independent ones wanted of each point; > 0: stop at break-even */
    double max_work;       /* nominal CPU-seconds, turned into counted work */
    int64_t batch;         /* walkers, and samples of a reverse-KL step */
    double rate;           /* Adam step size at the start */
    double reverse_rate;   /* the same for reverse KL after forward KL */
    double forward;        /* fraction of the budget for forward KL where phases are known */
    int64_t conditional;   /* > 0: weights of all points are polynomials of this degree in the
                              scanned numbers (conditional.c) */
    double walkers;        /* share of walker states in the batches after the forward part */
    double anneal_from;    /* beta of the first reverse-KL step, as a fraction of beta */
    double min_acceptance; /* retrain when a window of draws stays below */
    int64_t max_retrainings;
    int64_t certificate;     /* independent samples for ESS_q and log Z */
    uint32_t phases;         /* bit k: walkers are seeded in phase k of the model; 0: in all */
    int32_t while_measuring; /* KR_TRAINING_NONE, KR_TRAINING_ALTERNATING */
    int64_t turn_steps;      /* training steps before each turn of a group of chains */
    double turn_rate;        /* Adam step size of these */
} kr_training_params;

/* Multicanonical sampling (flat.c): the chains sample w(H) = exp(-S(H)) with a table S that is
 * learned in the stage adapt, one step of which is one pass of the schedule. One point, no
 * densities, updates with KR_UPDATE_ANY_WEIGHT only. */
typedef struct kr_flat_params {
    bool is_on;
    double from, to; /* energies per site */
    double width;    /* of a bin, whole system; 0: levels of the model, or about n_sites bins */
    double flatness; /* stop when least / mean visits of a slice reach it */
    int64_t round_trips;          /* and all chains together made so many in that slice */
    double beta_least, beta_most; /* of the temperatures that means are wanted at */
} kr_flat_params;

/* A histogram of the column of an observable over the measured draws of all chains
 * (histogram.c). Its bins are equal parts of from..to; from = to = 0: of a range that
 * thermalize shows. */
#define KR_HISTOGRAMS_MAX 8
typedef struct kr_histogram_params {
    char column[KR_NAME_MAX];
    int64_t bins;
    double from, to;
} kr_histogram_params;

typedef struct kr_axis {    /* one scanned parameter */
    char path[KR_TEXT_MAX]; /* "beta", "model.field" */
    double *value;          /* (n_points) its value at every point; owns */
    bool is_real;           /* not an integer, such as a seed */
} kr_axis;

/* Measuring ends when the error of a mean, at every point, is small enough (stop.c). */
typedef struct kr_stop_params {
    bool is_on;
    char observable[KR_NAME_MAX]; /* a column, or a derived quantity of one */
    double error;                 /* wanted; 0: relative times the mean */
    double relative;
} kr_stop_params;

typedef struct kr_sampler_config {
    int32_t n_points;
    const kr_target *target; /* (n_points) borrowed */
    int32_t n_axes; /* by which the points differ; only training.conditional looks at them */
    const kr_axis *axis; /* borrowed */
    int32_t n_updates, n_densities, n_observables;
    const kr_schedule_entry *update; /* borrowed, like the next two */
    const kr_density_entry *density;
    const kr_observable_entry *observable;
    int32_t n_histograms;
    const kr_histogram_params *histogram; /* borrowed */
    int64_t n_chains;                     /* per point */
    uint64_t seed;
    int32_t start;            /* KR_START_* or a state */
    double start_value;       /* with KR_START_VALUE */
    const void *start_states; /* (n_start_states, n_sites) bytes, of real-valued models doubles,
                                 or NULL; read by kr_sampler_alloc only: chain c starts in row
                                 c mod n_start_states, and `start` is not looked at */
    int64_t n_start_states;
    int64_t thermalize, adapt, measure, every; /* steps; every = steps per draw */
    kr_training_params training;
    int64_t exchange_every; /* steps between offers of replica exchange, 0 = none */
    kr_flat_params flat;
    kr_stop_params stop; /* `measure` is the end at the latest */
    bool is_annealing;   /* population annealing: a draw is a whole run over the points */
    int32_t n_threads;   /* >= 1 */
} kr_sampler_config;

typedef struct kr_sampler kr_sampler;

/* Builds everything and starts the chains. Memory is all taken here. The config's tables are
 * borrowed. NULL with the error set: KR_EUNSUP names the combination, KR_ERANGE a count out of
 * its limits. Free with kr_sampler_free. */
kr_sampler *kr_sampler_alloc(const kr_sampler_config *config, kr_error *err);
void kr_sampler_free(kr_sampler *sampler);

/* Every mutable byte as rows of a state table. */
int kr_sampler_declare(kr_sampler *sampler, kr_state *table, kr_error *err);

/* One chunk of work: up to max_draws >= 1 draws (thermalize, settle, measure), one training
 * step of every unfinished trainer (adapt), or a slice of the certificate. Never crosses a
 * stage. After it the rows below are valid until the next call. Errors: KR_EDIVERGED (training
 * lost for good), KR_ESANITY (energy audit, non-finite log q of a chain), KR_ENOMEM. */
int kr_sampler_advance(kr_sampler *sampler, int64_t max_draws, kr_error *err);

kr_stage kr_sampler_stage(const kr_sampler *sampler);
const char *kr_sampler_stage_name(kr_stage stage);
/* Steps done and planned in this stage (draws x every, training steps, or certificate samples).
 */
void kr_sampler_progress(const kr_sampler *sampler, int64_t *done, int64_t *planned);
int64_t kr_sampler_epoch(const kr_sampler *sampler); /* of the frozen weights; from 0 */
int64_t kr_sampler_draws(const kr_sampler *sampler); /* measured so far */
/* More draws after `done`, or another target: measure = steps in total. */
void kr_sampler_set_measure(kr_sampler *sampler, int64_t measure);

/* Draws of the last advance. The columns are those of all observables in order, then lp, then
 * for each density log_q and log_w, then under multicanonical weights the KR_FLAT_COLUMNS
 * energy, log_weight = log of exp(-beta H)/w(H), and round trips since the last draw, then on a
 * path of actions the slope dS/dt of model/path.h, then for
 * each update that gives means those of kr_sampler_mean_column (KR_UPDATE_MEANS; of
 * KR_UPDATE_CLUSTERS only where an observable has the column, for they take time), averaged
 * over its sweeps since the last draw, then for each update attempted, accepted, changed, then
 * for each that proposes from a density the longest run of rejected proposals (not where chains
 * are mixed up by replica exchange or population annealing), then under replica exchange the
 * replica (the slot it was in at the start), and the offers to exchange with the next colder
 * slot, attempted and accepted. */
#define KR_FLAT_COLUMNS 3
int32_t kr_sampler_columns(const kr_sampler *sampler);
/* Derived quantities of the instance of an observable beside those of its plug, or NULL. */
const kr_derived *kr_sampler_more_derived(const kr_sampler *sampler, int32_t observable);
int32_t kr_sampler_first_count(const kr_sampler *sampler); /* column of the first attempted */
int32_t kr_sampler_first_mean(const kr_sampler *sampler);  /* column of the first mean */
/* Quantity k of the means of an update: false past the last one and for updates without. name
 * (KR_SAMPLER_QUANTITY bytes) is filled and borrowed by *column. */
#define KR_SAMPLER_QUANTITY 40
bool kr_sampler_mean_column(const kr_sampler *sampler, int32_t update, int32_t k, char *name,
                            kr_column *column);
/* Whether clusters tell structure factors (kr_terms_has_clusters) at every point. */
bool kr_sampler_has_clusters(const kr_sampler *sampler);
int32_t kr_sampler_first_run(const kr_sampler *sampler);  /* column of the first run, or -1 */
int32_t kr_sampler_first_flat(const kr_sampler *sampler); /* column of the energy, or -1 */
int32_t kr_sampler_first_path(const kr_sampler *sampler); /* column of the slope, or -1 */
int32_t kr_sampler_first_density(const kr_sampler *sampler); /* column of the first log_q */
/* Column of an observable: its plug and descriptor. */
const kr_column *kr_sampler_observable_column(const kr_sampler *sampler, int32_t column);
/* Exact mean of such a column at a point, as its observable knows it; NaN: it does not. */
double kr_sampler_exact(const kr_sampler *sampler, int32_t column, int32_t point,
                        double most_work);
int64_t kr_sampler_n_new(const kr_sampler *sampler);
bool kr_sampler_new_is_warmup(const kr_sampler *sampler);
int64_t kr_sampler_new_epoch(const kr_sampler *sampler);
/* Present states of all chains, (n_chains, n_points, n_sites) bytes, of real-valued models
 * doubles, filled. */
void kr_sampler_states(kr_sampler *sampler, void *states);
int32_t kr_sampler_threads(const kr_sampler *sampler);
/* Threads OpenMP would use by itself (1 without OpenMP). */
int32_t kr_sampler_default_threads(void);
/* True for a column of replica pairs: its slab has one row per two chains. */
bool kr_sampler_column_is_pair(const kr_sampler *sampler, int32_t column);
/* (n_chains, n_points) of one new draw and column; (n_chains/2, n_points) for one of pairs. */
const double *kr_sampler_slab(const kr_sampler *sampler, int64_t draw, int32_t column);

/* Row of the training history made by the last advance: per density and point. Returns false
 * when there is none. */
typedef struct kr_training_row {
    double loss, ess, acceptance, beta, rate, is_forward;
    double work; /* of all steps, as in kr_learned */
} kr_training_row;
bool kr_sampler_training_row(const kr_sampler *sampler, int32_t density, int32_t point,
                             kr_training_row *row);

/* What a density at a point has learned; false when it has no weights. Borrowed, valid until
 * the next advance. */
typedef struct kr_learned {
    const float *weights;
    size_t n_weights;
    int64_t steps;      /* of training, those before a start from a file included */
    double work;        /* of them, in nominal CPU-seconds */
    kr_adopted adopted; /* networks from a file of another lattice; all 0: none */
    int64_t flow_steps; /* kr_flow.n_steps, or 0 */
    const float *theta; /* (n_terms of kr_sampler_scan, n_weights), or NULL */
} kr_learned;
bool kr_sampler_learned(const kr_sampler *sampler, int32_t density, int32_t point,
                        kr_learned *learned);
/* How the weights of a density depend on the scanned numbers, whose paths go into names
 * (KR_AXES_MAX); NULL where every point has its own. */
const struct kr_scan *kr_sampler_scan(const kr_sampler *sampler, int32_t density,
                                      const char **names);
/* The numbers by which its networks may be taken over on another lattice: kr_density_plug. */
size_t kr_sampler_networks(const kr_sampler *sampler, int32_t density, int32_t point,
                           int64_t *out);

/* Certificate of a density at a point (NaN before certify), from n independent samples with
 * weights w = exp(-beta H)/q. Acceptance, tau_int and holding are those of the chain that
 * proposes from the density and does nothing else (stats.h, kr_weights_spectrum). */
typedef struct kr_certificate {
    double ess_q, log_z, log_z_error, max_share, n;
    double mean_log_w, mean_log_w_error; /* a lower bound of log Z */
    double bridge, bridge_error;         /* <w/(w + Z)>, to be compared with the chain */
    double tail_index, acceptance, tau_int, holding;
    /* Of a density for a block, of which else only n and acceptance are known: its sites, and
     * KL(q|p) + KL(p|q) of the block given what surrounds it, in nats. */
    double block_sites, divergence, divergence_error;
    double inverse, inverse_square; /* <Z/w>, <(Z/w)^2>: what <1/w> of a chain is worth */
    /* Of a density that is exact in the limit of many steps only (kr_flow.doubt), else NaN: its
     * steps, and by how much twice as many change ln q: mean, standard deviation and largest
     * size over every fourth batch of the samples, log Z and the ESS from these. */
    double steps, doubt_mean, doubt_sd, doubt_max, doubt_log_z, doubt_ess;
} kr_certificate;
/* Estimates from the same samples alone, without any chain: of the columns of all observables
 * that are functions of one configuration, then the weights of the declared phases, "in_PHASE",
 * and the shares of the samples in them, not weighted, "drawn_in_PHASE". NULL past the last
 * one. */
const kr_column *kr_sampler_estimate_column(const kr_sampler *sampler, int32_t estimate);
void kr_sampler_estimate(const kr_sampler *sampler, int32_t density, int32_t point,
                         int32_t estimate, double *mean, double *error);
void kr_sampler_certificate(const kr_sampler *sampler, int32_t density, int32_t point,
                            kr_certificate *certificate);

/* Number of sites whose states an update may change, with update = -1 the updates that draw
 * blocks together (0: none does); where points differ, the fewest. A sampler with a site that
 * no update changes is refused. */
int32_t kr_sampler_reach(const kr_sampler *sampler, int32_t update);

/* Name of the engine an update runs at the first point, or NULL where there is no choice. */
const char *kr_sampler_engine(const kr_sampler *sampler, int32_t update);
/* Step that the update was tuned to at a point, or NaN: tuning.c. */
double kr_sampler_tuned(const kr_sampler *sampler, int32_t update, int32_t point);
/* KR_EINVAL: thermalize of the config, that of the sampler or one like it, is too short for an
 * update that measures scales of sites, which then stay 1. */
int kr_sampler_check_tuning(const kr_sampler *sampler, const kr_sampler_config *config,
                            kr_error *err);
/* (n_sites) scale that it found for every site, or NULL. */
const double *kr_sampler_tuned_scale(const kr_sampler *sampler, int32_t update, int32_t point);
/* Why it runs no faster one, or NULL. */
const char *kr_sampler_engine_reason(const kr_sampler *sampler, int32_t update);

/* CPU-seconds so far; clock values, for the group `cost` only. */
typedef struct kr_cost {
    double sample_cpu_s, train_cpu_s, certificate_cpu_s;
} kr_cost;
void kr_sampler_cost(const kr_sampler *sampler, kr_cost *cost);
double kr_sampler_update_cost(const kr_sampler *sampler, int32_t update);

/* ---- replica exchange: tempering.c ---- */

/* Where a point stands and what happened there during `measure`, summed over its chains. A
 * replica is on its way up when the last end it visited is the hot one (slot 0). */
typedef struct kr_slot {
    int32_t ladder, slot, n_slots;   /* slot 0: lowest beta */
    int64_t attempted, accepted;     /* offers to exchange with the next colder slot */
    int64_t n_from_cold, n_from_hot; /* visits by replicas that last saw the cold or hot end */
    int64_t round_trips;             /* cold -> hot -> cold, of all replicas of the ladder */
} kr_slot;
/* Column of `replica`, or -1 without replica exchange. */
int32_t kr_sampler_first_exchange(const kr_sampler *sampler);
void kr_sampler_slot(const kr_sampler *sampler, int32_t point, kr_slot *slot);
double kr_sampler_exchange_cost(const kr_sampler *sampler); /* CPU-seconds, part of sampling */

/* ---- learning while measuring: alternating.c ---- */

/* Refuses what cannot go with it: KR_EUNSUP, KR_EINVAL; the message lacks its subject. Pure. */
int kr_alternating_check(const kr_sampler_config *config, kr_error *why);

/* ---- population annealing: annealing.c ---- */

/* Refuses what cannot go with it: KR_EUNSUP, KR_EINVAL; the message lacks its subject. Pure. */
int kr_annealing_check(const kr_sampler_config *config, kr_error *why);

/* Numbers of a run at each of its temperatures. */
enum {
    KR_ANNEALING_LOG_Q,    /* log of the mean weight of the step to this beta; 0 at the first */
    KR_ANNEALING_LOG_Z,    /* their sum: log Z(beta) / Z(lowest beta) */
    KR_ANNEALING_FAMILIES, /* first members that have descendants */
    KR_ANNEALING_RHO_T,    /* mean square size of families: sum of squares / members */
    KR_ANNEALING_ROWS
};
/* (n_points) of one new draw, or NULL without population annealing. */
const double *kr_sampler_annealing(const kr_sampler *sampler, int64_t draw, int row);

/* ---- measuring until the error is small enough: stop.c ---- */

/* How far it is, at the point that takes longest. */
typedef struct kr_stop_report {
    int32_t point;
    double mean, error, uncertainty, wanted; /* uncertainty: of the error, relative */
    double expected;                         /* steps when it is reached; NaN: not known */
    const char *why; /* the error is not to be trusted yet, in words, else NULL */
    bool is_reached; /* a decision found it small enough */
} kr_stop_report;
/* False without a target. */
bool kr_sampler_stop(const kr_sampler *sampler, kr_stop_report *report);

/* ---- multicanonical sampling: flat.c ---- */

/* Refuses an update that cannot sample w(H) when the config asks for it: KR_EUNSUP. Pure. */
int kr_flat_check_update(const kr_sampler_config *config, const kr_update_plug *plug,
                         kr_error *why);

/* Counts so far, valid until the next advance; from and to are NaN until thermalize has shown
 * them. Groups are independent of each other. */
typedef struct kr_histogram_report {
    double from, to;
    int64_t n_bins, n_groups;
    const int64_t *count; /* (n_points, n_groups, n_bins + 2) below, in the bins, above */
} kr_histogram_report;
void kr_sampler_histogram(const kr_sampler *sampler, int32_t histogram,
                          kr_histogram_report *report);

typedef struct kr_flat_report {
    const kr_flat_weights *weights; /* borrowed */
    int64_t n_groups;               /* independent parts of the run, for the jackknife */
    const double *mass;             /* (n_groups, n_bins + 2) since measuring began: w(bin)/w(H)
                                       summed over steps, energies outside in the two end entries */
    const uint8_t *is_known;        /* (n_bins) visited while learning */
    int32_t low, high;              /* bins between which round trips are counted */
    int64_t n_slices, slice_length, slice_trips; /* of learning; the last slice */
    double flatness;
    bool is_flat; /* the stop rule held; false: `adapt` steps were spent */
} kr_flat_report;
/* False without multicanonical weights. Valid until the next advance. */
bool kr_sampler_flat(const kr_sampler *sampler, kr_flat_report *report);

#endif
