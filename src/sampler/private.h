/* SPDX-License-Identifier: GPL-3.0-or-later
 * sampler/private.h - the structs behind kr_sampler, shared by the files of this folder. */
#ifndef KR_SAMPLER_PRIVATE_H
#define KR_SAMPLER_PRIVATE_H

#include "base/rng.h"

#include "sampler/sampler.h"

#define KR_ESS_RING 64 /* reverse-KL batches in the running ESS */
/* Counted work: one nominal CPU-second of training.max_work is so many weight visits (a weight
 * used for one sample in one direction), q = 2, q > 2 and real variables. Measured on one
 * AVX-512 core. */
#define KR_WORK_RATE         2e10
#define KR_WORK_RATE_POTTS   4e9
#define KR_WORK_RATE_REAL    2e9 /* double, elementary functions included */
#define KR_CERTIFICATE_SLICE 16  /* blocks of 64 samples per advance and thread-independent */

#define KR_PACE_RECORDS 128

typedef struct kr_pace {              /* step sizes and end of a training (pace.c) */
    double from, to;                  /* of the present part, in shares of the budget */
    int64_t part;                     /* 0 not begun, 1 forward KL, 2 the second */
    uint8_t is_cooling, nears_target; /* the hot part ended early; because target_ess is near */
    int64_t n, stride;                /* records; steps between them */
    double work[KR_PACE_RECORDS], excess[KR_PACE_RECORDS]; /* excess: 1/ESS - 1 */
} kr_pace;

/* What an optimizer moves: the weights of one density, or the polynomials in the scanned
 * numbers that give those of all points (learner.c). */
typedef struct kr_learner {
    struct kr_scan *scan; /* NULL: the weights of one point; owns */
    int32_t n_points;
    float *value;    /* (n_points, scan->n_terms) factors of theta; owns */
    int32_t round;   /* points whose gradients make a step of the optimizer */
    int64_t n_given; /* of them have given theirs */
    size_t n_weights, n_params;
    float *params;           /* (n_params) theta, or the weights of the density; borrowed */
    float *theta, *gradient; /* (n_params) with scan; own */
    struct kr_adam *adam;
    float *good;       /* (n_params) last ones known to be sound; owns */
    int64_t step;      /* training steps of this adaptation */
    double work;       /* counted, in nominal CPU-seconds */
    int64_t all_steps; /* of all adaptations, those before a start from a file included */
    double all_work;
    double rate_factor; /* halved by a skipped step */
    int64_t n_bad;      /* skipped steps in a row */
    int64_t n_rollbacks;
    double best_loss;
    kr_pace pace;
    uint8_t is_done, was_forward;
    uint8_t is_warm; /* until the first adaptation ends, with weights from a file for the same
                        lattice */
} kr_learner;

typedef struct kr_batch {
    double loss, n_accepted, cpu;
} kr_batch;

typedef struct kr_trainer {  /* one trainable density at one point */
    kr_density *density;     /* borrowed */
    const kr_target *target; /* borrowed */
    kr_learner *learner;     /* own, or that of point 0 */
    kr_learner own;
    size_t n_weights;
    int32_t n_blocks;
    kr_block **walker;   /* chains moved by local updates, seeded in every known phase; owns */
    kr_rng *rng;         /* (n_blocks) streams of the reverse-KL samples; owns */
    uint8_t *is_started; /* (n_blocks) walkers; owns */
    double ring_log_max[KR_ESS_RING], ring_sum[KR_ESS_RING], ring_sum2[KR_ESS_RING];
    int64_t ring_n;
    kr_adopted adopted;         /* networks that came from another lattice */
    struct kr_block_tail *tail; /* of a density for a block, else NULL; owns */
    kr_training_row row;        /* of the last step */
    uint8_t has_row;
} kr_trainer;

typedef struct kr_flat { /* multicanonical weights of a point, and what was counted under them
                          */
    kr_flat_weights weights;
    /* jackknife: groups of a block's chains, of all chains, stretches of time of each */
    int64_t n_groups, block_groups, n_chain_groups, n_time_groups;
    int32_t *n_merges; /* (n_blocks) times that stretches were merged in pairs; owns */
    int64_t *visits;   /* (n_blocks, n_bins) of the slice, or since measuring began; owns */
    int64_t *merged;   /* (n_bins) sum over blocks; owns */
    double *mass; /* (n_groups, n_bins + 2) w(bin)/w(H) of the measured steps; the first and
                     last entry lie outside the table; owns */
    uint8_t *is_known;                /* (n_bins) visited at least once; owns */
    double *slope_sum, *slope_weight; /* (n_bins) S(next known bin) - S(bin); owns */
    uint8_t *seen;                    /* (n_chains) which end a chain was at last; owns */
    int64_t *n_trips; /* (n_chains) round trips since the last draw, or in the slice; owns */
    int64_t slice_step, slice_length, n_slices, slice_trips;
    int32_t low, high; /* bins of the two ends */
    double flatness;   /* of the last slice: least over mean visits of a known bin */
    /* Outside the table no energy may be visited less than at a temperature that is wanted:
     * beta_high in 0..beta_least, beta_low >= beta_most. */
    double beta_least, beta_most;
    uint8_t is_flat; /* learning ended because its rule held */
} kr_flat;

typedef struct kr_update {
    const kr_update_plug *plug;
    void *self;
} kr_update;

typedef struct kr_point { /* the chains of one target and all that moves and measures them */
    const kr_target *target;
    kr_block **block; /* (n_blocks) */
    kr_update *update;
    kr_density *density;
    kr_trainer *trainer; /* (n_densities); n_weights 0 when not trainable */
    void **observable;
    kr_certificate *certificate; /* (n_densities) */
    double *estimate;            /* (n_densities, n_estimates, 2) mean and error */
    kr_flat *flat;               /* NULL: weight exp(-beta H) */
    kr_means *means;             /* (n_blocks, n_means) since the last draw; owns */
} kr_point;

typedef struct kr_chunk { /* draws of one call of advance */
    int64_t n_draws;
    bool is_audited;
    double audit;        /* found: largest relative energy error */
    int32_t bad_density; /* found: density with log q of a chain not finite, or -1 */
} kr_chunk;

/* What an estimate is derived from. */
typedef struct kr_estimate_source {
    const kr_derived *derived; /* NULL: it is a mean; borrowed */
    int32_t column;            /* the estimate that is the mean of its column */
} kr_estimate_source;

struct kr_sampler {
    kr_sampler_config config;
    int32_t n_blocks; /* per point */
    kr_point *point;
    int32_t n_columns, first_lp, first_density, first_flat, first_path, first_mean, first_count,
        first_run, first_exchange;
    int32_t n_means;                      /* updates that give means beside the states */
    int32_t n_quantities[KR_UPDATES_MAX]; /* of which; 0: it gives none */
    int32_t n_runs; /* columns of rejection runs, of the updates that propose from a density */
    int32_t *observable_first; /* first column of each observable */
    int32_t *observable_columns;
    void **scratch;  /* (n_threads) */
    float *gradient; /* (walker blocks, largest n_weights), shared by the trainers */
    size_t gradient_stride;
    double *draws; /* (draw, column, chain, point) */
    int64_t draws_capacity, n_new;
    int64_t *task_done; /* (n_points, n_blocks) work of a call */
    bool new_is_warmup;
    int64_t new_epoch;
    double *certificate_log_w;    /* (certificate) of the density now certified */
    double *certificate_doubt;    /* (certificate) change of log w with twice the steps, or 0 */
    kr_block **certificate_block; /* (n_threads) states of a batch of its samples */
    double *certificate_sum; /* (batches, n_estimates) sum of w x, of derived ones w x^2, over
                                the largest w there */
    int32_t n_estimates;     /* quantities estimated from its samples */
    int32_t first_drawn;     /* from here on not weighted */
    kr_column *estimate;     /* (n_estimates) their names; owns */
    kr_estimate_source *estimate_from; /* (n_estimates); owns */
    char (*phase_name)[40]; /* (2 KR_PHASES_MAX) "in_PHASE", "drawn_in_PHASE"; owns */

    int32_t stage;
    int64_t stage_step; /* draws (x every = steps), training steps, or certificate blocks */
    int64_t epoch, n_draws, n_retrainings, n_steps;
    int64_t window_draws, *window_attempted,
        *window_accepted; /* (n_points), global proposals */
    int32_t *reach;       /* (n_updates + 1) kr_sampler_reach, of the blocks at last; owns */
    double *cpu_update;   /* (n_updates) */
    double cpu_sample, cpu_train, cpu_certificate;
    double audit;         /* largest energy drift seen */
    kr_moments *moments;  /* (1 + n_points n_blocks) of the draw, all chains of a point first;
                             NULL:  no update wants them; owns */
    struct kr_stop *stop; /* NULL without a target error; owns */
    struct kr_bins *histogram;          /* (n_histograms); owns */
    struct kr_tempering *tempering;     /* NULL without replica exchange */
    struct kr_annealing *annealing;     /* NULL without population annealing */
    struct kr_alternating *alternating; /* NULL unless densities learn while measuring */
};

/* Scratch of the calling thread, inside a parallel region or out of one. */
void *kr_thread_scratch(const kr_sampler *sampler);
double kr_clock_thread(void);

/* Makes the folds of the point's updates known to a block. */
int kr_point_add_folds(const kr_sampler *sampler, const kr_point *point, kr_block *block,
                       kr_error *err);

/* Cell of the buffer of new draws. */
static inline double *kr_sampler_cell(const kr_sampler *s, int64_t draw, int32_t column,
                                      int64_t chain, int32_t point)
{
    int64_t row = draw * s->n_columns + column;
    return s->draws + (row * s->config.n_chains + chain) * s->config.n_points + point;
}

/* advance.c: observables, lp, log weights and counts of one block at one draw. Returns a
 * density whose log q of a chain is not finite, or -1. */
int32_t kr_advance_measure(kr_sampler *sampler, const kr_point *point, kr_block *block,
                           int64_t draw, const kr_tally *tally, void *scratch);
/* Largest relative energy error found in the block; infinite where it is undefined. */
double kr_advance_audit(const kr_point *point, kr_block *block);

/* gang.c: chains of points with the same terms in one block, of which each has one. make: *gang
 * stays NULL where it would not pay or no update can; the members are borrowed. */
typedef struct kr_gang {
    int32_t n_members, n_updates;
    const kr_point *member[KR_LANES_MAX];
    kr_block *block; /* states and stream of all lanes; owns */
    void **update; /* (schedule) instance for all lanes, or NULL: members by themselves; owns */
} kr_gang;
int kr_gang_make(const kr_sampler *sampler, const kr_point **member, int32_t n, kr_gang **gang,
                 kr_error *err);
void kr_gang_free(const kr_sampler *sampler, kr_gang *gang);
size_t kr_gang_scratch(const kr_sampler *sampler, const kr_gang *gang);
/* kr_schedule_run of all members; tally (n_members, n_updates). */
void kr_gang_run(const kr_sampler *sampler, const kr_gang *gang, int64_t first_step,
                 int64_t n_steps, void *scratch, kr_tally *tally, double *cpu);

/* path.c: points of a path of actions. is_exact: the one that is a free field; refresh: its
 * chains become independent samples. */
bool kr_path_is_exact(const kr_point *point);
size_t kr_path_scratch(const kr_point *point);
void kr_path_refresh(const kr_point *point, kr_block *block, void *scratch);
/* Lanes to be exchanged by two points, drawn as by kr_exchange_draw; their energies are already
 * those that they have in their new places. */
uint64_t kr_path_exchange(kr_block *hot, const kr_target *a, kr_block *cold, const kr_target *b,
                          kr_rng *rng);

/* tempering.c: replica exchange. init when the points are built; run takes the place of the
 * loop over blocks in advance.c. Errors: KR_EINVAL for a ladder of one slot or equal betas. */
int kr_tempering_init(kr_sampler *sampler, kr_error *err);
void kr_tempering_clear(kr_sampler *sampler);
int kr_tempering_declare(kr_sampler *sampler, kr_state *table, kr_error *err);
void kr_tempering_run(kr_sampler *sampler, kr_chunk *todo);
size_t kr_tempering_scratch(const kr_sampler *sampler);
/* One of the gangs, which all run alike, or NULL. A slot at beta = 0 has none. */
const kr_gang *kr_tempering_gang(const kr_sampler *sampler);

/* annealing.c: population annealing. init when the buffer of draws is there; run takes the
 * place of the loop over blocks in advance.c. */
int kr_annealing_init(kr_sampler *sampler, kr_error *err);
void kr_annealing_clear(kr_sampler *sampler);
int kr_annealing_declare(kr_sampler *sampler, kr_state *table, kr_error *err);
void kr_annealing_run(kr_sampler *sampler, kr_chunk *todo);
/* Systematic resampling: parent (n), ascending, holds i as often as one of the points u, u + 1,
 * ... falls into the i-th of intervals of lengths n weight[i] / sum, so with 0 <= u < 1 uniform
 * n weight[i] / sum times in the mean. weight (n) >= 0, one of them > 0. Returns the mean
 * weight. */
double kr_annealing_resample(const double *weight, int64_t n, double u, int32_t *parent);

/* alternating.c: densities that learn while measuring. lanes: chains of a block, so that there
 * are two blocks at least. init when the trainers are there; run takes the place of the loop
 * over blocks in advance.c. train: weights of a density from the states of the blocks group,
 * group + 2, ..., starting from the kept ones. Errors: those of prepare. */
int32_t kr_alternating_lanes(const kr_sampler_config *config);
int kr_alternating_init(kr_sampler *sampler, kr_error *err);
void kr_alternating_clear(kr_sampler *sampler);
int kr_alternating_train(kr_sampler *sampler, kr_point *point, int32_t density, int32_t group,
                         kr_error *err);
int kr_alternating_run(kr_sampler *sampler, kr_chunk *todo, kr_error *err);

/* blocks.c: the chains of a point, started; updates must be there. */
int kr_blocks_alloc(kr_sampler *sampler, kr_point *point, kr_error *err);
/* status, with the first chain of point p whose action is not finite; else KR_OK. */
int kr_block_check_finite(const kr_block *block, int64_t p, int status, kr_error *err);

/* tuning.c: updates that learn from the chains in the first three quarters of thermalize.
 * init: when the updates are there. is_on:
 * whether the next draw is learned from; see: the states of a block at it; learn: from the one
 * just made. */
int kr_tuning_init(kr_sampler *sampler, kr_error *err);
void kr_tuning_clear(kr_sampler *sampler);
void kr_tuning_see(const kr_sampler *sampler, const kr_block *block);
bool kr_tuning_is_on(const kr_sampler *sampler);
void kr_tuning_learn(kr_sampler *sampler);
int kr_tuning_declare(kr_sampler *sampler, kr_state *table, kr_error *err);

/* histogram.c: init when the columns are known. learn: from the draws just made, the first of
 * which is the first_draw'th of its stage, in the stage measure of all measured ones. */
int kr_histograms_init(kr_sampler *sampler, kr_error *err);
void kr_histograms_clear(kr_sampler *sampler);
int kr_histograms_declare(kr_sampler *sampler, kr_state *table, kr_error *err);
void kr_histograms_learn(kr_sampler *sampler, int64_t first_draw);

/* stop.c: init when the columns are known. draws: that may be made before the next decision.
 * learn: from the measured draws just made, counted already; whether measuring ends with them.
 */
int kr_stop_init(kr_sampler *sampler, kr_error *err);
void kr_stop_clear(kr_sampler *sampler);
int kr_stop_declare(kr_sampler *sampler, kr_state *table, kr_error *err);
int64_t kr_stop_draws(const kr_sampler *sampler);
bool kr_stop_learn(kr_sampler *sampler, bool is_last);

#define KR_CLOCK_STRIDE 8 /* steps per reading of small blocks */
/* schedule.c: sweeps of one update; converts the block. */
void kr_schedule_run_entry(const kr_schedule_entry *entry, const kr_update *update,
                           int64_t n_sweeps, kr_block *block, void *scratch, kr_tally *tally);
/* n_steps passes of the schedule on a block, counts added to tally (n_updates). */
void kr_schedule_run(const kr_sampler *sampler, const kr_point *point, kr_block *block,
                     int64_t first_step, int64_t n_steps, void *scratch, kr_tally *tally,
                     double *cpu);
/* Counts and means of a block (n_updates) back to zero. */
void kr_schedule_clear(const kr_sampler *sampler, const kr_point *point, const kr_block *block,
                       kr_tally *tally);
/* Which sites the updates of all points may change, into reach. KR_EUNSUP: one that none of
 * them does. */
int kr_schedule_find_reach(kr_sampler *sampler, kr_error *err);
/* Local and cluster updates only: moves walkers. */
void kr_schedule_run_local(const kr_sampler *sampler, const kr_point *point, kr_block *block,
                           void *scratch, kr_tally *tally);
/* log q of the block's states under density d, from the cache or computed, of a density for a
 * block that of its tail; leaves layout CHAIN or LANE as found. */
void kr_schedule_log_q(const kr_density *density, kr_block *block, void *scratch);

/* trainer_batch.c. forward: moves the walkers, gradient of their mean log q; log_w (batch) of
 * global proposals, NULL: without. reverse: samples of the density and n_walkers blocks of
 * walkers, gradient against the variance of R; R, log_w (batch) filled. sum: gradients of
 * n_blocks blocks into that of block 0. */
void kr_trainer_forward(kr_sampler *sampler, kr_point *point, struct kr_trainer *trainer,
                        double *log_w, kr_batch *total);
void kr_trainer_reverse(kr_sampler *sampler, kr_point *point, struct kr_trainer *trainer,
                        double beta, int32_t n_walkers, kr_batch *total, double *R,
                        double *log_w);
/* Doubles the steps of a density that has some where log q changes with them by more than a
 * tenth of the error that its certificate will have, for steps may miss ten times as much
 * (kr_flow.doubt); serial. */
void kr_trainer_doubt(kr_sampler *sampler, struct kr_trainer *trainer);
void kr_trainer_sum(const kr_sampler *sampler, const struct kr_trainer *trainer,
                    int32_t n_blocks);

/* pace.c. forward: whether the step at this progress belongs to forward KL, which has the share
 * `forward` of the budget. rate: factor of the step size. is_over: with the last part. is_due:
 * whether watch wants to hear of the training after so many steps: of 1/ESS - 1 as it is and as
 * it should become, and of the work of the proposals that are wanted, 0: not told. It may end
 * the hot part. */
void kr_pace_open(kr_pace *pace);
int kr_pace_declare(kr_pace *pace, kr_state *table, kr_error *err);
bool kr_pace_forward(kr_pace *pace, double forward, double progress);
double kr_pace_rate(const kr_pace *pace, double progress);
bool kr_pace_is_over(const kr_pace *pace, double forward, double progress);
bool kr_pace_is_due(const kr_pace *pace, int64_t step, double progress);
void kr_pace_watch(kr_pace *pace, double progress, double work, double excess, double target,
                   double demand);

/* Block b of the walkers, started where it was not, by one pass of the updates without a
 * density. */
void kr_trainer_move_walkers(const kr_sampler *sampler, const kr_point *point,
                             struct kr_trainer *trainer, int32_t b, void *scratch);

/* trainer_block.c: the same for a density of a block. init: nothing for other densities. step:
 * either loss with its gradient; n_accepted (second loss) is the acceptance of moves times the
 * batch. visits: of each weight and state in a step. */
int kr_trainer_block_init(struct kr_trainer *trainer, kr_error *err);
void kr_trainer_block_clear(struct kr_trainer *trainer);
double kr_trainer_block_visits(const struct kr_trainer *trainer, bool is_forward);
void kr_trainer_block_step(kr_sampler *sampler, kr_point *point, struct kr_trainer *trainer,
                           bool is_forward, kr_batch *total);

/* learner.c. init: without a scan it borrows the weights of the density, with one it serves all
 * points, at (n_points, scan->n_axes); scan is copied. start: from the weights that the points
 * have (n_points pointers). give: writes the weights of a point into its density. step: moves
 * along a gradient (n_weights) found at a point; skips what is not finite, rolls back;
 * KR_EDIVERGED when that did not help. */
int kr_learner_init(kr_learner *learner, const kr_density *density, const struct kr_scan *scan,
                    int32_t n_points, const double *at, kr_error *err);
void kr_learner_clear(kr_learner *learner);
int kr_learner_declare(kr_learner *learner, kr_state *table, kr_error *err);
void kr_learner_open(kr_learner *learner);
int kr_learner_start(kr_learner *learner, const float *const *weights, kr_error *err);
void kr_learner_give(const kr_learner *learner, kr_density *density, int32_t point);
/* Weights that kr_flow.refine has changed, known to the learner, for good; before: as they
 * were. */
void kr_learner_refined(kr_learner *learner, const kr_density *density, const float *before);
int kr_learner_step(kr_learner *learner, const float *gradient, int32_t point, double rate,
                    double loss, int32_t n_sites, const char *name, kr_error *err);

/* conditional.c, where all points share the weights of a density. init: the learner of point 0.
 * start: when the densities of all points have weights. Errors begin with the key:
 * KR_EINVAL, KR_EUNSUP, KR_ERANGE. */
int kr_conditional_init(kr_sampler *sampler, int32_t density, kr_error *err);
int kr_conditional_start(kr_sampler *sampler, int32_t density, kr_error *err);

/* trainer.c */
int kr_trainer_init(kr_sampler *sampler, kr_point *point, int32_t density, kr_error *err);
void kr_trainer_clear(kr_trainer *trainer);
int kr_trainer_declare(kr_trainer *trainer, kr_state *table, kr_error *err);
/* Opens an adaptation: step, work and rings from zero, weights kept. */
void kr_trainer_open(kr_trainer *trainer);
/* One training step, parallel over walker blocks; sets the learner's is_done when the stop rule
 * holds. Errors: KR_EDIVERGED when rolling back did not help. */
int kr_trainer_step(kr_sampler *sampler, kr_point *point, int32_t density, kr_error *err);
/* The point whose turn it is where the points share a learner. */
int32_t kr_trainer_turn(const kr_sampler *sampler, int32_t density);
/* Largest scratch and gradient needs. */
size_t kr_trainer_scratch(const kr_sampler *sampler, const kr_point *point, int32_t density);

/* flat.c: multicanonical sampling. alloc sets target->flat. */
int kr_flat_alloc(kr_sampler *sampler, kr_point *point, kr_target *target, kr_error *err);
void kr_flat_free(kr_flat *flat);
int kr_flat_declare(const kr_sampler *sampler, kr_flat *flat, kr_state *table, kr_error *err);
/* Clears the counts when a stage begins. */
void kr_flat_open(kr_sampler *sampler, kr_stage stage);
/* kr_schedule_run with energies counted after every step; draw < 0: not measuring. */
void kr_flat_run(const kr_sampler *sampler, const kr_point *point, kr_block *block,
                 int64_t first_step, int64_t n_steps, int64_t draw, void *scratch,
                 kr_tally *tally, double *cpu);
/* The columns of one chain at a draw; closes its count of round trips. */
void kr_flat_draw(kr_flat *flat, const kr_block *block, const kr_target *target, int32_t lane,
                  double out[KR_FLAT_COLUMNS]);
/* Some steps of learning. Errors: KR_ERANGE, no chain enters the table. */
int kr_flat_advance(kr_sampler *sampler, bool *is_done, kr_error *err);
void kr_flat_merge(const kr_sampler *sampler, kr_flat *flat);

/* flat_learn.c: new weights from the visits (n_bins) of a slice under the present ones. Returns
 * how many energies were seen for the first time. Pure but for flat. */
int64_t kr_flat_learn(kr_flat *flat, const int64_t *visits);
/* Lowest and highest known bin; false when none is known. */
bool kr_flat_ends(const kr_flat *flat, int32_t *low, int32_t *high);

/* certificate.c: phases that are told apart: the same at all points and at least two, or 0. */
int32_t kr_sampler_phases(const kr_sampler *sampler);
/* Names and room of the estimates, once the points are built. */
int kr_certificate_init(kr_sampler *sampler, kr_error *err);
void kr_certificate_clear(kr_sampler *sampler);
/* A derived quantity of one column, by the means of the column and of its square, and its
 * slopes in them; the mean of a column with derived NULL. Those that depend on more have none.
 */
double kr_certificate_derived(const kr_derived *derived, const kr_target *target,
                              const double mean[2], double slope[2]);
int kr_certificate_declare(kr_sampler *sampler, kr_state *table, kr_error *err);
/* certificate_block.c: the same for a density of a block. open: makes the chains ready to be
 * read. sample: batch b, log ratios into its part of certificate_log_w. */
void kr_certificate_block_open(kr_sampler *sampler, int32_t point, int32_t density);
void kr_certificate_block_sample(const kr_sampler *sampler, int32_t point, int32_t density,
                                 int64_t batch, kr_rng *rng, void *scratch);
int kr_certificate_block_conclude(kr_sampler *sampler, int32_t point, int32_t density,
                                  int64_t n_batches, kr_error *err);
/* A slice of the certificate; true in *is_done when all points and densities
 * have theirs. */
int kr_certificate_advance(kr_sampler *sampler, bool *is_done, kr_error *err);

#endif
